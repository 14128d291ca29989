//! A machine played back from a snapshot.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use portward_model::{
    Container, Counters, Edit, FirewallRule, Gap, Holding, HostFacts, HostsLine, Interface, Mention, Namespace, Need,
    NetworkSettings, Observed, PathFacts, PortRules, Process, ProcessId, Project, ProjectIdentity, ProxySetting, Route, Seen,
    Snapshot, Socket, SocketOptions, SocketState, Text, Told, Transport, Users, Vitals,
};
use portward_wire::netlink::{PortFilter, StateSet};
use rustc_hash::FxHashMap;

use crate::{
    Act, Ask, Beyond, Depth, Dial, Dialled, Dialling, FilterHold, FilterTable, Hold, Holders, Look, Pinned, Probe, ProbeAnswer,
    Reading, Signal, SysError, Which,
};

/// Answers every reading from a snapshot, as if its machine were here; refuses every action.
pub struct Recorded(Snapshot);

impl Recorded {
    /// Plays back a snapshot.
    pub fn new(mut snapshot: Snapshot) -> Self {
        snapshot.sort();
        Self(snapshot)
    }

    /// Reads the document that `portward snapshot` writes.
    pub fn from_json(bytes: &[u8]) -> Result<Self, SysError> {
        let wrong = |why: String| SysError::Snapshot { why };
        let mut document: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|error| wrong(format!("it is no JSON: {error}")))?;
        match document.get("schema_version").and_then(serde_json::Value::as_u64) {
            Some(1) => {}
            Some(version) => return Err(wrong(format!("it has schema version {version}, and this Portward reads version 1"))),
            None => return Err(wrong("it has no schema_version; `portward snapshot --out FILE` writes one that has".to_owned())),
        }
        let snapshot =
            document.get_mut("snapshot").map(serde_json::Value::take).ok_or_else(|| wrong("it holds no snapshot".to_owned()))?;
        serde_json::from_value(snapshot).map(Self::new).map_err(|error| wrong(error.to_string()))
    }

    fn wanted(&self, ask: &Ask, namespaces: &[Namespace], socket: &Socket) -> Option<u16> {
        let transport = match socket.transport {
            Transport::Tcp => ask.transports.tcp,
            Transport::Udp => ask.transports.udp,
            Transport::Unix | Transport::UnixDatagram | Transport::UnixPacket => ask.transports.unix,
        };
        let connected = !socket.state.serves() && socket.state != SocketState::Closed;
        let state = match ask.states {
            StateSet::Listening => {
                socket.state == SocketState::Listen || (socket.transport != Transport::Tcp && socket.state.serves())
            }
            StateSet::Serving => socket.state.serves(),
            StateSet::Connected => connected && socket.state != SocketState::TimeWait,
            StateSet::BoundOrConnected => {
                (connected || socket.state == SocketState::Bound) && socket.state != SocketState::TimeWait
            }
            StateSet::All => true,
        };
        let remote = socket.remote().map(|(_, port)| port);
        let port = match (ask.ports, socket.port()) {
            (None, _) | (_, None) => true,
            (Some(PortFilter::Local(range)), Some(port)) => range.contains(port),
            (Some(PortFilter::Either(range)), Some(port)) => {
                range.contains(port) || remote.is_some_and(|port| range.contains(port))
            }
        };
        let home = self.0.namespaces.get(usize::from(socket.netns));
        // The reader's own namespace is asked for without a number where those could not be read.
        let is_home = |namespace: &Namespace| {
            namespace.inode == home.map_or(0, |home| home.inode)
                || (namespace.inode == 0 && namespace.own && home.is_none_or(|home| home.own))
        };
        let netns = namespaces.iter().position(is_home)?;
        (transport && state && port).then_some(u16::try_from(netns).ok()?)
    }
}

fn playback<T>(what: &str) -> Result<T, SysError> {
    Err(SysError::Unsupported { what: format!("{what}: it is a snapshot, and nothing can be done to it") })
}

