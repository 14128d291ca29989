//! Any text as a snapshot that a colleague sent: it is refused, or stays the same when written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portward_model::Snapshot;

fuzz_target!(|bytes: &[u8]| {
    let Ok(snapshot) = serde_json::from_slice::<Snapshot>(bytes) else { return };
    std::hint::black_box(snapshot.loopback_index());
    let written = serde_json::to_string(&snapshot).expect("what was read can be written");
    let again: Snapshot = serde_json::from_str(&written).expect("what was written can be read");
    assert_eq!(serde_json::to_string(&again).expect("is written"), written);
});
