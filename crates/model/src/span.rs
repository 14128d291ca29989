//! Spans of time as people write them.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

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

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Span".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": r"^[0-9.]+(ms|s|m|h)?$" })
    }
}

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
