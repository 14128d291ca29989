//! One request of HTTP/1.1 and its answer (RFC 9112).

use portward_model::Text;

use crate::protocol;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The path with its query, as it is typed behind the host.
    pub target: &'a str,
    /// The host with its port where that is not the scheme's own.
    pub host: &'a str,
    /// Further fields; one named `Host` stands in place of the host.
    pub fields: &'a [(String, String)],
    /// True to ask to go on in WebSocket, RFC 6455 section 4.1.
    pub upgrade: bool,
}

impl Request<'_> {
    /// Its bytes: one `GET` on a connection that is closed after it.
    pub fn bytes(&self) -> Vec<u8> {
        // Whatever could begin a line of its own is taken out, wherever it came from.
        let plain = |text: &str| text.chars().filter(|c| !c.is_control()).collect::<String>();
        let target: String = self.target.chars().map(escaped).collect();
        let mut out = format!("GET {target} HTTP/1.1\r\n");
        let mut line = |name: &str, value: &str| {
            // What the caller says itself is not said twice.
            if !self.fields.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)) {
                out.extend([name, ": ", &plain(value), "\r\n"]);
            }
        };
        line("Host", self.host);
        line("User-Agent", "portward");
        line("Accept", "*/*");
        line("Accept-Encoding", "identity");
        if self.upgrade {
            line("Upgrade", "websocket");
            line("Connection", "Upgrade");
            line("Sec-WebSocket-Version", "13");
            line("Sec-WebSocket-Key", "cG9ydHdhcmQgaXMgYXNraQ==");
        } else {
            line("Connection", "close");
        }
        for (name, value) in self.fields {
            out.extend([&plain(name), ": ", &plain(value), "\r\n"]);
        }
        out.push_str("\r\n");
        out.into_bytes()
    }
}

/// A character of a path as it may stand in a request line.
fn escaped(c: char) -> String {
    if c.is_ascii_graphic() {
        return c.to_string();
    }
    c.to_string().bytes().flat_map(|byte| ['%', digit(byte >> 4), digit(byte & 0xf)]).collect()
}

fn digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

/// What came back, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The words behind it.
    pub reason: Text,
    /// The fields of its head.
    pub fields: Vec<(Text, Text)>,
    /// The body, or its beginning.
    pub body: Vec<u8>,
    /// True when the body is there to its end.
    pub whole: bool,
}

impl Answer {
    /// The values of a field.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Text> {
        self.fields.iter().filter(move |(own, _)| own.raw().eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }
}

/// What speaks where something else was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// HTTP/1.
    Http1,
    /// HTTP/2.
    Http2,
    /// TLS.
    Tls,
    /// A protocol of this name among people.
    Known(&'static str),
    /// Nothing that is known.
    Unknown,
}

impl Other {
    /// What these first bytes are.
    pub fn of(heard: &[u8]) -> Self {
        match protocol::recognise(heard) {
            Some((known, _)) if *known == protocol::HTTP => Self::Http1,
            Some((known, _)) if *known == protocol::HTTP2 => Self::Http2,
            Some((known, _)) if *known == protocol::TLS => Self::Tls,
            Some((known, _)) => Self::Known(known.title),
            None => Self::Unknown,
        }
    }
}

/// What was read of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// Its head is not there yet.
    NeedMore,
    /// Its head, and what there is of its body.
    Answer(Answer),
    /// No answer of HTTP/1.
    Other(Other),
}

