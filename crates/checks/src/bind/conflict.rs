//! The sockets that stand in the way of a bind, each with what it is and how sure the refusal is.
//!
//! By `inet_bind_conflict` and `udp_lib_lport_inuse`: two sockets on overlapping addresses, on the same device
//! or one of them on none, conflict, unless both set `SO_REUSEADDR` and the held one does not listen, or both set
//! `SO_REUSEPORT` and belong to one user. The options of another program's socket cannot be read, so where they
//! decide the refusal is likely or possible, not certain.

use portward_model::{Family, Likelihood, Snapshot, Socket, SocketState, Transport, unmap};

use super::{
    BindQuestion,
    overlap::{Side, overlaps},
};

/// One socket in the way.
pub(crate) struct Conflict<'a> {
    /// Its position in the snapshot.
    pub(crate) index: usize,
    pub(crate) socket: &'a Socket,
    pub(crate) kind: Kind,
    pub(crate) likelihood: Likelihood,
}

/// What the socket in the way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A listener, or a UDP socket, whose holder is known or is the reader's own.
    Process,
    /// The same, of the other family.
    DualStack,
    /// The same, of another user, with no holder that the reader may see.
    OtherUser,
    /// The same, held by systemd for a program that it starts on demand.
    Activation,
    /// The same, held by no process at all.
    Kernel,
    /// A listener that shares by `SO_REUSEPORT` with its own user only.
    OtherUsersGroup,
    /// A TCP socket that was bound and does not listen.
    Silent,
    /// A connection to itself.
    SelfConnect,
    /// A connection that this machine opened, with this port as its source.
    Outgoing,
    /// What is left of a server: an accepted connection.
    Connection,
    /// A closed connection that the kernel remembers.
    TimeWait,
}

impl Kind {
    /// True for a socket that takes new clients, which outweighs the connections it took before.
    fn serves(self) -> bool {
        match self {
            Self::Process | Self::DualStack | Self::OtherUser | Self::Activation | Self::Kernel | Self::OtherUsersGroup => true,
            Self::Silent | Self::SelfConnect | Self::Outgoing | Self::Connection | Self::TimeWait => false,
        }
    }
}

/// The sockets of the reader's own namespace that conflict with a bind of `asker`. Where one of them
/// serves, the connections at its port are left out: they are its own.
pub(crate) fn conflicts<'a>(snapshot: &'a Snapshot, question: &BindQuestion, asker: &Side) -> Vec<Conflict<'a>> {
    if question.port == 0 {
        return Vec::new();
    }
    let mut found: Vec<Conflict<'a>> = snapshot
        .sockets
        .iter()
        .enumerate()
        .filter(|(_, socket)| socket.transport == question.transport && socket.port() == Some(question.port))
        .filter(|(_, socket)| snapshot.namespaces.get(usize::from(socket.netns)).is_none_or(|namespace| namespace.own))
        .filter(|(_, socket)| holds_its_port(socket.state))
        .filter(|(_, socket)| socket.interface == 0 || question.interface == 0 || socket.interface == question.interface)
        .filter_map(|(index, socket)| {
            let overlap = overlap(asker, socket)?;
            let kind = kind(snapshot, question, asker, index, socket);
            let likelihood = refusal(snapshot, question, socket, kind)?.max(overlap);
            Some(Conflict { index, socket, kind, likelihood })
        })
        .collect();
    if found.iter().any(|conflict| conflict.kind.serves() && conflict.likelihood == Likelihood::Certain) {
        found.retain(|conflict| conflict.kind.serves());
    }
    found
}

/// A half-open connection is in no bind table of its own; every other state is (`inet_bind_bucket`).
fn holds_its_port(state: SocketState) -> bool {
    match state {
        SocketState::SynRecv | SocketState::Closed => false,
        SocketState::Listen
        | SocketState::Bound
        | SocketState::Established
        | SocketState::SynSent
        | SocketState::FinWait1
        | SocketState::FinWait2
        | SocketState::CloseWait
        | SocketState::LastAck
        | SocketState::Closing
        | SocketState::TimeWait => true,
    }
}

/// Certain when the addresses overlap whatever `IPV6_V6ONLY` is, likely when that was not told and decides.
fn overlap(asker: &Side, socket: &Socket) -> Option<Likelihood> {
    let address = socket.address()?;
    let with = |v6_only| overlaps(asker, &Side { family: socket.family, address, v6_only });
    // A bind to one IPv6 address makes the socket IPv6 only (`__inet6_bind`); a connection needs no bind.
    if socket.state.serves() && unmap(address).is_ipv6() && !socket.is_wildcard() {
        return with(true).then_some(Likelihood::Certain);
    }
    match socket.v6_only {
        Some(v6_only) => with(v6_only).then_some(Likelihood::Certain),
        None if socket.family == Family::Ipv4 => with(false).then_some(Likelihood::Certain),
        None => match (with(false), with(true)) {
            (true, true) => Some(Likelihood::Certain),
            (true, false) | (false, true) => Some(Likelihood::Likely),
            (false, false) => None,
        },
    }
}

