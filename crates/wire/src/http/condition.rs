//! Conditional requests (RFC 9110 section 13), judged for one file.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Head;

/// What a file is known by: a strong entity tag with its quotes, and the second in which it was changed.
#[derive(Clone, Copy, Debug)]
pub struct Tag<'a> {
    /// The entity tag, such as `"1a-2b"`.
    pub etag: &'a str,
    /// When it was changed, seconds since 1970.
    pub changed: u64,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered.
    Go,
    /// The client has it already: 304.
    Same,
    /// What was to be so is not: 412.
    Failed,
}

/// Judges the conditions of a request in the order of RFC 9110 section 13.2.2, for what is there; `None` where nothing is.
pub fn judge(head: &Head<'_>, own: Option<Tag<'_>>) -> Verdict {
    let reads = matches!(head.method, "GET" | "HEAD");
    if head.field("if-match").is_some() {
        let holds = head.all("if-match").any(|list| matches(list, own, true));
        if !holds {
            return Verdict::Failed;
        }
    } else if let (Some(at), Some(own)) = (moment(head, "if-unmodified-since"), own)
        && own.changed > at
    {
        return Verdict::Failed;
    }
    if head.field("if-none-match").is_some() {
        if head.all("if-none-match").any(|list| matches(list, own, false)) {
            return if reads { Verdict::Same } else { Verdict::Failed };
        }
    } else if let (true, Some(at), Some(own)) = (reads, moment(head, "if-modified-since"), own)
        && own.changed <= at
    {
        return Verdict::Same;
    }
    Verdict::Go
}

/// True where a range may be given: the client has the rest of this very file, or says nothing of it (`If-Range`).
pub fn still(head: &Head<'_>, own: Tag<'_>) -> bool {
    let Some(field) = head.field("if-range") else { return true };
    if field.starts_with(b"\"") || field.starts_with(b"W/") {
        return field == own.etag.as_bytes();
    }
    moment(head, "if-range") == Some(own.changed)
}

/// True where a list of entity tags has this one. A weak one is the same as a strong one only where that is enough.
fn matches(list: &[u8], own: Option<Tag<'_>>, strongly: bool) -> bool {
    let Some(own) = own else { return false };
    if list.trim_ascii() == b"*" {
        return true;
    }
    // Tags hold no comma here: those of others may, and are not ours.
    list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).any(|tag| {
        let tag = if strongly { tag } else { tag.strip_prefix(b"W/").unwrap_or(tag) };
        tag == own.etag.as_bytes()
    })
}

/// A moment as seconds since 1970; what is no date is not said.
fn moment(head: &Head<'_>, field: &str) -> Option<u64> {
    let at: SystemTime = httpdate::parse_http_date(head.text(field)?).ok()?;
    at.duration_since(UNIX_EPOCH).ok().as_ref().map(Duration::as_secs)
}

#[cfg(test)]
mod tests {
    use super::{Tag, Verdict, judge, still};
    use crate::http::Head;

    const OWN: Tag<'_> = Tag { etag: "\"a\"", changed: 784_111_777 };
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    fn with<T>(method: &str, fields: &str, then: impl FnOnce(&Head<'_>) -> T) -> T {
        let text = format!("{method} / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
        then(&Head::read(text.as_bytes()).unwrap().unwrap())
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let of = |fields: &str| with("GET", fields, |head| judge(head, Some(OWN)));
        assert_eq!(of("If-None-Match: \"a\""), Verdict::Same);
        assert_eq!(of("If-None-Match: \"b\", W/\"a\""), Verdict::Same);
        assert_eq!(of("If-None-Match: *"), Verdict::Same);
        assert_eq!(of("If-None-Match: \"b\""), Verdict::Go);
        assert_eq!(of(&format!("If-Modified-Since: {THEN}")), Verdict::Same);
        assert_eq!(of(&format!("If-Modified-Since: {BEFORE}")), Verdict::Go);
        assert_eq!(of(&format!("If-None-Match: \"b\"\r\nIf-Modified-Since: {THEN}")), Verdict::Go, "the tag goes first");
        assert_eq!(of("If-Modified-Since: yesterday"), Verdict::Go);
    }

    #[test]
    fn what_was_to_be_so_and_is_not() {
        let put = |fields: &str, own| with("PUT", fields, |head| judge(head, own));
        assert_eq!(put("If-None-Match: *", Some(OWN)), Verdict::Failed);
        assert_eq!(put("If-None-Match: *", None), Verdict::Go);
        assert_eq!(put("If-Match: *", None), Verdict::Failed);
        assert_eq!(put("If-Match: \"a\"", Some(OWN)), Verdict::Go);
        assert_eq!(put("If-Match: W/\"a\"", Some(OWN)), Verdict::Failed, "a weak tag is not enough");
        assert_eq!(put(&format!("If-Unmodified-Since: {BEFORE}"), Some(OWN)), Verdict::Failed);
        assert_eq!(put(&format!("If-Unmodified-Since: {THEN}"), Some(OWN)), Verdict::Go);
    }

    #[test]
    fn the_rest_of_this_very_file() {
        let of = |field: &str| with("GET", field, |head| still(head, OWN));
        assert!(of("X: y") && of("If-Range: \"a\"") && of(&format!("If-Range: {THEN}")));
        assert!(!of("If-Range: W/\"a\"") && !of("If-Range: \"b\"") && !of(&format!("If-Range: {BEFORE}")) && !of("If-Range: x"));
    }
}
