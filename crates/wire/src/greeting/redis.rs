//! Redis, Valkey and their kin: PING in RESP, answered by PONG or by a refusal that only a ready server gives.

use super::{AN_ERROR, FULL, Greeting, Judgement, by_beginning};

pub(super) const GREETING: Greeting =
    Greeting { name: "redis", summary: "answers PING with PONG, or asks for a password", send, judge };

fn send(_: &str) -> Vec<u8> {
    b"*1\r\n$4\r\nPING\r\n".to_vec()
}

fn judge(answer: &[u8]) -> Judgement {
    by_beginning(
        answer,
        &[
            (b"+PONG", Judgement::Ready),
            (b"-NOAUTH", Judgement::Ready),
            (b"-NOPERM", Judgement::Ready),
            (b"-DENIED", Judgement::Ready),
            (b"-ERR operation not permitted", Judgement::Ready),
            (b"-LOADING", Judgement::NotReady("it is loading its data into memory")),
            (b"-MASTERDOWN", Judgement::NotReady("its link with its master is down")),
            (b"-BUSY", Judgement::NotReady("it is busy with a script")),
            (b"-ERR max number of clients", Judgement::NotReady(FULL)),
            (b"-ERR max ", Judgement::NotReady(FULL)),
            (b"-ERR Protected", Judgement::Ready),
            (b"-ERR unknown", Judgement::NotReady(AN_ERROR)),
            (b"-MISCONF", Judgement::Ready),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::greeting::Judgement::{NeedMore, NotReady, Ready};

    #[test]
    fn answers() {
        for (answer, expected) in [
            (b"+PONG\r\n" as &[u8], Ready),
            (b"+PO", NeedMore),
            (b"-NOAUTH Authentication required.\r\n", Ready),
            (b"-DENIED Redis is running in protected mode because", Ready),
            (b"-LOADING Redis is loading the dataset in memory\r\n", NotReady("it is loading its data into memory")),
            (b"-ERR max number of clients reached\r\n", NotReady("it has too many connections")),
            (b"-ERR unknown command 'PING'", NotReady("it answers with an error")),
            (b"HTTP/1.1 400 Bad Request", NotReady("it answers in another protocol")),
        ] {
            assert_eq!(judge(answer), expected, "{}", answer.escape_ascii());
        }
    }
}
