//! Facts about the machine that a reading was made on.

use std::{collections::BTreeMap, net::IpAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Moment, PortRange, Text};

/// What the machine is, and what this reader may do on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// The kernel's host name.
    pub name: Text,
    /// The kernel's release, such as `6.18.44`.
    pub kernel: Text,
    /// The reader's effective user.
    pub uid: u32,
    /// The reader's pid.
    pub pid: u32,
    /// Inode of the reader's network namespace; 0 when unreadable.
    pub netns: u64,
    /// True when the reader may look into every user's processes and enter other namespaces.
    pub privileged: bool,
    /// True when the reader is in the machine's first pid namespace and sees every process.
    pub sees_all_pids: bool,
    /// The moment of the reading.
    pub now: Moment,
}

/// A network namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// Inode of the namespace, its identity.
    pub inode: u64,
    /// Its name under `/run/netns`, where it has one.
    pub name: Option<Text>,
    /// A process that lives in it, where there is one.
    pub pid: Option<u32>,
    /// True for the reader's own.
    pub own: bool,
}

/// One address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InterfaceAddress {
    /// The address.
    pub address: IpAddr,
    /// Bits of its network.
    pub prefix: u8,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// The kernel's index for it; 0 is none.
    pub index: u32,
    /// Its name, such as `lo` or `eth0`.
    pub name: Text,
    /// True for the loopback device (`IFF_LOOPBACK`).
    pub loopback: bool,
    /// True when it is up (`IFF_UP`).
    pub up: bool,
    /// The driver's kind where it has one: `bridge`, `veth`, `wireguard`, `tun` (`IFLA_INFO_KIND`).
    pub kind: Option<Text>,
    /// The largest packet that it takes, in bytes (`IFLA_MTU`); `None` in snapshots of older versions.
    #[serde(default)]
    pub mtu: Option<u32>,
    /// Its addresses.
    pub addresses: Vec<InterfaceAddress>,
}

/// The kernel's rules for picking and refusing ports, per network namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRules {
    /// `net.ipv4.ip_local_port_range`: where outgoing connections take their source port from.
    pub ephemeral: PortRange,
    /// `net.ipv4.ip_local_reserved_ports`: never taken for outgoing connections.
    pub reserved: Vec<PortRange>,
    /// `net.ipv4.ip_unprivileged_port_start`: below it a bind needs `CAP_NET_BIND_SERVICE`.
    pub unprivileged_start: u16,
    /// `net.ipv6.bindv6only`: a `[::]` bind does not take IPv4 unless the program says otherwise.
    pub bind_v6_only: bool,
    /// `net.ipv4.ip_nonlocal_bind`: addresses of no interface may be bound.
    pub nonlocal_bind: bool,
    /// True when the reader may bind below `unprivileged_start`.
    pub may_bind_privileged: bool,
}

impl PortRules {
    /// True when an outgoing connection may take this port at any time.
    pub fn is_ephemeral(&self, port: u16) -> bool {
        self.ephemeral.contains(port) && !self.is_reserved(port)
    }

    /// True when the administrator keeps this port from outgoing connections.
    pub fn is_reserved(&self, port: u16) -> bool {
        self.reserved.iter().any(|range| range.contains(port))
    }
}

/// How the kernel would send a packet to an address (`RTM_GETROUTE`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// True when the address is one of this machine's own: the packet turns round inside the kernel.
    pub local: bool,
    /// The interface it leaves by, or `lo`.
    pub interface: Option<Text>,
    /// The gateway it is handed to.
    pub gateway: Option<IpAddr>,
    /// The source address that would be used.
    pub source: Option<IpAddr>,
}

/// User names by uid.
pub type Users = BTreeMap<u32, Text>;
