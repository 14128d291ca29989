//! Who would get a packet that arrives now: one socket, asked for by its address.

use std::{io, net::SocketAddr};

use portward_model::{Socket, SocketState, Transport};
use portward_wire::netlink::{inet_lookup, inet_lookup_connection, read_sockets};
use rustix::{
    fd::OwnedFd,
    io::Errno,
    net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink as nl, recv, sendto, socket_with},
};

/// A connection to the kernel that answers one such question after another, in a few microseconds each.
#[derive(Debug)]
pub struct Lookup {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

impl Lookup {
    /// Opens the connection (`sock_diag(7)`); works without privilege.
    pub fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(nl::SOCK_DIAG))?;
        Ok(Self { socket, buffer: vec![0; REPLY] })
    }

    /// The listener that takes a connection to `at` that arrives on this interface; of UDP the socket that takes a datagram.
    /// `None` where there is none, or the kernel does not say.
    pub fn server(&mut self, transport: Transport, at: SocketAddr, interface: u32) -> Option<Socket> {
        let serves = |socket: &Socket| socket.state == SocketState::Listen || transport == Transport::Udp;
        self.asked(transport, &inet_lookup(transport, at, interface)).filter(serves)
    }

    /// The socket that has `own` as one end of a TCP connection over this interface, and `peer` as the other. `None` where there is
    /// none in this network namespace, or no program has it any more.
    pub fn connected(&mut self, own: SocketAddr, peer: SocketAddr, interface: u32) -> Option<Socket> {
        let found = self.asked(Transport::Tcp, &inet_lookup_connection(own, peer, interface))?;
        // What is left of a closed socket has no inode, and a listener stands in where there is no such connection.
        (found.state != SocketState::Listen && found.inode != 0).then_some(found)
    }

    fn asked(&mut self, transport: Transport, question: &[u8]) -> Option<Socket> {
        let kernel = nl::SocketAddrNetlink::new(0, 0);
        sendto(&self.socket, question, SendFlags::empty(), &kernel).ok()?;
        let length = loop {
            match recv(&self.socket, &mut self.buffer[..], RecvFlags::empty()) {
                Err(Errno::INTR) => {}
                Err(_) => return None,
                Ok((length, _)) => break length,
            }
        };
        let mut found = None;
        let _ = read_sockets(self.buffer.get(..length)?, transport, 0, &mut |socket| found = Some(socket));
        found
    }
}

/// One socket's message with its attributes is a few hundred bytes.
const REPLY: usize = 4096;

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use portward_model::Transport;

    use super::Lookup;

    #[test]
    fn a_listener_is_found_and_a_free_port_is_not() {
        let mut lookup = Lookup::open().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        assert!(lookup.server(Transport::Tcp, at, 1).is_some());
        let dual = TcpListener::bind("[::]:0").unwrap().local_addr().unwrap().port();
        assert!(lookup.server(Transport::Tcp, ([127, 0, 0, 1], dual).into(), 1).is_none(), "it was closed");
        let wide = TcpListener::bind("[::]:0").unwrap();
        let port = wide.local_addr().unwrap().port();
        assert!(lookup.server(Transport::Tcp, ([127, 0, 0, 1], port).into(), 1).is_some(), "dual-stack");
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(lookup.server(Transport::Tcp, udp, 1).is_none());
        let held = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(lookup.server(Transport::Udp, held.local_addr().unwrap(), 1).is_some());
    }

    #[test]
    fn a_client_is_found_by_both_ends_and_a_listener_is_none() {
        let mut lookup = Lookup::open().unwrap();
        for at in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(at) else { continue };
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (own, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
            let found = lookup.connected(own, peer, 1).unwrap();
            assert_eq!((found.uid, found.port()), (rustix::process::geteuid().as_raw(), Some(own.port())));
            assert!(lookup.connected(peer, "127.0.0.1:1".parse().unwrap(), 1).is_none(), "that is the listener");
            drop(client);
            assert!(lookup.connected(own, peer, 1).is_none(), "nobody has it any more");
        }
    }
}
