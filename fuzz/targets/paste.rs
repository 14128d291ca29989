//! Any bytes as a pasted error: what is read is bounded, and reads the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portward_checks::read_paste;

fuzz_target!(|bytes: &[u8]| {
    let Some(paste) = read_paste(bytes) else { return };
    assert!(paste.others.len() <= 8);
    for one in std::iter::once(&paste).chain(&paste.others) {
        assert!(one.line_number >= 1);
        assert!(String::from_utf8_lossy(one.line.raw()).chars().count() <= 300);
        assert!(one.host.as_ref().is_none_or(|host| !host.is_empty()));
        assert!(one.port.is_none_or(|port| port <= 999_999));
    }
    assert!(paste.others.iter().all(|other| other.others.is_empty()));
    assert_eq!(read_paste(bytes).as_ref(), Some(&paste));
});
