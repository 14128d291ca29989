//! Words of a shell's line.

use std::{borrow::Cow, net, path::Path};

use crate::{ShellLine, Text};

/// A text as one word for `sh`, `bash`, `zsh` and `fish`.
///
/// Single quotes mean the same to all four, but for a backslash between them, which is one of two to fish: it stands outside, as the
/// quote itself does.
pub(crate) fn quote(plain: &str) -> Cow<'_, str> {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"_-./:@+,%=".contains(&b);
    // `=x` is a path to zsh, `%x` a job.
    if !plain.is_empty() && plain.bytes().all(safe) && !plain.starts_with(['=', '%']) {
        return plain.into();
    }
    let mut out = String::from("'");
    for c in plain.chars() {
        match c {
            '\'' => out.push_str("'\\''"),
            '\\' => out.push_str("'\\\\'"),
            c => out.push(c),
        }
    }
    out.push('\'');
    out.into()
}

/// What may stand in a hole.
pub trait Word {
    /// It as one word.
    fn word(&self) -> Text;

    /// As a hint says it: as one word, typed or not.
    fn said(&self) -> String {
        let text = self.word();
        text.plain().map_or_else(|| format!("'{}'", text.shown().replace('\'', "'\\''")), |plain| quote(plain).into_owned())
    }
}

impl<T: Word + ?Sized> Word for &T {
    fn word(&self) -> Text {
        (**self).word()
    }

    fn said(&self) -> String {
        (**self).said()
    }
}

impl Word for Path {
    fn word(&self) -> Text {
        Text::new(self.as_os_str().as_encoded_bytes())
    }
}

impl Word for Text {
    fn word(&self) -> Text {
        self.clone()
    }
}

/// A line that stands in a hint is there already.
impl Word for ShellLine {
    fn word(&self) -> Text {
        Text::from(self.line())
    }

    fn said(&self) -> String {
        self.line().to_owned()
    }
}

macro_rules! words {
    ($($kind:ty),*) => {$(
        impl Word for $kind {
            fn word(&self) -> Text {
                Text::new(self.to_string())
            }
        }
    )*};
}

words!(str, String, Cow<'_, str>, u16, u32, u64, usize, i32, net::IpAddr, net::Ipv4Addr, net::Ipv6Addr, net::SocketAddr);
