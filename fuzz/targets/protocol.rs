//! Any bytes as a server's first words: every protocol recognises and judges them, and says yes only to more than nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portward_wire::{
    excuse, grpc, http1,
    protocol::{Judgement, PROTOCOLS},
};

fuzz_target!(|answer: &[u8]| {
    let _ = excuse(answer);
    for closed in [false, true] {
        assert_ne!(grpc::judge(&answer[..answer.len().min(8)], closed), grpc::Health::Serving, "nobody serves in eight bytes");
        let _ = grpc::judge(answer, closed);
        if let http1::Read::Answer(read) = http1::read(answer, closed) {
            assert!(read.body.len() <= answer.len(), "a body is a part of what came");
        }
    }
    for known in PROTOCOLS {
        let recognised = (known.recognise)(answer);
        assert!(recognised.is_none() || !answer.is_empty(), "{} recognises silence", known.name);
        let Some(greeting) = known.greeting else { continue };
        let judged = (greeting.judge)(answer);
        if answer.is_empty() {
            assert_ne!(judged, Judgement::Ready, "{} calls silence ready", known.name);
        }
        if let Judgement::NotReady(reason) = judged {
            assert!(!reason.is_empty() && reason.chars().all(|c| !c.is_control()), "{}", known.name);
        }
        // The host is text that a person typed, and stands in what is sent.
        let sent = (greeting.send)(&String::from_utf8_lossy(answer));
        assert!(sent.len() <= 4096 + 4 * answer.len(), "{} sends {} bytes", known.name, sent.len());
    }
});
