//! Variables for a shell or a file: the text alone, as it is.

use std::io;

use portward_ops::op::env::EnvAnswer;

use super::Show;
use crate::screen::Screen;

impl Show for EnvAnswer {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        screen.verbatim(&self.text)?;
        super::gaps(screen, &self.gaps)
    }
}
