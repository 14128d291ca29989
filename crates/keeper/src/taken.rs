//! A leased port in other hands: who has it, and what became of the program that asked.

use std::net::SocketAddr;

use portward_model::{Hint, Socket, Transport, hint};
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
}

/// The sentence, and what to do about it.
pub(crate) fn words(host: &dyn Look, taken: &Taken<'_>) -> (String, Option<Hint>) {
    let Taken { who, asked, port, .. } = taken;
    let holder = holder(host, taken.by);
    let asked = asked.port();
    let place = if asked == *port { String::new() } else { format!(", the project's {asked},") };
    if taken.is_own {
        let url = if taken.transport == Transport::Udp { "udp/localhost" } else { "localhost" };
        let sentence = format!("{who} was refused {asked}: {holder} of this project has it, at {url}:{port}.");
        return (sentence, Some(hint!("portward free {}    ends that one", *port)));
    }
    let free = hint!("portward free {}    ends what has it, where that is yours", *port);
    match taken.instead {
        Some(instead) => {
            (format!("{port}{place} is held by {holder}: {who} serves at {instead} in this session."), Some(free))
        }
        None => (format!("{who} was refused {asked}: {port}{place} is held by {holder}."), Some(free)),
    }
}

/// `nginx (pid 77) of root`; of what may not be looked into, its user alone.
fn holder(host: &dyn Look, socket: &Socket) -> String {
    let holders = host.holders(std::slice::from_ref(socket), Depth::Processes);
    let pid = holders.ok().and_then(|holders| holders.holdings.first().map(|holding| holding.pid));
    let process = pid.and_then(|pid| process_at(host, pid));
    let program = process.map_or_else(
        || "a program that cannot be seen".to_owned(),
        |process| format!("{} (pid {})", portward_model::Text::from_shown(&process.title()), process.id.pid),
    );
    let users = host.users().unwrap_or_default();
    let user = users.get(&socket.uid).map_or_else(|| format!("user {}", socket.uid), |name| name.shown());
    format!("{program} of {user}")
}
