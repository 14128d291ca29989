//! The nouns of Portward: plain data with invariants, and no effects.
//!
//! This crate knows what an endpoint, a socket, an owner and a gap are. It performs no I/O, reads no
//! clock and no environment, and therefore cannot fail for outside reasons. Everything that is text from
//! another process enters through [`Text`], which remembers that it is hostile; every command line
//! enters through [`CommandLine`], which cannot hold a secret.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::disallowed_methods, clippy::disallowed_types))]

mod address;
mod caller;
mod endpoint;
mod examination;
mod failure;
mod finding;
mod gap;
mod grammar;
mod hint;
mod host;
mod loan;
mod own;
mod owner;
pub mod plan;
mod port;
mod process;
mod project;
mod reach;
mod removal;
mod request;
mod rules;
mod secret;
mod sentence;
mod shell;
mod snapshot;
mod socket;
mod span;
mod text;
mod time;
mod word;
mod worded;
pub mod work;
mod written;

pub use address::{AddressClass, Family, Scope, unmap};
pub use caller::Caller;
pub use endpoint::{Endpoint, EndpointError, EndpointHost, is_localhost};
pub use examination::{
    Attempt, BindTry, Counters, Declined, DialTarget, Ended, Errand, Examination, Exchange, FileKind, FirewallRule, FolderFacts,
    HostsLine, Learnt, MemoryPressure, Mention, MentionKind, Met, Moved, NetworkSettings, Observed, ObservedConnect, PathFacts,
    ProxySetting, RuleVerdict, Said, Sample, Thread, Told, Topic, Vitals,
};
pub use failure::{Failure, Kind, capitalised, plural};
pub use finding::{Edit, Effect, Evidence, Finding, Likelihood, Means, Place, Remedy, Severity, Status, Who};
pub use gap::{Gap, Lack, Need, Seen};
pub use grammar::{Grammar, Item, Items, Runs};
pub use hint::Hint;
pub use host::{HostFacts, Interface, InterfaceAddress, Namespace, PortRules, Route, Users};
pub use loan::{Loan, Standing};
pub use own::Own;
pub use owner::{Ancestor, Container, Holding, Project, Supervisor, SupervisorKind, Via};
pub use port::{PortClass, PortRange, PortRangeError};
pub use process::{Process, ProcessId, ProcessState, Signal};
pub use project::{FolderMark, ProjectIdentity};
pub use reach::{Reach, Shared, Way};
pub use removal::Removal;
pub use request::{SafeMethod, SafeRequest};
pub use rules::{Manner, Rules};
pub use secret::{CommandLine, masked_line};
pub use sentence::Sentence;
pub use shell::{ShellLine, holes};
pub use snapshot::{Resolution, Snapshot};
pub use socket::{Queue, Socket, SocketFile, SocketId, SocketName, SocketOptions, SocketState, Traffic, Transport};
pub use span::Span;
pub use text::{Text, acts, inert};
pub use time::Moment;
pub use word::Word;
