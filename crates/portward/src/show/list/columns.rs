//! The columns of the table: one entry each. A new column is one line in [`COLUMNS`] and one function.

use std::net::IpAddr;

use portward_model::{AddressClass, Family, Process, Socket, SocketState, Transport};
use portward_ops::{Listing, Row, RowKind, age, device};

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
    pub(crate) cell: fn(&Listing, &Row) -> Cell,
}

const fn usual(
    name: &'static str,
    title: &'static str,
    least: usize,
    help: &'static str,
    cell: fn(&Listing, &Row) -> Cell,
) -> Column {
    Column { name, heading: Heading { title, least }, help, usual: true, cell }
}

const fn other(
    name: &'static str,
    title: &'static str,
    least: usize,
    help: &'static str,
    cell: fn(&Listing, &Row) -> Cell,
) -> Column {
    Column { name, heading: Heading { title, least }, help, usual: false, cell }
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
    other("pid", "PID", WHOLE, "the pid alone", |listing, row| {
        Cell::plain(row.pid(&listing.view).map_or_else(unknown, |pid| pid.to_string()))
    }),
    other("transport", "TRANSPORT", WHOLE, "tcp, udp or unix", |listing, row| {
        Cell::plain(socket(listing, row).map_or("", |socket| socket.transport.name()))
    }),
    other("state", "STATE", WHOLE, "listen, bound, established ...", |listing, row| {
        Cell::plain(socket(listing, row).map_or("", |socket| socket.state.name()))
    }),
    other("command", "COMMAND", 20, "the command line, secrets masked", command),
    other("exe", "PROGRAM", 20, "the program's path", |listing, row| {
        from_process(listing, row, |process| process.exe.known().map(portward_model::Text::shown))
    }),
    other("cwd", "DIRECTORY", 20, "the current directory", |listing, row| {
        from_process(listing, row, |process| process.cwd.known().map(portward_model::Text::shown))
    }),
    other("cgroup", "CONTROL GROUP", 20, "the control group of the process, or of the socket where its owner is hidden", cgroup),
    other("queue", "QUEUE", WHOLE, "connections waiting to be accepted, and how many may", queue),
    other("drops", "DROPS", WHOLE, "packets dropped since it was opened", |listing, row| {
        Cell::plain(socket(listing, row).map_or(0, |socket| socket.queue.drops).to_string())
    }),
    other("cpu", "CPU", WHOLE, "processor time used", |listing, row| {
        from_process(listing, row, |process| Some(format!("{}.{:02} s", process.cpu_ms / 1000, process.cpu_ms % 1000 / 10)))
    }),
    other("memory", "MEMORY", WHOLE, "resident memory", |listing, row| {
        from_process(listing, row, |process| Some(bytes(process.memory_bytes)))
    }),
    other("threads", "THREADS", WHOLE, "number of threads", |listing, row| {
        from_process(listing, row, |process| Some(process.threads.to_string()))
    }),
    other("in", "IN", WHOLE, "bytes received by the present connections; read with --stats", |listing, row| {
        traffic(listing, row, |traffic| traffic.bytes_in)
    }),
    other("out", "OUT", WHOLE, "bytes sent by the present connections; read with --stats", |listing, row| {
        traffic(listing, row, |traffic| traffic.bytes_out)
    }),
    other("inode", "INODE", WHOLE, "the socket's inode", |listing, row| {
        Cell::plain(socket(listing, row).map_or(0, |socket| socket.inode).to_string())
    }),
];

fn socket<'a>(listing: &'a Listing, row: &Row) -> Option<&'a Socket> {
    row.first(&listing.view)
}

fn owner<'a>(listing: &'a Listing, row: &Row) -> Option<&'a Process> {
    row.pid(&listing.view).and_then(|pid| listing.view.snapshot.process(pid))
}

fn unknown() -> String {
    "-".to_owned()
}

fn from_process(listing: &Listing, row: &Row, value: fn(&Process) -> Option<String>) -> Cell {
    Cell::plain(owner(listing, row).and_then(value).unwrap_or_else(unknown))
}

