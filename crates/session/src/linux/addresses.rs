//! The machine's own network addresses, and what stands for them in a session.
//!
//! A server that is pinned to `lo` is reached at none of them, from this machine either: the kernel looks for it on the device
//! that has the address. So each IPv4 address of the machine has an address of 127/8 for itself in every session, always the same
//! one, for servers and clients alike; those of IPv6, which has one loopback address only, share `::1`, each with ports of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::{Duration, Instant},
};

use portward_model::unmap;
use portward_sys::Act;

/// What the kernel said of its addresses a moment ago.
#[derive(Default)]
pub(super) struct Addresses {
    machine: Option<Box<dyn Act>>,
    four: BTreeMap<Ipv4Addr, Ipv4Addr>,
    six: BTreeSet<Ipv6Addr>,
    read: Option<Instant>,
}

impl Addresses {
    /// What stands for an address in a session; `None` where the machine does not have it on any of its networks.
    pub(super) fn stand_in(&mut self, address: IpAddr) -> Option<IpAddr> {
        if self.read.is_none_or(|read| read.elapsed() >= FRESH) {
            self.read_again();
        }
        self.known(address)
    }

    /// The same for one that is to be bound, which may have come a moment ago.
    pub(super) fn stand_in_now(&mut self, address: IpAddr) -> Option<IpAddr> {
        self.known(address).or_else(|| {
            self.read_again();
            self.known(address)
        })
    }

    fn known(&self, address: IpAddr) -> Option<IpAddr> {
        match unmap(address) {
            IpAddr::V4(v4) => self.four.get(&v4).copied().map(IpAddr::V4),
            IpAddr::V6(v6) => self.six.contains(&v6).then_some(Ipv6Addr::LOCALHOST.into()),
        }
    }

    /// Asks the kernel. Where it does not say, what was known stays.
    fn read_again(&mut self) {
        self.read = Some(Instant::now());
        if self.machine.is_none() {
            self.machine = portward_sys::this_machine().ok();
        }
        let Some(interfaces) = self.machine.as_ref().and_then(|machine| machine.interfaces().ok()) else { return };
        let all = interfaces.iter().flat_map(|interface| &interface.addresses).map(|own| own.address);
        let own: Vec<IpAddr> = all.filter(|address| !address.is_loopback() && !address.is_unspecified()).collect();
        self.four = stand_ins(own.iter().filter_map(|address| if let IpAddr::V4(v4) = address { Some(*v4) } else { None }));
        self.six = own.iter().filter_map(|address| if let IpAddr::V6(v6) = address { Some(*v6) } else { None }).collect();
    }
}

/// An address of 127/8 for each of these, no two alike.
fn stand_ins(own: impl Iterator<Item = Ipv4Addr>) -> BTreeMap<Ipv4Addr, Ipv4Addr> {
    let own: BTreeSet<Ipv4Addr> = own.collect();
    let mut given = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for address in own {
        let stands = (0..=u8::MAX).map(|turn| stand_in(address, turn)).find(|stands| taken.insert(*stands));
        given.extend(stands.map(|stands| (address, stands)));
    }
    given
}

/// The address that stands for one of the network, far from those that programs use: from 127.64.0.0 to 127.127.255.255.
fn stand_in(address: Ipv4Addr, turn: u8) -> Ipv4Addr {
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(FNV_PRIME);
    let hash = address.octets().into_iter().chain([turn]).fold(FNV_BASIS, mix);
    Ipv4Addr::from(FIRST | (hash ^ (hash >> 10)) & MASK)
}

/// How long the kernel's word is taken for true: a laptop changes its network while a session goes on.
const FRESH: Duration = Duration::from_secs(1);
/// 127.64.0.0/10
const FIRST: u32 = 0x7F40_0000;
const MASK: u32 = 0x003F_FFFF;
/// The numbers of FNV-1a with 32 bits.
const FNV_BASIS: u32 = 0x811C_9DC5;
const FNV_PRIME: u32 = 0x0100_0193;

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, net::Ipv4Addr};

    use super::{Addresses, stand_in, stand_ins};

    #[test]
    fn distinct_addresses_stay_distinct_and_each_is_always_the_same() {
        let own = || (0..=255).flat_map(|third| (0..=255).map(move |last| Ipv4Addr::new(10, 0, third, last)));
        let all = stand_ins(own());
        assert_eq!(all.len(), 65536);
        assert_eq!(all.values().collect::<BTreeSet<_>>().len(), 65536);
        assert!(all.values().all(|stands| stands.octets()[0] == 127 && (64..128).contains(&stands.octets()[1])));
        assert_eq!(all, stand_ins(own()));
        let one = Ipv4Addr::new(10, 0, 0, 5);
        assert_eq!(stand_ins([one].into_iter())[&one], stand_in(one, 0));
    }

    #[test]
    fn the_machine_is_asked() {
        let mut addresses = Addresses::default();
        for stranger in ["203.0.113.7", "127.0.0.1", "::1", "2001:db8::7"] {
            assert_eq!(addresses.stand_in(stranger.parse().unwrap()), None, "{stranger}");
            assert_eq!(addresses.stand_in_now(stranger.parse().unwrap()), None, "{stranger}");
        }
        let interfaces = portward_sys::this_machine().unwrap();
        let interfaces = portward_sys::Look::interfaces(interfaces.as_ref()).unwrap();
        for own in interfaces.iter().filter(|interface| !interface.loopback).flat_map(|interface| &interface.addresses) {
            assert!(addresses.stand_in(own.address).is_some_and(|stands| stands.is_loopback()), "{}", own.address);
        }
    }
}
