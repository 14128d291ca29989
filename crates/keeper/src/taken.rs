//! A leased port in other hands: who has it, and what became of the program that asked.

use std::net::SocketAddr;

use portward_model::{Hint, Socket, Text, Transport, hint};
use portward_sys::{Depth, Look};

use crate::runs::process_at;

/// What became of a bind whose port was in other hands.
pub(crate) struct Taken<'a> {
    /// Who asked, as it is shown.
    pub(crate) who: String,
    pub(crate) transport: Transport,
    pub(crate) asked: SocketAddr,
    pub(crate) port: u16,
    pub(crate) instead: Option<u16>,
    pub(crate) by: &'a Socket,
    pub(crate) is_own: bool,
    /// What the project is called; empty outside any.
    pub(crate) project: Text,
}

/// The sentence, and what to do about it.
pub(crate) fn words(host: &dyn Look, taken: &Taken<'_>) -> (String, Option<Hint>) {
    let Taken { who, asked, port, .. } = taken;
    let asked = asked.port();
    let place = if asked == *port { String::new() } else { format!(", the project's {asked},") };
    if taken.is_own {
        let url = if taken.transport == Transport::Udp { "udp/localhost" } else { "localhost" };
        let owner = if taken.project.is_empty() { "This session".to_owned() } else { taken.project.shown() };
        let holder = program(host, taken.by);
        let sentence = format!("{owner} already serves {asked}: {holder} -> {url}:{port}. {who} was refused it.");
        let hint = hint!(
            "portward stop {}    ends that one; PORT=$(portward port NAME) gives this one another port, if it takes PORT; portward front . \
             lends localhost:{} to the project",
            *port,
            asked
        );
        return (sentence, Some(hint));
    }
    let holder = holder(host, taken.by);
    let free = hint!("portward free {}    ends what has it, where that is yours", *port);
    match taken.instead {
        Some(instead) => (format!("{port}{place} is held by {holder}: {who} serves at {instead} in this session."), Some(free)),
        None => (format!("{who} was refused {asked}: {port}{place} is held by {holder}."), Some(free)),
    }
}

/// `nginx (pid 77) of root`; of what may not be looked into, its user alone.
pub(crate) fn holder(host: &dyn Look, socket: &Socket) -> String {
    let users = host.users().unwrap_or_default();
    let user = users.get(&socket.uid).map_or_else(|| format!("user {}", socket.uid), Text::shown);
    format!("{} of {user}", program(host, socket))
}

/// `nginx (pid 77)`
fn program(host: &dyn Look, socket: &Socket) -> String {
    let holders = host.holders(std::slice::from_ref(socket), Depth::Processes);
    let pid = holders.ok().and_then(|holders| holders.holdings.first().map(|holding| holding.pid));
    let process = pid.and_then(|pid| process_at(host, pid));
    process.map_or_else(
        || "a program that cannot be seen".to_owned(),
        |process| format!("{} (pid {})", Text::from_shown(&process.title()), process.id.pid),
    )
}
