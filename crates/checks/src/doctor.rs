//! Why does this endpoint fail: every cause with its evidence, best first.
//!
//! A diagnosis is a pure function of a [`Case`]: one snapshot, one examination (how processes fare, what
//! connections met, what files say), what was asked, and what a program printed. Verdicts follow from the kernel's
//! rules; where a fact is out of reach the answer says so and is never "healthy" by default.
//!
//! The causes are those of `cause`. Each rules either itself in, or itself out with the fact that did so, or has
//! nothing to say.

mod health;
mod inquiry;
mod plan;
mod precedence;
mod question;
mod verdict;

pub use crate::case::{Asked, Asking, Case, Standing};
pub use inquiry::{Call, Called, Depth, Fact, Inquiry, Sampled, Step, Unread, Wanted, Wide, has_enough};
pub use plan::{Plan, PlannedDial, Speech};
use plan::{Watch, follow_up, may_be_errands, may_be_told, plan, suspects, watch};
pub use question::{Misunderstood, Names, Question, Words, understand};
pub use verdict::{Diagnosis, Verdict, diagnose};
