//! `MongoDB`: `hello` as `OP_MSG`, answered by a member that is primary or secondary (its documentation, "Wire
//! Protocol"; BSON specification 1.1).

use super::{AN_ERROR, ANOTHER_PROTOCOL, Greeting, Judgement, Protocol, Words, has, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "MongoDB",
    aliases: &["mongo", "mongod"],
    words: &["mongo"],
    schemes: &[usual(27017, "mongodb")],
    ports: &[usual(27017, "MongoDB"), usual(27018, "MongoDB shard")],
    sockets: &["mongodb"],
    client: "mongosh mongodb://HOST:PORT",
    greeting: Some(Greeting { summary: "answers `hello` as a primary, a secondary or a router", send, judge }),
    recognise: |answer| (is_over_http(answer) || is_message(answer)).then_some(Words::Any),
    samples: &[
        b"HTTP/1.0 200 OK\r\n\r\nIt looks like you are trying to access MongoDB over HTTP on the native driver port.\r\n",
        b"\x3a\0\0\0\x0a\0\0\0\x01\0\0\0\xdd\x07\0\0\0\0\0\0\0\x25\0\0\0\x08isWritablePrimary\0\x01\x01ok\0\0\0\0\0\0\0\xf0\x3f\0",
    ],
    ..Protocol::named("mongodb")
};

fn send(_: &str) -> Vec<u8> {
    // {hello: 1, $db: "admin"}
    let document: &[u8] = b"\x1f\0\0\0\x10hello\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0";
    let mut out = Vec::new();
    out.extend_from_slice(&u32::try_from(21 + document.len()).unwrap_or(u32::MAX).to_le_bytes());
    // Request 1, answer to none, OP_MSG, no flags, one body.
    out.extend_from_slice(b"\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0");
    out.extend_from_slice(document);
    out
}

fn judge(answer: &[u8]) -> Judgement {
    let Some((head, _)) = answer.split_first_chunk::<16>() else { return Judgement::NeedMore };
    let [a, b, c, d, _, _, _, _, _, _, _, _, operation @ ..] = *head;
    let length = u32::from_le_bytes([a, b, c, d]);
    if u32::from_le_bytes(operation) != OP_MSG || !(26..=LONGEST_MESSAGE).contains(&length) {
        return Judgement::NotReady(ANOTHER_PROTOCOL);
    }
    let Some(whole) = usize::try_from(length).ok().and_then(|length| answer.get(..length)) else { return Judgement::NeedMore };
    // Header 16, flags 4, kind 1, then the document with its own length in front.
    let Some(elements) = whole.get(25..) else { return Judgement::NotReady(ANOTHER_PROTOCOL) };
    let facts = facts(elements);
    match (facts.ok, facts.serves) {
        (Some(true), true) => Judgement::Ready,
        (Some(true), false) => Judgement::NotReady("it is neither primary nor secondary yet"),
        (Some(false), _) => Judgement::NotReady(AN_ERROR),
        (None, _) => Judgement::NotReady(ANOTHER_PROTOCOL),
    }
}

#[derive(Default)]
struct Facts {
    ok: Option<bool>,
    serves: bool,
}

/// Walks the elements of a document; stops at its end, or at a kind it does not know.
fn facts(mut rest: &[u8]) -> Facts {
    let mut facts = Facts::default();
    while let Some((kind, after)) = rest.split_first() {
        let Some(end) = after.iter().position(|byte| *byte == 0) else { break };
        let (Some(name), Some(value)) = (after.get(..end), after.get(end + 1..)) else { break };
        let Some(size) = size(*kind, value) else { break };
        let Some((value, next)) = value.split_at_checked(size) else { break };
        match name {
            b"ok" => facts.ok = Some(is_one(value)),
            b"isWritablePrimary" | b"ismaster" | b"secondary" if value == [1] => facts.serves = true,
            _ => {}
        }
        rest = next;
    }
    facts
}

/// 1 as a double or as an integer of either size.
fn is_one(value: &[u8]) -> bool {
    matches!(value, [0, 0, 0, 0, 0, 0, 0xf0, 0x3f] | [1, 0, 0, 0] | [1, 0, 0, 0, 0, 0, 0, 0])
}

/// The bytes of a value; `None` for kinds that `hello` does not use.
fn size(kind: u8, value: &[u8]) -> Option<usize> {
    let counted = || {
        let (count, _) = value.split_first_chunk::<4>()?;
        usize::try_from(u32::from_le_bytes(*count)).ok()
    };
    match kind {
        0x01 | 0x09 | 0x11 | 0x12 => Some(8),
        0x02 => counted()?.checked_add(4),
        0x03 | 0x04 => counted().filter(|size| *size >= 5),
        0x05 => counted()?.checked_add(5),
        0x07 => Some(12),
        0x08 => Some(1),
        0x0a => Some(0),
        0x10 => Some(4),
        0x13 => Some(16),
        _ => None,
    }
}

const OP_MSG: u32 = 2013;
/// Bytes of an answer to `hello`, generously.
const LONGEST_MESSAGE: u32 = 48 * 1024;

/// What it says to a browser.
pub(super) fn is_over_http(answer: &[u8]) -> bool {
    has(answer, "MongoDB over HTTP")
}

/// True for a header of `OP_MSG`.
pub(super) fn is_message(answer: &[u8]) -> bool {
    answer.get(12..16) == Some(&OP_MSG.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::{judge, send};
    use crate::protocol::Judgement::{self, NeedMore, NotReady, Ready};

    fn reply(elements: &[u8]) -> Vec<u8> {
        let mut document = u32::try_from(elements.len() + 5).unwrap().to_le_bytes().to_vec();
        document.extend_from_slice(elements);
        document.push(0);
        let mut out = u32::try_from(21 + document.len()).unwrap().to_le_bytes().to_vec();
        out.extend_from_slice(b"\x07\0\0\0\x01\0\0\0\xdd\x07\0\0\0\0\0\0\0");
        out.extend(document);
        out
    }

    fn told(elements: &[u8]) -> Judgement {
        judge(&reply(elements))
    }

    #[test]
    fn the_question_counts_itself() {
        let sent = send("x");
        assert_eq!(usize::try_from(u32::from_le_bytes([sent[0], sent[1], sent[2], sent[3]])).unwrap(), sent.len());
        assert_eq!(usize::from(sent[21]), sent.len() - 21);
    }

    #[test]
    fn answers() {
        let ok: &[u8] = b"\x01ok\0\0\0\0\0\0\0\xf0\x3f";
        let with = |before: &[u8]| told(&[before, ok].concat());
        assert_eq!(with(b"\x08isWritablePrimary\0\x01"), Ready);
        assert_eq!(with(b"\x03topologyVersion\0\x05\0\0\0\0\x08isWritablePrimary\0\0\x08secondary\0\x01"), Ready);
        assert_eq!(with(b"\x08isWritablePrimary\0\0\x08secondary\0\0"), NotReady("it is neither primary nor secondary yet"));
        assert_eq!(told(b"\x01ok\0\0\0\0\0\0\0\0\0\x02errmsg\0\x02\0\0\0x\0"), NotReady("it answers with an error"));
        assert_eq!(told(b"\x7fodd\0"), NotReady("it answers in another protocol"));
        let whole = reply(ok);
        assert_eq!(judge(&whole[..whole.len() - 1]), NeedMore);
        assert_eq!(judge(b"HTTP/1.1 200 OK\r\n\r\n"), NotReady("it answers in another protocol"));
    }
}
