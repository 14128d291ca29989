//! Any bytes as a file that may name a port: what is said of it is short, names a port that was asked for, and no
//! secret is shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portward_model::{MentionKind, Text, masked_line};
use portward_wire::mention::{kind_of_file, mentions, once_line};

fuzz_target!(|bytes: &[u8]| {
    std::hint::black_box(kind_of_file(bytes));
    let mut found = Vec::new();
    for kind in [MentionKind::Server, MentionKind::Compose, MentionKind::PidFile] {
        mentions(&Text::from("f"), kind, bytes, &[80, 3000], &mut found);
    }
    for mention in found {
        assert!(matches!(mention.port, 80 | 3000) && mention.line > 0);
        assert!(mention.kind == MentionKind::PidFile || mention.text.shown().contains(&mention.port.to_string()));
    }
    std::hint::black_box(once_line(bytes));
    let mut behind = Vec::new();
    mentions(&Text::from("vite.config.ts"), MentionKind::Server, bytes, &[], &mut behind);
    assert!(behind.iter().all(|mention| mention.line > 0));
    if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_alphanumeric) {
        return;
    }
    // A secret of one word, known again by its two ends.
    let secret = [b"Zq7", bytes, b"q7Z"].concat();
    let notations: [(&[u8], &[u8]); 4] = [
        (b"DB_PASSWORD=", b" PORT=3000"),
        (b"\"api_key\": \"", b"\", \"port\": 3000"),
        (b"<env name=\"API_TOKEN\" value=\"", b"\"/>"),
        (b"run --password ", b" --port 3000"),
    ];
    for (before, after) in notations {
        let masked = masked_line(&[before, &secret, after].concat());
        assert!(!masked.raw().windows(secret.len()).any(|window| window == secret), "{masked}");
    }
});
