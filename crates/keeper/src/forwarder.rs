//! The forwarder's own side: what is to be lent, by the store, and what became of it, into the store.
//!
//! It is this program, started again by `portward front` and apart from it, one for each user. It stays while a project
//! has the front, holding nothing as long as nothing of that project listens, and ends when the front was given back
//! and the last connection through it has ended.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::PathBuf,
    process::{Child, ExitCode},
    time::{Duration, Instant},
};

use portward_model::{Caller, Failure, Loan, ProcessId, SocketState, Standing, Transport};
use portward_proxy::{Lender, Wish};
use portward_session::{handed_over, numbers_of};
use portward_store::{FrontRow, ProjectId, Stamp, Store};
use portward_sys::{
    Acts, Ask, Cancel, Clock, Context, LO, Look, Nobody, StateSet, SystemClock, Which, path_of, runtime, this_caller,
};

use crate::{
    asking::Asking,
    runs::{RunListener, is_alive, process_at, told},
};

/// Becomes the forwarder, if this process was started for that; everybody else goes on.
///
/// To be called before arguments are read, while the process has one thread.
pub(crate) fn entrance(arguments: &[OsString]) -> Option<ExitCode> {
    if arguments.get(1)?.to_str() != Some(WORD) {
        return None;
    }
    let reserved = arguments.get(2).and_then(|numbers| handed_over(numbers.to_str()?)).unwrap_or_default();
    // Nobody reads along; who started it sees the exit code, and the store.
    let (caller, clock, cancel) = (this_caller(), SystemClock, Cancel::default());
    let ended = portward_sys::this_machine().map_err(Failure::from).and_then(|machine| {
        lend(&Context { machine: machine.as_ref(), caller: &caller, clock: &clock, cancel: &cancel, prompt: &Nobody }, reserved)
    });
    Some(if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// Starts a forwarder. There may be one already, and then this one ends at once, unless it is handed sockets that the other one has not.
pub fn start(caller: &Caller, reserved: &[OwnedFd]) -> Result<Child, Failure> {
    let kept = Caller::FOLDERS.iter().filter_map(|name| Some(((*name).into(), path_of(caller.variable(name)?).into())));
    let numbers = numbers_of(reserved);
    let handed: Vec<BorrowedFd<'_>> = reserved.iter().map(AsFd::as_fd).collect();
    portward_session::start_apart(&[WORD, &numbers], kept, &handed)
        .map_err(|error| Failure::system(format!("The forwarder could not be started: {error}.")))
}

/// The forwarder's process, where it lives.
pub fn alive(host: &dyn Look, row: &FrontRow) -> Option<ProcessId> {
    row.forwarder.filter(|process| is_alive(host, *process))
}

/// The project that has the real ports: it was given them, and the forwarder lives.
pub(crate) fn holder(host: &dyn Look, store: &Store<'_>) -> Result<Option<ProjectId>, Failure> {
    let row = store.front()?.filter(|row| alive(host, row).is_some());
    Ok(row.and_then(|row| row.project))
}

fn lend(cx: &Context<'_, Acts>, reserved: Vec<OwnedFd>) -> Result<(), Failure> {
    if Store::reading(cx)?.is_none() {
        return Ok(());
    }
    let host = cx.machine;
    let mut store = Store::open(cx)?;
    let own = process_at(host, cx.caller.process.pid).map(|process| process.id);
    let own = own.ok_or_else(|| Failure::system("The forwarder's own process cannot be read in /proc."))?;
    // With ports that the other one cannot have, this one takes its place, and the other ends with its last connection.
    if !store.claim_front(own, &|other| reserved.is_empty() && is_alive(host, other))? {
        return Ok(());
    }
    let folder = store.path().parent().map(std::path::Path::to_owned).unwrap_or_default();
    let mut books = Books {
        host,
        caller: cx.caller,
        clock: cx.clock,
        store,
        own,
        generation: 0,
        wish: Wish::default(),
        read: None,
        told: None,
        replaced: false,
    };
    let news = runtime::RuntimeFolder::all(cx.caller).into_iter().map(|folder| folder.path().to_owned());
    let folders: Vec<PathBuf> = [folder].into_iter().chain(news).collect();
    portward_proxy::forward(&mut books, &folders, reserved)
        .map_err(|error| Failure::system(format!("Nothing can be forwarded: {error}.")))
}

/// What changes with what is to be lent: the store, and the news of sessions.
type Written = (Stamp, runtime::News);

/// What the store says, and what was written to it.
struct Books<'h> {
    host: &'h dyn Look,
    caller: &'h Caller,
    clock: &'h dyn Clock,
    store: Store<'h>,
    own: ProcessId,
    /// The generation that `wish` belongs to.
    generation: i64,
    wish: Wish,
    /// When the store was read, and as what.
    read: Option<(Written, Instant)>,
    told: Option<(i64, Vec<(Loan, Standing)>)>,
    /// Another forwarder stands in the store, or the store is gone.
    replaced: bool,
}

impl Books<'_> {
    fn refresh(&mut self) -> Result<(), Failure> {
        if self.store.is_gone() {
            self.replaced = true;
        }
        let (stamp, now) = ((self.store.stamp(), runtime::news(self.caller)), self.clock.now());
        // Supervisors that were killed write nothing, so that it is read now and then all the same.
        if self.replaced
            || self.read.as_ref().is_some_and(|(read, at)| *read == stamp && now.saturating_duration_since(*at) < LONGEST_TRUST)
        {
            return Ok(());
        }
        self.store.stay_current()?;
        match self.store.front()?.filter(|row| row.forwarder == Some(self.own)) {
            None => self.replaced = true,
            Some(row) => {
                let loans = match row.project {
                    Some(project) => Services::of(self.host, self.caller, &self.store, project)?.loans,
                    None => Vec::new(),
                };
                self.wish = Wish { loans, over: row.project.is_none() };
                self.generation = row.generation;
                self.read = Some((stamp, now));
            }
        }
        Ok(())
    }
}

