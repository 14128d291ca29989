//! What a project file may run and set, and whether it may.

use std::io;

use portward_ops::op::allow::{AllowAnswer, AllowAsked};

use super::Show;
use crate::screen::Screen;

impl Show for AllowAnswer {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        let file = &self.file;
        let said = match (self.asked, self.allowed) {
            (AllowAsked::Revoke, _) => format!("{file} is not allowed any more."),
            (AllowAsked::Allow, true) if self.before => format!("{file} was allowed already."),
            (AllowAsked::Allow, false) => format!("{file} was not allowed."),
            (AllowAsked::Allow | AllowAsked::Look, true) => format!("{file} is allowed as it is now."),
            (AllowAsked::Look, false) => format!("{file} is not allowed as it is now."),
        };
        screen.line(&said)?;
        if self.asked == AllowAsked::Revoke {
            return super::gaps(screen, &self.gaps);
        }
        for service in &self.services {
            screen.line(&format!("  starts {}: {}", service.name, service.command))?;
        }
        for variable in &self.variables {
            screen.line(&format!("  sets {}={}", variable.name, variable.value))?;
        }
        super::gaps(screen, &self.gaps)
    }
}
