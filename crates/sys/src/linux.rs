//! The Linux body of a machine.

mod actions;
mod at_once;
mod cgroups;
mod containers;
mod counters;
mod descriptors;
pub mod device;
mod dial;
mod edit;
mod events;
mod firewall;
mod frozen;
mod holders;
mod interfaces;
mod lookup;
mod loopback;
mod mentions;
mod namespaces;
mod netlink;
mod observe;
mod paths;
mod pinning;
mod probe;
mod processes;
mod programs;
mod projects;
mod settings;
mod standing;
mod surroundings;
mod tables;
mod told;
pub mod unotify;

mod vitals;

pub use at_once::write_at_once;
pub use lookup::Lookup;
pub use loopback::loopback_up;

use std::{
    fs,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    path::{Path, PathBuf},
    time::Duration,
};

use portward_model::{
    Container, Counters, Edit, FirewallRule, Gap, Holding, HostFacts, HostsLine, Interface, Mention, Namespace, NetworkSettings,
    Observed, PathFacts, PortRules, Process, ProcessId, Project, ProjectIdentity, ProxySetting, Route, Seen, Socket,
    SocketOptions, Text, Told, Transport, Users, Vitals,
};

use crate::{
    Act, Ask, Beyond, Depth, Dial, Dialled, Dialling, FilterHold, FilterTable, Hold, Holders, Look, Pinned, Probe, ProbeAnswer,
    Reading, Signal, SysError, Which,
};

/// This machine, read through `/proc` and netlink.
pub(crate) struct Linux;

impl Linux {
    pub(crate) fn new() -> Self {
        Self
    }
}

impl Look for Linux {
    fn facts(&self) -> Result<HostFacts, SysError> {
        Ok(settings::facts())
    }

    fn namespaces(&self, which: &Which) -> Result<Reading<Vec<Namespace>>, SysError> {
        namespaces::read(which)
    }

    fn sockets(&self, ask: &Ask, namespaces: &[Namespace], each: &mut dyn FnMut(Socket)) -> Result<Vec<Gap>, SysError> {
        Ok(netlink::sockets(ask, namespaces, each))
    }

    fn beyond_listeners(&self, listeners: usize) -> Beyond {
        settings::beyond_listeners(listeners)
    }

    fn holders(&self, sockets: &[Socket], depth: Depth) -> Result<Holders, SysError> {
        holders::find(sockets, depth)
    }

    fn processes(&self, pids: &[u32]) -> Result<Vec<Process>, SysError> {
        processes::read(pids)
    }

    fn descendants(&self, root: u32) -> Result<Vec<u32>, SysError> {
        processes::descendants(root)
    }

    fn interfaces(&self) -> Result<Vec<Interface>, SysError> {
        interfaces::read()
    }

    fn port_rules(&self) -> Result<PortRules, SysError> {
        settings::port_rules()
    }

    fn users(&self) -> Result<Users, SysError> {
        Ok(portward_wire::procfs::user_names(&read_file("/etc/passwd")?))
    }

    fn projects(&self, directories: &[(u32, Text)]) -> Result<Vec<(Text, Project)>, SysError> {
        Ok(projects::find(directories))
    }

    fn project_at(&self, directory: &Path) -> Result<Option<ProjectIdentity>, SysError> {
        Ok(projects::identity_of(directory))
    }

    fn containers(&self, runtimes: &[Text]) -> Result<Reading<Vec<Container>>, SysError> {
        Ok(containers::read(runtimes))
    }

    fn cgroups(&self, ids: &[u64]) -> Result<Vec<(u64, Text)>, SysError> {
        Ok(cgroups::paths(ids))
    }

    fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, SysError> {
        let addresses = (name, 0).to_socket_addrs().map_err(|source| SysError::Resolve { name: name.to_owned(), source })?;
        let mut seen = Vec::new();
        for address in addresses.map(|address| address.ip()) {
            if !seen.contains(&address) {
                seen.push(address);
            }
        }
        Ok(seen)
    }

    fn route(&self, target: IpAddr, interface: u32) -> Result<Route, SysError> {
        interfaces::route(target, interface)
    }

    fn options(&self, holding: &Holding) -> Seen<SocketOptions> {
        descriptors::options(holding)
    }

    fn activated(&self, pid: u32) -> Seen<bool> {
        processes::activated(pid)
    }

