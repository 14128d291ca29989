//! Why a socket cannot be pinned: foreseen from what was seen of it, or told by the kernel.

use std::{fmt, net::IpAddr};

use portward_model::{AddressClass, Sentence, unmap};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

portward_model::reasons! {
    /// Why a socket cannot be pinned, as the end of a sentence.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    pub enum Why {
        "it publishes a port of container {container}, and what comes from the network is sent on to the container before it gets to \
         this socket; published as 127.0.0.1:PORT:PORT it would be closed for good" Published { container: String },
        "it is bound to {address} alone, and pinned to lo nobody could reach it, this machine included; bound to 127.0.0.1 it would \
         be closed for good" OneAddress { address: IpAddr },
        "it is pinned to {device} already, and only CAP_NET_RAW may move a pin" OtherDevice { device: String },
        "a process of user {user} holds it, and only root may reach into that" OtherUser { user: String },
        "it is yours, but the process that holds it lets nobody look into it (it is not dumpable, prctl(2), or has another user's \
         rights), and only root may reach into that" Hides,
        "{scope}" Yama { scope: Yama },
        "{because}" NoProcess { because: Sentence },
        "it is in {name}, which has a loopback device of its own" OtherNamespace { name: String },
        "its process let go of it while it was looked at" Gone,
        "{said}" Kernel { said: String },
    }
}

/// How far Yama keeps programs from reaching into others: `kernel.yama.ptrace_scope`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Yama(pub u8);

impl fmt::Display for Yama {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (keeps, but) = match self.0 {
            1 => ("lets a program reach into its own children alone", ", and only CAP_SYS_PTRACE overrules that"),
            2 => ("keeps all but CAP_SYS_PTRACE from reaching into other processes", ""),
            _ => ("keeps everybody from reaching into other processes", ""),
        };
        write!(f, "Yama {keeps} (kernel.yama.ptrace_scope = {}){but}", self.0)
    }
}

impl Why {
    /// The reason as scripts read it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Published { .. } => "published-by-container",
            Self::OneAddress { .. } => "bound-to-one-address",
            Self::OtherDevice { .. } => "pinned-to-other-device",
            Self::OtherUser { .. } => "other-user",
            Self::Hides => "not-dumpable",
            Self::Yama { .. } => "ptrace-scope",
            Self::NoProcess { .. } => "no-process",
            Self::OtherNamespace { .. } => "other-namespace",
            Self::Gone => "gone",
            Self::Kernel { .. } => "kernel-refused",
        }
    }

    /// True where root could pin it all the same.
    pub fn yields_to_root(&self) -> bool {
        matches!(self, Self::OtherDevice { .. } | Self::OtherUser { .. } | Self::Hides | Self::Yama { scope: Yama(..3) })
    }
}

/// What is known of a socket before anything is tried.
pub struct Facts<'a> {
    /// Its local address.
    pub address: Option<IpAddr>,
    /// The device that it is pinned to.
    pub device: Option<String>,
    /// The container whose port it publishes.
    pub publishes: Option<String>,
    /// The users of the processes that were seen to hold it.
    pub holders: &'a [u32],
    /// The user that opened it, and that user's name.
    pub user: (u32, String),
    /// Processes that may not be looked into.
    pub hidden: bool,
    /// The user who asks.
    pub own: u32,
    /// That user may reach into every process.
    pub privileged: bool,
    /// Why no process can be named for it.
    pub absence: Sentence,
}

/// Why this socket cannot be pinned, as far as that can be told without trying.
pub fn foreseen(facts: Facts<'_>) -> Option<Why> {
    if let Some(container) = facts.publishes {
        return Some(Why::Published { container });
    }
    if let Some(device) = facts.device.filter(|_| !facts.privileged) {
        return Some(Why::OtherDevice { device });
    }
    if let Some(address) = facts.address.map(unmap).filter(|address| is_one(*address)) {
        return Some(Why::OneAddress { address });
    }
    let (uid, user) = facts.user;
    if facts.holders.is_empty() {
        return Some(match (facts.hidden, uid == facts.own) {
            (false, _) => Why::NoProcess { because: facts.absence },
            (true, true) => Why::Hides,
            (true, false) => Why::OtherUser { user },
        });
    }
    if !facts.privileged && !facts.holders.contains(&facts.own) {
        return Some(Why::OtherUser { user });
    }
    None
}