/// Reads all bytes that came so far; `closed` says that no more will come. Safe on any bytes.
pub fn read(mut heard: &[u8], closed: bool) -> Read {
    loop {
        let beginning = b"HTTP/1.";
        if !heard.starts_with(beginning) && !beginning.starts_with(heard) {
            return Read::Other(Other::of(heard));
        }
        let Some((top, body)) = parted(heard) else {
            // A head that never ends is as little of an answer as none.
            let endless = closed || heard.len() > LONGEST_HEAD;
            return match endless.then(|| status_line(heard.split(|byte| *byte == b'\n').next().unwrap_or_default())).flatten() {
                Some((status, reason)) => {
                    Read::Answer(Answer { status, reason, fields: Vec::new(), body: Vec::new(), whole: closed })
                }
                None if endless && !heard.is_empty() => Read::Other(Other::of(heard)),
                None => Read::NeedMore,
            };
        };
        let mut lines = top.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let Some((status, reason)) = lines.next().and_then(status_line) else { return Read::Other(Other::Unknown) };
        // Words of the meantime, RFC 9110 section 15.2; 101 is the last that is said in HTTP.
        if (100..200).contains(&status) && status != 101 {
            heard = body;
            continue;
        }
        let field = |line: &[u8]| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((Text::new(line.get(..colon)?), Text::new(line.get(colon + 1..)?.trim_ascii())))
        };
        let mut answer = Answer { status, reason, fields: lines.filter_map(field).collect(), body: Vec::new(), whole: false };
        (answer.body, answer.whole) = self::body(&answer, body, closed);
        return Read::Answer(answer);
    }
}

/// The head and what follows its empty line.
fn parted(heard: &[u8]) -> Option<(&[u8], &[u8])> {
    let ends = heard.windows(2).position(|pair| pair == b"\n\n").map(|at| (at, 2));
    let proper = heard.windows(4).position(|four| four == b"\r\n\r\n").map(|at| (at, 4));
    let (at, length) = ends.into_iter().chain(proper).min()?;
    Some((heard.get(..at)?, heard.get(at + length..)?))
}

fn status_line(line: &[u8]) -> Option<(u16, Text)> {
    let rest = line.strip_suffix(b"\r").unwrap_or(line).strip_prefix(b"HTTP/1.")?;
    let ([minor, b' ', status @ ..], reason) = rest.split_first_chunk::<5>()? else { return None };
    let status = std::str::from_utf8(status).ok()?.parse().ok().filter(|status| (100..1000).contains(status))?;
    minor.is_ascii_digit().then(|| (status, Text::new(reason.trim_ascii())))
}

/// The body so far, and whether that is all (RFC 9112 section 6.3).
fn body(answer: &Answer, bytes: &[u8], closed: bool) -> (Vec<u8>, bool) {
    if matches!(answer.status, 101 | 204 | 304) {
        return (Vec::new(), true);
    }
    let is_chunked = answer.values("transfer-encoding").any(|value| value.raw().to_ascii_lowercase().ends_with(b"chunked"));
    if is_chunked {
        let (body, ended) = unchunked(bytes);
        return (body, ended || closed);
    }
    let length = answer.values("content-length").find_map(|value| std::str::from_utf8(value.raw()).ok()?.parse().ok());
    match length {
        Some(length) => (bytes.get(..length).unwrap_or(bytes).to_vec(), bytes.len() >= length || closed),
        None => (bytes.to_vec(), closed),
    }
}

/// RFC 9112 section 7.1
fn unchunked(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    loop {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return (out, false) };
        let (size, rest) = bytes.split_at(end);
        let size = size.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let Some(length) = std::str::from_utf8(size).ok().and_then(|size| usize::from_str_radix(size, 16).ok()) else {
            return (out, true);
        };
        if length == 0 {
            return (out, true);
        }
        let rest = rest.get(1..).unwrap_or_default();
        out.extend_from_slice(rest.get(..length).unwrap_or(rest));
        let after = length.checked_add(1).and_then(|skipped| rest.get(skipped..));
        match after {
            // The end of the line behind a chunk may have one character or two.
            Some(after) => bytes = after.strip_prefix(b"\n").unwrap_or(after),
            None => return (out, false),
        }
    }
}

