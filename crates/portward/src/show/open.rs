//! What was opened.

use std::io;

use portward_ops::op::open::Opened;

use super::Show;
use crate::screen::Screen;

impl Show for Opened {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        screen.line(&self.text)?;
        super::gaps(screen, &self.gaps)
    }
}
