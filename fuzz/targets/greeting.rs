//! Any bytes as a server's first words: every protocol judges them, and says yes only to more than nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portward_wire::greeting::{GREETINGS, Judgement};

fuzz_target!(|answer: &[u8]| {
    for greeting in GREETINGS {
        let judged = (greeting.judge)(answer);
        if answer.is_empty() {
            assert_ne!(judged, Judgement::Ready, "{} calls silence ready", greeting.name);
        }
        if let Judgement::NotReady(reason) = judged {
            assert!(!reason.is_empty() && reason.chars().all(|c| !c.is_control()), "{}", greeting.name);
        }
        // The host is text that a person typed, and stands in what is sent.
        let sent = (greeting.send)(&String::from_utf8_lossy(answer));
        assert!(sent.len() <= 4096 + 4 * answer.len(), "{} sends {} bytes", greeting.name, sent.len());
    }
});
