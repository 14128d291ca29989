//! What becomes of an address: the one rule, and the two ways to loosen it.

use std::net::SocketAddr;

use portward_model::{Rules, Transport};

use crate::place::Kind;

/// What a bind becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bind {
    /// The port moves to the one that the project has for it.
    pub(crate) moves: bool,
    /// An address of the network becomes the one that stands for it: pinned to `lo` it would serve nobody.
    pub(crate) draws_in: bool,
    /// The socket gets a fence and a pin at once. One of TCP is pinned when it listens, so that clients that bind first stay free.
    pub(crate) fences: bool,
}

/// What the rules of a session mean for an address.
pub(crate) trait Apply: Copy {
    /// What a bind to this address becomes.
    fn bind(self, transport: Transport, address: SocketAddr) -> Bind;

    /// True when what listens is to be pinned.
    fn pins(self) -> bool;

    /// True when a connection to this address may be for the project's own server: at the loopback, or at an address of the network,
    /// which may be this machine's.
    fn may_be_own(self, address: SocketAddr) -> bool;
}

impl Apply for Rules {
    fn bind(self, transport: Transport, address: SocketAddr) -> Bind {
        let named = address.port() != 0;
        let kind = Kind::of(address.ip());
        let datagram = transport == Transport::Udp;
        if self.isolates {
            return Bind { moves: false, draws_in: false, fences: false };
        }
        // A client binds port 0 at the address of an interface to go out by it.
        Bind {
            moves: named && !self.keeps_ports && kind != Kind::Multicast,
            draws_in: named && !self.exposes && kind == Kind::Other,
            fences: named && !self.exposes && datagram,
        }
    }

    fn pins(self) -> bool {
        !self.exposes && !self.isolates
    }

    fn may_be_own(self, address: SocketAddr) -> bool {
        let kind = Kind::of(address.ip());
        let may_move = kind == Kind::Other || (!self.keeps_ports && stays_here(address));
        address.port() != 0 && !self.isolates && may_move
    }
}

/// True when a connection goes to the loopback, whoever serves it there.
pub(crate) fn stays_here(address: SocketAddr) -> bool {
    address.port() != 0 && matches!(Kind::of(address.ip()), Kind::Loopback | Kind::Any)
}

#[cfg(test)]
mod tests {
    use portward_model::{
        Rules,
        Transport::{Tcp, Udp},
    };

    use super::{Apply, Bind};

    #[test]
    fn binds() {
        let rule = |transport, text: &str| Rules::default().bind(transport, text.parse().unwrap());
        let moved = Bind { moves: true, draws_in: false, fences: false };
        assert_eq!(rule(Tcp, "127.0.0.1:3000"), moved);
        assert_eq!(rule(Tcp, "[::]:3000"), moved);
        assert_eq!(rule(Tcp, "192.168.1.20:3000"), Bind { draws_in: true, ..moved });
        assert_eq!(rule(Tcp, "192.168.1.20:0"), Bind { moves: false, draws_in: false, fences: false }, "a client");
        assert_eq!(rule(Tcp, "0.0.0.0:0"), Bind { moves: false, draws_in: false, fences: false });
        assert_eq!(rule(Udp, "0.0.0.0:5353"), Bind { fences: true, ..moved });
        assert_eq!(rule(Udp, "192.168.1.20:5353"), Bind { draws_in: true, fences: true, ..moved });
        assert_eq!(rule(Udp, "224.0.0.251:5353"), Bind { moves: false, draws_in: false, fences: true });
        assert_eq!(rule(Udp, "0.0.0.0:0"), Bind { moves: false, draws_in: false, fences: false }, "a resolver");
    }

    #[test]
    fn the_rule_can_be_loosened() {
        let exposed = Rules { exposes: true, ..Rules::default() };
        let bind = exposed.bind(Tcp, "192.168.1.20:3000".parse().unwrap());
        assert_eq!(bind, Bind { moves: true, draws_in: false, fences: false });
        assert!(!exposed.pins());
        let kept = Rules { keeps_ports: true, ..Rules::default() };
        assert!(!kept.bind(Tcp, "0.0.0.0:3000".parse().unwrap()).moves);
        assert!(kept.pins());
        assert!(!kept.may_be_own("127.0.0.1:3000".parse().unwrap()));
        assert!(kept.may_be_own("192.168.1.20:3000".parse().unwrap()), "what stands for it has another address");
    }

    #[test]
    fn in_a_network_of_its_own_nothing_changes() {
        let isolated = Rules { isolates: true, ..Rules::default() };
        for text in ["0.0.0.0:3000", "[::]:80", "127.0.0.1:0"] {
            let address = text.parse().unwrap();
            assert_eq!(isolated.bind(Tcp, address), Bind { moves: false, draws_in: false, fences: false });
            assert!(!isolated.may_be_own(address) && !isolated.pins());
        }
    }

    #[test]
    fn connections() {
        let own = |text: &str| Rules::default().may_be_own(text.parse().unwrap());
        assert!(own("127.0.0.1:3000") && own("[::1]:3000") && own("0.0.0.0:3000") && own("[::ffff:127.0.0.1]:3000"));
        assert!(own("192.168.1.20:3000"), "it may be this machine's");
        assert!(!own("224.0.0.251:5353") && !own("127.0.0.1:0") && !own("192.168.1.20:0"));
    }
}
