//! Which block a project is given, and which port of it: pure functions, so that they can be tried in any order.
//!
//! A block is a hundred ports that begin at a multiple of a hundred. It holds no port that an outgoing connection could
//! take and none that the administrator keeps for something. The last two digits of a port stay what was asked wherever
//! that port is free.

use std::collections::BTreeSet;

use portward_checks::{browser_blocks, usual_service};
use portward_model::{PortRange, PortRules, Transport};

/// The machine's side of the question.
pub struct Ground<'a> {
    /// The kernel's port rules.
    pub rules: &'a PortRules,
    /// Whether some socket has the port now.
    pub held: &'a dyn Fn(u16) -> bool,
}

/// The range of the block that begins here.
pub(crate) fn block(first: u16) -> PortRange {
    PortRange { first, last: first.saturating_add(LENGTH - 1) }
}

/// The block for a new holder: one that nobody has. `seed` says where the search begins, so that a holder whose store was
/// lost finds its old block again, and that two users of one machine, who cannot see each other's stores, seldom meet.
/// `None` when every block is taken or unfit.
pub(crate) fn block_for(seed: u64, taken: &BTreeSet<u16>, ground: &Ground<'_>) -> Option<u16> {
    let open = |first: &u16| !taken.contains(first) && is_open(*first, ground.rules);
    let quiet = |first: &u16| !(*first..=block(*first).last).any(ground.held);
    let useful = |first: &u16| (*first..=block(*first).last).any(|port| is_fit(port, ground));
    // A block in which nothing is held now, and failing that one with something left in it.
    candidates(seed).filter(open).find(quiet).or_else(|| candidates(seed).filter(open).find(useful))
}

/// The port of this block for what was asked: the one with the same last two digits, else the next one that is free.
/// `None` when the block is full.
pub(crate) fn port_for(asked: u16, first: u16, leased: &BTreeSet<u16>, ground: &Ground<'_>) -> Option<u16> {
    let begin = asked % LENGTH;
    let ports = (0..LENGTH).map(|step| first + (begin + step) % LENGTH);
    ports.into_iter().find(|port| !leased.contains(port) && is_fit(*port, ground))
}

/// Ports of the moment, for nobody in particular: outside every block that somebody has.
pub fn free_ports<'a>(seed: u64, taken: &'a BTreeSet<u16>, ground: &'a Ground<'a>) -> impl Iterator<Item = u16> {
    let open = candidates(seed).filter(|first| !taken.contains(first) && is_open(*first, ground.rules));
    let begin = u16::try_from(seed / 1000 % u64::from(LENGTH)).unwrap_or(0);
    let ports = open.flat_map(move |first| (0..LENGTH).map(move |step| first + (begin + step) % LENGTH));
    ports.filter(|port| is_fit(*port, ground))
}

