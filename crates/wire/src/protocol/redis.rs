//! Redis, Valkey and their kin: PING in RESP, answered by PONG or by a refusal that only a ready server gives.

use super::{AN_ERROR, FULL, Greeting, Judgement, Protocol, Words, by_beginning, has, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "Redis",
    aliases: &["valkey"],
    words: &["redis"],
    schemes: &[usual(6379, "redis"), usual(6379, "valkey"), usual(6379, "rediss").with_tls()],
    ports: &[usual(6379, "Redis or Valkey"), usual(6380, "Redis over TLS or second instance"), usual(16379, "Redis cluster bus")],
    sockets: &["redis", "valkey"],
    client: "redis-cli -h HOST -p PORT PING",
    by_path: "redis-cli -s PATH",
    greeting: Some(Greeting { summary: "answers PING with PONG, or asks for a password", send, judge }),
    recognise,
    samples: &[b"+PONG\r\n", b"-NOAUTH Authentication required.\r\n", b"-ERR unknown command\r\n"],
    ..Protocol::named("redis")
};

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

fn recognise(answer: &[u8]) -> Option<Words> {
    // The errors of NATS stand in quotation marks.
    let error = answer.starts_with(b"-ERR") && !answer.starts_with(b"-ERR '");
    let other = [&b"+PONG"[..], b"-NOAUTH", b"-NOPERM", b"-DENIED", b"-LOADING", b"-MISCONF", b"-WRONGPASS"];
    if !error && !other.iter().any(|beginning| answer.starts_with(beginning)) {
        return None;
    }
    let says = |words: &[&str]| words.iter().any(|words| has(answer, words));
    if says(&["max number of clients"]) {
        return Some(Words::Full);
    }
    Some(if says(&["NOAUTH", "WRONGPASS", "operation not permitted"]) { Words::NoEntry } else { Words::Any })
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::protocol::Judgement::{NeedMore, NotReady, Ready};

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
