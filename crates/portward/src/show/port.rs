//! The port alone on standard output, for scripts.

use std::io;

use portward_model::capitalised;
use portward_ops::op::port::PortAnswer;

use super::Show;
use crate::screen::Screen;

impl Show for PortAnswer {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        if let Some(why) = &self.not_started {
            return screen.remark(&format!("portward: {}", capitalised(why)), "the program's name, or its path");
        }
        screen.line(&self.port.to_string())?;
        if let Some(held) = &self.held {
            screen.remark(&held.to_string(), "portward free PORT    ends what has it, where that is yours")?;
        }
        if !self.leased {
            let hint = "portward port --free -- CMD    holds it until CMD starts";
            screen.remark(&format!("{} is free now, and nothing holds it.", self.port), hint)?;
        }
        super::gaps(screen, &self.gaps)
    }
}
