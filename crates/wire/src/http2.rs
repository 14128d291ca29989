//! The few frames of HTTP/2 (RFC 9113) that one request and its answer take: what a client says at once, and what came back.
//!
//! Everything that a client must say stands in one piece, so nothing has to be answered on the way: a server takes a request
//! before it waits for the word that its settings were read.

use portward_model::Text;

use crate::hpack::{Fields, Pairs, literal};

/// One request on a fresh connection, with the settings that come before it.
pub fn request(fields: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        literal(&mut block, name, value);
    }
    let mut out = PREFACE.to_vec();
    // SETTINGS_ENABLE_PUSH is 0: nothing comes unasked.
    frame(&mut out, SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 0]);
    frame(&mut out, HEADERS, END_HEADERS, STREAM, &block);
    frame(&mut out, DATA, END_STREAM, STREAM, body);
    out
}

/// RFC 9113 section 4.1.
fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, body: &[u8]) {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
    out.extend_from_slice(&length[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(body);
}

/// What came back so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The fields of the answer's head.
    pub head: Pairs,
    /// The fields behind its body.
    pub trailers: Pairs,
    /// Its body.
    pub body: Vec<u8>,
    /// True when nothing more comes.
    pub ended: bool,
    /// The error code with which the server gave the request up (`RST_STREAM`, RFC 9113 section 7).
    pub reset: Option<u32>,
    /// The error code and the words with which it gave the connection up (`GOAWAY`).
    pub gone: Option<(u32, Text)>,
}

impl Answer {
    /// The status of the head.
    pub fn status(&self) -> Option<u16> {
        std::str::from_utf8(self.field(b":status")?).ok()?.parse().ok()
    }

    /// A field of the trailers, or of the head where the answer has no other.
    pub fn field(&self, name: &[u8]) -> Option<&[u8]> {
        let all = self.trailers.iter().chain(&self.head);
        all.into_iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| &value[..])
    }
}

/// Reads what came from the beginning of the connection; `None` where it is no HTTP/2. What is cut short is read up to there.
pub fn read(mut bytes: &[u8]) -> Option<Answer> {
    let mut answer = Answer::default();
    let mut fields = Fields::default();
    // A block of fields that goes on in further frames, and whether nothing follows it.
    let mut open: Option<(Vec<u8>, bool)> = None;
    let mut is_first = true;
    loop {
        let Some((kind, flags, stream, body, rest)) = next_frame(bytes) else {
            // The first frame is SETTINGS (section 3.4), and no other protocol begins like it.
            let settings = bytes.get(3).is_none_or(|kind| *kind == SETTINGS) && bytes.first().is_none_or(|byte| *byte == 0);
            return (!is_first || settings).then_some(answer);
        };
        if is_first && kind != SETTINGS {
            return None;
        }
        is_first = false;
        bytes = rest;
        let ours = stream == STREAM;
        match kind {
            DATA if ours => {
                answer.body.extend_from_slice(unpadded(body, flags, 0)?);
                answer.ended |= flags & END_STREAM != 0;
            }
            HEADERS if ours => {
                let block = unpadded(body, flags, if flags & PRIORITY == 0 { 0 } else { 5 })?;
                open = Some((block.to_vec(), flags & END_STREAM != 0));
            }
            CONTINUATION if ours => open.as_mut()?.0.extend_from_slice(body),
            RST_STREAM if ours => {
                answer.reset = Some(u32::from_be_bytes(*body.first_chunk()?));
                answer.ended = true;
            }
            GOAWAY => {
                let code = u32::from_be_bytes(*body.get(4..)?.first_chunk()?);
                answer.gone = Some((code, Text::new(body.get(8..).unwrap_or_default())));
            }
            // Blocks of other streams would be needed for the table; nobody but us asked for anything.
            _ => {}
        }
        if matches!(kind, HEADERS | CONTINUATION)
            && ours
            && flags & END_HEADERS != 0
            && let Some((block, is_last)) = open.take()
        {
            take(&mut answer, fields.read(&block)?, is_last);
        }
    }
}

