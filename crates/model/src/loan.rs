//! Real ports that are lent.

use serde::{Deserialize, Serialize};

/// A real port, and the port of a project that it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Loan {
    /// The real port, such as 3000.
    pub port: u16,
    /// Where the project serves it, such as 20300.
    pub target: u16,
}

/// What became of a loan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The forwarder listens on the real port.
    Lent,
    /// Nothing listens on the target, so the real port is left alone.
    Unserved,
    /// A program has the real port; it keeps it.
    Held,
    /// The kernel does not let this user have the port.
    Denied,
    /// The system refused for another reason, by this error number.
    Failed(i32),
}
