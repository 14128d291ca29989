//! The head of a request: its line and its fields, and how its body is framed.

use httparse::{EMPTY_HEADER, Error, Header, Request, Status};

/// The longest head that is read, in bytes.
pub const LONGEST_HEAD: usize = 32 * 1024;
/// The most fields that a head may have.
const MOST_FIELDS: usize = 100;

/// A head, in the bytes that it was read from.
#[derive(Debug)]
pub struct Head<'a> {
    /// The method, as it was sent.
    pub method: &'a str,
    /// The target, as it was sent.
    pub target: &'a str,
    /// True for HTTP/1.1, false for HTTP/1.0.
    pub is_current: bool,
    /// How the body is framed.
    pub framing: Framing,
    /// Its length in bytes, with the empty line at its end.
    pub length: usize,
    fields: [Header<'a>; MOST_FIELDS],
    count: usize,
}

/// How the body of a request is framed (RFC 9112 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// So many bytes.
    Length(u64),
    /// In chunks.
    Chunked,
}

/// Why a head is refused. Each is answered, and the connection is closed: where it ends nobody knows for sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no head of HTTP/1.
    Malformed,
    /// It is longer, or has more fields, than is read.
    TooLarge,
    /// A lone carriage return or line feed, by which two readers see different heads.
    BareEnd,
    /// Two lengths, a length beside chunks, or a length that is none: two readers see different bodies.
    Lengths,
    /// A transfer coding that is not known here.
    Transfer,
    /// No host, two hosts, or another one in the target.
    Host,
    /// A version of HTTP that is not spoken here.
    Version,
}

impl Fault {
    /// The status that says so.
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed | Self::BareEnd | Self::Lengths | Self::Host => 400,
            Self::TooLarge => 431,
            Self::Transfer => 501,
            Self::Version => 505,
        }
    }
}

impl<'a> Head<'a> {
    /// Reads a head; `None` where it has not come to its end.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn read(bytes: &'a [u8]) -> Result<Option<Self>, Fault> {
        let mut fields = [EMPTY_HEADER; MOST_FIELDS];
        let mut request = Request::new(&mut fields);
        let parsed = request.parse(bytes.get(..LONGEST_HEAD).unwrap_or(bytes));
        let (method, target, version) = (request.method, request.path, request.version);
        let count = request.headers.len();
        let length = match parsed {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) if bytes.len() >= LONGEST_HEAD => return Err(Fault::TooLarge),
            Ok(Status::Partial) => return if has_bare_end(bytes, false) { Err(Fault::BareEnd) } else { Ok(None) },
            Err(Error::TooManyHeaders) => return Err(Fault::TooLarge),
            Err(Error::Version) => return Err(Fault::Version),
            Err(_) => return Err(Fault::Malformed),
        };
        let own = bytes.get(..length).unwrap_or(bytes);
        if has_bare_end(own, true) {
            return Err(Fault::BareEnd);
        }
        let (Some(method), Some(target), Some(version)) = (method, target, version) else { return Err(Fault::Malformed) };
        let mut head = Self { method, target, is_current: version == 1, framing: Framing::None, length, fields, count };
        head.framing = head.framed()?;
        let hosts = head.all("host").count();
        if hosts > 1 || (hosts == 0 && head.is_current) {
            return Err(Fault::Host);
        }
        Ok(Some(head))
    }

    /// The value of a field that is sent once; the first of several. Names have no case.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The same as text; `None` where it holds anything but visible ASCII.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        std::str::from_utf8(self.field(name)?).ok().filter(|text| text.is_ascii())
    }

    /// Every value of a field.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let fields = self.fields.iter().take(self.count);
        fields.filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }

    /// True where the connection goes on after the answer (RFC 9112 section 9.3).
    pub fn keeps_open(&self) -> bool {
        let says = |word: &str| self.all("connection").any(|value| has_word(value, word));
        !says("close") && (self.is_current || says("keep-alive"))
    }

    /// True where the client waits to be told to send the body (RFC 9110 section 10.1.1).
    pub fn expects(&self) -> bool {
        self.is_current && self.field("expect").is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"))
    }

    fn framed(&self) -> Result<Framing, Fault> {
        let mut lengths = self.all("content-length");
        let length = match (lengths.next(), lengths.next()) {
            (None, _) => None,
            (Some(text), None) => Some(number(text).ok_or(Fault::Lengths)?),
            (Some(_), Some(_)) => return Err(Fault::Lengths),
        };
        let mut codings = self.all("transfer-encoding");
        match (codings.next(), codings.next(), length) {
            (None, _, None | Some(0)) => Ok(Framing::None),
            (None, _, Some(length)) => Ok(Framing::Length(length)),
            (Some(coding), None, None) if self.is_current && coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
            (Some(_), _, None) if self.is_current => Err(Fault::Transfer),
            // A length beside a coding, and a coding of HTTP/1.0, which has none.
            (Some(_), _, _) => Err(Fault::Lengths),
        }
    }
}

