//! MQTT 3.1.1: CONNECT, answered by CONNACK (MQTT 3.1.1, sections 3.1 and 3.2).

use super::{AN_ERROR, ANOTHER_PROTOCOL, Greeting, Judgement, Protocol, Words, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "MQTT",
    schemes: &[usual(1883, "mqtt"), usual(8883, "mqtts").with_tls()],
    ports: &[usual(1883, "MQTT"), usual(8883, "MQTT over TLS").with_tls()],
    client: "mosquitto_sub -h HOST -p PORT -t test -W 3",
    greeting: Some(Greeting { summary: "answers CONNECT with CONNACK", send, judge }),
    recognise: |answer| matches!(answer, [0x20, 2, 0 | 1, ..]).then_some(Words::Any),
    samples: &[b"\x20\x02\0\0"],
    ..Protocol::named("mqtt")
};

fn send(_: &str) -> Vec<u8> {
    // Clean session, keep alive 10 s, client id `portward`.
    b"\x10\x14\0\x04MQTT\x04\x02\0\x0a\0\x08portward".to_vec()
}

fn judge(answer: &[u8]) -> Judgement {
    match *answer {
        [] | [0x20] | [0x20, 2] | [0x20, 2, 0 | 1] => Judgement::NeedMore,
        // Accepted, or refused for the client's name or credentials.
        [0x20, 2, 0 | 1, 0 | 2 | 4 | 5, ..] => Judgement::Ready,
        [0x20, 2, 0 | 1, 1, ..] => Judgement::NotReady("it does not take MQTT 3.1.1"),
        [0x20, 2, 0 | 1, 3, ..] => Judgement::NotReady("it says that its service is not available"),
        [0x20, 2, 0 | 1, _, ..] => Judgement::NotReady(AN_ERROR),
        _ => Judgement::NotReady(ANOTHER_PROTOCOL),
    }
}

#[cfg(test)]
mod tests {
    use super::{judge, send};
    use crate::protocol::Judgement::{NeedMore, NotReady, Ready};

    #[test]
    fn the_length_is_right() {
        let sent = send("x");
        assert_eq!(usize::from(sent[1]), sent.len() - 2);
    }

    #[test]
    fn answers() {
        assert_eq!(judge(b"\x20\x02\0\0"), Ready);
        assert_eq!(judge(b"\x20\x02\0\x05"), Ready);
        assert_eq!(judge(b"\x20\x02\0"), NeedMore);
        assert_eq!(judge(b"\x20\x02\0\x03"), NotReady("it says that its service is not available"));
        assert_eq!(judge(b"HTTP"), NotReady("it answers in another protocol"));
    }
}
