//! TCP and UDP sockets (`sock_diag(7)`, `linux/inet_diag.h`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use portward_model::{Family, PortRange, Queue, Socket, SocketName, SocketState, Traffic, Transport};

use super::{AF_INET, AF_INET6, NLM_F_DUMP, SOCK_DIAG_BY_FAMILY, TCPDIAG_GETSOCK, attribute, message, read_attributes};
use crate::{Reader, Truncated};

/// Which sockets to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InetAsk {
    /// TCP or UDP; Unix transports ask for nothing.
    pub transport: Transport,
    /// IPv4 or IPv6; `None` asks for both in one dump, which only TCP can.
    pub family: Option<Family>,
    /// States to return.
    pub states: StateSet,
    /// Only sockets with these ports; the kernel filters.
    pub ports: Option<PortFilter>,
    /// Ask for traffic counters too (`INET_DIAG_INFO`); larger replies.
    pub traffic: bool,
}

/// Which end of a socket a port must be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortFilter {
    /// The local port lies in the range.
    Local(PortRange),
    /// The local or the remote port lies in the range.
    Either(PortRange),
    /// The local port is this one, and with it the other ends of its connections: nothing, where a bind proves that no socket
    /// has the port.
    Held(u16),
}

/// Sets of states worth asking for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateSet {
    /// Listeners and bound datagram sockets; quick, because the kernel keeps those apart.
    Listening,
    /// The same, and TCP sockets that are bound without listening.
    Serving,
    /// TCP sockets that are connected, or bound without listening: what a listing reads beside the listeners.
    BoundOrConnected,
    /// Connected TCP sockets alone.
    Connected,
    /// Everything.
    All,
}

impl StateSet {
    /// The bits as the kernel numbers them (`net/tcp_states.h`).
    fn bits(self, transport: Transport) -> u32 {
        match (self, transport) {
            (Self::Listening, Transport::Tcp) => 1 << LISTEN,
            (Self::Serving, Transport::Tcp) => 1 << LISTEN | 1 << BOUND_INACTIVE,
            (Self::Listening | Self::Serving, _) => 1 << CLOSE,
            (Self::BoundOrConnected, Transport::Tcp) => ALL_BITS & !(1 << LISTEN | 1 << TIME_WAIT | 1 << CLOSE),
            (Self::Connected, Transport::Tcp) => ALL_BITS & !(1 << LISTEN | 1 << BOUND_INACTIVE | 1 << TIME_WAIT | 1 << CLOSE),
            (Self::BoundOrConnected | Self::Connected, _) => 1 << ESTABLISHED,
            (Self::All, Transport::Tcp) => ALL_BITS,
            (Self::All, _) => 1 << CLOSE | 1 << ESTABLISHED,
        }
    }
}

/// A dump request for TCP or UDP sockets.
pub fn inet_request(ask: &InetAsk) -> Vec<u8> {
    let Some(family) = ask.family else { return both_families(ask) };
    let family = if family == Family::Ipv6 { AF_INET6 } else { AF_INET };
    let protocol = if ask.transport == Transport::Udp { IPPROTO_UDP } else { IPPROTO_TCP };
    let mut body = vec![family, protocol, extensions(ask), 0];
    body.extend(ask.states.bits(ask.transport).to_ne_bytes());
    // struct inet_diag_sockid: a dump matches nothing by it.
    body.extend([0; 48]);
    if let Some(filter) = ask.ports {
        body.extend(attribute(INET_DIAG_REQ_BYTECODE, &port_program(filter)));
    }
    message(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &body)
}

/// The older request for TCP (`TCPDIAG_GETSOCK`, `struct inet_diag_req`) asks for both families at once. The
/// kernel's tables of bound and connected sockets are walked whole, however empty they are, and this way once.
fn both_families(ask: &InetAsk) -> Vec<u8> {
    let mut body = vec![AF_INET, 0, 0, extensions(ask)];
    body.extend([0; 48]);
    body.extend(ask.states.bits(Transport::Tcp).to_ne_bytes());
    body.extend(0u32.to_ne_bytes());
    if let Some(filter) = ask.ports {
        body.extend(attribute(INET_DIAG_REQ_BYTECODE, &port_program(filter)));
    }
    message(TCPDIAG_GETSOCK, NLM_F_DUMP, &body)
}

