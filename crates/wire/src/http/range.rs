//! `Range` (RFC 9110 section 14).

use super::head::number;

/// What of a file is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ranges {
    /// All of it.
    Whole,
    /// None of it is there.
    Nothing,
    /// These pieces, in the order in which they were asked for: first byte and length, never empty.
    Pieces(Vec<(u64, u64)>),
}

/// Reads the field, for a file of so many bytes. What is no range of bytes, asks for many pieces or for more bytes than there are is
/// answered with the whole (RFC 9110 section 14.2 leaves that to the server).
pub fn ranges(field: &[u8], size: u64) -> Ranges {
    let Some((unit, list)) = field.split_once_equals() else { return Ranges::Whole };
    if !unit.eq_ignore_ascii_case(b"bytes") {
        return Ranges::Whole;
    }
    let (mut pieces, mut total) = (Vec::new(), 0_u64);
    for range in list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|range| !range.is_empty()) {
        let Some(dash) = range.iter().position(|byte| *byte == b'-') else { return Ranges::Whole };
        let (left, right) = (range.get(..dash).unwrap_or_default(), range.get(dash + 1..).unwrap_or_default());
        let piece = match (number(left), number(right)) {
            (Some(from), None) if right.is_empty() => (from < size).then(|| (from, size - from)),
            (Some(from), Some(to)) if from <= to => (from < size).then(|| (from, to.min(size - 1) - from + 1)),
            (None, Some(tail)) if left.is_empty() => {
                let count = tail.min(size);
                (count > 0).then(|| (size - count, count))
            }
            _ => return Ranges::Whole,
        };
        if let Some(piece) = piece {
            total = total.saturating_add(piece.1);
            pieces.push(piece);
        }
        if pieces.len() > MOST_PIECES {
            return Ranges::Whole;
        }
    }
    match pieces.len() {
        0 => Ranges::Nothing,
        2.. if total > size => Ranges::Whole,
        _ => Ranges::Pieces(pieces),
    }
}

trait SplitOnce {
    fn split_once_equals(&self) -> Option<(&[u8], &[u8])>;
}

impl SplitOnce for [u8] {
    fn split_once_equals(&self) -> Option<(&[u8], &[u8])> {
        let at = self.iter().position(|byte| *byte == b'=')?;
        Some((self.get(..at)?.trim_ascii(), self.get(at + 1..)?))
    }
}

/// Pieces that are given in one answer.
const MOST_PIECES: usize = 16;

#[cfg(test)]
mod tests {
    use super::{Ranges, ranges};

    #[test]
    fn pieces_of_a_file() {
        let of = |field: &str| ranges(field.as_bytes(), 100);
        let pieces = |list: &[(u64, u64)]| Ranges::Pieces(list.to_vec());
        assert_eq!(of("bytes=0-9"), pieces(&[(0, 10)]));
        assert_eq!(of("bytes=90-"), pieces(&[(90, 10)]));
        assert_eq!(of("bytes=-5"), pieces(&[(95, 5)]));
        assert_eq!(of("bytes=-500"), pieces(&[(0, 100)]));
        assert_eq!(of("Bytes=99-200"), pieces(&[(99, 1)]));
        assert_eq!(of("bytes=0-0, 5-6 ,-1"), pieces(&[(0, 1), (5, 2), (99, 1)]));
        assert_eq!(of("bytes=0-1,200-300"), pieces(&[(0, 2)]));
    }

    #[test]
    fn what_is_not_there_and_what_is_no_range() {
        for nothing in ["bytes=100-", "bytes=100-200,300-", "bytes=-0", "bytes="] {
            assert_eq!(ranges(nothing.as_bytes(), 100), Ranges::Nothing, "{nothing}");
        }
        assert_eq!(ranges(b"bytes=0-", 0), Ranges::Nothing);
        let many = format!("bytes={}", "0-0,".repeat(17));
        for whole in ["lines=1-2", "bytes", "bytes=5-2", "bytes=a-b", "bytes=-", "bytes=1", "bytes=0-99,0-99", &many] {
            assert_eq!(ranges(whole.as_bytes(), 100), Ranges::Whole, "{whole}");
        }
        assert_eq!(ranges(b"bytes=0-99999999999999999999", 100), Ranges::Whole);
    }
}
