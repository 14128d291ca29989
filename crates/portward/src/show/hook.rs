//! What a shell is to do, for the shell alone; what its person is told goes beside it.

use std::io;

use portward_ops::op::hook::HookAnswer;

use super::Show;
use crate::screen::Screen;

impl Show for HookAnswer {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        screen.verbatim(&self.text)?;
        match &self.said {
            Some(said) => screen.remark(&said.to_string(), ()),
            None => Ok(()),
        }
    }
}
