//! What a session tells, to standard error: standard output is the program's.

use std::io;

use portward_ops::op::run::Ran;

use super::Show;
use crate::screen::Screen;

impl Show for Ran {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        // So that a narrow terminal breaks lines between words.
        screen.width();
        if let Some(listener) = &self.listener {
            screen.remark(&listener.line(), ())?;
        }
        if let Some(refused) = &self.refused {
            screen.remark(&format!("portward: {refused}"), self.hint.clone())?;
        }
        if let Some(elsewhere) = &self.elsewhere {
            screen.remark(&format!("portward: {elsewhere}"), self.hint.clone())?;
        }
        super::gaps(screen, &self.gaps)
    }
}
