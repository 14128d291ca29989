//! One line per change.

use std::io;

use portward_model::plural;
use portward_ops::{
    notice,
    op::watch::{Change, ChangeKind, Watched},
};

use super::Show;
use crate::screen::{Screen, Tone};

impl Show for Change {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        let (what, who) = notice(self);
        let tone = match self.kind {
            ChangeKind::Opened => Tone::Good,
            ChangeKind::Closed => Tone::Quiet,
            ChangeKind::Owner | ChangeKind::Reach => Tone::Notice,
        };
        // The time of day is what a person compares with a log; the date stands in the JSON.
        let time = self.at.time();
        let what = screen.paint(tone, &what);
        screen.line(&format!("{time}Z  {what}  {who}"))
    }
}

impl Show for Watched {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        screen.remark(&format!("{} seen.", plural(self.changes as usize, "change")), ())?;
        super::gaps(screen, &self.gaps)
    }
}
