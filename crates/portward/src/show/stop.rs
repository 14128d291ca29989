//! What was stopped.

use std::io;

use portward_model::{Hint, Signal, Text};
use portward_ops::op::stop::Stopped;

use super::Show;
use crate::screen::Screen;

impl Show for Stopped {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        for freed in &self.stopped {
            let how = if freed.signal == Signal::Kill { ", by SIGKILL" } else { "" };
            screen.line(&format!("{} (pid {}) has ended{how}.", Text::from_shown(&freed.name), freed.pid))?;
        }
        for pid in &self.alive {
            screen.remark(&format!("Pid {pid} still lives."), ())?;
        }
        for name in &self.unknown {
            let name = Text::from(name.as_str());
            let near = (!self.near.is_empty()).then(|| Hint::listing("near: ", &self.near));
            let known = near.unwrap_or_else(|| "portward ps".into());
            screen.remark(&format!("No service of this project is called {name}."), known)?;
        }
        if self.stopped.is_empty() && self.unknown.is_empty() && self.alive.is_empty() {
            screen.remark("Nothing of this project runs in a session.", "portward ps")?;
        }
        super::gaps(screen, &self.gaps)
    }
}
