//! `MySQL` and `MariaDB`: the server speaks first, with a version 10 handshake packet (its documentation,
//! "Connection Phase Packets").

use super::{AN_ERROR, ANOTHER_PROTOCOL, FULL, First, Greeting, Judgement, Protocol, Words, silence, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "MySQL",
    aliases: &["mariadb"],
    words: &["mysql", "mariadb"],
    schemes: &[usual(3306, "mysql"), usual(3306, "mariadb")],
    ports: &[usual(3306, "MySQL or MariaDB")],
    first: First::Server,
    sockets: &["mysql", "mariadb"],
    client: "mysql -h HOST -P PORT --protocol=tcp",
    by_path: "mysql --socket PATH",
    event: Some("counts connections that say nothing against their host (max_connect_errors)"),
    greeting: Some(Greeting { summary: "sends its handshake packet (protocol 10)", send: silence, judge }),
    recognise,
    samples: &[b"J\0\0\0\x0a5.5.5-10.11\0", b"\x17\0\0\0\xff\x10\x04Too many connections"],
    ..Protocol::named("mysql")
};

fn judge(answer: &[u8]) -> Judgement {
    let Some(([low, middle, high, sequence], payload)) = answer.split_first_chunk::<4>() else { return Judgement::NeedMore };
    let length = u32::from_le_bytes([*low, *middle, *high, 0]);
    if *sequence != 0 || !(3..=LONGEST_PACKET).contains(&length) || super::mongodb::is_message(answer) {
        return Judgement::NotReady(ANOTHER_PROTOCOL);
    }
    match payload {
        [] | [0xff] | [0xff, _] => Judgement::NeedMore,
        [10, ..] => Judgement::Ready,
        [0xff, low, high, ..] => match u16::from_le_bytes([*low, *high]) {
            1040 => Judgement::NotReady(FULL),
            1053 => Judgement::NotReady("it is shutting down (1053)"),
            1129 => Judgement::NotReady("it blocks this host after too many broken connections (1129)"),
            // Refusals that only a server at work gives.
            1045 | 1130 => Judgement::Ready,
            _ => Judgement::NotReady(AN_ERROR),
        },
        [_, ..] => Judgement::NotReady(ANOTHER_PROTOCOL),
    }
}

/// Bytes of a handshake packet, generously.
const LONGEST_PACKET: u32 = 4096;

/// The first packet: length, number 0, then version 10 or an error.
fn recognise(answer: &[u8]) -> Option<Words> {
    match answer {
        _ if super::mongodb::is_message(answer) => None,
        [_, _, 0, 0, 0xff, 0x10 | 0xb3, 0x04, ..] => Some(Words::Full),
        [_, _, 0, 0, 0xff, 0x15, 0x04, ..] => Some(Words::NoEntry),
        [_, _, 0, 0, 10 | 0xff, _, ..] => Some(Words::Any),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::protocol::Judgement::{NeedMore, NotReady, Ready};

    #[test]
    fn answers() {
        for (answer, expected) in [
            (b"\x59\0\0\0\x0a5.5.5-10.11.6-MariaDB-0+deb12u1\0" as &[u8], Ready),
            (b"\x4a\0\0\0\x0a8.0.36\0", Ready),
            (b"\x4a\0\0", NeedMore),
            (b"\x4a\0\0\0", NeedMore),
            (b"\x17\0\0\0\xff\x10\x04Too many connections", NotReady("it has too many connections")),
            (b"\x45\0\0\0\xff\x6a\x04Host '172.17.0.1' is not allowed", Ready),
            (b"\x45\0\0\0\xff\x69\x04Host is blocked", NotReady("it blocks this host after too many broken connections (1129)")),
            (b"\x45\0\0\0\xff\x01\x04", NotReady("it answers with an error")),
            (b"HTTP/1.1 200", NotReady("it answers in another protocol")),
            (b"\x4a\0\0\0\x09", NotReady("it answers in another protocol")),
        ] {
            assert_eq!(judge(answer), expected, "{}", answer.escape_ascii());
        }
    }
}
