//! memcached: the text protocol's `version` (memcached, protocol.txt).

use super::{AN_ERROR, FULL, Greeting, Judgement, Protocol, Words, by_beginning, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "memcached",
    words: &["memcache"],
    schemes: &[usual(11211, "memcached")],
    ports: &[usual(11211, "memcached")],
    sockets: &["memcached"],
    greeting: Some(Greeting { summary: "answers `version`", send, judge }),
    recognise,
    samples: &[b"VERSION 1.6.18\r\n", b"ERROR\r\n", b"ERROR Too many open connections\r\n"],
    ..Protocol::named("memcached")
};

fn send(_: &str) -> Vec<u8> {
    b"version\r\n".to_vec()
}

fn judge(answer: &[u8]) -> Judgement {
    by_beginning(
        answer,
        &[
            (b"VERSION ", Judgement::Ready),
            (b"CLIENT_ERROR unauthenticated", Judgement::Ready),
            (b"ERROR Too many open connections", Judgement::NotReady(FULL)),
            (b"ERROR\r", Judgement::NotReady(AN_ERROR)),
            (b"SERVER_ERROR", Judgement::NotReady(AN_ERROR)),
        ],
    )
}

fn recognise(answer: &[u8]) -> Option<Words> {
    if answer.starts_with(b"ERROR Too many open connections") {
        return Some(Words::Full);
    }
    let begins = [&b"VERSION "[..], b"ERROR\r\n", b"CLIENT_ERROR"].iter().any(|beginning| answer.starts_with(beginning));
    begins.then_some(Words::Any)
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::protocol::Judgement::{NeedMore, NotReady, Ready};

    #[test]
    fn answers() {
        assert_eq!(judge(b"VERSION 1.6.18\r\n"), Ready);
        assert_eq!(judge(b"VERS"), NeedMore);
        assert_eq!(judge(b"ERROR\r\n"), NotReady("it answers with an error"));
        assert_eq!(judge(b"ERROR Too many open connections\r\n"), NotReady("it has too many connections"));
        assert_eq!(judge(b"-ERR"), NotReady("it answers in another protocol"));
    }
}
