//! Pure reasoning from one reading of a machine.
//!
//! Every function here is a pure function of a [`portward_model::Snapshot`] or of parts of one: no I/O, no
//! clock, no environment. It knows what a port and an address are for people, who can reach a socket, how
//! a holder came by it, why a process runs and whether a bind would succeed. Where a fact is out of reach
//! the answer says so; nothing here guesses, and nothing panics on any input.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::disallowed_methods, clippy::disallowed_types))]
#![cfg_attr(any(test, feature = "scenes"), allow(clippy::unwrap_used))]
// Where the scenes are compiled without the tests, not all that they share is used.
#![cfg_attr(all(feature = "scenes", not(test)), allow(dead_code, unused_imports))]

mod address;
mod again;
mod answer;
mod bind;
mod carrier;
mod case;
mod cause;
mod check;
pub mod doctor;
pub mod engine;
mod errno;
#[cfg(any(test, feature = "scenes"))]
mod fixture;
pub mod guard;
pub mod lint;
mod offer;
mod paste;
mod port;
mod program;
mod reach;
#[cfg(test)]
mod report_tests;
mod standing;
mod via;
mod why;

pub use address::address_sentence;
pub use again::{is_loop, is_typed_into};
pub use answer::bind;
pub use bind::{BindAnswer, BindHost, BindQuestion, Bound, UNEXPLAINED, Verdict};
pub use carrier::Carries;
#[cfg(feature = "scenes")]
pub use case::hostile::offered_among;
#[cfg(feature = "scenes")]
pub use cause::offered;
pub use cause::{Cause, Family, check_doc, every_cause};
pub use check::{Check, Page, Proof, Ruling};
pub use offer::read_page;
pub use paste::{Call, Paste, Request, Symptom, Vantage, read_paste};
pub use port::{browser_blocks, class_sentence, registered_port, rule_sentences, service_port, spoken, usual_service};
pub use program::{
    Arranged, Asked, At, DockerProxy, Inside, arrange, compares, docker_proxy, flags, inside, inside_process, is_known_socket,
    is_noted_inside, tunnel,
};
pub use reach::{Circle, circle, reach, reach_width};
pub use standing::{Behind, Elsewhere, UnixPath};
pub use via::via;
pub use why::{CgroupUnit, container_of_cgroup, is_delegated, script, supervisor, unit_of_cgroup, why_sentence};
