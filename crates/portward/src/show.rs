//! The text of every answer, one file per capability.

use std::io;

use portward_model::Need;
use portward_ops::Never;

use crate::screen::Screen;

macro_rules! shows {
    ($($module:ident $noun:ident: $($verb:ident)+,)*) => {
        $(mod $module;)*
    };
}

portward_ops::every_op!(shows);

/// An answer that can be read by people.
pub(crate) trait Show {
    /// What the answer was asked to be shown with and cannot be.
    fn refuse(&self) -> Option<portward_ops::Failure> {
        None
    }

    /// Writes it.
    fn show(&self, screen: &mut Screen) -> io::Result<()>;
}

impl Show for Never {
    fn show(&self, _: &mut Screen) -> io::Result<()> {
        match *self {}
    }
}

/// The columns of a table that were left out.
fn no_room(screen: &mut Screen, columns: &[&str]) -> io::Result<()> {
    if columns.is_empty() {
        return Ok(());
    }
    screen.remark(&format!("No room for {}.", columns.join(", ").to_lowercase()), Some("a wider terminal, or --json"))
}

/// The gaps of an answer, each with what would reveal it.
fn gaps(screen: &mut Screen, gaps: &[portward_ops::Gap]) -> io::Result<()> {
    for gap in gaps {
        let hint = match &gap.need {
            Need::Root => Some(screen.as_root()),
            Need::Platform => None,
            need @ (Need::Capability(_) | Need::Setting(_) | Need::Command(_)) => Some(need.phrase()),
        };
        screen.remark(&format!("Not seen: {} ({}).", gap.what(), gap.effect()), hint.as_deref())?;
    }
    Ok(())
}
