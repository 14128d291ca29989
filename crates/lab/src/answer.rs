//! What a scene says of itself: the try, a hint, a check.

use serde::{Deserialize, Serialize};

use crate::Sight;

/// What the client of a scene met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Its kind.
    pub sight: Sight,
    /// In words, such as `connect 127.0.0.1:3000: Connection refused (os error 111)`.
    pub saw: String,
}

/// One hint of a running lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hinted {
    /// The lab.
    pub lab: String,
    /// The hint.
    pub hint: String,
    /// Which it is, from 1.
    pub number: usize,
    /// How many there are. After the last one the last one is given again.
    pub of: usize,
}

/// Whether a running lab is repaired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// The lab.
    pub lab: String,
    /// True when nothing is left to do.
    pub repaired: bool,
    /// What the try met just now.
    pub tried: Tried,
    /// What it has to meet.
    pub wanted: Sight,
    /// Services that should be alive and running and are not.
    pub missing: Vec<String>,
}
