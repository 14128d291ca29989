//! Answers of HTTP/1.x, read no further than a cause needs.

use portward_model::Exchange;

use super::has;

/// An answer of HTTP/1.x.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpAnswer<'a> {
    /// Its status.
    pub(crate) status: u16,
    bytes: &'a [u8],
}

impl<'a> HttpAnswer<'a> {
    /// The answer in these bytes; `None` where they are none.
    pub(crate) fn of(exchange: &'a Exchange) -> Option<Self> {
        let bytes = exchange.heard.raw();
        let rest = bytes.strip_prefix(b"HTTP/1.")?;
        let status = std::str::from_utf8(rest.get(2..5)?).ok()?.parse().ok()?;
        Some(Self { status, bytes })
    }

    /// A header's value, by its name in any case.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let head = self.bytes.split(|byte| *byte == b'\n').skip(1).take_while(|line| !line.trim_ascii().is_empty());
        for line in head {
            let Some(at) = line.iter().position(|byte| *byte == b':') else { continue };
            let (found, value) = line.split_at(at);
            if found.trim_ascii().eq_ignore_ascii_case(name.as_bytes()) {
                return Some(String::from_utf8_lossy(value.get(1..).unwrap_or_default().trim_ascii()).into_owned());
            }
        }
        None
    }

    /// True when the answer, head or body, holds these words in any case.
    pub(crate) fn has(&self, words: &str) -> bool {
        has(self.bytes, words)
    }
}
