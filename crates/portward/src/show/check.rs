//! What is wrong, with its place, its reason and the line to write; nothing where nothing is.

use std::io;

use portward_ops::op::check::{Applied, Checked, Fate, Found, Unread};

use super::Show;
use crate::screen::{Screen, Tone};

impl Show for Checked {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        if let Some(sarif) = &self.sarif {
            let text = serde_json::to_string_pretty(sarif).unwrap_or_default();
            text.lines().try_for_each(|line| screen.line(line))?;
            return unread(screen, &self.unread);
        }
        for (at, found) in self.findings.iter().enumerate() {
            if at > 0 {
                screen.line("")?;
            }
            finding(screen, found)?;
        }
        for applied in &self.fixed {
            fixed(screen, applied)?;
        }
        unread(screen, &self.unread)
    }
}

fn finding(screen: &mut Screen, Found { finding, .. }: &Found) -> io::Result<()> {
    if let Some(place) = &finding.place {
        let line = place.line.filter(|line| *line > 0).map(|line| format!(":{line}")).unwrap_or_default();
        screen.line(&format!("{}{line}  {}", place.file, finding.code))?;
    }
    screen.paragraph(Tone::Notice, &finding.summary.to_string())?;
    for evidence in &finding.evidence {
        screen.labelled_in(Tone::Quiet, "because", &format!("{} ({})", evidence.fact, evidence.source))?;
    }
    for remedy in &finding.remedies {
        match remedy.edits() {
            Some(edit) => {
                screen.labelled("write", &format!("{}, line {}: {}", edit_file(finding), edit.line, remedy.title))?;
                screen.line(&format!("  - {}", edit.now))?;
                edit.then.iter().try_for_each(|line| screen.line(&format!("  + {line}")))?;
            }
            None => screen.repair("fix", &remedy.title, remedy.line())?,
        }
    }
    Ok(())
}

fn edit_file(finding: &portward_model::Finding) -> String {
    finding.place.as_ref().map(|place| place.file.shown()).unwrap_or_default()
}

fn fixed(screen: &mut Screen, applied: &Applied) -> io::Result<()> {
    let because = applied.because.as_ref().map(|because| format!(" ({because})")).unwrap_or_default();
    let fate = match applied.fate {
        Fate::Written => "written",
        Fate::Declined => "declined",
        Fate::Failed => "not written",
    };
    screen.labelled(fate, &format!("{}:{}: {}{because}", applied.edit.file, applied.edit.line, applied.title))
}

/// What could not be read, beside the answer.
pub(super) fn unread(screen: &mut Screen, unread: &[Unread]) -> io::Result<()> {
    for Unread { file, line, because } in unread {
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        let file = if file.is_empty() { "The project's root".to_owned() } else { file.shown() };
        screen.remark(&format!("{file}{line} was not read: {because}."), ())?;
    }
    Ok(())
}