/// True for an address that lives on one interface or link; a wildcard and loopback are no such.
fn is_one(address: IpAddr) -> bool {
    !matches!(AddressClass::of(address), AddressClass::Wildcard | AddressClass::Loopback)
}

#[cfg(test)]
mod tests {
    use super::{Facts, Why, Yama, foreseen};

    fn facts(holders: &[u32]) -> Facts<'_> {
        Facts {
            address: Some("0.0.0.0".parse().unwrap()),
            device: None,
            publishes: None,
            holders,
            user: (1000, "ana".to_owned()),
            hidden: false,
            own: 1000,
            privileged: false,
            absence: "no process holds it".into(),
        }
    }

    #[test]
    fn ones_own_server_can_be_pinned() {
        assert_eq!(foreseen(facts(&[1000])), None);
        assert_eq!(foreseen(Facts { address: Some("::".parse().unwrap()), ..facts(&[0, 1000]) }), None);
        assert_eq!(foreseen(Facts { own: 0, privileged: true, ..facts(&[1000]) }), None);
    }

    #[test]
    fn each_reason_has_its_fact() {
        let published = Facts { publishes: Some("shop-web".to_owned()), own: 0, privileged: true, ..facts(&[0]) };
        assert!(matches!(foreseen(published), Some(Why::Published { .. })));
        assert!(matches!(foreseen(Facts { own: 7, ..facts(&[1000]) }), Some(Why::OtherUser { user }) if user == "ana"));
        assert!(matches!(foreseen(Facts { hidden: true, own: 7, ..facts(&[]) }), Some(Why::OtherUser { .. })));
        assert_eq!(foreseen(Facts { hidden: true, ..facts(&[]) }), Some(Why::Hides));
        assert!(matches!(foreseen(facts(&[])), Some(Why::NoProcess { .. })));
        for address in ["192.168.1.5", "fe80::1", "::ffff:10.0.0.1", "224.0.0.251"] {
            let one = Facts { address: Some(address.parse().unwrap()), ..facts(&[1000]) };
            assert!(matches!(foreseen(one), Some(Why::OneAddress { .. })), "{address}");
        }
        let elsewhere = || Facts { device: Some("eth0".to_owned()), ..facts(&[1000]) };
        assert!(matches!(foreseen(elsewhere()), Some(Why::OtherDevice { .. })));
        assert_eq!(foreseen(Facts { privileged: true, ..elsewhere() }), None);
    }

    #[test]
    fn root_may_reach_into_processes_and_not_past_a_container_engine() {
        assert!(Why::Hides.yields_to_root() && Why::Yama { scope: Yama(2) }.yields_to_root());
        assert!(!Why::Yama { scope: Yama(3) }.yields_to_root());
        assert!(!Why::Published { container: "web".to_owned() }.yields_to_root());
    }

    #[test]
    fn every_reason_reads_as_the_end_of_a_sentence() {
        let all = [
            Why::Published { container: "web".to_owned() },
            Why::OneAddress { address: "10.0.0.1".parse().unwrap() },
            Why::OtherDevice { device: "eth0".to_owned() },
            Why::OtherUser { user: "root".to_owned() },
            Why::Hides,
            Why::Yama { scope: Yama(1) },
            Why::Yama { scope: Yama(2) },
            Why::Yama { scope: Yama(3) },
            Why::NoProcess { because: "no process holds it".into() },
            Why::OtherNamespace { name: "network namespace blue".to_owned() },
            Why::Gone,
            Why::Kernel { said: "pid 3 cannot be opened".to_owned() },
        ];
        for (at, why) in all.iter().enumerate() {
            assert!(!why.words().to_string().ends_with('.') && !why.words().is_empty(), "{why:?}");
            assert!(why.code().bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase()));
            let same = |other: &&Why| other.code() == why.code() && std::mem::discriminant(*other) != std::mem::discriminant(why);
            assert!(!all[..at].iter().any(|other| same(&other)), "{why:?}");
        }
    }
}
