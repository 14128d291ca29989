//! Who can reach an endpoint, and what lets them in.

use std::{fmt, net::IpAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Sentence, Text, Who};

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
    pub fn because(&self) -> Sentence {
        let words = match &self.way {
            Way::Elsewhere { netns, address, loopback } => {
                let inside = match address {
                    _ if *loopback => "its own loopback, which is not this machine's; only programs inside it".to_owned(),
                    None => "every interface inside it; from here only by its addresses or a published port".to_owned(),
                    Some(address) => {
                        format!("{address} inside it; from here only by a route to that address or a published port")
                    }
                };
                format!("network namespace {netns}: {inside}")
            }
            Way::Interface { interface, addresses, if_dual } => {
                let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                let dual = if *if_dual { ", if the socket takes IPv4, which the kernel did not say" } else { "" };
                let public = if self.who == Who::Internet { ", a public address; a firewall may still stop them" } else { "" };
                format!("{interface} {}{dual}{public}", list.join(" and "))
            }
            way => return way.words(),
        };
        words.into()
    }
}

crate::reasons! {
    /// What lets a group of clients in.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    pub enum Way {
        "only the processes that hold it: it has no name" Unnamed,
        "by the abstract name {name}" Abstract { name: Text },
        "by the file {path}" File { path: Text },
        "network namespace {netns}, by an address inside it" Elsewhere { netns: Text, address: Option<IpAddr>, loopback: bool },
        "{address} on {device}" Loopback { address: IpAddr, device: Text },
        "pinned to {device}: 127.0.0.0/8 and ::1 as far as its family goes" Pinned { device: Text },
        "by the addresses of {device}, the device it is pinned to" Device { device: Text },
        "{address} is an address of this machine" Address { address: IpAddr },
        "every address of this machine, 127.0.0.1 or ::1 included" EveryAddress,
        "{of}" EveryUser { of: Shared },
        "a page in this machine's browser can send requests to it, as far as the browser's rules allow; it reads answers only where \
         the server permits (CORS)" Browser,
        "machines on the link that send to {address}" Group { address: IpAddr },
        "{interface}, if the socket takes IPv4 where that decides" Interface {
            interface: Text, addresses: Vec<IpAddr>, if_dual: bool
        },
        "possible: the interfaces could not be read, so which networks reach it is not known" Unread,
        "possible: no interface with this address is up, so nobody reaches it now" Down,
    }
}

crate::worded! {
    /// What belongs to no user.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Shared {
        /// An abstract name.
        Abstract = "an abstract name has no permissions: every user in the same network namespace (unix(7))",
        /// A file.
        File = "as far as the file's permissions, and those of the directories above it, allow",
        /// The loopback.
        Loopback = "loopback belongs to no user: every user of this machine, and no other machine",
        /// The machine's addresses.
        Machine = "every user of this machine",
    }
    /// Whom that lets in.
    fn words
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
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
    because: Sentence,
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
