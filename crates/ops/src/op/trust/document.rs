//! What `trust` answers.

use portward_model::{Sentence, ShellLine, Text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{document::Gap, op::serve::Certified};

/// What became of an authority in each place, and what programs believe.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TrustAnswer {
    /// What was asked for.
    pub asked: Trusted,
    /// The authority; none where there is none yet, and with --remove all that there were.
    pub authorities: Vec<Authorities>,
    /// Each place, and what was done there.
    pub steps: Vec<Step>,
    /// With --check: each program that is installed and judges certificates.
    pub verifiers: Vec<TriedVerifier>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trusted {
    /// To trust it.
    Trust,
    /// To say what that would do.
    Look,
    /// To say what programs believe.
    Check,
    /// To take it back.
    Remove,
    /// To say what that would do.
    LookRemove,
}

/// A certificate authority of this user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Authorities {
    /// What it is called in lists of authorities.
    pub name: Text,
    /// Its certificate.
    #[serde(flatten)]
    pub certified: Certified,
}

/// A place, and what was done there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// What kind of place it is.
    pub kind: StoreKind,
    /// The place: a folder, a file.
    pub place: Text,
    /// What was done.
    pub outcome: Outcome,
    /// Where it could not be done: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Sentence>,
    /// Where it could not be done: the command that would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<ShellLine>,
}

/// A kind of place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StoreKind {
    /// The system's store.
    System,
    /// A database of a browser.
    Nss,
    /// Java's store.
    Java,
    /// Variables that `run` and `up` set.
    Variables,
    /// The authority's own key.
    Key,
}

/// What was done in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It had been done before.
    WasDone,
    /// It would be done.
    Would,
    /// There was nothing to do it to.
    NotThere,
    /// It could not be done.
    CouldNot,
}

/// A program, and what it believes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TriedVerifier {
    /// The program.
    pub name: String,
    /// What it says to a certificate for localhost, with the variables of who asks.
    pub outside: Opinion,
    /// The same with the variables that `run` and `up` set; left out where those are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<Opinion>,
    /// What it says to one for example.com, which the authority may not sign.
    pub foreign: Opinion,
    /// In its own words, why it did not accept the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Text>,
}

/// What a program says to a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Opinion {
    /// It connected.
    Accepts,
    /// It did not, because of the certificate.
    Refuses,
    /// It said something else.
    Unknown,
}
