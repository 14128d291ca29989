//! The URL alone on standard output, for scripts.

use std::io;

use portward_model::Hint;
use portward_ops::op::url::UrlAnswer;

use super::Show;
use crate::screen::Screen;

impl Show for UrlAnswer {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        if let Some(url) = &self.url {
            screen.line(url)?;
        }
        if let Some(because) = &self.because {
            let near = (!self.near.is_empty()).then(|| Hint::listing("near: ", &self.near));
            let known = "portward port NAME    takes a port for a name; portward lease    lists them";
            screen.remark(&because.to_string(), near.unwrap_or_else(|| known.into()))?;
        }
        if let Some(held) = &self.held {
            screen.remark(&held.to_string(), "portward free PORT    ends what has it, where that is yours")?;
        }
        super::gaps(screen, &self.gaps)
    }
}
