//! A host whose n-th call fails, for tests that every answer degrades and none breaks.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use portward_model::{
    Container, Counters, Edit, FirewallRule, Gap, Holding, HostFacts, HostsLine, Interface, Mention, Namespace, Need,
    NetworkSettings, Observed, PathFacts, PortRules, Process, ProcessId, Project, ProxySetting, Route, Seen, Socket,
    SocketOptions, Text, Told, Transport, Users, Vitals,
};

use crate::{Ask, Beyond, Depth, Dial, Dialled, Examine, Holders, Host, Probe, ProbeAnswer, Reading, Signal, SysError, Which};

/// Wraps a host and makes one of its calls fail.
pub struct Flaky {
    inner: Box<dyn Host>,
    fails_at: usize,
    calls: AtomicUsize,
}

impl Flaky {
    /// The call with this number, counted from 1, fails; 0 lets all succeed and only counts.
    pub fn new(inner: Box<dyn Host>, fails_at: usize) -> Self {
        Self { inner, fails_at, calls: AtomicUsize::new(0) }
    }

    /// How many calls were made so far.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    fn pass(&self) -> Result<&dyn Host, SysError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if call == self.fails_at { Err(SysError::Injected { call }) } else { Ok(self.inner.as_ref()) }
    }
}

impl Host for Flaky {
    fn facts(&self) -> Result<HostFacts, SysError> {
        self.pass()?.facts()
    }

    fn namespaces(&self, which: &Which) -> Result<Reading<Vec<Namespace>>, SysError> {
        self.pass()?.namespaces(which)
    }

    fn sockets(&self, ask: &Ask, namespaces: &[Namespace], each: &mut dyn FnMut(Socket)) -> Result<Vec<Gap>, SysError> {
        self.pass()?.sockets(ask, namespaces, each)
    }

    fn beyond_listeners(&self, listeners: usize) -> Beyond {
        self.pass().map_or(Beyond::UNKNOWN, |host| host.beyond_listeners(listeners))
    }

    fn holders(&self, sockets: &[Socket], depth: Depth) -> Result<Holders, SysError> {
        self.pass()?.holders(sockets, depth)
    }

    fn processes(&self, pids: &[u32]) -> Result<Vec<Process>, SysError> {
        self.pass()?.processes(pids)
    }

    fn descendants(&self, root: u32) -> Result<Vec<u32>, SysError> {
        self.pass()?.descendants(root)
    }

    fn interfaces(&self) -> Result<Vec<Interface>, SysError> {
        self.pass()?.interfaces()
    }

    fn port_rules(&self) -> Result<PortRules, SysError> {
        self.pass()?.port_rules()
    }

    fn users(&self) -> Result<Users, SysError> {
        self.pass()?.users()
    }

    fn projects(&self, directories: &[(u32, Text)]) -> Result<Vec<(Text, Project)>, SysError> {
        self.pass()?.projects(directories)
    }

    fn containers(&self, runtimes: &[Text]) -> Result<Reading<Vec<Container>>, SysError> {
        self.pass()?.containers(runtimes)
    }

    fn cgroups(&self, ids: &[u64]) -> Result<Vec<(u64, Text)>, SysError> {
        self.pass()?.cgroups(ids)
    }

    fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, SysError> {
        self.pass()?.resolve(name)
    }

    fn route(&self, target: IpAddr, interface: u32) -> Result<Route, SysError> {
        self.pass()?.route(target, interface)
    }

    fn options(&self, holding: &Holding) -> Seen<SocketOptions> {
        self.pass().map_or(Seen::Hidden(Need::Root), |host| host.options(holding))
    }

    fn activated(&self, pid: u32) -> Seen<bool> {
        self.pass().map_or(Seen::Hidden(Need::Root), |host| host.activated(pid))
    }

    fn path_exists(&self, path: &Text) -> Seen<bool> {
        self.pass().map_or(Seen::Unsupported, |host| host.path_exists(path))
    }

    fn may_create(&self, path: &Text) -> Seen<bool> {
        self.pass().map_or(Seen::Unsupported, |host| host.may_create(path))
    }

    fn try_bind(&self, transport: Transport, address: SocketAddr, reuse: bool) -> Result<Option<(i32, String)>, SysError> {
        self.pass()?.try_bind(transport, address, reuse)
    }

    fn signal(&self, process: ProcessId, signal: Signal) -> Result<(), SysError> {
        self.pass()?.signal(process, signal)
    }

    fn edit(&self, edit: &Edit) -> Result<(), SysError> {
        self.pass()?.edit(edit)
    }

    fn wait_for_exit(&self, processes: &[ProcessId], timeout: Duration) -> Result<Vec<ProcessId>, SysError> {
        self.pass()?.wait_for_exit(processes, timeout)
    }

    fn wait_for_change(&self, directories: &[PathBuf], timeout: Duration) -> Result<(), SysError> {
        self.pass()?.wait_for_change(directories, timeout)
    }

    fn probe(
        &self,
        target: &Probe,
        greeting: &[u8],
        judge: &mut dyn FnMut(&[u8]) -> bool,
        timeout: Duration,
    ) -> Result<ProbeAnswer, SysError> {
        self.pass()?.probe(target, greeting, judge, timeout)
    }
}

impl Examine for Flaky {
    fn every_process(&self) -> Result<Vec<Process>, SysError> {
        self.pass()?.every_process()
    }

    fn vitals(&self, pids: &[u32], over: Duration) -> Result<Vec<Vitals>, SysError> {
        self.pass()?.vitals(pids, over)
    }

    fn counters(&self) -> Result<Counters, SysError> {
        self.pass()?.counters()
    }

    fn network(&self) -> Result<NetworkSettings, SysError> {
        self.pass()?.network()
    }

    fn hosts(&self) -> Result<Vec<HostsLine>, SysError> {
        self.pass()?.hosts()
    }

    fn proxies(&self) -> Vec<ProxySetting> {
        self.pass().map_or_else(|_| Vec::new(), Examine::proxies)
    }

    fn path(&self, path: &Text) -> Result<PathFacts, SysError> {
        self.pass()?.path(path)
    }

    fn told(&self, processes: &[Process], port: u16) -> Result<Vec<Told>, SysError> {
        self.pass()?.told(processes, port)
    }

    fn mentions(&self, folders: &[Text], ports: &[u16]) -> Result<Vec<Mention>, SysError> {
        self.pass()?.mentions(folders, ports)
    }

    fn firewall(&self) -> Result<Seen<Vec<FirewallRule>>, SysError> {
        self.pass()?.firewall()
    }

    fn dial(&self, dial: Dial<'_>) -> Result<Dialled, SysError> {
        self.pass()?.dial(dial)
    }

    fn observe(&self, command: &[String], patience: Duration) -> Result<Observed, SysError> {
        self.pass()?.observe(command, patience)
    }

    fn pause(&self, time: Duration) {
        self.inner.pause(time);
    }
}
