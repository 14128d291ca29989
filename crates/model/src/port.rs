//! Port numbers, their classes and ranges.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The three ranges of RFC 6335 section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PortClass {
    /// 0-1023, assigned by IANA under strict review.
    System,
    /// 1024-49151, assigned by IANA on request.
    User,
    /// 49152-65535, never assigned: for private and temporary use.
    Dynamic,
}

impl PortClass {
    /// The class that a port number lies in.
    pub fn of(port: u16) -> Self {
        match port {
            0..=1023 => Self::System,
            1024..=49151 => Self::User,
            49152..=65535 => Self::Dynamic,
        }
    }

    /// The bounds of the class, both included.
    pub fn range(self) -> PortRange {
        match self {
            Self::System => PortRange { first: 0, last: 1023 },
            Self::User => PortRange { first: 1024, last: 49151 },
            Self::Dynamic => PortRange { first: 49152, last: 65535 },
        }
    }
}

/// A run of ports, both ends included. `3000` alone is a range of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PortRange {
    /// The lowest port of the range.
    pub first: u16,
    /// The highest port of the range; never below `first`.
    pub last: u16,
}

impl PortRange {
    /// True when the port lies in the range.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

/// Why a text is no port range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRangeError(String);

impl fmt::Display for PortRangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PortRangeError {}

impl FromStr for PortRange {
    type Err = PortRangeError;

    fn from_str(text: &str) -> Result<Self, PortRangeError> {
        let number = |part: &str| {
            part.parse::<u16>().ok().filter(|_| part.bytes().all(|b| b.is_ascii_digit())).ok_or_else(|| {
                PortRangeError("a port range is one port or two joined by a dash, each 0 to 65535, such as 3000-3999".to_owned())
            })
        };
        let (first, last) = match text.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(text)?, number(text)?),
        };
        if last < first {
            return Err(PortRangeError(format!("the range {first}-{last} runs backwards; did you mean {last}-{first}?")));
        }
        Ok(Self { first, last })
    }
}

#[cfg(test)]
mod tests {
    use super::{PortClass, PortRange};

    #[test]
    fn classes_meet_without_a_hole() {
        let mut next = 0u32;
        for class in [PortClass::System, PortClass::User, PortClass::Dynamic] {
            let range = class.range();
            assert_eq!(u32::from(range.first), next);
            assert_eq!(PortClass::of(range.first), class);
            assert_eq!(PortClass::of(range.last), class);
            next = u32::from(range.last) + 1;
        }
        assert_eq!(next, 65536);
    }

    #[test]
    fn ranges_parse_and_refuse() {
        assert_eq!("3000-3999".parse(), Ok(PortRange { first: 3000, last: 3999 }));
        assert_eq!("80".parse(), Ok(PortRange { first: 80, last: 80 }));
        for bad in ["", "-", "3000-", "3999-3000", "70000", "+80", "a-b", "1-2-3"] {
            assert!(bad.parse::<PortRange>().is_err(), "{bad}");
        }
    }
}
