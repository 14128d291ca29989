//! socat.

use portward_model::Text;

use super::{Kind, Program};

pub(super) const PROGRAMS: &[Program] = &[Program {
    one_shot,
    keeps,
    seen: &[("socat TCP-LISTEN:8080,fork TCP:127.0.0.1:3000", "")],
    ..Program::named("socat", Kind::Proxy)
}];

/// A listener without `fork`: one client, then gone.
fn one_shot(argv: &[Text]) -> bool {
    let has = |argument: &Text, word: &[u8]| argument.raw().windows(word.len()).any(|part| part == word);
    !argv.iter().any(|argument| has(argument, b"LISTEN") && has(argument, b"fork"))
}

/// What its second address makes of a connection.
fn keeps(argv: &[Text]) -> Option<&'static str> {
    argv.iter().skip(1).find_map(|argument| {
        let address = String::from_utf8_lossy(argument.raw()).to_ascii_uppercase();
        match address.split([':', ',']).next().unwrap_or_default() {
            "OPEN" | "GOPEN" | "CREATE" | "CREAT" | "FILE" | "PIPE" | "FD" | "STDIO" | "STDOUT" | "-" => {
                Some("by its arguments keeps whatever it is sent")
            }
            "EXEC" | "SYSTEM" | "SHELL" => Some("starts a program for each connection"),
            _ => None,
        }
    })
}
