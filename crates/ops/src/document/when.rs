//! Moments as documents carry them.

use std::borrow::Cow;

use portward_model::Moment;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment, written as RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct When(pub Moment);

impl When {
    /// The time of day, in UTC with milliseconds: what a person compares with a log.
    pub fn time(self) -> String {
        let whole = rfc3339(self.0);
        whole.get(11..23).map_or(whole.clone(), str::to_owned)
    }

    /// The seconds from this moment to a later one.
    pub fn age_s(self, now: Self) -> u64 {
        self.0.seconds_until(now.0)
    }
}

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(self.0))
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        // What no calendar holds is written as nothing.
        let at = text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond);
        if text.is_empty() { Ok(Self::default()) } else { at.map(Moment).map(Self).map_err(serde::de::Error::custom) }
    }
}

impl JsonSchema for When {
    fn schema_name() -> Cow<'static, str> {
        "When".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

/// A moment as RFC 3339 in UTC with milliseconds.
pub(crate) fn rfc3339(moment: Moment) -> String {
    jiff::Timestamp::from_millisecond(moment.0).map_or_else(|_| String::new(), |at| format!("{at:.3}"))
}
