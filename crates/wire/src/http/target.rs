//! The target of a request: the path of a file in it, taken apart once.

/// What a target names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The path, decoded, without a slash at either end: `a/b`; empty for the root. It has no empty part, no `.` and no `..`.
    pub path: Vec<u8>,
    /// True where it ends in a slash, as a folder's does.
    pub is_folder: bool,
    /// True where a part of it begins with a dot; `.well-known` (RFC 8615) is meant to be seen.
    pub is_hidden: bool,
    /// The query, as it was sent.
    pub query: &'a str,
    /// The host, where the target names one.
    pub host: Option<&'a str>,
}

/// Why a target names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadTarget {
    /// It is no path.
    Form,
    /// A `%` without two digits behind it.
    Escape,
    /// A byte of zero, which no name has.
    Zero,
    /// A `..`: where it leads is for the client to say.
    Above,
}

impl<'a> Target<'a> {
    /// Reads a target in origin or absolute form (RFC 9112 section 3.2). What is escaped twice is a name with a `%` in it.
    ///
    /// # Errors
    /// Why it names nothing.
    pub fn read(text: &'a str) -> Result<Self, BadTarget> {
        let (host, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") => {
                let end = rest.find(['/', '?']).unwrap_or(rest.len());
                let (host, rest) = rest.split_at_checked(end).ok_or(BadTarget::Form)?;
                (Some(host), if rest.starts_with('/') { rest } else { "/" })
            }
            _ => (None, text),
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if !path.starts_with('/') || path.contains('#') {
            return Err(BadTarget::Form);
        }
        let bytes = decoded(path)?;
        let is_folder = bytes.ends_with(b"/") || bytes.ends_with(b"/.");
        let (mut own, mut is_hidden) = (Vec::with_capacity(bytes.len()), false);
        for part in bytes.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => continue,
                b".." => return Err(BadTarget::Above),
                _ => {}
            }
            is_hidden |= part.starts_with(b".") && part != b".well-known";
            if !own.is_empty() {
                own.push(b'/');
            }
            own.extend_from_slice(part);
        }
        Ok(Self { path: own, is_folder, is_hidden, query, host })
    }

    /// What a key has in the query, undecoded.
    pub fn asked(&self, key: &str) -> Option<&'a str> {
        self.query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
    }
}

fn decoded(path: &str) -> Result<Vec<u8>, BadTarget> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let byte = if byte == b'%' {
            let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16)).ok_or(BadTarget::Escape);
            u8::try_from(digit()? << 4 | digit()?).map_err(|_| BadTarget::Escape)?
        } else {
            byte
        };
        if byte == 0 {
            return Err(BadTarget::Zero);
        }
        bytes.push(byte);
    }
    Ok(bytes)
}

/// A path as it may stand in a link or a field: every byte but letters, digits, `-._~` and `/` is escaped.
pub fn encoded(path: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().map_or('0', char::from);
    let mut text = String::with_capacity(path.len());
    for byte in path {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => text.push(char::from(*byte)),
            _ => text.extend(['%', digit(byte >> 4), digit(byte & 0xf)]),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{BadTarget, Target, encoded};

    #[test]
    fn paths_are_taken_apart_once() {
        let read = |text: &'static str| Target::read(text).unwrap();
        assert_eq!(read("/").path, b"");
        assert_eq!(read("/a//b/./c").path, b"a/b/c");
        assert_eq!(read("/%61%2fb").path, b"a/b");
        assert!(read("/a/").is_folder && !read("/a").is_folder && read("/a/.").is_folder);
        assert_eq!(read("/%252e%252e/x").path, b"%2e%2e/x");
        assert_eq!(read("/..%5cx").path, b"..\\x");
        assert_eq!(read("/%ff%0a").path, b"\xff\n");
        assert_eq!(read("/a+b").path, b"a+b");
        assert!(read("/.git/config").is_hidden && read("/a/%2eenv").is_hidden);
        assert!(!read("/.well-known/x").is_hidden && read("/.well-known/.x").is_hidden);
        let absolute = read("http://localhost:1/a?b=c&d=e");
        assert_eq!((absolute.host, &absolute.path[..], absolute.asked("d")), (Some("localhost:1"), &b"a"[..], Some("e")));
        assert_eq!(read("http://localhost").path, b"");
    }

    #[test]
    fn what_leaves_the_folder_names_nothing() {
        for above in ["/..", "/../x", "/a/../b", "/%2e%2e/x", "/%2E./x", "/a%2f..%2fb", "/.%2e"] {
            assert_eq!(Target::read(above), Err(BadTarget::Above), "{above}");
        }
        assert_eq!(Target::read("/%00"), Err(BadTarget::Zero));
        for escape in ["/%", "/%1", "/%zz", "/%+1"] {
            assert_eq!(Target::read(escape), Err(BadTarget::Escape), "{escape}");
        }
        for form in ["", "*", "a", "ftp://x/", "localhost:80", "/a#b"] {
            assert_eq!(Target::read(form), Err(BadTarget::Form), "{form}");
        }
    }

    #[test]
    fn a_written_path_is_read_back() {
        let all: Vec<u8> = (1..=255).filter(|byte| *byte != b'/').collect();
        let text = format!("/x{}", encoded(&all));
        assert_eq!(Target::read(&text).unwrap().path, [b"x", &all[..]].concat());
        assert_eq!(encoded(b"a b\"<>&'"), "a%20b%22%3C%3E%26%27");
    }
}