/// How sure the refusal is; `None` when both sides are known to share.
fn refusal(snapshot: &Snapshot, question: &BindQuestion, socket: &Socket, kind: Kind) -> Option<Likelihood> {
    let same_user = socket.uid == snapshot.host.uid;
    let listens = socket.state == SocketState::Listen;
    let may_share_port = question.options.reuse_port && (same_user || socket.state == SocketState::TimeWait);
    let may_share_address = question.options.reuse_address && !listens;
    if !may_share_port && !may_share_address {
        return Some(Likelihood::Certain);
    }
    if may_share_port && listens && has_twin(snapshot, socket) {
        return None;
    }
    Some(match kind {
        // Clients hardly ever set the option before they connect.
        Kind::Outgoing | Kind::SelfConnect => Likelihood::Likely,
        Kind::Process | Kind::DualStack | Kind::OtherUser | Kind::Activation | Kind::Kernel | Kind::OtherUsersGroup => {
            Likelihood::Likely
        }
        // Most servers set the option, and what they accept inherits it.
        Kind::Silent | Kind::Connection | Kind::TimeWait => Likelihood::Possible,
    })
}

/// Two listeners on one address can only be there because both set `SO_REUSEPORT`.
fn has_twin(snapshot: &Snapshot, socket: &Socket) -> bool {
    snapshot.sockets.iter().any(|other| {
        other.state == SocketState::Listen
            && (other.inode, other.cookie) != (socket.inode, socket.cookie)
            && (other.transport, other.netns, other.interface, other.family, other.v6_only)
                == (socket.transport, socket.netns, socket.interface, socket.family, socket.v6_only)
            && (other.port(), other.address()) == (socket.port(), socket.address())
    })
}

fn kind(snapshot: &Snapshot, question: &BindQuestion, asker: &Side, index: usize, socket: &Socket) -> Kind {
    match socket.state {
        SocketState::Listen => server(snapshot, question, asker, index, socket),
        SocketState::Bound if socket.transport == Transport::Tcp => Kind::Silent,
        SocketState::TimeWait => Kind::TimeWait,
        _ if socket.transport == Transport::Udp => server(snapshot, question, asker, index, socket),
        SocketState::Bound
        | SocketState::Established
        | SocketState::SynSent
        | SocketState::SynRecv
        | SocketState::FinWait1
        | SocketState::FinWait2
        | SocketState::CloseWait
        | SocketState::LastAck
        | SocketState::Closing
        | SocketState::Closed => connection(snapshot, socket),
    }
}

fn server(snapshot: &Snapshot, question: &BindQuestion, asker: &Side, index: usize, socket: &Socket) -> Kind {
    let holders = snapshot.holders(index);
    let mut processes = holders.iter().filter_map(|holding| snapshot.process(holding.pid));
    if question.options.reuse_port && socket.uid != snapshot.host.uid {
        Kind::OtherUsersGroup
    } else if processes.any(|process| process.name.raw() == b"systemd" || process.title() == "systemd-socket-activate") {
        Kind::Activation
    } else if holders.is_empty() && socket.uid != snapshot.host.uid && !snapshot.host.privileged {
        Kind::OtherUser
    } else if holders.is_empty() && snapshot.host.privileged && snapshot.host.sees_all_pids {
        Kind::Kernel
    } else if socket.family != asker.family && question.host != super::BindHost::Any {
        Kind::DualStack
    } else {
        Kind::Process
    }
}

fn connection(snapshot: &Snapshot, socket: &Socket) -> Kind {
    let Some((remote, remote_port)) = socket.remote() else { return Kind::Connection };
    let (Some(local), Some(port)) = (socket.address(), socket.port()) else { return Kind::Connection };
    if (local, port) == (remote, remote_port) {
        return Kind::SelfConnect;
    }
    if socket.state == SocketState::SynSent {
        return Kind::Outgoing;
    }
    let dialled_a_listener = snapshot.sockets.iter().any(|other| {
        other.state == SocketState::Listen
            && other.netns == socket.netns
            && other.port() == Some(remote_port)
            && other.takes(remote)
    });
    // A source port that the kernel picked, towards one that it would not have picked.
    let picked =
        snapshot.rules.as_ref().is_some_and(|rules| rules.ephemeral.contains(port) && !rules.ephemeral.contains(remote_port));
    if dialled_a_listener || picked { Kind::Outgoing } else { Kind::Connection }
}
