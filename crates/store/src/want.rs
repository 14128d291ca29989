//! What people type for a lease: the port that programs ask for, or a name.

use std::{fmt, str::FromStr};

use super::leases::Want;

/// A port that programs ask for, or a name: `3000`, `web`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The port that programs ask for.
    Asked(u16),
    /// A name.
    Name(LeaseName),
}

/// A name of a lease: letters, digits, `-`, `_` and `.`, with something other than digits in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseName(String);

impl LeaseName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Wanted {
    /// What to ask the store for.
    pub fn want(&self) -> Want<'_> {
        match self {
            Self::Asked(asked) => Want { asked: Some(*asked), name: None },
            Self::Name(name) => Want { asked: None, name: Some(name.as_str()) },
        }
    }
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().map(Self::Name);
        }
        match text.parse::<u16>() {
            Ok(0) => Err("port 0 means \"any free port\", and cannot be leased; portward port --free gives one".to_owned()),
            Ok(port) => Ok(Self::Asked(port)),
            Err(_) => Err(format!("{text} is no port; ports are 1-65535")),
        }
    }
}

impl FromStr for LeaseName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let begins = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        if !begins || text.len() > LONGEST || !text.bytes().all(plain) {
            return Err(format!(
                "a name is up to {LONGEST} letters, digits, '-', '_' and '.', and begins with a letter or digit"
            ));
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return Err("a name of digits alone would be taken for a port".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked(port) => port.fmt(f),
            Self::Name(name) => f.write_str(&name.0),
        }
    }
}

impl fmt::Display for LeaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

portward_model::written_as_text!(Wanted, LeaseName);

/// As long as a label of a host name (RFC 1035): a name may become one.
const LONGEST: usize = 63;

#[cfg(test)]
mod tests {
    use super::{LeaseName, Wanted};

    #[test]
    fn ports_and_names_are_told_apart() {
        assert_eq!("3000".parse(), Ok(Wanted::Asked(3000)));
        assert!(matches!("web".parse(), Ok(Wanted::Name(_))));
        assert!(matches!("3000-web_1.x".parse(), Ok(Wanted::Name(_))));
        let long = "x".repeat(64);
        for wrong in ["", "0", "65536", "99999999999999999999", "-x", "a b", "a/b", "ä", "\u{1b}[31m", long.as_str()] {
            assert!(wrong.parse::<Wanted>().is_err(), "{wrong:?}");
        }
        assert!("3000".parse::<LeaseName>().is_err());
    }
}