impl Look for Recorded {
    fn facts(&self) -> Result<HostFacts, SysError> {
        Ok(self.0.host.clone())
    }

    fn namespaces(&self, which: &Which) -> Result<Reading<Vec<Namespace>>, SysError> {
        let wanted = |namespace: &&Namespace| match which {
            Which::Own => namespace.own,
            Which::All => true,
            Which::Named(name) => {
                namespace.name.as_ref().is_some_and(|own| own.raw() == name.as_bytes()) || namespace.inode.to_string() == *name
            }
        };
        Ok(Reading { value: self.0.namespaces.iter().filter(wanted).cloned().collect(), gaps: Vec::new() })
    }

    fn sockets(&self, ask: &Ask, namespaces: &[Namespace], each: &mut dyn FnMut(Socket)) -> Result<Vec<Gap>, SysError> {
        for socket in &self.0.sockets {
            if let Some(netns) = self.wanted(ask, namespaces, socket) {
                each(Socket { netns, ..socket.clone() });
            }
        }
        Ok(self.0.gaps.clone())
    }

    fn beyond_listeners(&self, _: usize) -> Beyond {
        Beyond::UNKNOWN
    }

    fn holders(&self, sockets: &[Socket], _: Depth) -> Result<Holders, SysError> {
        let key = |socket: &Socket| (socket.inode, socket.cookie, socket.transport);
        let asked: FxHashMap<_, u32> = sockets.iter().zip(0..).map(|(socket, at)| (key(socket), at)).collect();
        let mut holdings = Vec::new();
        for (position, own) in self.0.sockets.iter().enumerate() {
            if let Some(&socket) = asked.get(&key(own)) {
                holdings.extend(self.0.holders(position).iter().map(|holding| Holding { socket, ..*holding }));
            }
        }
        Ok(Holders { holdings, ..Holders::default() })
    }

    fn processes(&self, _: &[u32]) -> Result<Vec<Process>, SysError> {
        Ok(self.0.processes.clone())
    }

    fn descendants(&self, _: u32) -> Result<Vec<u32>, SysError> {
        playback("a process tree")
    }

    fn interfaces(&self) -> Result<Vec<Interface>, SysError> {
        Ok(self.0.interfaces.clone())
    }

    fn port_rules(&self) -> Result<PortRules, SysError> {
        self.0.rules.clone().ok_or_else(|| SysError::Unsupported { what: "port rules: the snapshot holds none".to_owned() })
    }

    fn users(&self) -> Result<Users, SysError> {
        Ok(self.0.users.clone())
    }

    fn projects(&self, _: &[(u32, Text)]) -> Result<Vec<(Text, Project)>, SysError> {
        Ok(self.0.projects.clone())
    }

    fn project_at(&self, _: &Path) -> Result<Option<ProjectIdentity>, SysError> {
        playback("the project of a directory")
    }

    fn containers(&self, _: &[Text]) -> Result<Reading<Vec<Container>>, SysError> {
        Ok(Reading { value: self.0.containers.clone(), gaps: Vec::new() })
    }

    fn cgroups(&self, _: &[u64]) -> Result<Vec<(u64, Text)>, SysError> {
        Ok(self.0.cgroups.clone())
    }

    fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, SysError> {
        let known = self.0.resolutions.iter().find(|resolution| resolution.name == name);
        known
            .map(|resolution| resolution.addresses.clone())
            .ok_or_else(|| SysError::Unsupported { what: format!("resolving {name}: the snapshot does not hold the answer") })
    }

    fn route(&self, target: IpAddr, _: u32) -> Result<Route, SysError> {
        let known = self.0.routes.iter().find(|(address, _)| *address == target);
        known
            .map(|(_, route)| route.clone())
            .ok_or_else(|| SysError::Unsupported { what: format!("the route to {target}: the snapshot does not hold it") })
    }

