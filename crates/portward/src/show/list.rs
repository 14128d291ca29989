//! The table of endpoints.

mod columns;

use std::io;

use portward_checks::Circle;
use portward_model::{Hint, Who, hint, plural, shell};
use portward_ops::{Exposure, Failure, Listing};

use super::Show;
use crate::{
    screen::{Screen, Tone},
    table::{Heading, Table},
};
use columns::{COLUMNS, Column};

impl Show for Listing {
    fn refuse(&self) -> Option<Failure> {
        let wrong = self.columns.iter().find(|name| *name != "help" && column(name).is_none())?;
        let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
        let shown = portward_model::Text::from(wrong.as_str());
        Some(Failure::usage(format!("There is no column `{shown}`.")).hint(Hint::listing("columns are ", &names)))
    }

    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        if self.columns.first().is_some_and(|name| name == "help") {
            return name_columns(screen);
        }
        let columns = chosen(self);
        if self.count() == (0, 0) {
            match (self.filtered, self.connections) {
                (false, _) => screen.line("Nothing listens on this machine.")?,
                (true, 0) if !self.asked_for.is_empty() => screen.line("Nothing listens.")?,
                (true, 0) => {
                    let near = (!self.near.is_empty()).then(|| Hint::listing("near: ", &self.near));
                    screen.line("Nothing matches.")?;
                    if near.is_some() {
                        screen.remark("", near)?;
                    }
                }
                (true, many) => {
                    let have = if many == 1 { "has" } else { "have" };
                    screen.line(&format!("Nothing listens, but {} {have} it.", plural(many, "connection")))?;
                    let all = self.asked.iter().fold(shell!("portward list --all"), |line, asked| line.operand(asked.as_str()));
                    screen.remark("", Hint::from(all))?;
                }
            }
        } else {
            let headings: Vec<Heading> = columns.iter().map(|column| column.heading).collect();
            let mut table = Table::new(&headings);
            for row in self.rows() {
                table.row(columns.iter().map(|column| (column.cell)(self, &row)));
            }
            let dropped = table.draw(screen)?;
            if !dropped.is_empty() {
                let many = if dropped.len() == 1 { "1 column finds" } else { &format!("{} columns find", dropped.len()) };
                screen.remark(&format!("{many} no room here: {}.", dropped.join(", ")), "a wider terminal, or --columns")?;
            }
        }
        footer(self, screen)
    }
}

/// The columns to show.
fn chosen(listing: &Listing) -> Vec<&'static Column> {
    if listing.columns.is_empty() {
        let several = listing.namespaces > 1;
        return COLUMNS.iter().filter(|column| column.usual || (several && column.name == "netns")).collect();
    }
    listing.columns.iter().filter_map(|name| column(name)).collect()
}

fn column(name: &str) -> Option<&'static Column> {
    COLUMNS.iter().find(|column| column.name == name.trim())
}

fn name_columns(screen: &mut Screen) -> io::Result<()> {
    for column in COLUMNS {
        screen.labelled(column.name, column.help)?;
    }
    Ok(())
}

fn footer(listing: &Listing, screen: &mut Screen) -> io::Result<()> {
    let (endpoints, connections) = listing.count();
    let mut counted = Vec::new();
    if endpoints > 0 || connections == 0 {
        counted.push(plural(endpoints, "endpoint"));
    }
    if connections > 0 {
        counted.push(plural(connections, "connection"));
    }
    let exposure = listing.exposed.as_ref().map(|Exposure { port, reach }| {
        (port, format!(" {port} can be reached from {}: {}.", from_where(reach.who), reach.because()))
    });
    screen.apart()?;
    for meant in &listing.meant {
        screen.remark(&meant.sentence().to_string(), ())?;
    }
    for meant in &listing.asked_for {
        screen.remark(&format!("{}.", meant.elsewhere()), hint!("portward {}", meant.port))?;
    }
    match exposure {
        Some((port, text)) => {
            screen.remark(&format!("{}.{text}", counted.join(", ")), hint!("portward explain {}", port))?;
        }
        None => screen.remark(&format!("{}.", counted.join(", ")), ())?,
    }
    if listing.minor_unix > 0 {
        screen
            .remark(&format!("{} more that rarely matter.", plural(listing.minor_unix, "Unix socket")), "portward list --unix")?;
    }
    if listing.held > 0 {
        let (are, theirs) = if listing.held == 1 { ("is", "its project") } else { ("are", "their projects") };
        screen.remark(&format!("{} {are} held for {theirs}.", plural(listing.held, "port")), "portward list --all")?;
    }
    let elsewhere = listing.other_namespaces;
    if elsewhere > 0 && listing.namespaces == 1 {
        let there = if elsewhere == 1 { "holds" } else { "hold" };
        let text = format!("{} {there} processes too.", plural(elsewhere as usize, "other network namespace"));
        screen.remark(&text, "portward list --netns all")?;
    }
    super::gaps(screen, &listing.gaps)
}

fn from_where(who: Who) -> &'static str {
    match who {
        Who::SameUser | Who::OtherUser | Who::WebPage => "this machine",
        Who::Container => "containers",
        Who::Vpn => "your private network",
        Who::Lan => "your network",
        Who::Internet => "the internet",
    }
}

/// How a word in the REACH column looks: what strangers can reach deserves a look.
fn tone_of_reach(circle: Circle) -> Tone {
    match circle {
        Circle::Internet => Tone::Alarm,
        Circle::Lan | Circle::Vpn | Circle::Unknown => Tone::Notice,
        Circle::Host | Circle::Containers | Circle::OtherNamespace | Circle::Peer | Circle::Nobody => Tone::Plain,
    }
}
