//! The Linux body.

mod flows;
mod forward;
pub mod serve;

pub use flows::{Flows, raised_limit};
pub use forward::{forward, reserve};
