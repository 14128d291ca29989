//! A body in chunks, taken apart as it comes (RFC 9112 section 7.1).

/// Where the reading of a body stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunks {
    at: At,
    /// Bytes of lines that are no data, so that they have an end.
    lines: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In front of a line with a size.
    Size,
    /// In the data of a chunk, of which so much is left.
    Data(u64),
    /// Behind the data of a chunk.
    End,
    /// In the fields behind the last chunk.
    Trailer,
    /// Behind all of it.
    Over,
}

/// What stands at the front of the bytes that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// So many bytes that are no data.
    Frame(usize),
    /// So many bytes of data.
    Data(usize),
    /// More has to come first.
    More,
    /// The body is at its end.
    Over,
}

impl Default for Chunks {
    fn default() -> Self {
        Self { at: At::Size, lines: 0 }
    }
}

impl Chunks {
    /// Looks at what is there; what it names is to be taken away before it is asked again. `None` for what is no body in chunks.
    pub fn next(&mut self, bytes: &[u8]) -> Option<Piece> {
        let piece = match self.at {
            At::Over => return Some(Piece::Over),
            At::Data(left) => {
                let there = u64::try_from(bytes.len()).unwrap_or(u64::MAX).min(left);
                if there == 0 {
                    return Some(Piece::More);
                }
                self.at = if there == left { At::End } else { At::Data(left - there) };
                return Some(Piece::Data(usize::try_from(there).ok()?));
            }
            At::Size | At::End | At::Trailer => match line(bytes)? {
                // With the first half of its end.
                None if bytes.len() > LONGEST_LINE + 1 => return None,
                None => return Some(Piece::More),
                Some(line) if line.len() > LONGEST_LINE => return None,
                Some(line) => line,
            },
        };
        self.lines += piece.len() + 2;
        if self.lines > MOST_LINES {
            return None;
        }
        self.at = match self.at {
            At::Size => match size(piece)? {
                0 => At::Trailer,
                size => At::Data(size),
            },
            At::End if piece.is_empty() => At::Size,
            At::Trailer if piece.is_empty() => At::Over,
            At::Trailer if piece.contains(&b':') => At::Trailer,
            At::End | At::Trailer | At::Data(_) | At::Over => return None,
        };
        Some(Piece::Frame(piece.len() + 2))
    }
}

/// The first line without its end; `None` inside where that has not come, outside where it is no line.
#[allow(clippy::option_option)]
fn line(bytes: &[u8]) -> Option<Option<&[u8]>> {
    let Some(at) = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else { return Some(None) };
    match bytes.get(at..at + 2) {
        Some(b"\r\n") => Some(bytes.get(..at)),
        None if bytes.get(at) == Some(&b'\r') => Some(None),
        _ => None,
    }
}

/// The size in a line; extensions behind it are passed over.
fn size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?;
    let digits = std::str::from_utf8(digits).ok()?.trim_end_matches([' ', '\t']);
    if digits.is_empty() || digits.len() > 15 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(digits, 16).ok()
}

/// The longest line of a size or a field.
const LONGEST_LINE: usize = 8 * 1024;
/// The most bytes of all lines. Whoever sends a gigabyte in chunks of 4 KB needs 2 MB of them.
const MOST_LINES: usize = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::{Chunks, Piece};

    /// What a body holds, read so many bytes at a time; `None` where it is none.
    fn body(text: &[u8], step: usize) -> Option<Vec<u8>> {
        let (mut chunks, mut data, mut there, mut taken) = (Chunks::default(), Vec::new(), 0, 0);
        loop {
            match chunks.next(&text[taken..there])? {
                Piece::Frame(length) => taken += length,
                Piece::Data(length) => {
                    data.extend_from_slice(&text[taken..taken + length]);
                    taken += length;
                }
                Piece::More if there == text.len() => return None,
                Piece::More => there = (there + step).min(text.len()),
                Piece::Over => return Some(data),
            }
        }
    }

    #[test]
    fn a_body_in_chunks_however_it_comes() {
        let text = b"5;x=y\r\nhello\r\n1 \r\n \r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nGET";
        for step in 1..text.len() {
            assert_eq!(body(text, step).unwrap(), b"hello 0123456789", "{step}");
        }
    }

    #[test]
    fn what_is_no_body_in_chunks() {
        for wrong in [
            &b"x\r\n"[..],
            b"-1\r\n",
            b"+1\r\na\r\n",
            b"0x1\r\na\r\n",
            b"\r\n",
            b"1\na\r\n",
            b"1\r\nab\r\n0\r\n\r\n",
            b"1\r\na\n0\r\n\r\n",
            b"ffffffffffffffff\r\n",
            b"0\r\nno field\r\n\r\n",
            b"1\rX\na",
        ] {
            assert!(body(wrong, 1).is_none() && body(wrong, 99).is_none(), "{:?}", String::from_utf8_lossy(wrong));
        }
        assert!(body(&[b'1'; 9000], 4096).is_none());
    }
}