fn extensions(ask: &InetAsk) -> u8 {
    let traffic = if ask.traffic { 1 << (INET_DIAG_INFO - 1) } else { 0 };
    // The drop counter matters of sockets that serve; of connections it would be read to be thrown away.
    match ask.states {
        StateSet::Connected | StateSet::BoundOrConnected => traffic,
        StateSet::Listening | StateSet::Serving | StateSet::All => traffic | 1 << (INET_DIAG_SKMEMINFO - 1),
    }
}

/// A request for the one socket that the kernel would give an arriving packet to: of TCP the listener, of UDP the bound
/// socket. `interface` is the device that the packet arrives on; a socket pinned to another one is not found.
pub fn inet_lookup(transport: Transport, local: SocketAddr, interface: u32) -> Vec<u8> {
    let own = end(local);
    let nobody = ([0; 2], vec![0; 16]);
    // The two ends of a datagram socket are swapped in the kernel's own lookup (`udp_dump_one`).
    let udp = transport == Transport::Udp;
    let (source, target) = if udp { (&nobody, &own) } else { (&own, &nobody) };
    lookup(transport, local, (source, target), interface)
}

/// A request for the socket of one end of a TCP connection, by its own address and its peer's. Where there is none, the kernel answers
/// with the listener of that address, if there is one.
pub fn inet_lookup_connection(own: SocketAddr, peer: SocketAddr, interface: u32) -> Vec<u8> {
    lookup(Transport::Tcp, own, (&end(own), &end(peer)), interface)
}

/// A port and an address as the kernel has them.
type End = ([u8; 2], Vec<u8>);

