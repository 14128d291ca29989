//! A project's services, and the keeper that starts them in order, looks after them, and ends them.
//!
//! The keeper is a process of this program, one for each project that has services up. Every service is a session whose supervisor stands
//! alone: where the keeper is killed, services go on, and the next keeper finds them by what their supervisors tell and by the last
//! state that was written down. What services write goes straight into their logs.

mod all;
mod client;
mod compose;
mod docs;
mod elsewhere;
mod follow;
mod forsaken;
mod judging;
mod line;
mod logs;
mod order;
mod phase;
mod process;
mod ready;
mod say;
mod start;
mod unit;

pub use client::{Keeper, bring_up, hand_over, kept_projects, states};
pub use compose::{ComposeRecord, ComposeStack, Container, InCompose, InComposePort, complaint};
pub use docs::{Keeping, Kept, KeptState, Said};
pub use forsaken::{Forsaken, forget, forsaken};
pub use line::plain_line;
pub use logs::{Log, Tail};
pub use order::{Attached, Job, JobPort, Order};
pub use ready::{Answers, Question};

pub(crate) use client::was_keeper;
pub(crate) use compose::entrance as follow_container;
pub(crate) use process::entrance;