    fn options(&self, _: &Holding) -> Seen<SocketOptions> {
        Seen::Hidden(Need::Command("portward explain on the machine itself".to_owned()))
    }

    fn activated(&self, _: u32) -> Seen<bool> {
        Seen::Hidden(Need::Command("portward explain on the machine itself".to_owned()))
    }

    fn path_exists(&self, _: &Text) -> Seen<bool> {
        Seen::Unsupported
    }

    fn may_create(&self, _: &Text) -> Seen<bool> {
        Seen::Unsupported
    }

    fn try_bind(&self, _: Transport, _: SocketAddr, _: bool) -> Result<Option<(i32, String)>, SysError> {
        playback("a bind")
    }

    fn filter_tables(&self, _: &str) -> Result<Vec<FilterTable>, SysError> {
        playback("packet filter tables")
    }

    fn wait_for_exit(&self, _: &[ProcessId], _: Duration) -> Result<Vec<ProcessId>, SysError> {
        playback("waiting for a process")
    }

    fn wait_for_change(&self, _: &[PathBuf], _: Duration) -> Result<(), SysError> {
        playback("waiting for a change")
    }

    fn every_process(&self) -> Result<Vec<Process>, SysError> {
        Ok(self.0.processes.clone())
    }

    fn vitals(&self, _: &[u32], _: Duration) -> Result<Vec<Vitals>, SysError> {
        playback("how processes fare")
    }

    fn counters(&self) -> Result<Counters, SysError> {
        playback("counters")
    }

    fn network(&self) -> Result<NetworkSettings, SysError> {
        playback("the network's settings")
    }

    fn hosts(&self) -> Result<Vec<HostsLine>, SysError> {
        playback("the hosts file")
    }

    fn proxies(&self) -> Vec<ProxySetting> {
        Vec::new()
    }

    fn path(&self, _: &Text) -> Result<PathFacts, SysError> {
        playback("a path")
    }

    fn mentions(&self, _: &[Text], _: &[u16]) -> Result<Vec<Mention>, SysError> {
        playback("project files")
    }

    fn told(&self, _: &[Process], _: u16) -> Result<Vec<Told>, SysError> {
        playback("project files")
    }

    fn firewall(&self) -> Result<Seen<Vec<FirewallRule>>, SysError> {
        playback("packet filter rules")
    }

    fn pause(&self, _: Duration) {}
}

impl Dial for Recorded {
    fn dial(&self, _: Dialling<'_>) -> Result<Dialled, SysError> {
        playback("a connection")
    }

    fn probe(&self, _: &Probe, _: &[u8], _: &mut dyn FnMut(&[u8]) -> bool, _: Duration) -> Result<ProbeAnswer, SysError> {
        playback("a connection")
    }
}

impl Act for Recorded {
    fn hold(&self, _: u16) -> Result<Result<Hold, String>, SysError> {
        playback("a held port")
    }

    fn become_program(&self, command: &[String], _: &[(&str, String)]) -> SysError {
        SysError::Unsupported { what: format!("starting `{}`: it is a snapshot", command.first().map_or("", String::as_str)) }
    }

    fn signal(&self, _: ProcessId, _: Signal) -> Result<(), SysError> {
        playback("a signal")
    }

    fn edit(&self, _: &Edit) -> Result<(), SysError> {
        playback("an edit")
    }

    fn pin(&self, _: ProcessId, _: &Holding, _: &Socket) -> Result<Pinned, SysError> {
        playback("a pin")
    }

    fn load_filter(&self, _: &str) -> Result<(), SysError> {
        playback("packet filter tables")
    }

    fn hold_filter(&self, _: &[String], _: &[String]) -> Result<FilterHold, SysError> {
        playback("packet filter tables")
    }

    fn observe(&self, _: &[String], _: Duration) -> Result<Observed, SysError> {
        playback("a command")
    }
}
