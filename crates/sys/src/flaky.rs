//! A host whose n-th call fails, for tests that every answer degrades and none breaks.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use portward_model::{
    Container, Counters, Edit, FirewallRule, Gap, Holding, HostFacts, HostsLine, Interface, Mention, Namespace, Need,
    NetworkSettings, Observed, PathFacts, PortRules, Process, ProcessId, Project, ProjectIdentity, ProxySetting, Route, Seen,
    Socket, SocketOptions, Text, Told, Transport, Users, Vitals,
};

use crate::{
    Act, Ask, Beyond, Depth, Dial, Dialled, Dialling, FilterHold, FilterTable, Hold, Holders, Look, Pinned, Probe, ProbeAnswer,
    Reading, Signal, SysError, Which,
};

/// Wraps a host and makes one of its calls fail.
pub struct Flaky {
    inner: Box<dyn Act>,
    fails_at: usize,
    calls: AtomicUsize,
    failed: OnceLock<&'static str>,
}

impl Flaky {
    /// The call with this number, counted from 1, fails; 0 lets all succeed and only counts.
    pub fn new(inner: Box<dyn Act>, fails_at: usize) -> Self {
        Self { inner, fails_at, calls: AtomicUsize::new(0), failed: OnceLock::new() }
    }

    /// How many calls were made so far.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// The name of the call that failed; `None` while none has.
    pub fn failed(&self) -> Option<&'static str> {
        self.failed.get().copied()
    }

    fn pass(&self, name: &'static str) -> Result<&dyn Act, SysError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if call == self.fails_at {
            // Calls have one number each, so that this one is the first to be remembered.
            self.failed.get_or_init(|| name);
            return Err(SysError::Injected { call });
        }
        Ok(self.inner.as_ref())
    }
}

impl Look for Flaky {
    fn facts(&self) -> Result<HostFacts, SysError> {
        self.pass("facts")?.facts()
    }

    fn namespaces(&self, which: &Which) -> Result<Reading<Vec<Namespace>>, SysError> {
        self.pass("namespaces")?.namespaces(which)
    }

    fn sockets(&self, ask: &Ask, namespaces: &[Namespace], each: &mut dyn FnMut(Socket)) -> Result<Vec<Gap>, SysError> {
        self.pass("sockets")?.sockets(ask, namespaces, each)
    }

    fn beyond_listeners(&self, listeners: usize) -> Beyond {
        self.pass("beyond_listeners").map_or(Beyond::UNKNOWN, |host| host.beyond_listeners(listeners))
    }

    fn holders(&self, sockets: &[Socket], depth: Depth) -> Result<Holders, SysError> {
        self.pass("holders")?.holders(sockets, depth)
    }

    fn processes(&self, pids: &[u32]) -> Result<Vec<Process>, SysError> {
        self.pass("processes")?.processes(pids)
    }

    fn descendants(&self, root: u32) -> Result<Vec<u32>, SysError> {
        self.pass("descendants")?.descendants(root)
    }

    fn interfaces(&self) -> Result<Vec<Interface>, SysError> {
        self.pass("interfaces")?.interfaces()
    }

    fn port_rules(&self) -> Result<PortRules, SysError> {
        self.pass("port_rules")?.port_rules()
    }

    fn users(&self) -> Result<Users, SysError> {
        self.pass("users")?.users()
    }

    fn projects(&self, directories: &[(u32, Text)]) -> Result<Vec<(Text, Project)>, SysError> {
        self.pass("projects")?.projects(directories)
    }

    fn project_at(&self, directory: &Path) -> Result<Option<ProjectIdentity>, SysError> {
        self.pass("project_at")?.project_at(directory)
    }

    fn containers(&self, runtimes: &[Text]) -> Result<Reading<Vec<Container>>, SysError> {
        self.pass("containers")?.containers(runtimes)
    }

    fn cgroups(&self, ids: &[u64]) -> Result<Vec<(u64, Text)>, SysError> {
        self.pass("cgroups")?.cgroups(ids)
    }

    fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, SysError> {
        self.pass("resolve")?.resolve(name)
    }

    fn route(&self, target: IpAddr, interface: u32) -> Result<Route, SysError> {
        self.pass("route")?.route(target, interface)
    }

    fn options(&self, holding: &Holding) -> Seen<SocketOptions> {
        self.pass("options").map_or(Seen::Hidden(Need::Root), |host| host.options(holding))
    }

    fn activated(&self, pid: u32) -> Seen<bool> {
        self.pass("activated").map_or(Seen::Hidden(Need::Root), |host| host.activated(pid))
    }