    fn path_exists(&self, path: &Text) -> Seen<bool> {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(path.raw()));
        path.try_exists().map_or(Seen::Hidden(portward_model::Need::Root), Seen::Known)
    }

    fn may_create(&self, path: &Text) -> Seen<bool> {
        use rustix::fs::{Access, access};
        let end = path.raw().iter().rposition(|b| *b == b'/').unwrap_or(0);
        let folder = path.raw().get(..end).filter(|folder| !folder.is_empty()).unwrap_or(b"/");
        Seen::Known(access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok())
    }

    fn try_bind(&self, transport: Transport, address: SocketAddr, reuse: bool) -> Result<Option<(i32, String)>, SysError> {
        probe::try_bind(transport, address, reuse)
    }

    fn filter_tables(&self, prefix: &str) -> Result<Vec<FilterTable>, SysError> {
        tables::list(prefix)
    }

    fn wait_for_exit(&self, processes: &[ProcessId], timeout: Duration) -> Result<Vec<ProcessId>, SysError> {
        actions::wait_for_exit(processes, timeout)
    }

    fn wait_for_change(&self, directories: &[PathBuf], timeout: Duration) -> Result<(), SysError> {
        events::wait(directories, timeout);
        Ok(())
    }

    fn every_process(&self) -> Result<Vec<Process>, SysError> {
        processes::read(&processes::pids()?)
    }

    fn vitals(&self, pids: &[u32], over: Duration) -> Result<Vec<Vitals>, SysError> {
        vitals::read(pids, over)
    }

    fn counters(&self) -> Result<Counters, SysError> {
        counters::read()
    }

    fn network(&self) -> Result<NetworkSettings, SysError> {
        surroundings::network()
    }

    fn hosts(&self) -> Result<Vec<HostsLine>, SysError> {
        surroundings::hosts()
    }

    fn proxies(&self) -> Vec<ProxySetting> {
        surroundings::proxies()
    }

    fn path(&self, path: &Text) -> Result<PathFacts, SysError> {
        Ok(standing::at(path))
    }

    fn mentions(&self, folders: &[Text], ports: &[u16]) -> Result<Vec<Mention>, SysError> {
        Ok(mentions::read(folders, ports))
    }

    fn told(&self, processes: &[Process], port: u16) -> Result<Vec<Told>, SysError> {
        Ok(told::read(processes, port))
    }

    fn firewall(&self) -> Result<Seen<Vec<FirewallRule>>, SysError> {
        Ok(firewall::rules())
    }

    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

impl Dial for Linux {
    fn dial(&self, dial: Dialling<'_>) -> Result<Dialled, SysError> {
        dial::dial(dial)
    }

    fn probe(
        &self,
        target: &Probe,
        greeting: &[u8],
        judge: &mut dyn FnMut(&[u8]) -> bool,
        timeout: Duration,
    ) -> Result<ProbeAnswer, SysError> {
        Ok(probe::probe(target, greeting, judge, timeout))
    }
}

impl Act for Linux {
    fn hold(&self, port: u16) -> Result<Result<Hold, String>, SysError> {
        probe::hold(port)
    }

    fn become_program(&self, command: &[String], variables: &[(&str, String)]) -> SysError {
        actions::become_program(command, variables)
    }

    fn signal(&self, process: ProcessId, signal: Signal) -> Result<(), SysError> {
        actions::signal(process, signal)
    }

    fn edit(&self, edit: &Edit) -> Result<(), SysError> {
        edit::apply(edit)
    }

    fn pin(&self, process: ProcessId, holding: &Holding, socket: &Socket) -> Result<Pinned, SysError> {
        pinning::pin(process, holding, socket)
    }

    fn load_filter(&self, rules: &str) -> Result<(), SysError> {
        tables::load(rules)
    }

    fn hold_filter(&self, commands: &[String], names: &[String]) -> Result<FilterHold, SysError> {
        tables::hold(commands, names)
    }

    fn observe(&self, command: &[String], patience: Duration) -> Result<Observed, SysError> {
        observe::run(command, patience)
    }
}

/// A small file, whole.
fn read_file(path: &str) -> Result<Vec<u8>, SysError> {
    fs::read(path).map_err(|source| SysError::Read { path: path.to_owned(), source })
}

/// The inode of a namespace link such as `/proc/self/ns/net`.
fn namespace_inode(link: &str, kind: &str) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt;
    let target = fs::read_link(link).ok()?;
    portward_wire::procfs::inode_of_link(target.as_os_str().as_bytes(), kind.as_bytes())
}
