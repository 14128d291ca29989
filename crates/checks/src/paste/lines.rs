//! Lines out of any bytes: escapes and control bytes taken out, other encodings read as far as they go.

/// The longest piece of a line that is read at once, in characters.
const PIECE: usize = 4096;

/// A readable piece of a line and the line's number, from 1.
pub(super) struct Line {
    pub(super) number: u32,
    pub(super) text: String,
}

/// Calls `read` with each line, in order. A line that a carriage return rewrites, or that is very long, comes in pieces
/// of the same number.
pub(super) fn each_line(text: &[u8], mut read: impl FnMut(&Line)) {
    let mut line = Line { number: 1, text: String::new() };
    let mut length = 0;
    let text = String::from_utf8_lossy(text);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\r' => {
                let again = c == '\r' && chars.peek() != Some(&'\n');
                let whole = c == '\r' && !again;
                if !whole {
                    read(&line);
                    line.text.clear();
                    length = 0;
                    line.number = line.number.saturating_add(u32::from(!again));
                }
            }
            '\x1b' | '\u{9b}' | '\u{9d}' => skip_escape(c, &mut chars),
            '\t' => line.text.push(' '),
            c if c.is_control() || c == '\u{feff}' => {}
            c => {
                line.text.push(c);
                length += 1;
                if length >= PIECE {
                    read(&line);
                    line.text.clear();
                    length = 0;
                }
            }
        }
    }
    read(&line);
}

/// Passes over one terminal escape (ECMA-48): CSI up to its final byte, a string up to BEL or ST, else one character.
/// An escape never reaches over the end of its line.
fn skip_escape(first: char, chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let kind = match first {
        '\u{9b}' => Some('['),
        '\u{9d}' => Some(']'),
        _ => chars.next_if(|c| *c != '\n' && *c != '\r'),
    };
    match kind {
        Some('[') => {
            while chars.next_if(|c| ('\x20'..='\x3f').contains(c)).is_some() {}
            let _ = chars.next_if(|c| ('\x40'..='\x7e').contains(c));
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = chars.next_if(|c| !matches!(c, '\n' | '\r')) {
                if c == '\x07' || c == '\u{9c}' {
                    return;
                }
                if c == '\x1b' {
                    let _ = chars.next_if_eq(&'\\');
                    return;
                }
            }
        }
        Some('(' | ')' | '#' | '%') => {
            let _ = chars.next_if(|c| !matches!(c, '\n' | '\r'));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::each_line;

    fn lines(text: &[u8]) -> Vec<(u32, String)> {
        let mut found = Vec::new();
        each_line(text, |line| found.push((line.number, line.text.clone())));
        found
    }

    #[test]
    fn escapes_and_control_bytes_vanish() {
        let text = b"\x1b[31mcurl\x1b[0m: \x07no\x1b]8;;http://x\x1b\\link\x1b]8;;\x07\r\nsecond\rthird\n";
        let expected = [(1, "curl: nolink"), (2, "second"), (2, "third"), (3, "")];
        assert_eq!(lines(text), expected.map(|(number, text)| (number, text.to_owned())));
    }

    #[test]
    fn other_encodings_are_read_as_far_as_they_go() {
        assert_eq!(lines(b"\xff\xfec\0u\0r\0l\0"), [(1, "\u{fffd}\u{fffd}curl".to_owned())]);
        assert_eq!(lines(b"caf\xe9"), [(1, "caf\u{fffd}".to_owned())]);
    }

    #[test]
    fn long_lines_come_in_pieces() {
        let pieces = lines(&[b'x'; 10_000]);
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().all(|(number, _)| *number == 1));
    }
}
