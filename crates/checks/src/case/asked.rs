//! What was asked: the endpoint as its client or server means it.

use std::net::IpAddr;

use portward_model::{Text, Transport};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Asking {
    /// Why can a client not connect, or why does what answers not serve it.
    #[default]
    Connect,
    /// Why can a server not listen.
    Listen,
}

/// The endpoint that is asked about, as its client or server means it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// To connect or to listen.
    pub asking: Asking,
    /// The endpoint as people write it.
    pub text: String,
    /// What is spoken.
    pub transport: Transport,
    /// The name that was resolved, where one was given.
    pub name: Option<String>,
    /// The addresses that a client dials, in its order; of "any", both loopbacks. Empty for Unix sockets and for a
    /// name without address.
    pub addresses: Vec<IpAddr>,
    /// True when an address or name was named, not a port alone.
    pub host_given: bool,
    /// The port; 0 for Unix sockets and where none is known.
    pub port: u16,
    /// The path of a Unix socket.
    pub path: Option<Text>,
    /// The scheme of a URL: `http`, `https`, `postgres`.
    pub scheme: Option<String>,
    /// The path of a URL, with its slash.
    pub resource: Option<String>,
}

impl Asked {
    /// A question about no endpoint of this machine.
    pub fn nowhere(asking: Asking) -> Self {
        Self {
            asking,
            text: String::new(),
            transport: Transport::Tcp,
            name: None,
            addresses: Vec::new(),
            host_given: false,
            port: 0,
            path: None,
            scheme: None,
            resource: None,
        }
    }

    /// True for a question about no endpoint of this machine: nothing can be looked at or dialled.
    pub fn is_nowhere(&self) -> bool {
        self.text.is_empty()
    }

    /// The target as a person types it to ask the same again: a URL where one was asked about.
    pub fn target(&self) -> Text {
        let resource = self.resource.as_deref().filter(|_| self.path.is_none()).unwrap_or_default();
        match &self.scheme {
            Some(scheme) if self.path.is_none() => Text::from(format!("{scheme}://{}{resource}", self.text).as_str()),
            _ => Text::from(self.text.as_str()),
        }
    }
}
