//! First words with a server: enough of each protocol to tell whether it is ready.
//!
//! A listening socket proves little: the kernel completes a handshake for a program that is stopped or still
//! starting. A [`Greeting`] says the least that a client may say, and judges what comes back. It sends no
//! credentials and changes nothing. Each protocol is one file and one line in [`GREETINGS`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod amqp;
mod http;
mod memcached;
mod mongodb;
mod mqtt;
mod mysql;
mod nats;
mod postgres;
mod redis;
mod smtp;
mod ssh;
mod tls;

/// Every protocol that can be greeted.
pub const GREETINGS: &[Greeting] = &[
    http::GREETING,
    tls::GREETING,
    postgres::GREETING,
    mysql::GREETING,
    redis::GREETING,
    memcached::GREETING,
    mongodb::GREETING,
    amqp::GREETING,
    mqtt::GREETING,
    nats::GREETING,
    smtp::GREETING,
    ssh::GREETING,
];

/// How to greet one protocol.
#[derive(Clone, Copy, Debug)]
pub struct Greeting {
    /// Its name, as `portward wait --ready NAME` takes it.
    pub name: &'static str,
    /// What counts as ready, in one line.
    pub summary: &'static str,
    /// What the client says first, to a host by this name or address; empty where the server speaks first.
    pub send: fn(host: &str) -> Vec<u8>,
    /// What an answer means: all bytes that came so far. Safe on any bytes.
    pub judge: fn(answer: &[u8]) -> Judgement,
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The server speaks the protocol and takes work.
    Ready,
    /// It answered, and is not ready; the reason continues a sentence: `it is starting up`.
    NotReady(&'static str),
    /// What came so far could still become either.
    NeedMore,
}

/// The greeting of a protocol, by its name.
pub fn greeting(name: &str) -> Option<&'static Greeting> {
    GREETINGS.iter().find(|greeting| greeting.name == name)
}

/// The reason when the answer is none of this protocol's.
const ANOTHER_PROTOCOL: &str = "it answers in another protocol";
/// The reason when the answer is this protocol's word for a failure.
const AN_ERROR: &str = "it answers with an error";
/// The reason when all places are taken.
const FULL: &str = "it has too many connections";

/// Bytes within which every greeting here is decided.
const LONGEST: usize = 64 * 1024;

/// Judges by the beginning of the answer: the first row that it starts with, more where it could become
/// one, another protocol otherwise.
fn by_beginning(answer: &[u8], rows: &[(&[u8], Judgement)]) -> Judgement {
    if let Some((_, judgement)) = rows.iter().find(|(beginning, _)| answer.starts_with(beginning)) {
        return *judgement;
    }
    if rows.iter().any(|(beginning, _)| beginning.starts_with(answer)) {
        return Judgement::NeedMore;
    }
    Judgement::NotReady(ANOTHER_PROTOCOL)
}

/// The first line without its ending, once it is complete.
fn first_line(answer: &[u8]) -> Option<&[u8]> {
    let end = answer.iter().position(|byte| *byte == b'\n')?;
    let line = answer.get(..end)?;
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

/// For a server that speaks first.
fn silence(_: &str) -> Vec<u8> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::{GREETINGS, Judgement, greeting};

    #[test]
    fn names_are_unique_slugs_with_a_summary() {
        let mut names: Vec<&str> = GREETINGS.iter().map(|greeting| greeting.name).collect();
        names.sort_unstable();
        assert!(names.is_sorted_by(|a, b| a < b));
        for known in GREETINGS {
            assert!(known.name.bytes().all(|b| b.is_ascii_lowercase()));
            assert!(!known.summary.is_empty() && !known.summary.ends_with('.'));
            assert_eq!(greeting(known.name).map(|found| found.name), Some(known.name));
        }
        assert!(greeting("gopher").is_none());
    }

    #[test]
    fn silence_needs_more_and_foreign_answers_are_no_panic() {
        let foreign: &[&[u8]] = &[
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"\x15\x03\x03\x00\x02\x02\x28",
            b"SSH-2.0-x\r\n",
            b"+PONG\r\n",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            b"R\0\0\0\x08\0\0\0\0",
            b"\r\n\r\n\r\n",
        ];
        for known in GREETINGS {
            assert_eq!((known.judge)(b""), Judgement::NeedMore, "{}", known.name);
            for answer in foreign {
                for end in 0..=answer.len() {
                    let _ = (known.judge)(&answer[..end]);
                }
            }
            for byte in 0..=u8::MAX {
                for length in [1, 2, 4, 5, 7, 16, 40] {
                    let _ = (known.judge)(&vec![byte; length]);
                }
            }
        }
    }

    #[test]
    fn no_answer_leaves_a_client_waiting_for_ever() {
        let noise = vec![b'x'; super::LONGEST + 1];
        for known in GREETINGS {
            assert!(matches!((known.judge)(&noise), Judgement::NotReady(_)), "{}", known.name);
        }
    }

    #[test]
    fn only_http_and_tls_name_the_host() {
        for known in GREETINGS {
            let same = (known.send)("localhost") == (known.send)("a\r\nX: 1\r\n\0b");
            assert_eq!(same, !matches!(known.name, "http" | "tls"), "{}", known.name);
        }
    }
}
