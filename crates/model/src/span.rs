//! Spans of time as people write them.

use std::{fmt, str::FromStr, time::Duration};

/// A span of time: `500ms`, `5s`, `2m`, `1h`, or a bare number of seconds such as `0.5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let factor = match unit {
            "ms" => 0.001,
            "" | "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err("a time is a number with ms, s, m or h, such as 500ms or 5s".to_owned()),
        };
        let number: f64 = number.parse().map_err(|_| "a time is a number with ms, s, m or h, such as 500ms or 5s".to_owned())?;
        Duration::try_from_secs_f64(number * factor)
            .map(Self)
            .map_err(|_| "that time is longer than a clock can count".to_owned())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        if ms.is_multiple_of(1000) { write!(f, "{}s", ms / 1000) } else { write!(f, "{ms}ms") }
    }
}

crate::written_as_text!(Span matching r"^[0-9.]+(ms|s|m|h)?$");

#[cfg(test)]
mod tests {
    use super::Span;

    #[test]
    fn spans_parse_print_and_refuse() {
        for (given, shown) in [("5s", "5s"), ("0.5", "500ms"), ("2m", "120s"), ("1h", "3600s"), ("0", "0s")] {
            assert_eq!(given.parse::<Span>().unwrap().to_string(), shown);
        }
        for bad in ["", "s", "5d", "-1", "1e400", "9".repeat(400).as_str()] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }
}
