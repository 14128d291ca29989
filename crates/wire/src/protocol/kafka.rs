//! Kafka and Redpanda: `ApiVersions`, which a broker answers before anybody has logged in (the protocol guide, "Retrieving
//! Supported API versions"). The answer carries the number of the question, so that nothing else can be taken for it.

use super::{AN_ERROR, ANOTHER_PROTOCOL, Greeting, Judgement, Protocol, Words, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "Kafka",
    aliases: &["redpanda"],
    words: &["kafka"],
    schemes: &[usual(9092, "kafka")],
    ports: &[usual(9092, "Kafka"), usual(9094, "Kafka, external listener")],
    client: "kafka-broker-api-versions.sh --bootstrap-server HOST:PORT",
    greeting: Some(Greeting { summary: "answers ApiVersions", send, judge }),
    recognise: |answer| (answer.len() >= 10 && answer.get(4..8) == Some(NUMBER)).then_some(Words::Any),
    samples: &[b"\0\0\0\x10PORT\0\0\0\0\0\x01\0\x12\0\0\0\x04"],
    ..Protocol::named("kafka")
};

fn send(_: &str) -> Vec<u8> {
    // Length, ApiVersions, version 0, our number, our name.
    [&b"\0\0\0\x12\0\x12\0\0"[..], NUMBER, b"\0\x08portward"].concat()
}

fn judge(answer: &[u8]) -> Judgement {
    let is_it = answer.iter().skip(4).zip(NUMBER).all(|(heard, own)| heard == own);
    match answer {
        // No answer has a megabyte.
        [0, 0..=15, ..] if is_it => match answer.get(8..10) {
            None => Judgement::NeedMore,
            // 35: it speaks, and knows no such version.
            Some([0, 0 | 35]) => Judgement::Ready,
            Some(_) => Judgement::NotReady(AN_ERROR),
        },
        [] | [0] => Judgement::NeedMore,
        _ => Judgement::NotReady(ANOTHER_PROTOCOL),
    }
}

/// The number by which our question is answered.
const NUMBER: &[u8] = b"PORT";

#[cfg(test)]
mod tests {
    use super::{judge, send};
    use crate::protocol::Judgement::{NeedMore, NotReady, Ready};

    #[test]
    fn the_question_counts_itself() {
        assert_eq!(usize::from(send("x")[3]), send("x").len() - 4);
    }

    #[test]
    fn answers() {
        assert_eq!(judge(b"\0\0\0\x10PORT\0\0\0\0\0\x01\0\x12\0\0\0\x04"), Ready);
        assert_eq!(judge(b"\0\0\0\x0aPORT\0\x23\0\0\0\0"), Ready);
        assert_eq!(judge(b"\0\0\0\x10PO"), NeedMore);
        assert_eq!(judge(b"\0\0\0\x0aPORT\0\x01"), NotReady("it answers with an error"));
        assert_eq!(judge(b"\0\0\0\x10XORT\0\0"), NotReady("it answers in another protocol"));
        assert_eq!(judge(b"HTTP/1.1 400"), NotReady("it answers in another protocol"));
    }
}
