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
            let allowed = if self.allowed { ", and allowed as it stands" } else { ", and not allowed yet" };
            screen.line(&format!("{} is written{allowed}.", self.file))?;
            for decide in &self.decide {
                screen.labelled("decide", &decide.to_string())?;
            }
            if !self.allowed {
                screen.remark("What is allowed could not be noted.", "portward allow    shows what it would run, and asks")?;
            }
            super::gaps(screen, &self.gaps)?;
        } else if !self.declined {
            self.text.lines().try_for_each(|line| screen.line(line))?;
        }
        unread(screen, &self.unread)
    }
}
