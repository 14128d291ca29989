//! A moment in time, as plain data.

use serde::{Deserialize, Serialize};

/// A wall-clock moment: milliseconds since 1970-01-01T00:00:00Z.
///
/// Start times of processes come from clock ticks since boot and are exact to 10 ms (`proc(5)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub i64);

impl Moment {
    /// Whole seconds from this moment to a later one; 0 when `later` is not later.
    pub fn seconds_until(self, later: Self) -> u64 {
        u64::try_from(later.0.saturating_sub(self.0) / 1000).unwrap_or(0)
    }
}
