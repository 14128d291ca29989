//! A bind as a question, the sockets that stand in its way, and its answer.
//!
//! Answered from the kernel's own rules (`inet_bind`, `inet_csk_get_port`, `udp_lib_get_port`,
//! `inet_rcv_saddr_equal`; `ip(7)`, `socket(7)`) and one snapshot, for the reader's own network namespace.
//! What decides and cannot be seen, such as the options of another program's socket, makes the answer
//! [`Verdict::Depends`], never a guess.
//!
//! The causes that refuse it are among all others, in `cause`.

pub(crate) mod conflict;
mod overlap;
mod question;
mod tried;
pub(crate) mod words;

use portward_model::{Finding, Likelihood};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use question::View;
pub use question::{BindHost, BindQuestion};
pub use tried::Bound;

/// The code of a bind that the kernel refused for no reason that could be seen.
pub const UNEXPLAINED: &str = "bind-refused";

/// Whether a bind would succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing that was seen refuses it.
    Succeeds,
    /// The kernel refuses it.
    Refused,
    /// It depends on something that could not be seen; the causes say on what.
    Depends,
}

/// The answer to a [`BindQuestion`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BindAnswer {
    /// Whether it would succeed.
    pub verdict: Verdict,
    /// Why not, most certain first; empty when it would succeed.
    pub causes: Vec<Finding>,
    /// The rules that apply to the port and the options that the answer assumes, one sentence each.
    pub rules: Vec<String>,
}

impl BindAnswer {
    /// Yes, no, or `None` where it depends on something that could not be seen.
    pub fn possible(&self) -> Option<bool> {
        match self.verdict {
            Verdict::Succeeds => Some(true),
            Verdict::Refused => Some(false),
            Verdict::Depends => None,
        }
    }

    /// The verdict as one sentence.
    pub fn sentence(&self) -> &'static str {
        match self.verdict {
            Verdict::Succeeds => "A bind would succeed now.",
            Verdict::Refused => "A bind would be refused.",
            Verdict::Depends if self.causes.iter().any(|cause| cause.likelihood == Likelihood::Likely) => {
                "A bind would likely be refused."
            }
            Verdict::Depends => "A bind may be refused.",
        }
    }
}
