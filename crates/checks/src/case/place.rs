//! Which of the asked addresses a fact about this machine makes unusable, and whether that is what a client meets.

use std::net::IpAddr;

use portward_model::{Attempt, Interface, Met, Snapshot, unmap};

use crate::{case::Case, errno::ECONNREFUSED};

/// An asked address for which `unusable` holds, with the connection that was tried to it; `None` where the question
/// does not depend on it: a client gets through elsewhere, or would be refused there just the same.
pub(crate) fn affected<'a>(case: &Case<'a>, unusable: impl Fn(IpAddr) -> bool) -> Option<(IpAddr, Option<&'a Attempt>)> {
    let asked = || case.asked.addresses.iter().map(|address| unmap(*address));
    let address = asked().find(|address| unusable(*address))?;
    if case.listens() {
        return (case.asked.host_given && asked().all(&unusable)).then_some((address, None));
    }
    let tried = |wanted: IpAddr| case.exam.attempts.iter().find(|attempt| goes_to(case, attempt, wanted));
    let own = tried(address);
    // Whoever is answered, if only by a reset, has found a way.
    let answered = |attempt: &&Attempt| matches!(attempt.met, Met::Connected | Met::Failed(ECONNREFUSED));
    if own.as_ref().is_some_and(answered) {
        return None;
    }
    let others: Vec<IpAddr> = asked().filter(|address| !unusable(*address)).collect();
    let connected = others.iter().any(|other| tried(*other).is_some_and(|attempt| attempt.met == Met::Connected));
    let untried = case.exam.attempts.is_empty();
    let served_elsewhere = untried && others.iter().any(|other| !case.takers(*other).is_empty());
    if connected || served_elsewhere {
        return None;
    }
    let waits_here = !case.takers(address).is_empty();
    let refused_elsewhere = others.iter().any(|other| tried(*other).as_ref().is_some_and(answered));
    let nothing_elsewhere = untried && !others.is_empty();
    (waits_here || !(refused_elsewhere || nothing_elsewhere)).then_some((address, own))
}

fn goes_to(case: &Case<'_>, attempt: &Attempt, address: IpAddr) -> bool {
    use portward_model::DialTarget;
    case.is_target(&attempt.at)
        && match &attempt.at {
            DialTarget::Inet(at) => unmap(at.ip()) == address,
            DialTarget::Unix(_) => false,
        }
}

/// True when the kernel counts the address as its own: an interface has it, or it lies in the network of a loopback
/// interface (IPv4 only).
pub(crate) fn is_present(snapshot: &Snapshot, address: IpAddr) -> bool {
    snapshot.interfaces.iter().filter(|interface| interface.up).any(|interface| has(interface, address))
}

fn has(interface: &Interface, address: IpAddr) -> bool {
    interface.addresses.iter().any(|found| match (found.address, address) {
        (IpAddr::V4(own), IpAddr::V4(asked)) => {
            let host_bits = u32::MAX.checked_shr(u32::from(found.prefix)).unwrap_or(0);
            own == asked || (interface.loopback && u32::from(own) & !host_bits == u32::from(asked) & !host_bits)
        }
        (own, asked) => own == asked,
    })
}

/// The loopback interface where it is up.
pub(crate) fn loopback<'a>(case: &Case<'a>) -> Option<&'a Interface> {
    case.snapshot.interfaces.iter().find(|interface| interface.loopback && interface.up)
}

/// Bytes that the loopback interface takes in one packet, where that was read.
pub(crate) fn loopback_mtu(case: &Case<'_>) -> Option<u32> {
    case.exam.network.as_ref().and_then(|network| network.loopback_mtu).or_else(|| loopback(case)?.mtu)
}

/// The addresses of an interface: `127.0.0.1, ::1`.
pub(crate) fn addresses(interface: &Interface) -> String {
    let all: Vec<String> = interface.addresses.iter().map(|found| found.address.to_string()).collect();
    if all.is_empty() { "no address".to_owned() } else { all.join(", ") }
}

/// IPv6 asks of every link that it takes packets of this many bytes (RFC 8200 section 5).
pub(crate) const LEAST_MTU_OF_IPV6: u32 = 1280;
