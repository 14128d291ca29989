//! Unix sockets (`sock_diag(7)`, `linux/unix_diag.h`).

use portward_model::{Family, Queue, Socket, SocketFile, SocketName, SocketState, Text, Transport};

use super::{AF_UNIX, NLM_F_DUMP, SOCK_DIAG_BY_FAMILY, StateSet, message, read_attributes};
use crate::{Reader, Truncated};

/// A dump request for Unix sockets in the given states.
pub fn unix_request(states: StateSet) -> Vec<u8> {
    let states: u32 = match states {
        // A datagram socket never listens: bound or not, it is in TCP_CLOSE.
        StateSet::Listening | StateSet::Serving => 1 << LISTEN | 1 << CLOSE,
        StateSet::BoundOrConnected | StateSet::Connected => 1 << ESTABLISHED,
        StateSet::All => u32::MAX,
    };
    let show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | UDIAG_SHOW_UID;
    let mut body = vec![AF_UNIX, 0, 0, 0];
    body.extend(states.to_ne_bytes());
    body.extend(0u32.to_ne_bytes());
    body.extend(show.to_ne_bytes());
    body.extend([0xff; 8]);
    message(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &body)
}

/// Reads `struct unix_diag_msg` and its attributes. `None` for a type that Portward has no word for.
pub(super) fn read_unix(body: &[u8], netns: u16) -> Result<Option<Socket>, Truncated> {
    let mut fields = Reader::new(body);
    fields.u8()?;
    let transport = match fields.u8()? {
        SOCK_STREAM => Transport::Unix,
        SOCK_DGRAM => Transport::UnixDatagram,
        SOCK_SEQPACKET => Transport::UnixPacket,
        _ => return Ok(None),
    };
    let state = fields.u8()?;
    fields.take(1)?;
    let inode = fields.u32()?;
    let cookie = fields.u64()?;

    let mut path = None;
    let mut peer = 0;
    let mut file = None;
    let mut queue = Queue::default();
    let mut uid = 0;
    read_attributes(fields.rest(), &mut |kind, value| {
        let mut value = Reader::new(value);
        match kind {
            UNIX_DIAG_NAME => path = name_of(value.rest()),
            UNIX_DIAG_VFS => file = Some(SocketFile { inode: value.u32()?, device: value.u32()? }),
            UNIX_DIAG_PEER => peer = u64::from(value.u32()?),
            UNIX_DIAG_RQLEN => queue = Queue { used: value.u32()?, limit: value.u32()?, drops: 0 },
            UNIX_DIAG_UID => uid = value.u32()?,
            _ => {}
        }
        Ok(())
    })?;

    let state = match (state, &path) {
        (LISTEN, _) => SocketState::Listen,
        // The kernel notes of a datagram socket that somebody connected to it (`unix_dgram_connect`); it has no peer itself.
        (ESTABLISHED, Some(_)) if transport == Transport::UnixDatagram && peer == 0 => SocketState::Bound,
        (ESTABLISHED, _) => SocketState::Established,
        (_, Some(_)) => SocketState::Bound,
        (_, None) => SocketState::Closed,
    };
    Ok(Some(Socket {
        transport,
        state,
        family: Family::Unix,
        v6_only: None,
        netns,
        interface: 0,
        uid,
        queue,
        inode: u64::from(inode),
        cookie,
        cgroup: 0,
        traffic: None,
        name: SocketName::Unix { path, peer, file },
    }))
}

/// The name as people write it: an abstract one, which begins with a NUL, gets an `@` in its place, and so
/// does every further NUL inside it.
fn name_of(bytes: &[u8]) -> Option<Box<Text>> {
    let shown: Vec<u8> = match bytes.split_first() {
        None => return None,
        Some((0, rest)) => std::iter::once(b'@').chain(rest.iter().map(|b| if *b == 0 { b'@' } else { *b })).collect(),
        Some(_) => bytes.split(|b| *b == 0).next().unwrap_or_default().to_vec(),
    };
    Some(Box::new(Text::new(shown)))
}

const ESTABLISHED: u8 = 1;
const CLOSE: u8 = 7;
const LISTEN: u8 = 10;
const SOCK_STREAM: u8 = 1;
const SOCK_DGRAM: u8 = 2;
const SOCK_SEQPACKET: u8 = 5;
const UDIAG_SHOW_NAME: u32 = 1;
const UDIAG_SHOW_VFS: u32 = 2;
const UDIAG_SHOW_PEER: u32 = 4;
const UDIAG_SHOW_RQLEN: u32 = 16;
/// Linux 5.12; older kernels ignore the bit and the attribute is absent.
const UDIAG_SHOW_UID: u32 = 64;
const UNIX_DIAG_NAME: u16 = 0;
const UNIX_DIAG_VFS: u16 = 1;
const UNIX_DIAG_PEER: u16 = 2;
const UNIX_DIAG_RQLEN: u16 = 4;
const UNIX_DIAG_UID: u16 = 7;

#[cfg(test)]
mod tests {
    use portward_model::{SocketState, Transport};

    use super::{name_of, read_unix};
    use crate::netlink::attribute;

    #[test]
    fn names_are_paths_or_abstract() {
        assert_eq!(name_of(b"/run/x.sock\0").unwrap().shown(), "/run/x.sock");
        assert_eq!(name_of(b"\0bus\0x").unwrap().shown(), "@bus@x");
        assert!(name_of(b"").is_none());
    }

    #[test]
    fn a_listener_is_read() {
        let mut body = vec![1, 1, 10, 0];
        body.extend(55u32.to_ne_bytes());
        body.extend(7u64.to_ne_bytes());
        body.extend(attribute(0, b"/run/x.sock\0"));
        body.extend(attribute(4, &[1, 0, 0, 0, 128, 0, 0, 0]));
        body.extend(attribute(7, &1000u32.to_ne_bytes()));
        let socket = read_unix(&body, 0).unwrap().unwrap();
        assert_eq!((socket.transport, socket.state, socket.inode, socket.uid), (Transport::Unix, SocketState::Listen, 55, 1000));
        assert_eq!((socket.queue.used, socket.queue.limit), (1, 128));
        for length in 0..body.len() {
            let _ = read_unix(&body[..length], 0);
        }
    }

    #[test]
    fn a_datagram_socket_that_others_are_connected_to_is_bound() {
        let read = |peer: &[u8]| {
            let mut body = vec![1, 2, 1, 0];
            body.extend(55u32.to_ne_bytes());
            body.extend(7u64.to_ne_bytes());
            body.extend(attribute(0, b"/run/log\0"));
            body.extend(peer);
            read_unix(&body, 0).unwrap().unwrap().state
        };
        assert_eq!(read(&[]), SocketState::Bound);
        assert_eq!(read(&attribute(2, &9u32.to_ne_bytes())), SocketState::Established);
    }
}
