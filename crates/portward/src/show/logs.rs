//! What was shown of logs; [`super::up`] has the text of their lines.

use std::io;

use portward_model::Text;
use portward_ops::op::logs::Shown;

use super::Show;
use crate::screen::Screen;

impl Show for Shown {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        for name in &self.unknown {
            screen.remark(
                &format!("No service of this project that was ever up is called {}.", Text::from(name.as_str())),
                "portward up",
            )?;
        }
        if self.services.is_empty() && self.unknown.is_empty() {
            screen.remark("No service of this project was ever up.", "portward up")?;
        }
        super::gaps(screen, &self.gaps)
    }
}