fn end(address: SocketAddr) -> End {
    let bytes = match address.ip() {
        IpAddr::V4(v4) => [&v4.octets()[..], &[0; 12]].concat(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    (address.port().to_be_bytes(), bytes)
}

fn lookup(transport: Transport, of: SocketAddr, (source, target): (&End, &End), interface: u32) -> Vec<u8> {
    let family = if of.is_ipv4() { AF_INET } else { AF_INET6 };
    let mut body = vec![family, if transport == Transport::Udp { IPPROTO_UDP } else { IPPROTO_TCP }, 0, 0];
    body.extend(ALL_BITS.to_ne_bytes());
    body.extend([source.0, target.0].concat());
    body.extend([&source.1[..], &target.1[..]].concat());
    body.extend(interface.to_ne_bytes());
    // INET_DIAG_NOCOOKIE: whichever it is.
    body.extend([0xFF; 8]);
    message(SOCK_DIAG_BY_FAMILY, 0, &body)
}

/// The filter as a program for the kernel: each step is `struct inet_diag_bc_op { code, yes, no }`, and a
/// comparison is followed by a step that carries the port. A jump to the exact end accepts, one beyond refuses.
fn port_program(filter: PortFilter) -> Vec<u8> {
    let mut program = Vec::with_capacity(36);
    let mut step = |code: u8, yes: u8, no: u16| {
        program.extend([code, yes]);
        program.extend(no.to_ne_bytes());
    };
    let (range, either) = match filter {
        PortFilter::Local(range) => (range, false),
        PortFilter::Either(range) => (range, true),
        PortFilter::Held(port) => (PortRange { first: port, last: port }, true),
    };
    step(S_GE, 8, 20);
    step(NOP, 0, range.first);
    step(S_LE, 8, 12);
    step(NOP, 0, range.last);
    if either {
        step(JMP, 4, 20);
        step(D_GE, 8, 20);
        step(NOP, 0, range.first);
        step(D_LE, 8, 12);
        step(NOP, 0, range.last);
    }
    program
}

/// Reads `struct inet_diag_msg` and its attributes. `None` for a family or state that Portward has no word for.
pub(super) fn read_inet(body: &[u8], transport: Transport, netns: u16) -> Result<Option<Socket>, Truncated> {
    let mut fields = Reader::new(body);
    let family = fields.u8()?;
    let state = fields.u8()?;
    fields.take(2)?;
    let port = fields.u16_be()?;
    let remote_port = fields.u16_be()?;
    let local = address(family, fields.array()?);
    let remote = address(family, fields.array()?);
    let interface = fields.u32()?;
    let cookie = fields.u64()?;
    fields.take(4)?;
    let used = fields.u32()?;
    let limit = fields.u32()?;
    let uid = fields.u32()?;
    let inode = fields.u32()?;

    let mut extra = Extra::default();
    read_attributes(fields.rest(), &mut |kind, value| extra.read(kind, value))?;

    let Some(state) = state_of(state) else { return Ok(None) };
    Ok(Some(Socket {
        transport,
        state,
        family: if family == AF_INET6 { Family::Ipv6 } else { Family::Ipv4 },
        v6_only: extra.v6_only,
        netns,
        interface,
        uid,
        queue: Queue { used, limit, drops: extra.drops },
        inode: u64::from(inode),
        cookie,
        cgroup: extra.cgroup,
        traffic: extra.traffic.filter(|_| state != SocketState::Listen).map(Box::new),
        name: SocketName::Inet { local, port, remote, remote_port },
    }))
}

/// The attributes that Portward reads.
#[derive(Default)]
struct Extra {
    v6_only: Option<bool>,
    drops: u32,
    cgroup: u64,
    traffic: Option<Traffic>,
}

impl Extra {
    fn read(&mut self, kind: u16, value: &[u8]) -> Result<(), Truncated> {
        let mut value = Reader::new(value);
        match kind {
            INET_DIAG_SKV6ONLY_ATTR => self.v6_only = Some(value.u8()? != 0),
            INET_DIAG_INFO_ATTR
                // struct tcp_info: the two counters stand behind 120 bytes; kernels before 4.1 end there.
                if value.take(120).is_ok() => {
                    self.traffic =
                        value.u64().ok().zip(value.u64().ok()).map(|(bytes_out, bytes_in)| Traffic { bytes_in, bytes_out });
                }
            INET_DIAG_CGROUP_ID => self.cgroup = value.u64()?,
            INET_DIAG_SKMEMINFO_ATTR
                // SK_MEMINFO_DROPS is the ninth of the counters; older kernels send fewer.
                if value.take(32).is_ok() => {
                    self.drops = value.u32().unwrap_or(0);
                }
            _ => {}
        }
        Ok(())
    }
}

fn address(family: u8, bytes: [u8; 16]) -> IpAddr {
    if family == AF_INET6 {
        return IpAddr::V6(Ipv6Addr::from(bytes));
    }
    let [a, b, c, d, ..] = bytes;
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

fn state_of(state: u8) -> Option<SocketState> {
    Some(match state {
        ESTABLISHED => SocketState::Established,
        2 => SocketState::SynSent,
        3 | 12 => SocketState::SynRecv,
        4 => SocketState::FinWait1,
        5 => SocketState::FinWait2,
        TIME_WAIT => SocketState::TimeWait,
        CLOSE | BOUND_INACTIVE => SocketState::Bound,
        8 => SocketState::CloseWait,
        9 => SocketState::LastAck,
        LISTEN => SocketState::Listen,
        11 => SocketState::Closing,
        _ => return None,
    })
}

const ESTABLISHED: u8 = 1;
const TIME_WAIT: u8 = 6;
const CLOSE: u8 = 7;
const LISTEN: u8 = 10;
/// `TCP_BOUND_INACTIVE`, Linux 6.8: bound, neither listening nor connected. Arrives as `TCP_CLOSE`.
const BOUND_INACTIVE: u8 = 13;
const ALL_BITS: u32 = (1 << 14) - 2;
const IPPROTO_TCP: u8 = 6;
const IPPROTO_UDP: u8 = 17;
const INET_DIAG_REQ_BYTECODE: u16 = 1;
const INET_DIAG_INFO: u8 = 2;
const INET_DIAG_INFO_ATTR: u16 = 2;
const INET_DIAG_SKMEMINFO: u8 = 7;
const INET_DIAG_SKMEMINFO_ATTR: u16 = 7;
const INET_DIAG_SKV6ONLY_ATTR: u16 = 11;
const INET_DIAG_CGROUP_ID: u16 = 21;
const NOP: u8 = 0;
const JMP: u8 = 1;
const S_GE: u8 = 2;
const S_LE: u8 = 3;
const D_GE: u8 = 4;
const D_LE: u8 = 5;

#[cfg(test)]
mod tests {
    use portward_model::{Family, PortRange, SocketState, Transport};

    use super::{InetAsk, PortFilter, StateSet, inet_request, port_program, read_inet};

    /// A listener on `[::]:49342` as a 6.18 kernel sends it, with `SKV6ONLY` 0 and a control group.
    fn listener() -> Vec<u8> {
        let mut body = vec![10, 10, 0, 0, 0xc0, 0xbe, 0, 0];
        body.extend([0; 32]);
        body.extend(1u32.to_ne_bytes());
        body.extend(77u64.to_ne_bytes());
        for field in [0u32, 2, 128, 1000, 4242] {
            body.extend(field.to_ne_bytes());
        }
        body.extend([5, 0, 11, 0, 0, 0, 0, 0]);
        body.extend([12, 0, 21, 0]);
        body.extend(99u64.to_ne_bytes());
        body
    }

    #[test]
    fn a_listener_is_read_whole() {
        let socket = read_inet(&listener(), Transport::Tcp, 3).unwrap().unwrap();
        assert_eq!((socket.state, socket.family, socket.port()), (SocketState::Listen, Family::Ipv6, Some(49342)));
        assert_eq!((socket.v6_only, socket.interface, socket.cookie, socket.cgroup), (Some(false), 1, 77, 99));
        assert_eq!((socket.queue.used, socket.queue.limit, socket.uid, socket.inode, socket.netns), (2, 128, 1000, 4242, 3));
        assert!(socket.serves_ipv4() && socket.remote().is_none());
    }

    #[test]
    fn a_message_cut_anywhere_does_not_panic() {
        let whole = listener();
        for length in 0..whole.len() {
            let _ = read_inet(&whole[..length], Transport::Tcp, 0);
        }
    }

    /// Runs a program as `inet_diag_bc_run` does, so that the jumps are proven and not only written.
    fn accepts(program: &[u8], local: u16, remote: u16) -> bool {
        let mut at = 0usize;
        while at < program.len() {
            let code = program[at];
            let yes = usize::from(program[at + 1]);
            let no = usize::from(u16::from_ne_bytes([program[at + 2], program[at + 3]]));
            let operand = program.get(at + 6..at + 8).map_or(0, |b| u16::from_ne_bytes([b[0], b[1]]));
            let holds = match code {
                super::JMP => false,
                super::S_GE => local >= operand,
                super::S_LE => local <= operand,
                super::D_GE => remote >= operand,
                super::D_LE => remote <= operand,
                other => panic!("step {other} is run as code"),
            };
            at += if holds { yes } else { no };
        }
        at == program.len()
    }

    #[test]
    fn the_kernel_program_filters_ports() {
        let range = PortRange { first: 3000, last: 3999 };
        let local = port_program(PortFilter::Local(range));
        let either = port_program(PortFilter::Either(range));
        for (own, other) in [(2999, 0), (3000, 0), (3999, 9), (4000, 3500), (1, 3000), (1, 3999), (1, 4000), (3500, 3500)] {
            assert_eq!(accepts(&local, own, other), range.contains(own), "{own} {other}");
            assert_eq!(accepts(&either, own, other), range.contains(own) || range.contains(other), "{own} {other}");
        }
    }

    #[test]
    fn a_request_has_its_own_length() {
        let ask = InetAsk {
            transport: Transport::Tcp,
            family: Some(Family::Ipv4),
            states: StateSet::Serving,
            ports: Some(PortFilter::Local(PortRange { first: 1, last: 2 })),
            traffic: true,
        };
        let request = inet_request(&ask);
        assert_eq!(u32::from_ne_bytes(request[..4].try_into().unwrap()) as usize, request.len());
    }
}
