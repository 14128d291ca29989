//! Who would get a packet that arrives now: one socket, asked for by its address.

use std::{io, net::SocketAddr};

use portward_model::{Socket, SocketState, Transport};
use portward_wire::netlink::{inet_lookup, read_sockets};
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
        let kernel = nl::SocketAddrNetlink::new(0, 0);
        sendto(&self.socket, &inet_lookup(transport, at, interface), SendFlags::empty(), &kernel).ok()?;
        let length = loop {
            match recv(&self.socket, &mut self.buffer[..], RecvFlags::empty()) {
                Err(Errno::INTR) => {}
                Err(_) => return None,
                Ok((length, _)) => break length,
            }
        };
        let mut found = None;
        let serves = |state| state == SocketState::Listen || transport == Transport::Udp;
        let _ = read_sockets(self.buffer.get(..length)?, transport, 0, &mut |socket| {
            if serves(socket.state) {
                found = Some(socket);
            }
        });
        found
    }
}

/// One socket's message with its attributes is a few hundred bytes.
const REPLY: usize = 4096;

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

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
}
