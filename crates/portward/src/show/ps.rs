//! Sessions: each project with its ports, below it the services and where they listen.

use std::io;

use portward_model::{Hint, Text};
use portward_ops::op::ps::{ServiceState, Sessions, Unknown};

use super::Show;
use crate::screen::{Screen, Tone};

impl Show for Sessions {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        for session in &self.sessions {
            let name = session.project.as_ref().map_or_else(|| "outside any project".to_owned(), Text::shown);
            let name = screen.paint(Tone::Label, &name);
            let root = session.root.as_ref().map(|root| format!("  {root}")).unwrap_or_default();
            let front = if session.front { "  has the front" } else { "" };
            screen.line(&format!("{name}  {}{root}{front}", session.ports))?;
            for service in &session.services {
                let own = Text::from_shown(&service.name);
                let state = if service.state == ServiceState::Running { "" } else { "  has ended, and left something running" };
                screen.line(&format!("  {own} (pid {}){state}", service.pid))?;
                for listener in &service.listeners {
                    let asked = listener.asked.as_ref().map(|asked| format!("asked {asked}   ")).unwrap_or_default();
                    let reach = if listener.pinned { "" } else { "   the network can reach it" };
                    let from = listener.from.as_ref().map(|root| format!("   from {root}")).unwrap_or_default();
                    screen.line(&format!("    {asked}serves {}{from}{reach}", listener.place()))?;
                }
            }
        }
        for Unknown { word, near } in &self.unknown {
            let near = (!near.is_empty()).then(|| Hint::listing("near: ", near));
            screen.remark(&format!("No service and no project is called {}.", Text::from(word.as_str())), near)?;
        }
        if self.sessions.is_empty() && self.unknown.is_empty() {
            screen.remark("Nothing runs in a session.", "portward run CMD")?;
        }
        if self.lost > 0 {
            let words = if self.lost == 1 { "1 supervisor has" } else { "Supervisors have" };
            screen.remark(&format!("{words} ended before its programs; these can bind, listen and connect no more."), ())?;
        }
        super::gaps(screen, &self.gaps)
    }
}
