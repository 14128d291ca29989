//! What was stopped, what was not, and whether the port can be bound.

use std::io;

use portward_model::{Hint, ShellLine, SupervisorKind, hint};
use portward_ops::op::free::Outcome;

use super::Show;
use crate::screen::{Screen, Tone};

impl Show for Outcome {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        for note in &self.notes {
            screen.paragraph(Tone::Notice, &note.to_string())?;
        }
        for freed in self.would.iter().flatten() {
            screen.line(&format!("Would send {} to {} (pid {}).", freed.signal.name(), freed.name, freed.pid))?;
        }
        if self.would.is_some() {
            for ends in &self.ends {
                screen.paragraph(Tone::Notice, &ends.sentence().to_string())?;
            }
        }
        for freed in &self.freed {
            screen.line(&format!("{} (pid {}) ended after {}.", freed.name, freed.pid, freed.signal.name()))?;
        }
        for path in &self.removed {
            screen.line(&format!("{path} was removed: no socket was bound to it any more."))?;
        }
        for refused in &self.refused {
            let pid = if refused.pid == 0 { String::new() } else { format!(" (pid {})", refused.pid) };
            screen.paragraph(Tone::Notice, &format!("{}{pid} was not stopped: {}.", refused.name, refused.because))?;
        }
        if self.declined {
            screen.line("Nothing was stopped.")?;
        }
        let endpoints = self.endpoints.join(", ");
        let would = self.would.as_ref().is_some_and(|would| !would.is_empty());
        let untouched = self.freed.is_empty() && self.refused.is_empty() && !would;
        match (self.port_free, untouched) {
            (true, true) => screen.line(&format!("Nothing holds {endpoints}; it can be bound."))?,
            // What is started again is free only until then.
            (true, false) if self.comes_back => {
                screen
                    .paragraph(Tone::Notice, &format!("{endpoints} can be bound at this moment, and may be taken again soon."))?;
            }
            (true, false) => screen.paragraph(Tone::Good, &format!("{endpoints} can be bound now."))?,
            (false, _) if would => {}
            (false, _) => {
                screen.line(&format!("{endpoints} cannot be bound{}.", if untouched { "" } else { " yet" }))?;
                for cause in &self.because {
                    screen.labelled("because", &format!("{} ({})", cause.summary, cause.code))?;
                    for remedy in cause.remedies.iter().filter(|remedy| remedy.calls() != Some("free")) {
                        screen.labelled("fix", &format!("{}: {}", remedy.title, remedy.line()))?;
                    }
                }
            }
        }
        // What started an orphan has ended: there is nobody to name.
        if let Some(supervisor) = self.supervisor.as_ref().filter(|supervisor| supervisor.kind != SupervisorKind::Orphan) {
            if supervisor.kind == SupervisorKind::Session {
                let stop = supervisor.stop.as_ref().map(|stop| hint!("{}    ends all of it", stop));
                screen.remark("It runs in a session, which starts nothing again.", stop)?;
                return if self.port_free { Ok(()) } else { super::gaps(screen, &self.gaps) };
            }
            let again = if supervisor.restarts { "starts it again when it ends" } else { "started it" };
            let has_tree = matches!(supervisor.kind, SupervisorKind::Script | SupervisorKind::Manager) && !self.tree;
            let free = self.endpoints.iter().fold(ShellLine::from("portward free"), ShellLine::word).then("--tree");
            let tree = hint!("{}    stops it with everything below it", free);
            screen.remark(
                &format!("{} {again}.", supervisor.name),
                supervisor.stop.as_ref().map(Hint::from).or(has_tree.then_some(tree)),
            )?;
        }
        // What was not seen matters where something still stands in the way.
        if self.port_free { Ok(()) } else { super::gaps(screen, &self.gaps) }
    }
}
