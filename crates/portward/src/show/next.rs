//! Ports alone on standard output, so that `PORT=$(portward next)` works; the reasons beside it.

use std::io;

use portward_ops::op::next::Ports;

use super::Show;
use crate::screen::Screen;

impl Show for Ports {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        for port in &self.ports {
            screen.line(&port.to_string())?;
        }
        for skipped in &self.skipped {
            let range = if skipped.first == skipped.last {
                skipped.first.to_string()
            } else {
                format!("{}-{}", skipped.first, skipped.last)
            };
            screen.remark(&format!("{range} skipped: {}.", skipped.because), ())?;
        }
        let missing = usize::from(self.wanted).saturating_sub(self.ports.len());
        if missing > 0 {
            screen.remark(
                &format!("{missing} of {} ports found no place.", self.wanted),
                "a wider range, such as portward next 3000-9999",
            )?;
        }
        Ok(())
    }
}
