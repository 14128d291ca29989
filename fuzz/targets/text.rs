//! Any bytes as text of another process: no control character and nothing invisible is ever shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portward_model::Text;

fuzz_target!(|bytes: &[u8]| {
    let text = Text::new(bytes);
    let shown = text.shown();
    assert!(shown.chars().all(|c| !c.is_control()), "{shown:?}");
    assert!(
        shown
            .chars()
            .all(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'))
    );
    assert_eq!(text.raw(), bytes);
    assert_eq!(text.to_string(), shown);
    assert_eq!(Text::from_shown(&shown), text);
});
