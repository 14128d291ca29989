//! The Linux body of a machine.

mod actions;
mod asked;
mod at_once;
mod bpf;
mod cgroups;
mod containers;
mod counters;
mod descriptors;
pub mod device;
mod dial;
mod edit;
mod elsewhere;
mod events;
pub mod fence;
mod files;
mod firewall;
mod frozen;
mod hands;
mod holders;
mod interfaces;
mod kernel;
mod lookup;
mod loopback;
mod mentions;
mod names;
mod namespaces;
mod netlink;
mod observe;
mod paths;
mod pinning;
mod probe;
mod processes;
mod programs;
mod projects;
pub(crate) mod reader;
mod rights;
pub mod runtime;
mod secured;
pub mod served;
mod settings;
mod sources;
mod standing;
mod surroundings;
mod tables;
mod told;
pub mod trusting;
pub mod unotify;
mod users;
mod vitals;
mod whole;
pub mod works;

pub use asked::{on_request_to_end, on_requests_to_end, requested_end};
pub use at_once::write_at_once;
pub use counters::lost_datagrams;
pub use elsewhere::{Elsewhere, make_sockets};
pub(crate) use files::Mounts;
pub use hands::{Hands, on_behalf_of};
pub(crate) use kernel::file as kernel_file;
pub use lookup::Lookup;
pub use loopback::loopback_up;
pub(crate) use standing::comes_back;
pub use users::User;
pub use whole::{read_given, read_of_project, write_private};

use std::{io::ErrorKind, sync::OnceLock, time::Instant};

use portward_model::{Need, Seen, Socket, Text};
use rustix::{
    event::{PollFd, PollFlags, poll},
    fd::AsFd,
    io::Errno,
};

use crate::{Act, Answer, Beside, Deed, Dial, Dialled, Dialling, Done, Look, Reading, SysError, path_of};

/// This machine, read through `/proc` and netlink.
pub(crate) struct Linux {
    /// When time was first asked for.
    began: OnceLock<Instant>,
}

impl Linux {
    pub(crate) fn new() -> Self {
        Self { began: OnceLock::new() }
    }
}

impl Look for Linux {
    fn read(&self, reading: &Reading<'_>, each: &mut dyn FnMut(Socket)) -> Result<Answer, SysError> {
        Ok(match *reading {
            Reading::Facts() => Answer::Facts(settings::facts()),
            Reading::Elapsed() => Answer::Elapsed(self.began.get_or_init(Instant::now).elapsed()),
            Reading::Namespaces(which) => Answer::Namespaces(namespaces::read(which)?),
            Reading::Sockets(ask, namespaces) => Answer::Sockets(netlink::sockets(ask, namespaces, each)),
            Reading::BeyondListeners(listeners) => Answer::BeyondListeners(settings::beyond_listeners(listeners)),
            Reading::Holders(sockets, depth) => Answer::Holders(holders::find(sockets, depth)?),
            Reading::Processes(pids) => Answer::Processes(processes::read(pids)?),
            Reading::Alone(pids) => Answer::Alone(processes::alone(pids)?),
            Reading::Living(processes) => Answer::Living(processes::living(processes)?),
            Reading::Arguments(processes) => Answer::Arguments(processes::arguments(processes)?),
            Reading::EveryProcess() => Answer::EveryProcess(processes::read(&processes::pids()?)?),
            Reading::Descendants(root) => Answer::Descendants(processes::descendants(root)?),
            Reading::Interfaces() => Answer::Interfaces(interfaces::read()?),
            Reading::PortRules() => Answer::PortRules(settings::port_rules()?),
            Reading::Users() => Answer::Users(portward_wire::procfs::user_names(&kernel::file("/etc/passwd")?)),
            Reading::Projects(directories) => Answer::Projects(projects::find(directories)),
            Reading::ProjectAt(directory) => Answer::ProjectAt(projects::identity_of(directory)?),
            Reading::Containers(runtimes) => Answer::Containers(containers::read(runtimes)),
            Reading::Cgroups(ids) => Answer::Cgroups(cgroups::paths(ids)),
            Reading::Resolve(name) => Answer::Resolve(names::resolve(name)?),
            Reading::ResolveSoon(name, patience) => Answer::ResolveSoon(names::resolve_soon(name, patience)?),
            Reading::Route(target, interface) => Answer::Route(interfaces::route(target, interface)?),
            Reading::Options(holding) => Answer::Options(descriptors::options(holding)),
            Reading::Activated(pid) => Answer::Activated(processes::activated(pid)),
            Reading::PathExists(path) => Answer::PathExists(path_exists(path)),
            Reading::MayCreate(path) => Answer::MayCreate(may_create(path)),
            Reading::TryBind(transport, address, reuse) => Answer::TryBind(probe::try_bind(transport, address, reuse)?),
            Reading::FilterTables(prefix) => Answer::FilterTables(tables::list(prefix)?),
            Reading::Vitals(pids, over) => Answer::Vitals(vitals::read(pids, over)?),
            Reading::Counters() => Answer::Counters(counters::read()?),
            Reading::Topic(topic) => surroundings::read(topic)?,
            Reading::Proxies() => Answer::Proxies(surroundings::proxies()),
            Reading::Path(path) => Answer::Path(standing::at(path)?),
            Reading::PathBelow(pid, path) => Answer::PathBelow(standing::below(pid, path)?),
            Reading::Mentions(folders, ports) => Answer::Mentions(mentions::read(folders, ports)),
            Reading::Sources(root) => Answer::Sources(sources::find(root)?),
            Reading::Told(processes, port) => Answer::Told(told::read(processes, port)),
            Reading::Errands(processes) => Answer::Errands(told::errands(processes)),
            Reading::WaitForExit(processes, timeout) => Answer::WaitForExit(actions::wait_for_exit(processes, timeout)?),
            Reading::WaitForChange(directories, timeout) => {
                events::wait(directories, timeout);
                Answer::WaitForChange(())
            }
            Reading::Pause(time) => {
                std::thread::sleep(time);
                Answer::Pause(())
            }
        })
    }
}

