//! Clients that bound an address of the network and a port, and dial out.
//!
//! A bind to such an address gets the one of the loopback that stands for it, because whoever binds may come to serve there; and from
//! the loopback nothing goes out (`EINVAL`). A socket that is bound cannot be bound anew. So when it turns out to be a client's,
//! another one takes its place at its number (`SECCOMP_IOCTL_NOTIF_ADDFD`): of the same kind, with the same options, bound to the
//! address that was asked for. It serves nobody there: one of TCP would have to listen first, one of UDP has its fence.

use std::{fs, net::SocketAddr};

use portward_model::{Transport, unmap};
use portward_sys::unotify::Call;
use rustix::fd::OwnedFd;

use super::{
    calls::number_of,
    replacement::{alike, put},
    sockets,
    supervisor::Supervisor,
};
use crate::place::Kind;

/// Puts a socket that may go out in the place of one that stands at the loopback for an address of the network, where the program
/// dials this peer with it; gives the one to go on with. Where that cannot be, it is told.
pub(super) fn turned(own: &mut Supervisor<'_>, call: &Call, socket: OwnedFd, peer: SocketAddr) -> OwnedFd {
    let asked = own.asked.get(&sockets::cookie(&socket)).copied().filter(|asked| Kind::of(asked.ip()) == Kind::Other);
    let here = sockets::name(&socket).filter(|here| unmap(here.ip()).is_loopback() && here.port() != 0);
    let (Some(asked), Some(here)) = (asked, here) else { return socket };
    // What is of this machine is reached from the loopback, too.
    if Kind::of(peer.ip()) != Kind::Other || own.addresses.stand_in(peer.ip()).is_some() {
        return socket;
    }
    match turn(own, call, &socket, (asked, here)) {
        Ok(fresh) => fresh,
        Err(because) => {
            let because = format!(
                "its own address {asked} stands at {here} in a session, from where nothing goes out, and {because}; without an \
                 address, or with port 0, it would"
            );
            own.tell_refused(call.tid, if call.number == libc::SYS_sendto { "sendto" } else { "connect" }, because);
            socket
        }
    }
}

fn turn(
    own: &mut Supervisor<'_>,
    call: &Call,
    socket: &OwnedFd,
    (asked, here): (SocketAddr, SocketAddr),
) -> Result<OwnedFd, String> {
    let number = number_of(call);
    let pid = own.callers.process_of(call.tid);
    if is_awaited(pid, number) {
        return Err("the program waits for it already (epoll(7))".to_owned());
    }
    let mut at = asked;
    at.set_port(here.port());
    let fresh = alike(socket, at).map_err(|error| format!("the same socket could not be made for that address ({error})"))?;
    if sockets::transport(&fresh) == Some(Transport::Udp) {
        own.kept_out.watch(&fresh, pid);
        own.is_client(sockets::cookie(socket));
    }
    put(own, call, number, &fresh).map_err(|error| format!("it could not be exchanged ({error})"))?;
    Ok(fresh)
}

/// True where the program has asked to hear of a descriptor by `epoll(7)`, which holds on to the socket and not to its number.
fn is_awaited(pid: u32, number: i32) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    let polls = entries
        .flatten()
        .filter(|entry| fs::read_link(entry.path()).is_ok_and(|target| target.as_os_str() == "anon_inode:[eventpoll]"));
    polls.filter_map(|entry| entry.file_name().to_str().map(str::to_owned)).any(|poll| {
        let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{poll}")).unwrap_or_default();
        let mut awaited = info.lines().filter_map(|line| line.strip_prefix("tfd:")?.split_whitespace().next()?.parse().ok());
        awaited.any(|awaited: i32| awaited == number)
    })
}
