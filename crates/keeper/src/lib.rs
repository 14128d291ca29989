//! What is kept running: sessions, whose supervisors live as long as their programs; a project's services, which are sessions that a keeper
//! starts and looks after; and the forwarder of real ports.
//!
//! All are processes of their own, this program started once more: [`entrance`] is where they begin. What they need to know
//! comes with their start and from the store; what they find out they tell whoever asks, at sockets of their own.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_types))]

mod asking;
mod bidden;
mod certified;
mod control;
mod ending;
mod endpoints;
mod forwarder;
mod forwards;
mod grounds;
mod guests;
mod lending;
mod lent;
mod moved;
mod notice;
mod patience;
mod ports;
mod record;
mod runs;
mod services;
mod serving;
mod session;
mod siblings;
mod start;
mod taken;
mod told;
mod watched;

use std::{ffi::OsString, process::ExitCode};

pub use certified::{
    Secure, Signed, alias, authority, authority_folder, authority_there, told_of_authority, unusable, with_anchor,
};
pub use ending::{Over, Root, end};
pub use forwarder::{Services, start as start_forwarder};
pub use forwards::{
    Forward, Forwards, Job as ForwardJob, Spot, can_enter, end_forward, forget_forward, forward, forward_apart, forwards,
    known_forwards, stand_elsewhere,
};
pub use grounds::{Grounds, Record as GroundsRecord};
pub use lending::{Lending, bury, lend, lending, look_anew};
pub use moved::{standing, stranger_at};
pub use portward_proxy::{
    Authority, HowEnded, Kind, Origin, PassEnd, PassEvent, Past, Place, Stand, Witness, reserve, serve as files, stand,
};
pub use record::KeptAs;
pub use runs::{
    Run, RunListener, RunProject, RunService, Sessions, around, enclosing, is_alive, join, listening, process_at, sessions,
    sessions_by,
};
pub use services::{
    Answers, Attached, ComposeRecord, ComposeStack, Container, Forsaken, InCompose, InComposePort, Job, JobPort, Keeper, Keeping,
    Kept, KeptState, Log, Order, Question, Said, Tail, bring_up, complaint, forget, forsaken, hand_over, kept_projects,
    plain_line, states,
};
pub use serving::{Chosen, SERVES, Serving, Site, lease_of, serve};
pub use start::{Duty, Start};
pub use told::{Listening, Ran, is_localhost, url, url_at};

/// Becomes a supervisor, the forwarder or the keeper of a project, if this process was started for that; everybody else goes on.
///
/// To be called before arguments are read, while the process has one thread.
/// `answers` knows how servers are asked whether they are ready.
pub fn entrance(arguments: &[OsString], answers: Answers) -> Option<ExitCode> {
    let own = start::entrance(arguments).or_else(|| forwarder::entrance(arguments)).or_else(|| grounds::entrance(arguments));
    let own = own.or_else(|| forwards::entrance(arguments));
    own.or_else(|| services::follow_container(arguments)).or_else(|| services::entrance(arguments, answers))
}
