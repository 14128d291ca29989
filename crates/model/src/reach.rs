//! Who can reach an endpoint, and what lets them in.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Text, Who};

/// Who can reach an endpoint, and the fact that makes it so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "Written", from = "Written")]
#[schemars(with = "Written")]
pub struct Reach {
    /// The clients.
    pub who: Who,
    /// What lets them in.
    pub way: Way,
}

impl Reach {
    /// The interface and address, or the rule, that lets them in, in words.
    pub fn because(&self) -> String {
        self.way.words(self.who)
    }
}

/// What lets a group of clients in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Way {
    /// A Unix socket without a name.
    Unnamed,
    /// A Unix socket's abstract name.
    Abstract {
        /// With its `@`.
        name: Text,
    },
    /// A Unix socket's file.
    File {
        /// Its path.
        path: Text,
    },
    /// Another network namespace, as far as it can be entered.
    Elsewhere {
        /// The namespace: its name, or its number.
        netns: Text,
        /// The address inside; `null` for every address.
        address: Option<IpAddr>,
        /// True for that namespace's own loopback.
        loopback: bool,
    },
    /// A loopback address.
    Loopback {
        /// That address.
        address: IpAddr,
        /// The loopback device.
        device: Text,
    },
    /// A pin to the loopback device.
    Pinned {
        /// That device.
        device: Text,
    },
    /// A device that the socket is pinned to.
    Device {
        /// That device, by its name or number.
        device: Text,
    },
    /// An address of this machine.
    Address {
        /// That address.
        address: IpAddr,
    },
    /// Every address of this machine.
    EveryAddress,
    /// That it belongs to no user.
    EveryUser {
        /// What it is that belongs to none.
        of: Shared,
    },
    /// The browser of this machine.
    Browser,
    /// A multicast group, or a broadcast address.
    Group {
        /// That address.
        address: IpAddr,
    },
    /// Addresses of an interface.
    Interface {
        /// Its name.
        interface: Text,
        /// Those that lead to the socket.
        addresses: Vec<IpAddr>,
        /// True where that depends on whether the socket takes IPv4, which the kernel did not say.
        if_dual: bool,
    },
    /// Possible: the interfaces could not be read.
    Unread,
    /// Possible: no interface with its address is up.
    Down,
}

/// What belongs to no user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shared {
    /// An abstract name.
    Abstract,
    /// A file, as far as its permissions go.
    File,
    /// The loopback.
    Loopback,
    /// The machine's addresses.
    Machine,
}

impl Way {
    fn words(&self, who: Who) -> String {
        let plain = match self {
            Self::Unnamed => "only the processes that hold it: it has no name",
            Self::EveryAddress => "every address of this machine, 127.0.0.1 or ::1 included",
            Self::EveryUser { of: Shared::Abstract } => {
                "an abstract name has no permissions: every user in the same network namespace (unix(7))"
            }
            Self::EveryUser { of: Shared::File } => {
                "as far as the file's permissions, and those of the directories above it, allow"
            }
            Self::EveryUser { of: Shared::Loopback } => {
                "loopback belongs to no user: every user of this machine, and no other machine"
            }
            Self::EveryUser { of: Shared::Machine } => "every user of this machine",
            Self::Browser => {
                "a page in this machine's browser can send requests to it, as far as the browser's rules allow; it reads answers only \
                 where the server permits (CORS)"
            }
            Self::Unread => "possible: the interfaces could not be read, so which networks reach it is not known",
            Self::Down => "possible: no interface with this address is up, so nobody reaches it now",
            Self::Abstract { name } => return format!("by the abstract name {name}"),
            Self::File { path } => return format!("by the file {path}"),
            Self::Elsewhere { netns, loopback: true, .. } => {
                return format!(
                    "network namespace {netns}: its own loopback, which is not this machine's; only programs inside it"
                );
            }
            Self::Elsewhere { netns, address: None, .. } => {
                return format!(
                    "network namespace {netns}: every interface inside it; from here only by its addresses or a published port"
                );
            }
            Self::Elsewhere { netns, address: Some(address), .. } => {
                return format!(
                    "network namespace {netns}: {address} inside it; from here only by a route to that address or a published port"
                );
            }
            Self::Loopback { address, device } => return format!("{address} on {device}"),
            Self::Pinned { device } => return format!("pinned to {device}: 127.0.0.0/8 and ::1 as far as its family goes"),
            Self::Device { device } => return format!("by the addresses of {device}, the device it is pinned to"),
            Self::Address { address } => return format!("{address} is an address of this machine"),
            Self::Group { address } => return format!("machines on the link that send to {address}"),
            Self::Interface { interface, addresses, if_dual } => {
                let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                let dual = if *if_dual { ", if the socket takes IPv4, which the kernel did not say" } else { "" };
                let public = if who == Who::Internet { ", a public address; a firewall may still stop them" } else { "" };
                return format!("{interface} {}{dual}{public}", list.join(" and "));
            }
        };
        plain.to_owned()
    }
}

/// As it is written: with its sentence.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Reach")]
struct Written {
    /// The clients.
    who: Who,
    /// The interface and address, or the rule, that lets them in.
    #[serde(default)]
    because: String,
    /// The same as a value.
    way: Way,
}

impl From<Reach> for Written {
    fn from(reach: Reach) -> Self {
        Self { who: reach.who, because: reach.because(), way: reach.way }
    }
}

impl From<Written> for Reach {
    fn from(written: Written) -> Self {
        Self { who: written.who, way: written.way }
    }
}
