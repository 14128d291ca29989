//! Programs around an endpoint: what they were told, how they come and go, and what one did that was run under observation.

use serde::{Deserialize, Serialize};

use super::{DialTarget, ProxySetting};
use crate::Text;

/// That a process was told to serve the asked port, beside its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The process.
    pub pid: u32,
    /// Where it stands: `/proc/4121/environ`, or the file and line of its script, `/srv/shop/server.js:12`.
    pub source: Text,
    /// What stands there: `PORT=3000`, or the line, masked.
    pub text: Text,
}

/// That a program serves one client by its own text and ends: a login that waits for its callback, an example of a manual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// The process.
    pub pid: u32,
    /// The file and line of its script: `/srv/login.py:12`.
    pub source: Text,
    /// The line, masked.
    pub text: Text,
}

/// That a program in a project's own localhost asked for the port, and serves another one outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The port that clients outside dial.
    pub port: u16,
    /// The service, as its session calls it.
    pub service: Text,
    /// The project's name; empty for what runs outside any.
    pub project: Text,
    /// The project's root; empty for what runs outside any.
    pub root: Text,
    /// The process that serves it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// True where it is the project of whoever asks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub here: bool,
}

/// One look at the endpoint while it was watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Milliseconds since the watch began.
    pub at_ms: u64,
    /// Pids of the processes that hold a listener there; empty when there is none.
    pub listeners: Vec<u32>,
    /// True when some socket listens there, its holder seen or not.
    pub listening: bool,
    /// Children that one and the same parent had at this time and that name the port or its project: (parent, child).
    pub children: Vec<(u32, u32)>,
}

/// What a client did that was run under observation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Its exit code; 128 and the signal's number where a signal ended it; `None` when it was ended after its time.
    pub code: Option<i32>,
    /// The connects that it made, in order, at most 64.
    pub connects: Vec<ObservedConnect>,
    /// The last of what it printed, at most 64 KiB.
    pub printed: Text,
    /// Proxies that its environment names.
    pub proxies: Vec<ProxySetting>,
    /// True when its connects could be noted; false where it ran unobserved, as inside another observer.
    #[serde(default)]
    pub watched: bool,
}

/// One connect of an observed client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedConnect {
    /// Its process.
    pub pid: u32,
    /// Where to.
    pub at: DialTarget,
    /// The error number; `Some(0)` when it succeeded; `None` when its end was not seen, or when this machine refused it
    /// before anything was sent. A SYN that was answered by a refusal counts as 111 (`ECONNREFUSED`), whoever sent it.
    pub errno: Option<i32>,
}
