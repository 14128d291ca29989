//! The signal that asks a process to end, as people write it.

use std::{fmt, str::FromStr};

use portward_model::{Signal, Text};

/// A signal that may end a process: `TERM`, `SIGTERM` or `15`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending(pub Signal);

impl Default for Ending {
    fn default() -> Self {
        Self(Signal::Term)
    }
}

impl FromStr for Ending {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.trim().to_ascii_uppercase();
        let name = name.strip_prefix("SIG").unwrap_or(&name);
        let named = |(words, _): &&([&str; 2], Signal)| words.contains(&name);
        SIGNALS.iter().find(named).map(|(_, signal)| Self(*signal)).ok_or_else(|| {
            format!("`{}` is no signal that ends a process; there are TERM, INT, HUP, QUIT and KILL", Text::from(text))
        })
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.name();
        f.write_str(name.strip_prefix("SIG").unwrap_or(name))
    }
}

portward_model::written_as_text!(Ending);

/// By name and number (`signal(7)`).
const SIGNALS: &[([&str; 2], Signal)] = &[
    (["TERM", "15"], Signal::Term),
    (["INT", "2"], Signal::Interrupt),
    (["HUP", "1"], Signal::HangUp),
    (["QUIT", "3"], Signal::Quit),
    (["KILL", "9"], Signal::Kill),
];

#[cfg(test)]
mod tests {
    use portward_model::Signal;

    use super::Ending;

    #[test]
    fn signals_by_name_and_number() {
        for (text, signal) in
            [("TERM", Signal::Term), ("sigint", Signal::Interrupt), ("9", Signal::Kill), ("SIGHUP", Signal::HangUp)]
        {
            assert_eq!(text.parse(), Ok(Ending(signal)));
        }
        for bad in ["", "STOP", "CONT", "0", "15x"] {
            assert!(bad.parse::<Ending>().is_err(), "{bad}");
        }
        assert_eq!(Ending::default().to_string(), "TERM");
    }
}
