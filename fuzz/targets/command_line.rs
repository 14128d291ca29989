//! Any bytes as a command line: nothing that is shown of it could act on a terminal, and masking is stable.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portward_model::CommandLine;

fuzz_target!(|bytes: &[u8]| {
    let line = CommandLine::from_kernel(bytes);
    assert_eq!(line.is_empty(), line.arguments().is_empty());
    for argument in line.arguments() {
        assert!(argument.shown().chars().all(|c| !c.is_control()));
    }
    // What is masked once stays masked: a snapshot is read and written any number of times.
    let raw: Vec<u8> = line.arguments().iter().flat_map(|argument| [argument.raw(), b"\0"].concat()).collect();
    assert_eq!(CommandLine::from_kernel(&raw).arguments(), line.arguments());
});
