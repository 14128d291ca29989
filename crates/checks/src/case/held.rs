//! What stands in the way of a bind, with the process behind it.

use portward_model::{Process, Socket, SocketState, Transport};

use crate::{BindQuestion, bind::View, case::Case};

/// A socket that takes clients at the asked address and so refuses the bind, with its holder.
pub(crate) struct Held<'a> {
    pub(crate) index: usize,
    pub(crate) socket: &'a Socket,
    pub(crate) process: &'a Process,
}

/// The sockets that refuse the bind by the kernel's rules and take clients: listeners, and bound UDP sockets.
pub(crate) fn servers<'a>(case: &Case<'a>) -> Vec<(usize, &'a Socket)> {
    let refused = case.bind.is_none_or(|answer| answer.possible() != Some(true));
    if !case.listens() || !refused || case.asked.path.is_some() {
        return Vec::new();
    }
    let transport = case.asked.transport;
    let questions: Vec<BindQuestion> = if case.asked.host_given && !case.asked.addresses.is_empty() {
        case.asked.addresses.iter().map(|address| BindQuestion::new(transport, *address, case.asked.port)).collect()
    } else {
        vec![BindQuestion::any(transport, case.asked.port)]
    };
    let mut found: Vec<(usize, &Socket)> = Vec::new();
    for question in &questions {
        for conflict in View::new(case.snapshot, question).conflicts {
            let Some(socket) = case.snapshot.sockets.get(conflict.index) else { continue };
            let serves = socket.state == SocketState::Listen || (transport == Transport::Udp && socket.state.serves());
            if serves && !found.iter().any(|(index, _)| *index == conflict.index) {
                found.push((conflict.index, socket));
            }
        }
    }
    found
}

/// The first of them whose holder is known.
pub(crate) fn held<'a>(case: &Case<'a>) -> Option<Held<'a>> {
    servers(case).into_iter().find_map(|(index, socket)| Some(Held { index, socket, process: case.holder(index)? }))
}
