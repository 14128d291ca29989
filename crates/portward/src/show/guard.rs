//! What is open, what was closed, and the rules for what could not be.

use std::io;

use portward_model::{Way, Who, hint};
use portward_ops::op::guard::{Action, Done, GuardTable, Guarded, GuardedSocket, RuleSet, State, TableState};

use super::Show;
use crate::{
    screen::{Screen, Tone},
    table::{Cell, Heading, Table},
};

impl Show for Guarded {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        for meant in &self.meant {
            screen.paragraph(Tone::Notice, &meant.sentence().to_string())?;
        }
        match self.action {
            Action::Status => status(self, screen)?,
            Action::Pin => pinned(self, screen)?,
            Action::Open => {
                for table in &self.tables {
                    opened(table, screen)?;
                }
            }
        }
        super::gaps(screen, &self.gaps)
    }
}

fn status(guarded: &Guarded, screen: &mut Screen) -> io::Result<()> {
    if guarded.sockets.is_empty() && guarded.silent.is_empty() {
        screen.line("Nothing listens.")?;
    }
    for endpoint in &guarded.silent {
        screen.line(&format!("Nothing listens on {endpoint}."))?;
    }
    if !guarded.sockets.is_empty() {
        let dropped = table(&guarded.sockets, screen)?;
        super::no_room(screen, &dropped)?;
    }
    for table in &guarded.tables {
        lasts(table, screen)?;
    }
    let open = guarded.sockets.iter().filter(|socket| socket.state == State::Open).count();
    if open > 0 {
        let many = if open == 1 { "1 socket is".to_owned() } else { format!("{open} sockets are") };
        screen.remark(&format!("{many} open, as far as addresses tell; other firewalls are not weighed."), ())?;
    }
    Ok(())
}

fn table(sockets: &[GuardedSocket], screen: &mut Screen) -> io::Result<Vec<&'static str>> {
    let mut table = Table::new(HEADINGS);
    for socket in sockets {
        let (tone, state) = match socket.state {
            State::Loopback => (Tone::Good, "closed: loopback address"),
            State::Pinned => (Tone::Good, "closed: pinned to lo"),
            State::Firewall => (Tone::Good, "closed: firewall"),
            State::Open => (Tone::Alarm, "open"),
        };
        let to = if socket.state == State::Open { who(socket) } else { "-".to_owned() };
        table.row([
            Cell::plain(&socket.endpoint),
            Cell::plain(owner(socket)),
            Cell::plain(socket.user.shown()),
            Cell::new(tone, state),
            Cell::plain(to),
            Cell::plain(socket.close.as_deref().unwrap_or("-")),
        ]);
    }
    table.draw(screen)
}

fn pinned(guarded: &Guarded, screen: &mut Screen) -> io::Result<()> {
    for socket in &guarded.sockets {
        let owner = owner(socket);
        let subject = format!("{} of {owner}", socket.endpoint);
        let (tone, sentence) = match (socket.did, socket.state) {
            (Some(Done::Pinned), _) => (Tone::Good, format!("{subject} is pinned to lo now: only this machine reaches it.")),
            (Some(Done::AlreadyPinned), _) => {
                (Tone::Good, format!("{subject} was pinned to lo already: only this machine reaches it."))
            }
            (Some(Done::WouldPin), _) => {
                (Tone::Plain, format!("{subject} would be pinned to lo; it is open to {}.", who(socket)))
            }
            (_, State::Loopback) => (Tone::Good, format!("{subject} is closed already: its address is a loopback address.")),
            (_, State::Firewall) => (Tone::Good, format!("{subject} is closed by the guard's table in the packet filter.")),
            (_, State::Pinned) => (Tone::Good, format!("{subject} is pinned to lo: only this machine reaches it.")),
            (_, State::Open) if guarded.tables.iter().any(|table| table.state == TableState::WouldLoad) => {
                (Tone::Plain, format!("{subject} is open to {}.", who(socket)))
            }
            (_, State::Open) => (Tone::Alarm, still_open(socket, &subject)),
        };
        screen.paragraph(tone, &sentence)?;
    }
    for limit in &guarded.limits {
        screen.paragraph(Tone::Quiet, &limit.to_string())?;
    }
    connections(guarded, screen)?;
    for table in &guarded.tables {
        lasts(table, screen)?;
    }
    let by_firewall = !guarded.tables.is_empty();
    for rules in &guarded.rules {
        show_rules(rules, by_firewall, screen)?;
    }
    let mut commands: Vec<&str> = Vec::new();
    let refused = guarded.sockets.iter().filter(|socket| socket.did == Some(Done::Refused));
    for command in refused.filter_map(|socket| socket.close.as_deref()) {
        if !commands.contains(&command) {
            commands.push(command);
            screen.labelled("or", command)?;
        }
    }
    for endpoint in &guarded.silent {
        let hint = hint!("sudo portward guard pin {} --firewall    closes the port whatever comes to listen there", endpoint);
        screen.remark(&format!("Nothing listens on {endpoint}."), (!by_firewall).then_some(hint))?;
    }
    if guarded.tables.iter().any(|table| table.state == TableState::Held) {
        screen.remark("Ctrl-C removes the table and ends this command.", ())?;
    }
    Ok(())
}

