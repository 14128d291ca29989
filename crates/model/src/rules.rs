//! How a session treats its programs.

use serde::{Deserialize, Serialize};

/// How a session treats its programs' addresses. The default is the rule: the address stays, the port moves, the socket is
/// pinned to `lo`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// Let the network reach what listens: nothing is pinned, and addresses of interfaces stay.
    pub exposes: bool,
    /// Leave ports as they are asked for.
    pub keeps_ports: bool,
    /// Give it a network of its own, in which all stays as it is asked for, and doors between that and the real localhost.
    pub isolates: bool,
}

/// How a session treats its programs beside that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manner {
    /// Refuse a bind whose leased port a stranger has, where otherwise another port is given for as long as the session lives.
    pub strict: bool,
    /// Answer programs that ask for their own port with the one that they asked for.
    pub as_asked: bool,
}
