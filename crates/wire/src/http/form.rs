//! A form with files, `multipart/form-data` (RFC 7578), taken apart as it comes.

/// The reading of a form.
#[derive(Debug)]
pub struct Form {
    /// The boundary with what stands in front of it.
    mark: Vec<u8>,
    at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In front of the first boundary.
    Front,
    /// Behind a boundary.
    Mark,
    /// In the fields of a part.
    Fields,
    /// In the data of a part.
    Data,
    /// Behind the last boundary.
    Over,
}

/// What stands at the front of the bytes that are there; the number is how many bytes of them that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Nothing that matters.
    Frame(usize),
    /// A part begins: the name of its file, where it is one.
    Begins(usize, Option<Vec<u8>>),
    /// Data of the part.
    Data(usize),
    /// The part is whole.
    Ends(usize),
    /// More has to come first.
    More,
    /// The form is at its end.
    Over,
}

impl Form {
    /// A form with this boundary.
    pub fn new(boundary: &[u8]) -> Self {
        Self { mark: [b"\r\n--", boundary].concat(), at: At::Front }
    }

    /// Looks at what is there; what it names is to be taken away before it is asked again. `None` for what is no form.
    pub fn next(&mut self, bytes: &[u8]) -> Option<Part> {
        match self.at {
            At::Front => {
                // The first one needs no line before it.
                let mark = self.mark.get(2..)?;
                if bytes.len() < mark.len() {
                    return mark.starts_with(bytes).then_some(Part::More);
                }
                bytes.starts_with(mark).then_some(())?;
                self.at = At::Mark;
                Some(Part::Frame(mark.len()))
            }
            At::Mark => match bytes {
                [b'-', b'-', ..] => {
                    self.at = At::Over;
                    Some(Part::Frame(2))
                }
                [b'\r', b'\n', ..] => {
                    self.at = At::Fields;
                    Some(Part::Frame(2))
                }
                [] | [b'-' | b'\r'] => Some(Part::More),
                _ => None,
            },
            At::Fields => {
                let end = if bytes.starts_with(b"\r\n") { Some(2) } else { find(bytes, b"\r\n\r\n").map(|at| at + 4) };
                let Some(end) = end else { return (bytes.len() <= LONGEST_FIELDS).then_some(Part::More) };
                if end > LONGEST_FIELDS {
                    return None;
                }
                self.at = At::Data;
                Some(Part::Begins(end, file_name(bytes.get(..end)?)))
            }
            At::Data => match find(bytes, &self.mark) {
                Some(0) => {
                    self.at = At::Mark;
                    Some(Part::Ends(self.mark.len()))
                }
                Some(at) => Some(Part::Data(at)),
                // What may be the beginning of a boundary waits for its rest.
                None => match bytes.len().checked_sub(self.mark.len()) {
                    Some(sure) if sure > 0 => Some(Part::Data(sure)),
                    _ => Some(Part::More),
                },
            },
            At::Over => Some(Part::Over),
        }
    }
}

/// The boundary that a `Content-Type` names; `None` for what is no form, and for a boundary that is none (RFC 2046 section 5.1.1).
pub fn boundary(field: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(field).ok()?;
    let (kind, rest) = text.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let own = rest.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    })?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    (!own.is_empty() && own.len() <= 70 && own.bytes().all(plain)).then(|| own.as_bytes().to_vec())
}

/// The last part of the name of a file, as browsers send it (`"` is `%22`, line ends are escaped; WHATWG HTML, multipart/form-data).
fn file_name(fields: &[u8]) -> Option<Vec<u8>> {
    let is_it = |line: &&[u8]| line.get(..20).is_some_and(|name| name.eq_ignore_ascii_case(b"content-disposition:"));
    let line = fields.split(|byte| *byte == b'\n').find(is_it)?;
    let key = b"filename=\"";
    let from = find(line, key)? + key.len();
    let rest = line.get(from..)?;
    let mut name = Vec::new();
    let mut bytes = rest.iter().copied().peekable();
    loop {
        match bytes.next()? {
            b'"' => break,
            // As curl writes it.
            b'\\' if matches!(bytes.peek(), Some(b'"' | b'\\')) => name.extend(bytes.next()),
            byte => name.push(byte),
        }
    }
    let name = unescaped(&name);
    let last = name.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
    Some(last.to_vec())
}

