//! The text of every answer, one file per capability.

use std::io;

use portward_model::Need;
use portward_ops::Never;

use crate::screen::Screen;

macro_rules! shows {
    ($($module:ident $op:ident,)*) => {
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

/// The command that was typed, as root would type it.
fn as_root() -> String {
    let words = std::env::args_os().skip(1).map(|word| portward_model::Text::new(word.as_encoded_bytes()).shown());
    let typed: Vec<String> = words.filter(|word| !word.contains(' ')).take(6).collect();
    format!("sudo portward {}", typed.join(" ")).trim_end().to_owned()
}

/// The gaps of an answer, each with what would reveal it.
fn gaps(screen: &mut Screen, gaps: &[portward_ops::GapDocument]) -> io::Result<()> {
    for gap in gaps {
        let hint = match &gap.need {
            Need::Root => Some(as_root()),
            Need::Platform => None,
            need @ (Need::Capability(_) | Need::Setting(_) | Need::Command(_)) => Some(need.phrase()),
        };
        screen.remark(&format!("Not seen: {} ({}).", gap.what(), gap.effect()), hint.as_deref())?;
    }
    Ok(())
}
