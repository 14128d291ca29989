//! The table of endpoints.

mod columns;

use std::io;

use portward_model::{Scope, Who};
use portward_ops::{Failure, Listing, Row, RowKind, View};

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
        Some(Failure::usage(format!("There is no column `{shown}`.")).hint(format!("columns are {}", names.join(", "))))
    }

    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        if self.columns.first().is_some_and(|name| name == "help") {
            return name_columns(screen);
        }
        let columns = chosen(&self.view, &self.columns);
        if self.rows.is_empty() {
            let what = if self.filtered { "Nothing matches." } else { "Nothing listens on this machine." };
            screen.line(what)?;
        } else {
            let headings: Vec<Heading> = columns.iter().map(|column| column.heading).collect();
            let mut table = Table::new(&headings);
            for row in &self.rows {
                table.row(columns.iter().map(|column| (column.cell)(self, row)));
            }
            let dropped = table.draw(screen)?;
            if !dropped.is_empty() {
                let many = if dropped.len() == 1 { "1 column finds" } else { &format!("{} columns find", dropped.len()) };
                screen
                    .remark(&format!("{many} no room here: {}.", dropped.join(", ")), Some("a wider terminal, or --columns"))?;
            }
        }
        footer(self, screen)
    }
}

/// The columns to show.
fn chosen(view: &View, names: &[String]) -> Vec<&'static Column> {
    if names.is_empty() {
        let several = view.snapshot.namespaces.len() > 1;
        return COLUMNS.iter().filter(|column| column.usual || (several && column.name == "netns")).collect();
    }
    names.iter().filter_map(|name| column(name)).collect()
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
    let view = &listing.view;
    let endpoints = listing.rows.iter().filter(|row| row.kind == RowKind::Endpoint).count();
    let connections = listing.rows.len() - endpoints;
    let mut counted = Vec::new();
    if endpoints > 0 || connections == 0 {
        counted.push(plural(endpoints, "endpoint"));
    }
    if connections > 0 {
        counted.push(plural(connections, "connection"));
    }
    let exposed = listing.rows.iter().find(|row| row.kind == RowKind::Endpoint && is_exposed(listing, row));
    let exposure = exposed.and_then(|row| {
        let socket = row.first(view)?;
        let reach = portward_checks::reach(&view.snapshot, socket);
        let widest = reach.iter().max_by_key(|reach| portward_checks::reach_width(reach.who))?;
        Some((socket.port()?, format!(" {} can be reached from {}: {}.", socket.port()?, from_where(widest.who), widest.because)))
    });
    match exposure {
        Some((port, text)) => {
            screen.remark(&format!("\n{}.{text}", counted.join(", ")), Some(&format!("portward explain {port}")))?;
        }
        None => screen.remark(&format!("\n{}.", counted.join(", ")), None)?,
    }
    if listing.minor_unix > 0 {
        screen.remark(
            &format!("{} more that rarely matter.", plural(listing.minor_unix, "Unix socket")),
            Some("portward list --unix"),
        )?;
    }
    let elsewhere = view.other_namespaces;
    if elsewhere > 0 && view.snapshot.namespaces.len() == 1 {
        let there = if elsewhere == 1 { "holds" } else { "hold" };
        let text = format!("{} {there} processes too.", plural(elsewhere as usize, "other network namespace"));
        screen.remark(&text, Some("portward list --netns all"))?;
    }
    let gaps: Vec<_> = view.snapshot.gaps.iter().map(portward_ops::GapDocument::from).collect();
    super::gaps(screen, &gaps)
}

fn plural(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// True for an endpoint that other machines can reach.
fn is_exposed(listing: &Listing, row: &Row) -> bool {
    let Some(socket) = row.first(&listing.view) else { return false };
    let snapshot = &listing.view.snapshot;
    socket.scope(snapshot.loopback_index()) != Scope::Loopback
        && portward_checks::reach(snapshot, socket).iter().any(|reach| matches!(reach.who, Who::Lan | Who::Vpn | Who::Internet))
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
fn tone_of_reach(word: &str) -> Tone {
    match word {
        "internet" => Tone::Alarm,
        "LAN" | "VPN" | "not known" => Tone::Notice,
        _ => Tone::Plain,
    }
}
