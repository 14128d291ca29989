//! What may be asked of a machine to examine one endpoint closely: how processes fare, what the network is set
//! to, and what a connection meets.
//!
//! Listing never asks any of this. Everything here reads, except [`Examine::dial`], which makes one connection
//! of its own, and [`Examine::observe`], which runs the user's own client.

use std::time::Duration;

use portward_model::{
    Counters, DialTarget, Exchange, FirewallRule, HostsLine, Mention, Met, NetworkSettings, Observed, PathFacts, Process,
    ProxySetting, Seen, Text, Told, Vitals,
};

use crate::SysError;

/// One connection to make.
pub struct Dial<'a> {
    /// Where to.
    pub at: &'a DialTarget,
    /// How long a handshake may take.
    pub patience: Duration,
    /// What to say after connecting; `None` closes at once.
    pub talk: Option<Talk<'a>>,
    /// Called once, while the connect is still pending, when `patience` is over.
    pub pending: &'a mut dyn FnMut(),
    /// Called once after the handshake, while the connection is open and nothing has been said.
    pub connected: &'a mut dyn FnMut(),
}

/// A conversation on one connection.
pub struct Talk<'a> {
    /// Which of the things that a probe says it is.
    pub said: portward_model::Said,
    /// How long to listen before anything is sent. Where the server speaks in this time, nothing is sent at all and
    /// the exchange is recorded as [`portward_model::Said::Nothing`].
    pub listen_first: Duration,
    /// The bytes to send; empty to listen only.
    pub bytes: &'a [u8],
    /// Judges what has come so far: true when enough was heard.
    pub enough: &'a mut dyn FnMut(&[u8]) -> bool,
    /// How long to wait for enough.
    pub patience: Duration,
}

/// What a [`Dial`] met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialled {
    /// What the connect met.
    pub met: Met,
    /// The time until then, in microseconds.
    pub took_us: u64,
    /// What was said, where something was to be said and the connection was made.
    pub exchange: Option<Exchange>,
}

/// Close readings of a machine. Every one is one call, so that a test can make the n-th fail.
pub trait Examine {
    /// Every process that this reader can see, with command lines where they are readable.
    fn every_process(&self) -> Result<Vec<Process>, SysError>;

    /// How these processes fare; those that vanished are left out. With `over`, processor time is compared
    /// across that time.
    fn vitals(&self, pids: &[u32], over: Duration) -> Result<Vec<Vitals>, SysError>;

    /// The counters of the reader's network namespace (`/proc/net/snmp`, `snmp6`, `netstat`).
    fn counters(&self) -> Result<Counters, SysError>;

    /// The settings of the reader's network namespace.
    fn network(&self) -> Result<NetworkSettings, SysError>;

    /// The lines of the hosts file.
    fn hosts(&self) -> Result<Vec<HostsLine>, SysError>;

    /// Proxies that the reader's environment names, without their credentials.
    fn proxies(&self) -> Vec<ProxySetting>;

    /// What stands at a path.
    fn path(&self, path: &Text) -> Result<PathFacts, SysError>;

    /// Lines that name one of these ports in the well-known files of these folders and in systemd units.
    fn mentions(&self, folders: &[Text], ports: &[u16]) -> Result<Vec<Mention>, SysError>;

    /// Which of these processes were told to serve this port, by their environments and the scripts that they run. Of an
    /// environment nothing else is kept. Processes that may not be looked into are left out.
    fn told(&self, processes: &[Process], port: u16) -> Result<Vec<Told>, SysError>;

    /// Packet filter rules of the reader's network namespace that can stop or turn a packet; hidden without
    /// `CAP_NET_ADMIN`.
    fn firewall(&self) -> Result<Seen<Vec<FirewallRule>>, SysError>;

    /// Makes one connection.
    fn dial(&self, dial: Dial<'_>) -> Result<Dialled, SysError>;

    /// Runs a command with this process's own terminal, and notes the connects that it and its children make.
    fn observe(&self, command: &[String], patience: Duration) -> Result<Observed, SysError>;

    /// Waits. A recorded machine does not.
    fn pause(&self, time: Duration);
}
