//! Any bytes as a portward.toml: it is read or refused with places in it, its values are found or not, and what they become is written
//! for every reader.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portward_model::plan::{order, resolve};
use portward_wire::{
    environment::{Form, set},
    project_file::{decoded, protocol_of, read, scheme_of},
};

fuzz_target!(|bytes: &[u8]| {
    let plan = match read(bytes) {
        Ok(plan) => plan,
        Err(faults) => {
            assert!(!faults.is_empty() && faults.len() <= 20);
            let lines = decoded(bytes).map_or(u32::MAX, |text| u32::try_from(text.split('\n').count()).unwrap_or(u32::MAX));
            assert!(faults.iter().all(|fault| (1..=lines).contains(&fault.line) && fault.column > 0));
            return;
        }
    };
    order(&plan.services, &[]).expect("a circle is refused by the reader");
    for service in &plan.services {
        for port in &service.ports {
            std::hint::black_box((protocol_of(service, port), scheme_of(service, port)));
        }
    }
    let values = resolve(&plan.values, &|_| Some("localhost:20300".to_owned()));
    let Ok(values) = values else { return };
    for form in [Form::Sh, Form::Fish, Form::Nu, Form::PowerShell, Form::Dotenv, Form::Json, Form::Github, Form::Systemd] {
        std::hint::black_box(set(form, &values).ok());
    }
});