/// A number that stands for a text, the same for ever and on every machine (FNV-1a, 64 bits).
pub fn seed<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        // A zero between parts keeps ("a", "b") and ("ab", "") apart.
        for byte in part.iter().chain([&0]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

/// First ports of all blocks, best first: from 20000, where few programs have their default; from 10000; above; and last
/// below 10000, from above, where the ports are that programs are known by.
fn candidates(seed: u64) -> impl Iterator<Item = u16> {
    let turned = move |tier: std::ops::Range<u16>| {
        let length = tier.end - tier.start;
        let begin = u16::try_from(seed % u64::from(length)).unwrap_or(0);
        (0..length).map(move |step| (tier.start + (begin + step) % length) * LENGTH)
    };
    turned(200..300)
        .chain(turned(100..200))
        .chain((300..655).map(|number| number * LENGTH))
        .chain((11..100).rev().map(|number| number * LENGTH))
}

/// True when no port of the block can be taken by an outgoing connection, is kept by the administrator, or needs privilege.
fn is_open(first: u16, rules: &PortRules) -> bool {
    let own = block(first);
    let apart = |range: &PortRange| range.last < own.first || own.last < range.first;
    own.first >= rules.unprivileged_start.max(LOWEST) && apart(&rules.ephemeral) && rules.reserved.iter().all(apart)
}

/// True when a port may be handed out: every browser opens it, nothing is known by it, and nothing has it now.
fn is_fit(port: u16, ground: &Ground<'_>) -> bool {
    let known = AIRPLAY.contains(&port) || usual_service(Transport::Tcp, port).is_some();
    !browser_blocks(port) && !known && !(ground.held)(port)
}

/// Ports of a block.
pub(crate) const LENGTH: u16 = 100;
/// Below are the system ports (RFC 6335), whatever this kernel allows.
const LOWEST: u16 = 1024;
/// Apple's systems have a receiver for sound there, and a lease should mean the same on a colleague's machine.
const AIRPLAY: [u16; 2] = [5000, 7000];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use portward_checks::browser_blocks;
    use portward_model::{PortRange, PortRules};

    use super::{Ground, block, block_for, port_for, seed};

    fn rules(ephemeral: (u16, u16), reserved: &[(u16, u16)]) -> PortRules {
        let range = |(first, last)| PortRange { first, last };
        PortRules {
            ephemeral: range(ephemeral),
            reserved: reserved.iter().copied().map(range).collect(),
            unprivileged_start: 1024,
            bind_v6_only: false,
            nonlocal_bind: false,
            may_bind_privileged: false,
        }
    }

    fn blocks(rules: &PortRules, held: &BTreeSet<u16>) -> Vec<u16> {
        let ground = Ground { rules, held: &|port| held.contains(&port) };
        let mut taken = BTreeSet::new();
        let mut given = Vec::new();
        for number in 0_u64.. {
            let Some(first) = block_for(seed([&number.to_le_bytes()[..]]), &taken, &ground) else { break };
            assert!(taken.insert(first), "{first} is given twice");
            given.push(first);
        }
        given
    }

    #[test]
    fn every_block_is_given_once_and_then_no_more() {
        let usual = rules((32768, 60999), &[]);
        let given = blocks(&usual, &BTreeSet::new());
        assert!(given[..100].iter().all(|first| (20000..30000).contains(first)), "{given:?}");
        assert!(given[100..200].iter().all(|first| (10000..20000).contains(first)), "{given:?}");
        for first in &given {
            assert_eq!(first % 100, 0);
            assert!(*first >= 1024 && (*first + 99 < 32768 || *first > 60999), "{first}");
        }
        assert!(given.len() > 300, "{}", given.len());
    }

    #[test]
    fn the_kernels_ranges_are_left_alone_wherever_they_are() {
        for (ephemeral, reserved) in [
            ((15000, 65000), vec![(10000, 10050), (9099, 9099)]),
            ((1024, 20299), vec![(25000, 29999), (40000, 65535)]),
            ((20099, 20100), vec![]),
            ((1, 1), vec![(20000, 20000), (65499, 65499)]),
        ] {
            let rules = rules(ephemeral, &reserved);
            for first in blocks(&rules, &BTreeSet::new()) {
                let own = block(first);
                for port in own.first..=own.last {
                    assert!(!rules.ephemeral.contains(port) && !rules.is_reserved(port), "{port} of {first} with {ephemeral:?}");
                }
            }
        }
        assert!(blocks(&rules((1024, 65535), &[]), &BTreeSet::new()).is_empty());
    }

    #[test]
    fn a_privileged_start_that_was_raised_is_kept() {
        let mut raised = rules((32768, 60999), &[]);
        raised.unprivileged_start = 25_050;
        assert!(blocks(&raised, &BTreeSet::new()).iter().all(|first| *first >= 25_100));
    }

    #[test]
    fn a_block_where_something_listens_is_the_last_choice() {
        let usual = rules((32768, 60999), &[]);
        let first = block_for(7, &BTreeSet::new(), &Ground { rules: &usual, held: &|_| false }).unwrap();
        let held = BTreeSet::from([first + 42]);
        let ground = Ground { rules: &usual, held: &|port| held.contains(&port) };
        let other = block_for(7, &BTreeSet::new(), &ground).unwrap();
        assert_ne!(other, first);
        let all: BTreeSet<u16> = blocks(&usual, &BTreeSet::new()).into_iter().filter(|block| *block != first).collect();
        assert_eq!(block_for(7, &all, &ground), Some(first), "better a block with one hole than none");
    }

    #[test]
    fn the_last_two_digits_stay() {
        let usual = rules((32768, 60999), &[]);
        let held = BTreeSet::from([20080]);
        let ground = Ground { rules: &usual, held: &|port| held.contains(&port) };
        let mut leased = BTreeSet::new();
        assert_eq!(port_for(3000, 20300, &leased, &ground), Some(20300));
        assert_eq!(port_for(5432, 20300, &leased, &ground), Some(20332));
        assert_eq!(port_for(8080, 20000, &leased, &ground), Some(20081), "20080 is held");
        leased.insert(20300);
        assert_eq!(port_for(8000, 20300, &leased, &ground), Some(20301));
        leased.insert(20399);
        assert_eq!(port_for(9999, 20300, &leased, &ground), Some(20301), "it goes round");
    }

    #[test]
    fn no_port_is_handed_out_that_a_browser_refuses_or_a_program_is_known_by() {
        let usual = rules((32768, 60999), &[]);
        let none = BTreeSet::new();
        let ground = Ground { rules: &usual, held: &|_| false };
        for first in blocks(&usual, &none) {
            let mut leased = BTreeSet::new();
            while let Some(port) = port_for(first.wrapping_mul(7), first, &leased, &ground) {
                assert!(block(first).contains(port) && leased.insert(port));
                assert!(!browser_blocks(port) && ![5000, 7000, 27017].contains(&port), "{port}");
            }
            assert!(leased.len() > 80, "{first} has {} ports", leased.len());
        }
    }

    #[test]
    fn a_seed_is_the_same_for_ever() {
        assert_eq!(seed([&b"a"[..]]), 0x089b_e207_b544_f1e4);
        assert_ne!(seed([&b"a"[..], b"b"]), seed([&b"ab"[..], b""]));
    }
}
