//! A project's ports as a table: for people, or for a README.

use std::io;

use portward_ops::op::ports::PortTable;

use super::Show;
use crate::{
    screen::{Screen, Tone},
    table::{Cell, Heading, Table},
};

impl Show for PortTable {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        if let Some(because) = &self.because {
            screen.remark(&because.to_string(), "portward init    writes a portward.toml from what the project has")?;
            return super::gaps(screen, &self.gaps);
        }
        if self.markdown {
            return self.markdown_lines().iter().try_for_each(|line| screen.line(line));
        }
        let dropped = table(self, screen)?;
        super::no_room(screen, &dropped)?;
        super::gaps(screen, &self.gaps)
    }
}

fn table(table: &PortTable, screen: &mut Screen) -> io::Result<Vec<&'static str>> {
    const HEADINGS: &[Heading] = &[
        Heading { title: "SERVICE", least: 8 },
        Heading { title: "ASKED", least: usize::MAX },
        Heading { title: "SERVED HERE", least: usize::MAX },
        Heading { title: "PROTOCOL", least: usize::MAX },
        Heading { title: "REACHED BY", least: 8 },
        Heading { title: "PURPOSE", least: 12 },
    ];
    let mut drawn = Table::new(HEADINGS);
    for row in &table.ports {
        let reached = row.circle.map_or_else(|| "nobody: not running".to_owned(), |circle| circle.words().to_owned());
        let purpose = match (&row.purpose, &row.file) {
            (Some(purpose), _) => purpose.to_string(),
            (None, None) => "runs, and is not declared".to_owned(),
            (None, Some(_)) => String::new(),
        };
        drawn.row([
            Cell::plain(&row.service),
            Cell::plain(row.asked_words()),
            Cell::plain(row.serves.clone().unwrap_or_else(|| "not leased yet".to_owned())),
            Cell::plain(row.protocol.clone().unwrap_or_default()),
            Cell::new(if row.running { Tone::Plain } else { Tone::Quiet }, reached),
            Cell::plain(purpose),
        ]);
    }
    drawn.draw(screen)
}
