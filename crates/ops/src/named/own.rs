//! Portward's own processes in a view: what they do, and for which project.

use portward_model::{Own, Socket, SocketState, Transport};
use portward_store::Store;
use portward_sys::{Context, Rights, noted};

use super::{Known, session_words};
use crate::{Failure, View};

/// Says of the sessions' supervisors and of the forwarder in a view whose they are.
pub(crate) fn tell<R: Rights>(cx: &Context<'_, R>, known: &Known, view: &mut View) {
    let own: Vec<(u32, Own)> = view.snapshot.processes.iter().filter_map(|own| Some((own.id.pid, Own::of(own)?))).collect();
    for (pid, what) in own {
        let why = match what {
            Own::Front => match known.is_forwarder(pid).then(|| known.front()).flatten() {
                Some(project) => format!("lent to {project}"),
                None => "portward front".to_owned(),
            },
            Own::Forward => match known.forwards_to(pid) {
                Some(target) => format!("forwards to {target}"),
                None => "portward forward".to_owned(),
            },
            Own::Session => match known.supervised_by(pid) {
                Some(session) => format!("{}, its session", session_words(session)),
                None => continue,
            },
            Own::Keeper => "portward down".to_owned(),
            Own::Hands | Own::Command => continue,
        };
        view.retell(pid, why.into());
    }
    let held: Vec<usize> = (0..view.snapshot.sockets.len()).filter(|index| is_held(view, *index)).collect();
    if held.is_empty() {
        return;
    }
    let leased = noted(cx.look(), "leases", || leased(cx).unwrap_or_default());
    for index in held {
        let Some(port) = view.snapshot.sockets.get(index).and_then(Socket::port) else { continue };
        let whose =
            leased.iter().find(|(own, _)| *own == port).map_or_else(|| "a session".to_owned(), |(_, whose)| whose.clone());
        view.keep(index, format!("held for {whose}").into());
    }
}

/// True for a port that a session keeps free for its project: bound by its supervisor, and listened on by nobody.
pub(crate) fn is_held(view: &View, index: usize) -> bool {
    let bound = |socket: &Socket| socket.transport == Transport::Tcp && socket.state == SocketState::Bound;
    let owner = || view.first_owner(index).and_then(|pid| view.snapshot.process(pid)).and_then(Own::of);
    view.snapshot.sockets.get(index).is_some_and(bound) && owner() == Some(Own::Session)
}

/// True for the socket at which a process of Portward's own answers its user.
pub(crate) fn is_answering(view: &View, index: usize) -> bool {
    let owner = || view.first_owner(index).and_then(|pid| view.snapshot.process(pid)).and_then(Own::of);
    view.snapshot.sockets.get(index).is_some_and(|socket| socket.transport.is_unix()) && owner().is_some()
}

/// Every leased port, with whose it is: `shop's 3000`.
fn leased<R: Rights>(cx: &Context<'_, R>) -> Result<Vec<(u16, String)>, Failure> {
    let Some(store) = Store::reading(cx)? else { return Ok(Vec::new()) };
    let words = |row: portward_store::LeaseRow| {
        let project = row.project.map_or_else(|| "a session".to_owned(), |project| project.shown());
        let what = row.asked.map(|asked| asked.to_string()).or(row.name).unwrap_or_else(|| row.port.to_string());
        (row.port, format!("{project}'s {what}"))
    };
    Ok(store.all()?.into_iter().map(words).collect())
}