fn still_open(socket: &GuardedSocket, subject: &str) -> String {
    let because = match &socket.because {
        Some(because) => format!(", and cannot be pinned: {because}"),
        None => String::new(),
    };
    format!("{subject} is open to {}{because}.", who(socket))
}

fn connections(guarded: &Guarded, screen: &mut Screen) -> io::Result<()> {
    let number = guarded.connections.len();
    if number == 0 {
        return Ok(());
    }
    let named: Vec<&str> = guarded.connections.iter().map(|connection| connection.peer.as_str()).take(MOST_PEERS).collect();
    let more = if number > named.len() { format!(" and {} more", number - named.len()) } else { String::new() };
    let many = match number {
        1 => "1 connection from the network stays open until an end closes it".to_owned(),
        number => format!("{number} connections from the network stay open until an end closes them"),
    };
    screen.paragraph(Tone::Notice, &format!("{many}: {}{more}.", named.join(", ")))
}

fn show_rules(rules: &RuleSet, loaded: bool, screen: &mut Screen) -> io::Result<()> {
    screen.line("")?;
    if loaded {
        screen.line("The rules:")?;
    } else {
        screen.line(&format!("To close {} at the packet filter, paste this:", rules.endpoints.join(" and ")))?;
    }
    screen.line("")?;
    for line in rules.paste.lines() {
        screen.line(line)?;
    }
    if loaded {
        return Ok(());
    }
    screen.line("")?;
    for remove in &rules.remove {
        screen.labelled("undo", remove)?;
    }
    Ok(())
}

fn lasts(table: &GuardTable, screen: &mut Screen) -> io::Result<()> {
    let GuardTable { endpoint, table: name, state } = table;
    let sentence = match state {
        TableState::Held => format!("Table {name} closes {endpoint} as long as the command runs that made it."),
        TableState::Lasting => {
            format!("Table {name} closes {endpoint} until `portward guard open {endpoint}` or the machine's next start.")
        }
        TableState::WouldLoad => format!("Table {name} would close {endpoint}."),
        TableState::Removed => format!("Table {name} is gone, and {endpoint} is open to the network as before."),
        TableState::WouldRemove => format!("Table {name} would be removed."),
        TableState::Absent => format!("There is no table {name}."),
    };
    screen.line(&sentence)
}

fn opened(table: &GuardTable, screen: &mut Screen) -> io::Result<()> {
    match table.state {
        TableState::Absent => {
            let endpoint = &table.endpoint;
            screen.line(&format!("No table of the guard's closes {endpoint}."))?;
            screen.remark("", "a pinned socket opens again when its program listens anew")
        }
        TableState::Held => {
            lasts(table, screen)?;
            screen.remark("", "end that command")
        }
        TableState::Lasting | TableState::WouldLoad | TableState::Removed | TableState::WouldRemove => lasts(table, screen),
    }
}

fn owner(socket: &GuardedSocket) -> String {
    match (&socket.name, socket.pid) {
        (Some(name), Some(pid)) => format!("{name} (pid {pid})"),
        _ => format!("user {}", socket.user),
    }
}

/// Who may come, each kind once, with the interfaces.
fn who(socket: &GuardedSocket) -> String {
    let mut found: Vec<String> = Vec::new();
    for reach in &socket.reach {
        let kind = match reach.who {
            Who::Internet => "the internet",
            Who::Lan => "the LAN",
            Who::Vpn => "the VPN",
            Who::Container => "containers",
            Who::SameUser | Who::OtherUser | Who::WebPage => continue,
        };
        found.push(match &reach.way {
            Way::Interface { interface, .. } => format!("{kind} ({interface})"),
            _ => kind.to_owned(),
        });
    }
    if found.is_empty() { "whatever network comes up".to_owned() } else { found.join(", ") }
}

/// Peers that are named.
const MOST_PEERS: usize = 12;
const WHOLE: usize = usize::MAX;
const HEADINGS: &[Heading] = &[
    Heading { title: "ENDPOINT", least: WHOLE },
    Heading { title: "OWNER", least: 12 },
    Heading { title: "USER", least: 6 },
    Heading { title: "STATE", least: WHOLE },
    Heading { title: "OPEN TO", least: 10 },
    Heading { title: "WHAT CLOSES IT", least: WHOLE },
];
