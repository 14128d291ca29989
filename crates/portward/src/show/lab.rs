//! The bench: labs by what they look like, the scene of one that starts, hints and checks.

use std::io;

use portward_ops::op::lab::{CheckDocument, HintDocument, OnBench, Started};

use super::Show;
use crate::screen::{Screen, Tone};

impl Show for OnBench {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        let mut group = "";
        let width = self.labs.iter().map(|lab| lab.name.len()).max().unwrap_or(0);
        for lab in &self.labs {
            if group != lab.group {
                group = lab.group;
                let words = GROUPS.iter().find(|(name, _)| *name == group).map_or(group, |(_, words)| words);
                let words = screen.paint(Tone::Label, words);
                screen.line(&words)?;
            }
            screen.line(&format!("  {:width$}  {}", lab.name, lab.title))?;
        }
        if let Some(started) = &self.started {
            begin(started, screen)?;
        }
        if let Some(hint) = &self.hint {
            given(hint, screen)?;
        }
        if let Some(check) = &self.check {
            judged(check, screen)?;
        }
        super::gaps(screen, &self.gaps)
    }
}

/// With a program of the learner's own, standard output is that program's.
fn begin(started: &Started, screen: &mut Screen) -> io::Result<()> {
    if !started.shell {
        return screen.remark(&format!("Lab {}: {}", started.name, started.saw), None);
    }
    screen.labelled("lab", &format!("{}: {}", started.name, started.title))?;
    screen.labelled("story", &started.story)?;
    screen.labelled("try", &started.saw)?;
    if let Some(paste) = &started.paste {
        screen.labelled("printed", paste)?;
    }
    if !started.services.is_empty() {
        let commands: Vec<String> = started.services.iter().map(|name| format!("{name} start|stop|restart")).collect();
        screen.labelled("commands", &commands.join(", "))?;
    }
    screen.labelled("next", "portward lab hint, portward lab check; exit ends the lab and all in it")
}

fn given(hint: &HintDocument, screen: &mut Screen) -> io::Result<()> {
    screen.labelled(&format!("hint {}/{}", hint.number, hint.of), &hint.text)
}

fn judged(check: &CheckDocument, screen: &mut Screen) -> io::Result<()> {
    if check.repaired {
        screen.labelled_in(Tone::Good, "repaired", &check.saw)?;
        return screen.labelled("next", "exit ends the lab; portward lab names others");
    }
    screen.labelled_in(Tone::Notice, "not yet", &check.saw)?;
    for service in &check.missing {
        screen.labelled("and", &format!("{service} does not run"))?;
    }
    screen.labelled("next", "portward lab hint")
}

const GROUPS: &[(&str, &str)] = &[
    ("refused", "Refused: the connection is turned away at once"),
    ("hangs", "Hangs: nothing comes back"),
    ("in-use", "In use: a server cannot have its address"),
    ("denied", "Denied: a rule, an address or a name forbids it"),
    ("after-connect", "After connecting: an answer, and the wrong one"),
];