impl Lender for Books<'_> {
    fn wish(&mut self) -> Wish {
        // Where the store cannot be read now, what it said before holds.
        let _ = self.refresh();
        if self.replaced { Wish { loans: Vec::new(), over: true } } else { self.wish.clone() }
    }

    fn is_bound(&mut self, port: u16) -> bool {
        let ask = Ask::tcp_at(port, StateSet::Serving);
        let mut found = false;
        if let Ok(own) = self.host.namespaces(&Which::Own) {
            // The ones that this forwarder is about to listen on are bound, too, and are pinned to lo.
            let mut each = |socket: portward_model::Socket| {
                found |= matches!(socket.state, SocketState::Bound | SocketState::Listen) && socket.interface != LO;
            };
            let _ = self.host.sockets(&ask, &own.value, &mut each);
        }
        found
    }

    fn done(&mut self, loans: &[(Loan, Standing)], connections: usize) {
        if self.replaced || self.told.as_ref().is_some_and(|(generation, told)| *generation == self.generation && told == loans) {
            return;
        }
        match self.store.tell_front(self.own, self.generation, loans, connections) {
            Ok(true) => self.told = Some((self.generation, loans.to_vec())),
            Ok(false) => self.replaced = true,
            // Written the next time.
            Err(_) => {}
        }
    }

    fn may_end(&mut self) -> bool {
        self.replaced || self.store.leave_front(self.own).unwrap_or(false)
    }
}

/// What of a project listens, by the record of its sessions that live.
#[derive(Default)]
pub struct Services {
    /// Real ports that can be lent, by their numbers.
    pub loans: Vec<Loan>,
    /// Real ports that are leased to another project, and therefore not lent.
    pub leased: Vec<Loan>,
    /// Every listener, of TCP and UDP; some may have ended since.
    pub listeners: Vec<RunListener>,
}

impl Services {
    /// By the record of a project's sessions that live.
    pub fn of(host: &dyn Look, caller: &Caller, store: &Store<'_>, project: ProjectId) -> Result<Self, Failure> {
        let sessions = told(host, caller, Asking::default(), Some(store));
        let listeners: Vec<RunListener> = sessions.of(project).flat_map(|run| run.listeners.clone()).collect();
        let leases = store.all()?;
        let mut ports = BTreeMap::new();
        for listener in listeners.iter().filter(|listener| listener.transport == Transport::Tcp) {
            let target = listener.serves.port();
            // A program that was told its own port has asked for that; its real port stands in the lease.
            let lease = leases.iter().find(|row| row.id == project && row.port == target).and_then(|row| row.asked);
            let Some(port) = lease.or(listener.asked.map(|asked| asked.port())).filter(|port| *port != target) else { continue };
            // Of two the later one: the other has ended.
            ports.insert(port, target);
        }
        let loans = ports.into_iter().map(|(port, target)| Loan { port, target });
        let elsewhere = |loan: &Loan| leases.iter().any(|row| row.port == loan.port && row.id != project);
        let (foreign, loans) = loans.partition(elsewhere);
        Ok(Self { loans, leased: foreign, listeners })
    }
}

/// The first argument of the forwarder, hidden from help.
const WORD: &str = portward_model::Own::LENDS;
/// What was read is read anew after this time, whether something was written or not.
const LONGEST_TRUST: Duration = Duration::from_millis(900);
