//! Which processes go on.

use std::io;

use portward_ops::op::resume::Resumed;

use super::Show;
use crate::screen::{Screen, Tone};

impl Show for Resumed {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        let tone = if self.resumed.is_empty() { Tone::Notice } else { Tone::Good };
        screen.paragraph(tone, &self.summary.to_string())?;
        super::gaps(screen, &self.gaps)
    }
}