/// Bytes within which a head ends; servers refuse to send more than a fraction of it.
const LONGEST_HEAD: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use portward_model::Text;

    use super::{Answer, Other, Read, Request, read};

    fn answer(heard: &[u8], closed: bool) -> Answer {
        match read(heard, closed) {
            Read::Answer(answer) => answer,
            other => panic!("{other:?}: {}", heard.escape_ascii()),
        }
    }

    #[test]
    fn a_request_is_what_was_asked_and_no_line_more() {
        let fields = [("Authorization".to_owned(), "Bearer x\r\nX: y".to_owned())];
        let request = Request { target: "/a b?q=ü\r\n", host: "shop.localhost:3000", fields: &fields, upgrade: false };
        let sent = String::from_utf8(request.bytes()).unwrap();
        assert!(sent.starts_with("GET /a%20b?q=%C3%BC%0D%0A HTTP/1.1\r\nHost: shop.localhost:3000\r\n"), "{sent}");
        assert!(sent.contains("\r\nAuthorization: Bearer xX: y\r\n") && sent.contains("\r\nConnection: close\r\n"), "{sent}");
        assert!(sent.ends_with("\r\n\r\n") && sent.matches("\r\n\r\n").count() == 1, "{sent}");
        let fields = [("host".to_owned(), "other".to_owned())];
        let sent = String::from_utf8(Request { fields: &fields, upgrade: true, ..request }.bytes()).unwrap();
        assert!(!sent.contains("shop.localhost") && sent.contains("host: other\r\n"), "{sent}");
        assert!(sent.contains("Upgrade: websocket\r\n") && !sent.contains("Connection: close"), "{sent}");
    }

    #[test]
    fn bodies_of_every_kind() {
        let sized = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more", false);
        assert_eq!((&sized.body[..], sized.whole), (&b"hello"[..], true));
        let cut = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", false);
        assert_eq!((&cut.body[..], cut.whole), (&b"hel"[..], false));
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3;x=1\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
        let whole = answer(chunked, false);
        assert_eq!((&whole.body[..], whole.whole), (&b"hello"[..], true));
        for end in 60..chunked.len() - 4 {
            let part = answer(&chunked[..end], false);
            assert!(!part.whole && b"hello".starts_with(&part.body), "{end}");
        }
        let open = answer(b"HTTP/1.0 200 OK\n\nhel", false);
        assert_eq!((&open.body[..], open.whole), (&b"hel"[..], false));
        assert!(answer(b"HTTP/1.0 200 OK\n\nhel", true).whole);
        assert!(answer(b"HTTP/1.1 204 No Content\r\n\r\n", false).whole);
    }

    #[test]
    fn heads() {
        let found = answer(b"HTTP/1.1 503 Not Yet\r\nRetry-After:  7 \r\nX: a\r\nx: b\r\n\r\n", false);
        assert_eq!((found.status, &found.reason), (503, &Text::from("Not Yet")));
        assert_eq!(found.values("x").collect::<Vec<_>>(), [&Text::from("a"), &Text::from("b")]);
        assert_eq!(found.values("retry-after").next(), Some(&Text::from("7")));
        let later = answer(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", false);
        assert_eq!((later.status, later.fields.len()), (200, 0));
        assert_eq!(answer(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", false).status, 101);
        // A server that closes in the middle of its head has said its status all the same.
        assert_eq!(answer(b"HTTP/1.1 500 Oops\r\nX", true).status, 500);
    }

    #[test]
    fn what_is_no_answer() {
        for (heard, expected) in [
            (&b""[..], Read::NeedMore),
            (b"HTT", Read::NeedMore),
            (b"HTTP/1.1 200 OK\r\nX", Read::NeedMore),
            (b"\x15\x03\x01\x00\x02\x02\x46", Read::Other(Other::Tls)),
            (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", Read::Other(Other::Http2)),
            (b"-NOAUTH Authentication required.\r\n", Read::Other(Other::Known("Redis"))),
            (b"hello\r\n", Read::Other(Other::Unknown)),
            (b"HTTP/1.1 abc\r\n\r\n", Read::Other(Other::Unknown)),
        ] {
            assert_eq!(read(heard, false), expected, "{}", heard.escape_ascii());
        }
    }

    #[test]
    fn noise_is_survived() {
        for byte in 0..=u8::MAX {
            for length in [1, 7, 40] {
                let noise = vec![byte; length];
                let _ = read(&noise, false);
                for head in [&b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"[..], b"HTTP/1.1 200 OK\r\n"] {
                    let _ = read(&[head, &noise].concat(), true);
                }
            }
        }
    }
}
