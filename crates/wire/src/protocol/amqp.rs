//! AMQP 0-9-1: the protocol header, answered by `Connection.Start` (AMQP 0-9-1 specification, section 2.2.4), or
//! by the header of the version that the broker speaks.

use super::{ANOTHER_PROTOCOL, Greeting, Judgement, Protocol, Words, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "AMQP",
    aliases: &["rabbitmq"],
    words: &["amqp", "rabbit"],
    schemes: &[usual(5672, "amqp"), usual(5671, "amqps").with_tls()],
    ports: &[usual(5672, "AMQP (RabbitMQ)"), usual(5671, "AMQP over TLS").with_tls()],
    greeting: Some(Greeting { summary: "answers the protocol header with Connection.Start", send, judge }),
    recognise: |answer| {
        matches!(answer, [b'A', b'M', b'Q', b'P', ..] | [1, 0, 0, _, _, _, _, 0, 10, 0, 10, ..]).then_some(Words::Any)
    },
    samples: &[b"AMQP\0\0\x09\x01", b"\x01\0\0\0\0\x01\xfc\0\x0a\0\x0a\0\x09\0\0\x01\xd7"],
    ..Protocol::named("amqp")
};

fn send(_: &str) -> Vec<u8> {
    b"AMQP\0\0\x09\x01".to_vec()
}

fn judge(answer: &[u8]) -> Judgement {
    // Frame type 1 (method), channel 0, length, class 10, method 10.
    match *answer {
        [1, 0, 0, _, _, _, _, 0, 10, 0, 10, ..] | [b'A', b'M', b'Q', b'P', _, _, _, _, ..] => Judgement::Ready,
        [] => Judgement::NeedMore,
        [1, ref rest @ ..] if rest.len() < 10 => Judgement::NeedMore,
        [b'A', ..] if answer.len() < 8 && (b"AMQP".starts_with(answer) || answer.starts_with(b"AMQP")) => Judgement::NeedMore,
        _ => Judgement::NotReady(ANOTHER_PROTOCOL),
    }
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::protocol::Judgement::{NeedMore, NotReady, Ready};

    #[test]
    fn answers() {
        assert_eq!(judge(b"\x01\0\0\0\0\x01\xfc\0\x0a\0\x0a\0\x09\0\0\x01\xd7"), Ready);
        assert_eq!(judge(b"\x01\0\0\0\0"), NeedMore);
        assert_eq!(judge(b"AMQP\x03\x01\0\0"), Ready);
        assert_eq!(judge(b"AMQ"), NeedMore);
        assert_eq!(judge(b"\x01\0\0\0\0\x01\xfc\0\x0a\0\x32"), NotReady("it answers in another protocol"));
        assert_eq!(judge(b"HTTP/1.1"), NotReady("it answers in another protocol"));
    }
}
