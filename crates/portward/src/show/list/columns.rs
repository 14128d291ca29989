//! The columns of the table: one entry each. A new column is one line in [`COLUMNS`] and one function.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
};

use portward_model::{AddressClass, Family, SocketState, Text, Traffic, Transport};
use portward_ops::{End, Listing, ProcessDocument, RowDocument, RowKind, SocketDocument, age};

use super::tone_of_reach;
use crate::{
    screen::Tone,
    table::{Cell, Heading},
};

/// One column.
pub(crate) struct Column {
    /// Its name for `--columns`.
    pub(crate) name: &'static str,
    /// Its heading and how narrow it may become.
    pub(crate) heading: Heading,
    /// What it shows, in a line.
    pub(crate) help: &'static str,
    /// Shown unless others are asked for.
    pub(crate) usual: bool,
    /// What stands in a row.
    pub(crate) cell: Draw,
}

/// What fills a cell of a column.
type Draw = fn(&Listing, &RowDocument<'_>) -> Cell;

const fn usual(name: &'static str, title: &'static str, least: usize, help: &'static str, cell: Draw) -> Column {
    Column { name, heading: Heading { title, least }, help, usual: true, cell }
}

const fn other(name: &'static str, title: &'static str, least: usize, help: &'static str, cell: Draw) -> Column {
    Column { usual: false, ..usual(name, title, least, help, cell) }
}

/// A column that is shown whole or not at all.
const WHOLE: usize = usize::MAX;

/// Every column, the usual ones in the order in which they stand.
pub(crate) static COLUMNS: &[Column] = &[
    usual("port", "PORT", WHOLE, "port, with the transport where it is not TCP", port),
    usual("address", "ADDRESS", 15, "the addresses it listens on, or the two ends of a connection", address),
    other("netns", "NETNS", 8, "the network namespace", netns),
    usual("reach", "REACH", WHOLE, "the widest circle that can reach it; the state of a connection", reach),
    usual("process", "PROCESS", 12, "the program and its pid, how many more hold it", process),
    usual("project", "PROJECT, WHY", 12, "project, worktree, script, unit or container", project),
    usual("user", "USER", 6, "the user it runs as", user),
    usual("age", "AGE", WHOLE, "since when the process runs", process_age),
    usual("clients", "CLIENTS", WHOLE, "connections that a listener has now", clients),
    other("pid", "PID", WHOLE, "the pid alone", |_, row| {
        Cell::plain(named(row).and_then(|socket| socket.pid).map_or_else(unknown, |pid| pid.to_string()))
    }),
    other("transport", "TRANSPORT", WHOLE, "tcp, udp or unix", |_, row| {
        Cell::plain(socket(row).map_or("", |socket| socket.transport.name()))
    }),
    other("state", "STATE", WHOLE, "listen, bound, established ...", |_, row| {
        Cell::plain(socket(row).map_or("", |socket| socket.state.name()))
    }),
    other("command", "COMMAND", 20, "the command line, secrets masked; of your own programs not with --show-args", command),
    other("exe", "PROGRAM", 20, "the program's path", |_, row| {
        from_process(row, |process| process.exe.as_ref().map(Text::shown))
    }),
    other("cwd", "DIRECTORY", 20, "the current directory", |_, row| {
        from_process(row, |process| process.cwd.as_ref().map(Text::shown))
    }),
    other("cgroup", "CONTROL GROUP", 20, "the control group of the process, or of the socket where its owner is hidden", cgroup),
    other("queue", "QUEUE", WHOLE, "connections waiting to be accepted, and how many may", queue),
    other("drops", "DROPS", WHOLE, "packets dropped since it was opened", |_, row| {
        Cell::plain(socket(row).map_or(0, |socket| socket.queue.drops).to_string())
    }),
    other("cpu", "CPU", WHOLE, "processor time used", |_, row| {
        from_process(row, |process| process.cpu_ms.map(|used| format!("{}.{:02} s", used / 1000, used % 1000 / 10)))
    }),
    other("memory", "MEMORY", WHOLE, "resident memory", |_, row| from_process(row, |process| process.memory_bytes.map(bytes))),
    other("threads", "THREADS", WHOLE, "number of threads", |_, row| {
        from_process(row, |process| process.threads.map(|threads| threads.to_string()))
    }),
    other("in", "IN", WHOLE, "bytes received by the present connections; read with --stats", |_, row| {
        traffic(row, |traffic| traffic.bytes_in)
    }),
    other("out", "OUT", WHOLE, "bytes sent by the present connections; read with --stats", |_, row| {
        traffic(row, |traffic| traffic.bytes_out)
    }),
    other("inode", "INODE", WHOLE, "the socket's inode", |_, row| {
        Cell::plain(socket(row).map_or(0, |socket| socket.inode).to_string())
    }),
];

/// The socket to speak of.
fn socket<'a>(row: &'a RowDocument<'_>) -> Option<&'a SocketDocument> {
    row.sockets.first().map(Cow::as_ref)
}

/// The first socket whose owner has a pid.
fn named<'a>(row: &'a RowDocument<'_>) -> Option<&'a SocketDocument> {
    row.sockets.iter().map(Cow::as_ref).find(|socket| socket.pid.is_some())
}

fn owner<'a>(row: &'a RowDocument<'_>) -> Option<&'a ProcessDocument> {
    named(row)?.owner().map(|owner| owner.process.as_ref())
}

fn unknown() -> String {
    "-".to_owned()
}

fn from_process(row: &RowDocument<'_>, value: fn(&ProcessDocument) -> Option<String>) -> Cell {
    Cell::plain(owner(row).and_then(value).unwrap_or_else(unknown))
}

fn port(_: &Listing, row: &RowDocument<'_>) -> Cell {
    let transport = socket(row).map(|socket| socket.transport);
    Cell::plain(match (row.port, transport) {
        (Some(port), Some(Transport::Udp)) => format!("{port}/udp"),
        (Some(port), _) => port.to_string(),
        (None, Some(Transport::UnixDatagram)) => "unix dgram".to_owned(),
        (None, Some(Transport::UnixPacket)) => "unix packet".to_owned(),
        (None, _) => "unix".to_owned(),
    })
}

fn address(_: &Listing, row: &RowDocument<'_>) -> Cell {
    let Some(first) = socket(row) else { return Cell::plain("") };
    if row.kind == RowKind::Connection {
        return Cell::plain(connection(row, first));
    }
    let mut said: Vec<(String, u32)> = Vec::new();
    for socket in &row.sockets {
        let text = bind(socket);
        match said.iter_mut().find(|(known, _)| *known == text) {
            Some((_, times)) => *times += 1,
            None => said.push((text, 1)),
        }
    }
    let mut parts: Vec<String> =
        said.into_iter().map(|(text, times)| if times > 1 { format!("{text} x{times}") } else { text }).collect();
    if first.state == SocketState::Bound && first.transport == Transport::Tcp {
        parts.push("(bound, not listening)".to_owned());
        return Cell::new(Tone::Notice, parts.join(" "));
    }
    Cell::plain(parts.join(" "))
}

/// A bind as people write it: `*` for every address, `*` with the family where it serves only one.
fn bind(socket: &SocketDocument) -> String {
    let Some(End { address, zone, .. }) = &socket.local else { return path(socket) };
    let text = match (socket.is_wildcard(), socket.family, socket.v6_only, socket.device.is_some()) {
        // A pinned wildcard says the device, which matters more than the family.
        (true, Family::Ipv6, Some(false), true) => "*".to_owned(),
        (true, Family::Ipv4, _, _) => "* (v4)".to_owned(),
        (true, _, Some(true), _) => "* (v6 only)".to_owned(),
        (true, _, Some(false), _) => "* (v4 and v6)".to_owned(),
        (true, _, None, _) => "* (v6)".to_owned(),
        (false, ..) => match (address, AddressClass::of(*address)) {
            // An interface without a name goes by its number.
            (IpAddr::V6(_), AddressClass::LinkLocal) => {
                format!("{address}%{}", zone.as_deref().map_or("0", |zone| zone.strip_prefix('#').unwrap_or(zone)))
            }
            _ => address.to_string(),
        },
    };
    socket.device.as_ref().map_or(text.clone(), |device| format!("{text} on {device}"))
}

fn path(socket: &SocketDocument) -> String {
    socket.path.as_ref().map_or_else(|| "(no name)".to_owned(), Text::shown)
}

fn connection(row: &RowDocument<'_>, first: &SocketDocument) -> String {
    let end = |end: &End| SocketAddr::new(end.address, end.port).to_string();
    let Some(local) = &first.local else { return path(first) };
    let Some(remote) = &first.remote else { return end(local) };
    // Drawn from the client to the server.
    let (from, to) = if row.port == Some(local.port) { (remote, local) } else { (local, remote) };
    format!("{} > {}", end(from), end(to))
}

fn reach(_: &Listing, row: &RowDocument<'_>) -> Cell {
    match (socket(row), row.kind) {
        (None, _) => Cell::plain(""),
        (Some(socket), RowKind::Connection) => Cell::new(Tone::Quiet, socket.state.name().replace('_', " ")),
        (Some(_), RowKind::Endpoint) => Cell::new(tone_of_reach(row.circle), row.circle.words()),
    }
}

fn process(_: &Listing, row: &RowDocument<'_>) -> Cell {
    if row.kind == RowKind::Connection {
        let names: Vec<String> = row.sockets.iter().rev().map(|socket| one_process(socket)).collect();
        return Cell::plain(names.join(" > "));
    }
    let Some((socket, pid)) = named(row).and_then(|socket| Some((socket, socket.pid?))) else {
        let hidden = socket(row).is_some_and(SocketDocument::is_hidden);
        return Cell::new(Tone::Quiet, if hidden { "(hidden)" } else { "(none)" });
    };
    let mut pids: Vec<u32> =
        row.sockets.iter().flat_map(|socket| socket.owners.iter().flatten()).map(|owner| owner.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    let Some(owner) = socket.owner() else { return Cell::plain(format!("(gone) {pid}")) };
    let process = owner.process.as_ref();
    let more = if pids.len() > 1 { format!(" +{}", pids.len() - 1) } else { String::new() };
    let deleted = if process.exe_deleted { " (deleted)" } else { "" };
    let tone = if process.exe_deleted { Tone::Notice } else { Tone::Plain };
    Cell::new(tone, format!("{} {pid}{more}{deleted}", process.title))
}

fn one_process(socket: &SocketDocument) -> String {
    socket.owner().map_or_else(unknown, |owner| format!("{} {}", owner.process.title, owner.pid))
}

fn project(_: &Listing, row: &RowDocument<'_>) -> Cell {
    let unit = || socket(row).and_then(|socket| socket.unit.as_ref()).map(Text::shown);
    let held = row.sockets.iter().find_map(|socket| socket.held_for.as_ref()).map(ToString::to_string);
    let why = || owner(row).map_or_else(unit, |process| process.why.as_ref().map(ToString::to_string));
    let why = held.or_else(why);
    let leads = row.sockets.iter().find_map(|socket| socket.leads.as_ref()).map(Text::shown);
    let said: Vec<String> = leads.into_iter().chain(why).collect();
    Cell::plain(if said.is_empty() { unknown() } else { said.join(", ") })
}

fn user(_: &Listing, row: &RowDocument<'_>) -> Cell {
    let Some(socket) = socket(row) else { return Cell::plain("") };
    // The kernel keeps no user for what no descriptor can hold.
    if socket.inode == 0 && !socket.state.serves() {
        return Cell::plain(unknown());
    }
    Cell::plain(owner(row).map_or(&socket.user, |process| &process.user).shown())
}

fn process_age(listing: &Listing, row: &RowDocument<'_>) -> Cell {
    let started = owner(row).and_then(|process| process.started_at);
    Cell::plain(started.map_or_else(unknown, |started| age(started.age_s(listing.now))))
}

fn clients(_: &Listing, row: &RowDocument<'_>) -> Cell {
    let clients = row.sockets.iter().filter_map(|socket| socket.clients).reduce(|one, other| one + other);
    Cell::plain(clients.map_or_else(unknown, |clients| clients.to_string()))
}

fn command(_: &Listing, row: &RowDocument<'_>) -> Cell {
    from_process(row, |process| Some(process.argv.as_ref()?.iter().map(Text::shown).collect::<Vec<_>>().join(" ")))
}

fn cgroup(_: &Listing, row: &RowDocument<'_>) -> Cell {
    let own = owner(row).and_then(|process| process.cgroup.as_ref());
    let path = own.or_else(|| socket(row).and_then(|socket| socket.cgroup.as_ref()));
    Cell::plain(path.map_or_else(unknown, Text::shown))
}

fn netns(_: &Listing, row: &RowDocument<'_>) -> Cell {
    Cell::plain(socket(row).map_or_else(unknown, |socket| match (&socket.netns.name, socket.netns.own) {
        (_, true) => "own".to_owned(),
        (Some(name), false) => name.shown(),
        (None, false) => socket.netns.inode.to_string(),
    }))
}

fn queue(_: &Listing, row: &RowDocument<'_>) -> Cell {
    let Some(socket) = socket(row) else { return Cell::plain("") };
    let queue = socket.queue;
    if socket.state != SocketState::Listen {
        return Cell::plain(queue.used.to_string());
    }
    let tone = if queue.used > queue.limit { Tone::Alarm } else { Tone::Plain };
    Cell::new(tone, format!("{}/{}", queue.used, queue.limit))
}

fn traffic(row: &RowDocument<'_>, value: fn(&Traffic) -> u64) -> Cell {
    let flows: Vec<&Traffic> = row.sockets.iter().filter_map(|socket| socket.traffic.as_ref()).collect();
    if flows.is_empty() {
        return Cell::plain(unknown());
    }
    Cell::plain(bytes(flows.into_iter().map(value).sum()))
}

/// A size with a unit, three digits at most: `812 B`, `4.2 MiB`.
fn bytes(size: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let step = (0..units.len() - 1).take_while(|step| size >> (10 * (step + 1)) > 0).count();
    let shift = 10 * step;
    let whole = size >> shift;
    let unit = units.get(step).copied().unwrap_or("TiB");
    if step == 0 || whole >= 10 {
        return format!("{whole} {unit}");
    }
    let tenth = ((size - (whole << shift)) * 10) >> shift;
    format!("{whole}.{tenth} {unit}")
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, bytes};

    #[test]
    fn columns_are_named_once_and_explained() {
        for (at, column) in COLUMNS.iter().enumerate() {
            assert!(COLUMNS.iter().take(at).all(|earlier| earlier.name != column.name), "{}", column.name);
            assert!(!column.help.is_empty() && !column.heading.title.is_empty());
        }
    }

    #[test]
    fn sizes() {
        for (size, text) in
            [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (11 << 20, "11 MiB"), (u64::MAX, "16777215 TiB")]
        {
            assert_eq!(bytes(size), text);
        }
    }
}
