//! Any text as an endpoint: it is read and stays the same when shown and read again, or it is refused shortly.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portward_model::Endpoint;

fuzz_target!(|text: &str| match text.parse::<Endpoint>() {
    Ok(endpoint) => {
        let shown = endpoint.to_string();
        assert!(shown.chars().all(|c| !c.is_control()), "{shown:?} would reach a terminal");
        // What a parser read it must be able to show; the scheme and what was left to it are not shown.
        let Ok(again) = shown.parse::<Endpoint>() else { panic!("{shown:?} was shown and is no endpoint") };
        assert_eq!(again.transport, endpoint.transport, "{shown}");
        assert_eq!(again.port, endpoint.port, "{shown}");
        assert_eq!(again.to_string(), shown);
    }
    Err(error) => {
        let told = error.to_string();
        assert!(told.len() < 1024, "an error of {} bytes", told.len());
        assert!(told.chars().all(|c| !c.is_control()), "{told:?} would reach a terminal");
        if let Some(suggestion) = error.suggestion {
            assert!(suggestion.parse::<Endpoint>().is_ok(), "{suggestion:?} was suggested and is no endpoint");
        }
    }
});
