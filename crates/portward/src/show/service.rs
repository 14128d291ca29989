//! What was done to a service of the project's own, in a line.

use std::io;

use portward_model::{Hint, hint};
use portward_ops::op::service::Held;

use super::Show;
use crate::screen::Screen;

impl Show for Held {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        if let Some(done) = &self.done {
            screen.line(&done.to_string())?;
            if self.saved.is_none() && !self.all.is_empty() {
                screen.line(&format!("saved: {}", self.all.join(", ")))?;
            }
        }
        if let Some(because) = &self.because {
            let hint = if self.all.is_empty() {
                hint!("portward service {} save    saves what it holds", self.service)
            } else {
                Hint::listing("saved are: ", &self.all)
            };
            screen.remark(&because.to_string(), hint)?;
        }
        super::gaps(screen, &self.gaps)
    }
}
