//! memcached: the text protocol's `version` (memcached, protocol.txt).

use super::{AN_ERROR, FULL, Greeting, Judgement, by_beginning};

pub(super) const GREETING: Greeting = Greeting { name: "memcached", summary: "answers `version`", send, judge };

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

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::greeting::Judgement::{NeedMore, NotReady, Ready};

    #[test]
    fn answers() {
        assert_eq!(judge(b"VERSION 1.6.18\r\n"), Ready);
        assert_eq!(judge(b"VERS"), NeedMore);
        assert_eq!(judge(b"ERROR\r\n"), NotReady("it answers with an error"));
        assert_eq!(judge(b"ERROR Too many open connections\r\n"), NotReady("it has too many connections"));
        assert_eq!(judge(b"-ERR"), NotReady("it answers in another protocol"));
    }
}
