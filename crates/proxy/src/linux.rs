//! The Linux body.

mod authority;
mod flows;
mod forward;
mod pass;
pub mod serve;
mod spot;

pub use authority::{Authority, Origin, Past, Unusable, Witness};
pub use flows::{Ended, Flows, HowEnded, raised_limit};
pub use forward::{forward, reserve};
pub use pass::{Admission, Pass, PassEnd, PassEvent, Stand, Stop, Tally, pass, stand, stand_made};
pub use spot::Maker;
