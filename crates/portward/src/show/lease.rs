//! Leases as a table; what was given back, what was not, and why.

use std::io;

use portward_model::{hint, plural};
use portward_ops::op::lease::{Action, GoneProject, LeaseDocument, LeaseState, Leases, RepairDocument};

use super::Show;
use crate::{
    screen::{Screen, Tone},
    table::{Cell, Heading, Table},
};

impl Show for Leases {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        match self.action {
            Action::List | Action::Take => listed(self, screen)?,
            Action::Release => released(self, screen)?,
            Action::Prune => pruned(self, screen)?,
            Action::Repair => {}
        }
        if let Some(repair) = &self.repair {
            looked_at(repair, screen)?;
        }
        super::gaps(screen, &self.gaps)
    }
}

fn listed(leases: &Leases, screen: &mut Screen) -> io::Result<()> {
    if leases.leases.is_empty() {
        return screen.remark("Nothing is leased.", "portward lease take 3000    takes this project's port for 3000");
    }
    let dropped = table(&leases.leases, screen)?;
    super::no_room(screen, &dropped)?;
    if leases.leases.iter().any(|lease| lease.state == LeaseState::Gone) {
        screen.remark("The folder of some projects is gone.", "portward lease prune    gives their ports back")?;
    }
    Ok(())
}

fn released(leases: &Leases, screen: &mut Screen) -> io::Result<()> {
    if !leases.leases.is_empty() {
        table(&leases.leases, screen)?;
    }
    for refused in &leases.refused {
        let hint = refused.port.filter(|_| refused.pid != 0).map(|port| hint!("portward free {}", port));
        screen.remark(&format!("Not released: {}.", refused.because), hint)?;
    }
    let many = plural(leases.leases.len(), "lease");
    if leases.kept == Some(true) {
        screen.remark(&format!("{many} would be released; nothing was."), ())
    } else {
        screen.remark(&format!("{many} released."), ())
    }
}

fn pruned(leases: &Leases, screen: &mut Screen) -> io::Result<()> {
    let gone = leases.projects.as_deref().unwrap_or_default();
    if gone.is_empty() {
        return screen.remark("Every project with leases is where it was, or something is bound to its ports.", ());
    }
    for GoneProject { project, root, blocks } in gone {
        screen.line(&format!("{project}   {}   {root} is gone", blocks.join(", ")))?;
    }
    let many = plural(leases.leases.len(), "lease");
    if leases.kept == Some(true) {
        screen.remark(&format!("{many} would be given back; nothing was."), "portward lease prune --yes")
    } else {
        screen.remark(&format!("{many} given back."), ())
    }
}

fn looked_at(repair: &RepairDocument, screen: &mut Screen) -> io::Result<()> {
    match (repair.sound, &repair.copy, repair.saved) {
        (true, _, None) => screen.line(&format!("There is no {} yet, and nothing to repair.", repair.store)),
        (true, _, Some(leases)) => screen.line(&format!("{} is sound, with {}.", repair.store, plural(leases, "lease"))),
        (false, Some(copy), Some(saved)) => {
            screen.line(&format!("{} begins anew with the {} that could be read.", repair.store, plural(saved, "lease")))?;
            screen.remark(&format!("The corrupt one stands as {copy}."), "portward lease    shows what was saved")
        }
        (false, copy, _) => {
            screen.line(&format!("{} is corrupt and was left as it is.", repair.store))?;
            let copy = copy.as_deref().unwrap_or("no file");
            screen.remark(&format!("It is kept as {copy}, too."), "portward lease repair --yes    starts anew")
        }
    }
}

fn table(leases: &[LeaseDocument], screen: &mut Screen) -> io::Result<Vec<&'static str>> {
    let mut table = Table::new(HEADINGS);
    for lease in leases {
        let (tone, state) = match lease.state {
            LeaseState::Held => (Tone::Plain, "held"),
            LeaseState::Listening => (Tone::Good, "listening"),
            LeaseState::Free => (Tone::Quiet, "free"),
            LeaseState::Gone => (Tone::Notice, "gone"),
        };
        let or_dash = |text: Option<String>| Cell::plain(text.unwrap_or_else(|| "-".to_owned()));
        table.row([
            Cell::plain(lease.port.to_string()),
            or_dash(lease.asked.map(|asked| asked.to_string())),
            or_dash(lease.name.clone()),
            Cell::new(tone, state),
            Cell::plain(lease.project.as_ref().map_or_else(|| "(no project)".to_owned(), |project| shortened(&project.shown()))),
            Cell::plain(lease.block.clone()),
            or_dash(lease.root.as_ref().map(portward_model::Text::shown)),
        ]);
    }
    table.draw(screen)
}

/// A name without its middle where it is long: its beginning, and its end, which names a worktree. One folder with a long name must not
/// draw every row out; the whole name stands in the root.
fn shortened(name: &str) -> String {
    let count = name.chars().count();
    if count <= LONGEST {
        return name.to_owned();
    }
    let begin: String = name.chars().take(LONGEST / 2).collect();
    let end: String = name.chars().skip(count - (LONGEST / 2 - 1)).collect();
    format!("{begin}…{end}")
}

/// Characters of a project's name in the table.
const LONGEST: usize = 32;
const WHOLE: usize = usize::MAX;
const HEADINGS: &[Heading] = &[
    Heading { title: "PORT", least: WHOLE },
    Heading { title: "ASKED", least: WHOLE },
    Heading { title: "NAME", least: 8 },
    Heading { title: "STATE", least: WHOLE },
    Heading { title: "PROJECT", least: 8 },
    Heading { title: "BLOCK", least: WHOLE },
    Heading { title: "ROOT", least: 8 },
];

#[cfg(test)]
mod tests {
    use super::{LONGEST, shortened};

    #[test]
    fn a_long_name_keeps_its_beginning_and_its_end() {
        assert_eq!(shortened("shop@fix-42"), "shop@fix-42");
        let long = shortened(&format!("{}@fix-42", "länger-".repeat(20)));
        assert!(long.starts_with("länger-länger-lä…") && long.ends_with("-länger-@fix-42"), "{long}");
        assert_eq!(long.chars().count(), LONGEST);
    }
}
