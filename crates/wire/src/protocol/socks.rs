//! SOCKS 5, as `ssh -D` and Tor serve it: the methods of a client, answered by the one that is taken (RFC 1928 section 3).

use super::{ANOTHER_PROTOCOL, Greeting, Judgement, Protocol, Words, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "SOCKS",
    aliases: &["socks5"],
    words: &["socks"],
    schemes: &[usual(1080, "socks5"), usual(1080, "socks5h"), usual(1080, "socks")],
    ports: &[usual(1080, "SOCKS proxy"), usual(9050, "Tor")],
    client: "curl -x socks5h://HOST:PORT http://localhost/",
    greeting: Some(Greeting { summary: "answers the methods of a client", send, judge }),
    recognise: |answer| matches!(answer, [5, 0 | 2 | 0xff]).then_some(Words::Any),
    samples: &[b"\x05\x00", b"\x05\xff"],
    ..Protocol::named("socks")
};

fn send(_: &str) -> Vec<u8> {
    // Version 5, one method: none needed.
    vec![5, 1, 0]
}

fn judge(answer: &[u8]) -> Judgement {
    match answer {
        // It takes the method, or wants a user's name: both are its own words.
        [5, 0 | 2 | 0xff, ..] => Judgement::Ready,
        [] | [5] => Judgement::NeedMore,
        _ => Judgement::NotReady(ANOTHER_PROTOCOL),
    }
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::protocol::Judgement::{NeedMore, NotReady, Ready};

    #[test]
    fn answers() {
        assert_eq!((judge(b"\x05\x00"), judge(b"\x05\xff"), judge(b"\x05")), (Ready, Ready, NeedMore));
        assert_eq!(judge(b"SSH-2.0"), NotReady("it answers in another protocol"));
    }
}