/// The three bytes that browsers escape, and no others: `%41` is a name with a `%` in it.
fn unescaped(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, tail)) = rest.split_first() {
        let known = [(&b"%22"[..], b'"'), (b"%0D", b'\r'), (b"%0A", b'\n')];
        let escape = known.into_iter().find(|(escape, _)| rest.starts_with(escape));
        out.push(escape.map_or(*first, |(_, byte)| byte));
        rest = if escape.is_some() { rest.get(3..).unwrap_or_default() } else { tail };
    }
    out
}

/// Where a text stands first.
fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    let first = *text.first()?;
    let mut from = 0;
    while let Some(at) = bytes.get(from..)?.iter().position(|byte| *byte == first) {
        if bytes.get(from + at..)?.starts_with(text) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// The longest fields of a part.
const LONGEST_FIELDS: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::{Form, Part, boundary};

    type Files = Vec<(Option<Vec<u8>>, Vec<u8>)>;

    /// The parts of a form that comes so many bytes at a time.
    fn parts(text: &[u8], step: usize) -> Option<Files> {
        let (mut form, mut there, mut taken, mut found) = (Form::new(b"x"), 0, 0, Files::new());
        loop {
            match form.next(&text[taken..there])? {
                Part::Frame(length) | Part::Ends(length) => taken += length,
                Part::Begins(length, name) => {
                    taken += length;
                    found.push((name, Vec::new()));
                }
                Part::Data(length) => {
                    found.last_mut()?.1.extend_from_slice(&text[taken..taken + length]);
                    taken += length;
                }
                Part::More if there == text.len() => return None,
                Part::More => there = (there + step).min(text.len()),
                Part::Over => return Some(found),
            }
        }
    }

    #[test]
    fn files_of_a_form_however_it_comes() {
        let text = b"--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"C:\\dir/a%22b.txt\"\r\nContent-Type: text/plain\r\n\r\n\
            one\r\n--\r\n--y\r\n--x\r\ncontent-disposition: form-data; name=\"n\"\r\n\r\n\r\n--x--\r\n";
        for step in 1..text.len() {
            let found = parts(text, step).unwrap();
            assert_eq!(found, [(Some(b"a\"b.txt".to_vec()), b"one\r\n--\r\n--y".to_vec()), (None, Vec::new())], "{step}");
        }
    }

    #[test]
    fn what_is_no_form() {
        for wrong in [&b"--y\r\n"[..], b"x", b"--xz", b"--x\r\n\r\nabc", b"--x\r\nA: b\r\n\r\nabc\r\n--x", b""] {
            assert!(parts(wrong, 1).is_none(), "{:?}", String::from_utf8_lossy(wrong));
        }
        assert!(parts(&[b"--x\r\n", &b"a".repeat(20_000)[..]].concat(), 1000).is_none());
    }

    #[test]
    fn boundaries() {
        assert_eq!(boundary(b"multipart/form-data; boundary=abc").as_deref(), Some(&b"abc"[..]));
        assert_eq!(boundary(b"Multipart/Form-Data; charset=x; Boundary=\"a b\"").as_deref(), Some(&b"a b"[..]));
        for none in
            [&b"multipart/mixed; boundary=a"[..], b"multipart/form-data", b"multipart/form-data; boundary=", b"text/plain"]
        {
            assert_eq!(boundary(none), None);
        }
        assert_eq!(boundary(format!("multipart/form-data; boundary={}", "a".repeat(71)).as_bytes()), None);
    }
}