/// A block of fields becomes the head, or the trailers behind it; a word of the meantime (1xx) is neither.
fn take(answer: &mut Answer, pairs: Pairs, is_last: bool) {
    answer.ended |= is_last;
    if !answer.head.is_empty() {
        answer.trailers = pairs;
        return;
    }
    let is_interim = pairs.iter().any(|(name, value)| name == b":status" && value.first() == Some(&b'1'));
    if !is_interim {
        answer.head = pairs;
    }
}

type Frame<'a> = (u8, u8, u32, &'a [u8], &'a [u8]);

fn next_frame(bytes: &[u8]) -> Option<Frame<'_>> {
    let (head, rest) = bytes.split_first_chunk::<9>()?;
    let [a, b, c, kind, flags, stream @ ..] = *head;
    let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?;
    let (body, rest) = rest.split_at_checked(length)?;
    Some((kind, flags, u32::from_be_bytes(stream) & (u32::MAX >> 1), body, rest))
}

/// A frame's body without its padding and what stands before it.
fn unpadded(body: &[u8], flags: u8, skipped: usize) -> Option<&[u8]> {
    let (body, padding) = match body.split_first() {
        Some((padding, body)) if flags & PADDED != 0 => (body, usize::from(*padding)),
        _ => (body, 0),
    };
    body.get(skipped..body.len().checked_sub(padding)?)
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The first stream of a client.
const STREAM: u32 = 1;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 32;

#[cfg(test)]
mod tests {
    use super::{CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, SETTINGS, frame, literal, read, request};

    #[test]
    fn a_request_is_its_preface_and_three_frames() {
        let sent = request(&[(":method", "POST")], b"body");
        let after = sent.strip_prefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        let (kind, _, stream, _, rest) = super::next_frame(after).unwrap();
        assert_eq!((kind, stream), (SETTINGS, 0));
        let (kind, flags, stream, _, rest) = super::next_frame(rest).unwrap();
        assert_eq!((kind, flags, stream), (HEADERS, END_HEADERS, 1));
        let (kind, flags, stream, body, rest) = super::next_frame(rest).unwrap();
        assert_eq!((kind, flags, stream, body, rest), (DATA, END_STREAM, 1, &b"body"[..], &b""[..]));
    }

    #[test]
    fn an_answer_in_pieces_of_every_kind() {
        let mut interim = Vec::new();
        literal(&mut interim, ":status", "103");
        let mut block = Vec::new();
        literal(&mut block, ":status", "200");
        literal(&mut block, "server", "x");
        let mut trailers = Vec::new();
        literal(&mut trailers, "grpc-status", "0");
        let mut heard = Vec::new();
        frame(&mut heard, SETTINGS, 0, 0, &[]);
        frame(&mut heard, SETTINGS, 1, 0, &[]);
        frame(&mut heard, HEADERS, END_HEADERS, 1, &interim);
        frame(&mut heard, HEADERS, 0, 1, &block[..4]);
        frame(&mut heard, CONTINUATION, END_HEADERS, 1, &block[4..]);
        frame(&mut heard, DATA, PADDED, 1, b"\x02ab\0\0");
        frame(&mut heard, DATA, 0, 1, b"cd");
        frame(&mut heard, HEADERS, END_HEADERS | END_STREAM, 1, &trailers);
        frame(&mut heard, GOAWAY, 0, 0, b"\0\0\0\x01\0\0\0\x0benough");
        let answer = read(&heard).unwrap();
        assert_eq!((answer.status(), &answer.body[..], answer.ended), (Some(200), &b"abcd"[..], true));
        assert_eq!(answer.field(b"grpc-status"), Some(&b"0"[..]));
        assert_eq!(answer.gone, Some((11, portward_model::Text::from("enough"))));
        for end in 0..heard.len() {
            let part = read(&heard[..end]).unwrap();
            assert!(!part.ended || end > heard.len() - 30, "{end}");
        }
    }

    #[test]
    fn other_protocols_are_none() {
        for other in
            [&b"HTTP/1.1 400 Bad Request\r\n"[..], b"\x15\x03\x01\x00\x02\x02\x46", b"+PONG\r\n", b"\0\0\0\x01\0\0\0\0\0"]
        {
            assert_eq!(read(other), None, "{}", other.escape_ascii());
        }
        assert!(read(b"").is_some() && read(b"\0\0").is_some());
    }
}
