//! Paths below `/proc`, written without allocating, and the numbers in them.

use std::ffi::CStr;

/// A decimal number without sign; `None` for anything else.
pub(super) fn number(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

/// One part of a path below `/proc`.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    /// A pid, thread id or descriptor.
    Number(u32),
    /// Literal bytes.
    Name(&'a [u8]),
}

impl From<u32> for Part<'_> {
    fn from(number: u32) -> Self {
        Self::Number(number)
    }
}

/// A path below `/proc`, written into a buffer on the stack: the walk makes one per descriptor.
pub(super) struct Path([u8; 64]);

impl Default for Path {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl Path {
    /// The path of these parts; cut at 63 bytes, which no path below `/proc` reaches.
    pub(super) fn of(&mut self, parts: &[Part]) -> &CStr {
        let mut length = 0;
        let mut push = |bytes: &[u8]| {
            if let Some(room) = self.0.get_mut(length..length + bytes.len()) {
                room.copy_from_slice(bytes);
                length += bytes.len();
            }
        };
        for part in parts {
            match part {
                Part::Name(name) => push(name),
                Part::Number(number) => {
                    let mut digits = [0u8; 10];
                    let mut start = digits.len();
                    let mut rest = *number;
                    while let Some(digit) = start.checked_sub(1).and_then(|at| digits.get_mut(at)) {
                        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
                        start -= 1;
                        rest /= 10;
                        if rest == 0 {
                            break;
                        }
                    }
                    push(digits.get(start..).unwrap_or_default());
                }
            }
        }
        if let Some(end) = self.0.get_mut(length.min(63)) {
            *end = 0;
        }
        CStr::from_bytes_until_nul(&self.0).unwrap_or(c"")
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, Path};

    #[test]
    fn paths_are_written_whole() {
        let mut path = Path::default();
        assert_eq!(
            path.of(&[4_294_967_295.into(), Part::Name(b"/task/"), 0.into(), Part::Name(b"/fd")]),
            c"4294967295/task/0/fd"
        );
        assert_eq!(path.of(&[7.into()]), c"7");
    }
}
