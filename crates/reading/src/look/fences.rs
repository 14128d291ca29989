//! Sockets of UDP that have a fence, which is in no list of the kernel's.

use portward_model::{Scope, Seen, Snapshot, SocketState, Transport};
use portward_sys as sys;

/// Notes the loopback device for each socket that hears no other, as if it were pinned to it. Only a holder's descriptor tells.
pub(super) fn read(host: &dyn sys::Look, snapshot: &mut Snapshot) {
    let loopback = snapshot.loopback_index();
    let uid = snapshot.host.uid;
    for index in 0..snapshot.sockets.len() {
        let Some(socket) = snapshot.sockets.get(index) else { continue };
        let is_wide = socket.interface == 0 && socket.scope(loopback) != Scope::Loopback;
        if socket.transport != Transport::Udp || socket.state != SocketState::Bound || !is_wide {
            continue;
        }
        let may_look = |pid| uid == 0 || snapshot.process(pid).is_some_and(|process| process.uid == uid);
        let holding = snapshot.holders(index).iter().find(|holding| may_look(holding.pid));
        let is_fenced = holding.is_some_and(|holding| matches!(host.options(holding), Seen::Known(options) if options.fenced));
        if let Some(socket) = snapshot.sockets.get_mut(index).filter(|_| is_fenced) {
            socket.interface = loopback;
        }
    }
}
