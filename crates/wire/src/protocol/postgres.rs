//! `PostgreSQL`: a startup message, answered by a request to authenticate, or by a refusal of this user or
//! database, which only a ready server gives (its documentation, "Message Formats" and "Error Codes").

use super::{AN_ERROR, ANOTHER_PROTOCOL, FULL, Greeting, Judgement, Protocol, Words, has, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "PostgreSQL",
    aliases: &["postgresql", "pg"],
    words: &["postgres", "pghost", "pgport"],
    schemes: &[usual(5432, "postgresql"), usual(5432, "postgres")],
    ports: &[usual(5432, "PostgreSQL"), usual(5433, "PostgreSQL, second instance")],
    sockets: &[".s.PGSQL."],
    client: "psql -h HOST -p PORT",
    by_path: "psql -h FOLDER -p PORT",
    greeting: Some(Greeting { summary: "asks for authentication, or refuses the user or database by name", send, judge }),
    recognise,
    samples: &[b"E\0\0\0\x5dSFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0", b"R\0\0\0\x08\0\0\0\0"],
    ..Protocol::named("postgres")
};

fn send(_: &str) -> Vec<u8> {
    // Length 63 with itself, protocol 3.0, then pairs of names and values.
    let mut out = Vec::new();
    let body: &[u8] = b"\0\x03\0\0user\0portward\0database\0postgres\0application_name\0portward\0\0";
    out.extend_from_slice(&u32::try_from(body.len() + 4).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(body);
    out
}

fn judge(answer: &[u8]) -> Judgement {
    let Some((kind, rest)) = answer.split_first() else { return Judgement::NeedMore };
    if !matches!(kind, b'R' | b'v' | b'E') {
        return Judgement::NotReady(ANOTHER_PROTOCOL);
    }
    let Some((length, body)) = rest.split_first_chunk::<4>() else { return Judgement::NeedMore };
    let length = u32::from_be_bytes(*length);
    if !(8..=LONGEST_MESSAGE).contains(&length) {
        return Judgement::NotReady(ANOTHER_PROTOCOL);
    }
    if *kind != b'E' {
        return Judgement::Ready;
    }
    let Some(fields) = usize::try_from(length - 4).ok().and_then(|length| body.get(..length)) else {
        return Judgement::NeedMore;
    };
    let code = fields.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(b"C"));
    match code {
        Some(code) if code.starts_with(b"28") || code == b"3D000" => Judgement::Ready,
        Some(b"57P03") => Judgement::NotReady("it is starting up, shutting down or in recovery (57P03)"),
        Some(b"53300") => Judgement::NotReady(FULL),
        Some(_) | None => Judgement::NotReady(AN_ERROR),
    }
}

/// Bytes of an error message that a server would send before authentication.
const LONGEST_MESSAGE: u32 = 30_000;

fn recognise(answer: &[u8]) -> Option<Words> {
    if !matches!(answer, [b'E', 0, 0, _, _, b'S', ..] | [b'R', 0, 0, 0, 8..=255, 0, 0, 0, _, ..]) {
        return None;
    }
    let says = |words: &[&str]| words.iter().any(|words| has(answer, words));
    if says(&["C53300", "too many clients", "no more connections allowed"]) {
        return Some(Words::Full);
    }
    Some(if says(&["C28P01", "C28000"]) { Words::NoEntry } else { Words::Any })
}

#[cfg(test)]
mod tests {
    use super::{judge, send};
    use crate::protocol::Judgement::{NeedMore, NotReady, Ready};

    fn error(code: &str) -> Vec<u8> {
        let body = format!("SFATAL\0VFATAL\0C{code}\0Mthe words\0Fpostmaster.c\0L1\0Rx\0\0");
        let mut out = vec![b'E'];
        out.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        out.extend(body.into_bytes());
        out
    }

    #[test]
    fn the_startup_message_counts_itself() {
        let sent = send("x");
        assert_eq!(usize::try_from(u32::from_be_bytes([sent[0], sent[1], sent[2], sent[3]])).unwrap(), sent.len());
        assert!(sent.ends_with(b"\0\0"));
    }

    #[test]
    fn answers() {
        assert_eq!(judge(b"R\0\0\0\x08\0\0\0\0"), Ready);
        assert_eq!(judge(b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"), Ready);
        for (code, expected) in [
            ("28000", Ready),
            ("28P01", Ready),
            ("3D000", Ready),
            ("57P03", NotReady("it is starting up, shutting down or in recovery (57P03)")),
            ("53300", NotReady("it has too many connections")),
            ("XX000", NotReady("it answers with an error")),
        ] {
            let whole = error(code);
            assert_eq!(judge(&whole), expected, "{code}");
            for end in 0..whole.len() {
                assert_eq!(judge(&whole[..end]), NeedMore, "{code} {end}");
            }
        }
        assert_eq!(judge(b"HTTP/1.1 400"), NotReady("it answers in another protocol"));
        assert_eq!(judge(b"E\xff\xff\xff\xff"), NotReady("it answers in another protocol"));
    }
}
