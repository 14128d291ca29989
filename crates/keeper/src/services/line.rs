//! A line that a service wrote, as it may be shown: what a terminal would take for an order is left out where it is whole, and
//! stands there as an escape otherwise.

use portward_model::Text;

/// The line without colours and other sequences of a terminal, and without what a carriage return would have written over.
pub fn plain_line(line: &Text) -> Text {
    let raw = line.raw();
    let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
    // A progress line is written over itself: what was written last is what would be seen.
    let raw = raw.rsplit(|byte| *byte == b'\r').next().unwrap_or(raw);
    if !raw.contains(&ESCAPE) {
        return Text::new(tabs(raw));
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.iter().position(|byte| *byte == ESCAPE) {
        let (before, sequence) = rest.split_at(at);
        out.extend_from_slice(before);
        if let Some(length) = length(sequence) {
            rest = sequence.get(length..).unwrap_or_default();
        } else {
            out.push(ESCAPE);
            rest = sequence.get(1..).unwrap_or_default();
        }
    }
    out.extend_from_slice(rest);
    Text::new(tabs(&out))
}

/// Tabs as blanks: a terminal's columns are not those of the line.
fn tabs(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    for byte in raw {
        match byte {
            b'\t' => out.extend_from_slice(b"    "),
            byte => out.push(*byte),
        }
    }
    out
}

/// The bytes of a whole sequence (ECMA-48): one of parameters (CSI), or a string up to its end (OSC and its kin).
fn length(sequence: &[u8]) -> Option<usize> {
    match sequence.get(1)? {
        b'[' => {
            let end = sequence.get(2..)?.iter().position(|byte| (0x40..=0x7e).contains(byte))?;
            let inner = sequence.get(2..2 + end)?;
            inner.iter().all(|byte| (0x20..=0x3f).contains(byte)).then_some(end + 3)
        }
        b']' | b'P' | b'X' | b'^' | b'_' => {
            let body = sequence.get(2..)?;
            let end = body.iter().position(|byte| *byte == 0x07 || *byte == ESCAPE)?;
            match body.get(end)? {
                0x07 => Some(end + 3),
                _ => (body.get(end + 1) == Some(&b'\\')).then_some(end + 4),
            }
        }
        b'(' | b')' => Some(3),
        0x30..=0x7e => Some(2),
        _ => None,
    }
}

const ESCAPE: u8 = 0x1b;

#[cfg(test)]
mod tests {
    use portward_model::Text;

    use super::plain_line;

    #[test]
    fn whole_sequences_are_left_out_and_pieces_are_seen() {
        for (line, shown) in [
            (&b"\x1b[32mready\x1b[0m in \x1b[1;38;5;7m300\x1b[m ms\r"[..], "ready in 300 ms"),
            (b"10%\r50%\r100%", "100%"),
            (b"\x1b]0;title\x07text \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "text link"),
            (b"\x1b[2J\x1b[Hgone", "gone"),
            (b"cut \x1b[3", "cut \\x1b[3"),
            (b"\x1b]0;no end", "\\x1b]0;no end"),
            (b"a\tb\x07c", "a    b\\x07c"),
            (b"\x1b", "\\x1b"),
        ] {
            assert_eq!(plain_line(&Text::new(line)).shown(), shown, "{line:?}");
        }
    }

    #[test]
    fn any_bytes_will_do() {
        for first in 0..=255u8 {
            for second in 0..=255u8 {
                plain_line(&Text::new([0x1b, first, second, 0x1b]));
            }
        }
    }
}
