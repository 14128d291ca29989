//! The file that was written, or would be.

use std::io;

use portward_ops::op::init::Initial;

use super::{Show, check::unread};
use crate::screen::Screen;

impl Show for Initial {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        if self.services == 0 {
            screen.line("Nothing that could be started was found, so nothing was written.")?;
        } else if self.written {
            screen.line(&format!("{} is written.", self.file))?;
            for decide in &self.decide {
                screen.labelled("decide", &decide.to_string())?;
            }
        } else if !self.declined {
            self.text.lines().try_for_each(|line| screen.line(line))?;
        }
        unread(screen, &self.unread)
    }
}