    fn path_exists(&self, path: &Text) -> Seen<bool> {
        self.pass("path_exists").map_or(Seen::Unsupported, |host| host.path_exists(path))
    }

    fn may_create(&self, path: &Text) -> Seen<bool> {
        self.pass("may_create").map_or(Seen::Unsupported, |host| host.may_create(path))
    }

    fn try_bind(&self, transport: Transport, address: SocketAddr, reuse: bool) -> Result<Option<(i32, String)>, SysError> {
        self.pass("try_bind")?.try_bind(transport, address, reuse)
    }

    fn filter_tables(&self, prefix: &str) -> Result<Vec<FilterTable>, SysError> {
        self.pass("filter_tables")?.filter_tables(prefix)
    }

    fn wait_for_exit(&self, processes: &[ProcessId], timeout: Duration) -> Result<Vec<ProcessId>, SysError> {
        self.pass("wait_for_exit")?.wait_for_exit(processes, timeout)
    }

    fn wait_for_change(&self, directories: &[PathBuf], timeout: Duration) -> Result<(), SysError> {
        self.pass("wait_for_change")?.wait_for_change(directories, timeout)
    }

    fn every_process(&self) -> Result<Vec<Process>, SysError> {
        self.pass("every_process")?.every_process()
    }

    fn vitals(&self, pids: &[u32], over: Duration) -> Result<Vec<Vitals>, SysError> {
        self.pass("vitals")?.vitals(pids, over)
    }

    fn counters(&self) -> Result<Counters, SysError> {
        self.pass("counters")?.counters()
    }

    fn network(&self) -> Result<NetworkSettings, SysError> {
        self.pass("network")?.network()
    }

    fn hosts(&self) -> Result<Vec<HostsLine>, SysError> {
        self.pass("hosts")?.hosts()
    }

    fn proxies(&self) -> Vec<ProxySetting> {
        self.pass("proxies").map_or_else(|_| Vec::new(), Look::proxies)
    }

    fn path(&self, path: &Text) -> Result<PathFacts, SysError> {
        self.pass("path")?.path(path)
    }

    fn mentions(&self, folders: &[Text], ports: &[u16]) -> Result<Vec<Mention>, SysError> {
        self.pass("mentions")?.mentions(folders, ports)
    }

    fn told(&self, processes: &[Process], port: u16) -> Result<Vec<Told>, SysError> {
        self.pass("told")?.told(processes, port)
    }

    fn firewall(&self) -> Result<Seen<Vec<FirewallRule>>, SysError> {
        self.pass("firewall")?.firewall()
    }

    fn pause(&self, time: Duration) {
        self.inner.pause(time);
    }
}

impl Dial for Flaky {
    fn dial(&self, dial: Dialling<'_>) -> Result<Dialled, SysError> {
        self.pass("dial")?.dial(dial)
    }

    fn probe(
        &self,
        target: &Probe,
        greeting: &[u8],
        judge: &mut dyn FnMut(&[u8]) -> bool,
        timeout: Duration,
    ) -> Result<ProbeAnswer, SysError> {
        self.pass("probe")?.probe(target, greeting, judge, timeout)
    }
}

impl Act for Flaky {
    fn hold(&self, port: u16) -> Result<Result<Hold, String>, SysError> {
        self.pass("hold")?.hold(port)
    }

    fn become_program(&self, command: &[String], variables: &[(&str, String)]) -> SysError {
        match self.pass("become_program") {
            Ok(host) => host.become_program(command, variables),
            Err(error) => error,
        }
    }

    fn signal(&self, process: ProcessId, signal: Signal) -> Result<(), SysError> {
        self.pass("signal")?.signal(process, signal)
    }

    fn edit(&self, edit: &Edit) -> Result<(), SysError> {
        self.pass("edit")?.edit(edit)
    }

    fn pin(&self, process: ProcessId, holding: &Holding, socket: &Socket) -> Result<Pinned, SysError> {
        self.pass("pin")?.pin(process, holding, socket)
    }

    fn load_filter(&self, rules: &str) -> Result<(), SysError> {
        self.pass("load_filter")?.load_filter(rules)
    }

    fn hold_filter(&self, commands: &[String], names: &[String]) -> Result<FilterHold, SysError> {
        self.pass("hold_filter")?.hold_filter(commands, names)
    }

    fn observe(&self, command: &[String], patience: Duration) -> Result<Observed, SysError> {
        self.pass("observe")?.observe(command, patience)
    }
}
