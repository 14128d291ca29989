//! The text of every answer, one file per capability.

use std::io;

use portward_model::{Hint, Lack, Need, ShellLine, hint};
use portward_ops::Never;

use crate::screen::Screen;

macro_rules! shows {
    ($($module:ident $noun:ident: $($verb:ident)+,)*) => {
        $(mod $module;)*
    };
}

portward_ops::every_op!(shows);

/// An answer that can be read by people.
pub(crate) trait Show {
    /// What the answer was asked to be shown with and cannot be.
    fn refuse(&self) -> Option<portward_ops::Failure> {
        None
    }

    /// Writes it.
    fn show(&self, screen: &mut Screen) -> io::Result<()>;
}

impl Show for Never {
    fn show(&self, _: &mut Screen) -> io::Result<()> {
        match *self {}
    }
}

/// The columns of a table that were left out.
fn no_room(screen: &mut Screen, columns: &[&str]) -> io::Result<()> {
    if columns.is_empty() {
        return Ok(());
    }
    screen.remark(&format!("No room for {}.", columns.join(", ").to_lowercase()), "a wider terminal, or --json")
}

/// The gaps of an answer, each with what would reveal it; many sessions that do not answer in one line.
fn gaps(screen: &mut Screen, gaps: &[portward_ops::Gap]) -> io::Result<()> {
    let silents: Vec<u32> = gaps.iter().filter_map(silent).collect();
    let is_folded = silents.len() > MOST_SILENT;
    if is_folded {
        let (count, effect) = (silents.len(), "they do not answer, and what they serve is not known");
        let wake = silents.iter().fold(ShellLine::from("kill -CONT"), |line, pid| line.word(*pid));
        let hint = (!screen.is_elsewhere()).then(|| hint!("{}    lets those go on that were stopped", wake));
        screen.remark(&format!("Not seen: {count} sessions ({effect})."), hint)?;
    }
    for gap in gaps.iter().filter(|gap| !is_folded || silent(gap).is_none()) {
        let hint = match &gap.need {
            Need::Root if screen.is_elsewhere() => Some(THERE.into()),
            Need::Root => Some(screen.as_root()),
            Need::Platform => None,
            // Whoever wrote a snapshot wrote its gaps; what they would have a reader type is not repeated, but where it is ours.
            need if screen.is_elsewhere() && !OURS.contains(&need.phrase().as_str()) => None,
            Need::Command(command) => Some(command.clone()),
            need @ (Need::Capability(_) | Need::Setting(_)) => Some(Hint::told(&need.phrase())),
        };
        screen.remark(&format!("Not seen: {} ({}).", gap.what(), gap.effect()), hint)?;
    }
    Ok(())
}

/// The supervisor of a session that does not answer, and nothing more is known of that.
fn silent(gap: &portward_ops::Gap) -> Option<u32> {
    match gap.lack {
        Lack::Session { pid } if gap.error.is_none() => Some(pid),
        _ => None,
    }
}

/// Sessions that do not answer and are told one by one.
const MOST_SILENT: usize = 3;
/// What reveals more of what was read elsewhere: rights there, not here.
const THERE: &str = "sudo portward snapshot --out FILE    on that machine, and this again with FILE";
/// What Portward itself says would reveal something.
const OURS: [&str; 9] = [
    "CAP_NET_ADMIN",
    "CAP_SYS_PTRACE",
    "ask again",
    "apt install nftables",
    "portward explain ENDPOINT",
    "portward explain on the machine itself",
    "a reader in the machine's first pid namespace",
    "the same command outside this container or sandbox",
    "netlink sockets allowed in this sandbox",
];
