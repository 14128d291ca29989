//! What a scene says of itself: the try, a hint, a check.

use schemars::JsonSchema;
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

/// A hint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "HintDocument")]
pub struct Hinted {
    /// The lab.
    pub lab: String,
    /// The hint.
    pub text: String,
    /// Which it is, from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
}

/// How it stands with a repair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CheckDocument")]
pub struct Checked {
    /// The lab.
    pub lab: String,
    /// True when nothing is left to do.
    pub repaired: bool,
    /// What a try met just now.
    pub sight: Sight,
    /// The same in words.
    pub saw: String,
    /// What a try has to meet.
    pub wanted: Sight,
    /// Services that should be alive and running and are not.
    pub missing: Vec<String>,
}
