//! Readings that are more than one question: a look at a machine, in the cheapest order, and the doctor's loop.
//!
//! [`Look`] says which facts are wanted, [`View`] is what was seen, and [`inquire`] reads, dials and waits for what the doctor's
//! inquiry asks until it has its answer. This crate asks machines through the doors of `portward_sys`; what follows from the
//! answers is reasoned in `portward_checks`.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::disallowed_methods, clippy::disallowed_types))]

pub mod compose;
mod inquiry;
mod look;
mod name;
pub mod project;
pub mod sources;

pub use inquiry::{NamesOf, inquire};
pub use look::{Look, Story, View};
pub use name::{endpoint_words, holder_words};