/// Digits alone, as many as a `u64` holds.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// True where a list of words has this one.
fn has_word(list: &[u8], word: &str) -> bool {
    list.split(|byte| *byte == b',').any(|own| own.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

/// True where a carriage return or a line feed stands without the other. A carriage return at the end of what has come so far may
/// be followed by its line feed.
fn has_bare_end(bytes: &[u8], is_whole: bool) -> bool {
    let mut before = 0;
    for byte in bytes {
        match (before, byte) {
            (b'\r', b'\n') => {}
            (b'\r', _) | (_, b'\n') => return true,
            _ => {}
        }
        before = *byte;
    }
    is_whole && before == b'\r'
}

#[cfg(test)]
mod tests {
    use super::{Fault, Framing, Head, LONGEST_HEAD};

    fn head(text: &str) -> Result<Option<Head<'_>>, Fault> {
        Head::read(text.as_bytes())
    }

    fn fault(text: &str) -> Option<Fault> {
        head(text).err()
    }

    #[test]
    fn a_head_is_read() {
        let text = "GET /a?b HTTP/1.1\r\nHost: localhost:1\r\nAccept: a\r\naccept: b\r\n\r\nGET";
        let head = head(text).unwrap().unwrap();
        assert_eq!((head.method, head.target, head.is_current), ("GET", "/a?b", true));
        assert_eq!(&text[head.length..], "GET");
        assert_eq!(head.text("HOST"), Some("localhost:1"));
        assert_eq!(head.all("accept").collect::<Vec<_>>(), [b"a", b"b"]);
        assert!(head.keeps_open() && !head.expects());
        assert_eq!(head.framing, Framing::None);
    }

    #[test]
    fn what_has_not_come_whole_is_waited_for_and_no_longer_than_is_read() {
        for part in ["", "G", "GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r", "\r\n"] {
            assert!(head(part).unwrap().is_none(), "{part:?}");
        }
        let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(LONGEST_HEAD));
        assert_eq!(fault(&long), Some(Fault::TooLarge));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101));
        assert_eq!(fault(&many), Some(Fault::TooLarge));
    }

    #[test]
    fn what_two_readers_would_read_differently_is_refused() {
        let with = |fields: &str| fault(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        for lengths in [
            "Content-Length: 1\r\nContent-Length: 2\r\n",
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: 0x1\r\n",
            "Content-Length:\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        ] {
            assert_eq!(with(lengths), Some(Fault::Lengths), "{lengths:?}");
        }
        for transfer in [
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        ] {
            assert_eq!(with(transfer), Some(Fault::Transfer), "{transfer:?}");
        }
        for bare in ["GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\nHost"] {
            assert_eq!(fault(bare), Some(Fault::BareEnd), "{bare:?}");
        }
        for odd in [
            "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\0\r\n\r\n",
            "\u{16}\u{3}\u{1}",
        ] {
            assert!(matches!(fault(odd), Some(Fault::Malformed | Fault::BareEnd)), "{odd:?} {:?}", fault(odd));
        }
        assert_eq!(fault("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Some(Fault::Lengths));
        assert_eq!(fault("GET / HTTP/1.1\r\n\r\n"), Some(Fault::Host));
        assert_eq!(fault("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), Some(Fault::Host));
        assert_eq!(fault("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"), Some(Fault::Version));
        assert_eq!(fault("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), Some(Fault::Version));
    }

    #[test]
    fn bodies_are_framed_and_connections_kept() {
        let of = |text: &'static str| head(text).unwrap().unwrap();
        assert_eq!(of("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n").framing, Framing::Length(5));
        assert_eq!(of("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n").framing, Framing::Chunked);
        assert!(!of("GET / HTTP/1.0\r\n\r\n").keeps_open());
        assert!(of("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keeps_open());
        assert!(!of("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n").keeps_open());
        assert!(of("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n").expects());
    }
}