impl Dial for Linux {
    fn dial(&self, dialling: Dialling<'_>) -> Result<Dialled, SysError> {
        dial::dial(dialling)
    }
}

impl Act for Linux {
    fn act(&self, deed: &Deed<'_>) -> Result<Done, SysError> {
        Ok(match *deed {
            Deed::Hold(port) => Done::Hold(probe::hold(port)?),
            Deed::BecomeProgram(command, variables) => return Err(actions::become_program(command, variables)),
            Deed::Begin(line) => Done::Begin(Beside::begin(line)?),
            Deed::Signal(process, signal) => Done::Signal(actions::signal(process, signal)?),
            Deed::Edit(edit) => Done::Edit(edit::apply(edit)?),
            Deed::Create(path, bytes) => Done::Create(whole::create(path, bytes).map_err(|source| SysError::Write {
                path: path.display().to_string(),
                operation: "made",
                source,
            })?),
            Deed::RemoveSocket(path, file) => Done::RemoveSocket(standing::remove(path, file)?),
            Deed::Pin(process, holding, socket) => Done::Pin(pinning::pin(process, holding, socket)?),
            Deed::LoadFilter(rules) => Done::LoadFilter(tables::load(rules)?),
            Deed::HoldFilter(commands, names) => Done::HoldFilter(tables::hold(commands, names)?),
            Deed::Observe(command, patience) => Done::Observe(observe::run(command, patience)?),
        })
    }
}

fn path_exists(path: &Text) -> Seen<bool> {
    match Mounts::now().find(&path_of(path)) {
        Ok(_) => Seen::Known(true),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Seen::Known(false),
        Err(error) if files::is_stalling(&error) => Seen::Hidden(Need::Platform),
        Err(_) => Seen::Hidden(Need::Root),
    }
}

fn may_create(path: &Text) -> Seen<bool> {
    use rustix::fs::{Access, access};
    let path = &standing::absolute(path);
    let end = path.raw().iter().rposition(|b| *b == b'/').unwrap_or(0);
    let folder = path.raw().get(..end).filter(|folder| !folder.is_empty()).unwrap_or(b"/");
    if Mounts::now().may_stall(&path_of(&Text::new(folder))) {
        return Seen::Hidden(Need::Platform);
    }
    Seen::Known(access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok())
}

/// True when one of the events came, false when the time is over.
fn wait(descriptor: impl AsFd, events: PollFlags, end: Instant) -> rustix::io::Result<bool> {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match poll(&mut [PollFd::new(&descriptor, events)], Some(&timespec(left))) {
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// A time as `ppoll(2)` takes it.
fn timespec(time: std::time::Duration) -> rustix::event::Timespec {
    rustix::event::Timespec { tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX), tv_nsec: i64::from(time.subsec_nanos()) }
}

/// The inode of a namespace link such as `/proc/self/ns/net`.
fn namespace_inode(link: &str, kind: &str) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt;
    let target = kernel::read_link(link).ok()?;
    portward_wire::procfs::inode_of_link(target.as_os_str().as_bytes(), kind.as_bytes())
}