fn port(listing: &Listing, row: &Row) -> Cell {
    let transport = socket(listing, row).map(|socket| socket.transport);
    Cell::plain(match (row.port(&listing.view), transport) {
        (Some(port), Some(Transport::Udp)) => format!("{port}/udp"),
        (Some(port), _) => port.to_string(),
        (None, Some(Transport::UnixDatagram)) => "unix dgram".to_owned(),
        (None, Some(Transport::UnixPacket)) => "unix packet".to_owned(),
        (None, _) => "unix".to_owned(),
    })
}

fn address(listing: &Listing, row: &Row) -> Cell {
    let Some(first) = socket(listing, row) else { return Cell::plain("") };
    if row.kind == RowKind::Connection {
        return Cell::plain(connection(listing, row, first));
    }
    let mut said: Vec<(String, u32)> = Vec::new();
    for socket in row.sockets.iter().filter_map(|index| listing.view.snapshot.sockets.get(*index as usize)) {
        let text = bind(listing, socket);
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
fn bind(listing: &Listing, socket: &Socket) -> String {
    let snapshot = &listing.view.snapshot;
    let Some(address) = socket.address() else {
        return socket.path().map_or_else(|| "(no name)".to_owned(), portward_model::Text::shown);
    };
    let device = device(snapshot, socket);
    let text = match (socket.is_wildcard(), socket.family, socket.v6_only, device.is_some()) {
        // A pinned wildcard says the device, which matters more than the family.
        (true, Family::Ipv6, Some(false), true) => "*".to_owned(),
        (true, Family::Ipv4, _, _) => "* (v4)".to_owned(),
        (true, _, Some(true), _) => "* (v6 only)".to_owned(),
        (true, _, Some(false), _) => "* (v4 and v6)".to_owned(),
        (true, _, None, _) => "* (v6)".to_owned(),
        (false, ..) => match (address, AddressClass::of(address)) {
            (IpAddr::V6(_), AddressClass::LinkLocal) => format!("{address}%{}", zone(listing, socket)),
            _ => address.to_string(),
        },
    };
    device.map_or(text.clone(), |device| format!("{text} on {device}"))
}

fn zone(listing: &Listing, socket: &Socket) -> String {
    let interface = listing.view.snapshot.interface(socket.interface);
    interface.map_or_else(|| socket.interface.to_string(), |interface| interface.name.shown())
}

fn connection(listing: &Listing, row: &Row, first: &Socket) -> String {
    let end = |address: IpAddr, port: u16| std::net::SocketAddr::new(address, port).to_string();
    let (Some(address), Some(port)) = (first.address(), first.port()) else {
        return first.path().map_or_else(|| "(no name)".to_owned(), portward_model::Text::shown);
    };
    let Some((remote, remote_port)) = first.remote() else { return end(address, port) };
    // Drawn from the client to the server.
    if row.port(&listing.view) == Some(port) {
        format!("{} > {}", end(remote, remote_port), end(address, port))
    } else {
        format!("{} > {}", end(address, port), end(remote, remote_port))
    }
}

fn reach(listing: &Listing, row: &Row) -> Cell {
    let Some(socket) = socket(listing, row) else { return Cell::plain("") };
    if row.kind == RowKind::Connection {
        return Cell::new(Tone::Quiet, socket.state.name().replace('_', " "));
    }
    let word = portward_checks::reach_word(&listing.view.snapshot, socket);
    Cell::new(tone_of_reach(word), word)
}

fn process(listing: &Listing, row: &Row) -> Cell {
    let view = &listing.view;
    if row.kind == RowKind::Connection {
        let names: Vec<String> = row.sockets.iter().rev().map(|index| one_process(listing, *index)).collect();
        return Cell::plain(names.join(" > "));
    }
    let Some(pid) = row.pid(view) else {
        let hidden = view.hidden_processes > 0 && socket(listing, row).is_some_and(|socket| socket.inode != 0);
        return Cell::new(Tone::Quiet, if hidden { "(hidden)" } else { "(none)" });
    };
    let mut pids: Vec<u32> =
        row.sockets.iter().flat_map(|index| view.snapshot.holders(*index as usize)).map(|holding| holding.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    let Some(process) = view.snapshot.process(pid) else { return Cell::plain(format!("(gone) {pid}")) };
    let more = if pids.len() > 1 { format!(" +{}", pids.len() - 1) } else { String::new() };
    let deleted = if process.exe_deleted { " (deleted)" } else { "" };
    let tone = if process.exe_deleted { Tone::Notice } else { Tone::Plain };
    Cell::new(tone, format!("{} {pid}{more}{deleted}", process.title()))
}

fn one_process(listing: &Listing, index: u32) -> String {
    let process = listing.view.first_owner(index as usize).and_then(|pid| listing.view.snapshot.process(pid));
    process.map_or_else(unknown, |process| format!("{} {}", process.title(), process.id.pid))
}

fn project(listing: &Listing, row: &Row) -> Cell {
    let view = &listing.view;
    if let Some(story) = row.pid(view).and_then(|pid| view.story(pid)) {
        return Cell::plain(if story.why.is_empty() { unknown() } else { story.why.clone() });
    }
    let unit = socket(listing, row).and_then(|socket| view.cgroup(socket)).and_then(portward_checks::unit_of_cgroup);
    Cell::plain(unit.map_or_else(unknown, |unit| unit.name.shown()))
}

fn user(listing: &Listing, row: &Row) -> Cell {
    let view = &listing.view;
    // The kernel keeps no user for what no descriptor can hold.
    if socket(listing, row).is_some_and(|socket| socket.inode == 0 && !socket.state.serves()) {
        return Cell::plain(unknown());
    }
    let uid = owner(listing, row).map(|process| process.uid).or_else(|| socket(listing, row).map(|socket| socket.uid));
    Cell::plain(uid.map(|uid| view.user(uid).shown()).unwrap_or_default())
}

fn process_age(listing: &Listing, row: &Row) -> Cell {
    Cell::plain(owner(listing, row).map_or_else(unknown, |process| age(listing.view.age_s(process.started_at))))
}

fn clients(listing: &Listing, row: &Row) -> Cell {
    Cell::plain(row.clients(&listing.view).map_or_else(unknown, |clients| clients.to_string()))
}

fn command(listing: &Listing, row: &Row) -> Cell {
    from_process(listing, row, |process| {
        let arguments = process.argv.known()?.arguments();
        Some(arguments.iter().map(portward_model::Text::shown).collect::<Vec<_>>().join(" "))
    })
}

fn cgroup(listing: &Listing, row: &Row) -> Cell {
    let own = owner(listing, row).and_then(|process| process.cgroup.known());
    let path = own.or_else(|| socket(listing, row).and_then(|socket| listing.view.cgroup(socket)));
    Cell::plain(path.map_or_else(unknown, portward_model::Text::shown))
}

fn netns(listing: &Listing, row: &Row) -> Cell {
    let namespace = socket(listing, row).and_then(|socket| listing.view.snapshot.namespaces.get(usize::from(socket.netns)));
    Cell::plain(namespace.map_or_else(unknown, |namespace| match (&namespace.name, namespace.own) {
        (_, true) => "own".to_owned(),
        (Some(name), false) => name.shown(),
        (None, false) => namespace.inode.to_string(),
    }))
}

fn queue(listing: &Listing, row: &Row) -> Cell {
    let Some(socket) = socket(listing, row) else { return Cell::plain("") };
    let queue = socket.queue;
    if socket.state != SocketState::Listen {
        return Cell::plain(queue.used.to_string());
    }
    let tone = if queue.used > queue.limit { Tone::Alarm } else { Tone::Plain };
    Cell::new(tone, format!("{}/{}", queue.used, queue.limit))
}

fn traffic(listing: &Listing, row: &Row, value: fn(&portward_model::Traffic) -> u64) -> Cell {
    let flows: Vec<_> = row.sockets.iter().filter_map(|index| listing.view.traffic(*index as usize)).collect();
    if flows.is_empty() {
        return Cell::plain(unknown());
    }
    Cell::plain(bytes(flows.iter().map(value).sum()))
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
