//! Any bytes as a command line: nothing that is shown of it acts on a terminal; as a secret: it is not shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portward_model::CommandLine;

fuzz_target!(|bytes: &[u8]| {
    let line = CommandLine::from_kernel(bytes);
    assert_eq!(line.is_empty(), line.arguments().is_empty());
    for argument in line.arguments() {
        assert!(argument.shown().chars().all(|c| !c.is_control()));
    }
    // Long enough not to stand in the command around it by chance.
    if bytes.len() < 8 || bytes.contains(&0) || bytes.starts_with(b"-") {
        return;
    }
    hides(&[b"redis-server\0--requirepass\0", bytes, b"\0"], bytes);
    hides(&[b"app\0--db-password=", bytes, b"\0-v\0"], bytes);
    hides(&[b"env\0STRIPE_API_KEY=", bytes, b"\0app\0"], bytes);
    hides(&[b"curl\0-H\0Authorization: Bearer ", bytes, b"\0"], bytes);
    if bytes.iter().all(u8::is_ascii_alphanumeric) {
        hides(&[b"psql\0postgres://ana:", bytes, b"@db:5432/shop\0"], bytes);
        hides(&[b"curl\0https://example.com/x?token=", bytes, b"&page=1\0"], bytes);
    }
});

fn hides(parts: &[&[u8]], secret: &[u8]) {
    let line = CommandLine::from_kernel(&parts.concat());
    for argument in line.arguments() {
        assert!(!argument.raw().windows(secret.len()).any(|window| window == secret), "{} shows a secret", argument.shown());
    }
}
