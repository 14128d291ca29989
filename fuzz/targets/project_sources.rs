//! Any bytes as any file that a project has anyway: none of the readers panics, and every place is in the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portward_wire::source::{KINDS, decoded};

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let Ok((text, _)) = decoded(rest) else { return };
    let Some(kind) = KINDS.get(usize::from(*first) % KINDS.len()) else { return };
    let found = kind.read("a/b", &text);
    let lines = text.split(['\n', '\r']).count() + 1;
    for fact in &found.facts {
        assert!(!fact.reason.is_empty());
        assert!(usize::try_from(fact.line).is_ok_and(|line| line <= lines), "line {} of {lines}", fact.line);
    }
});
