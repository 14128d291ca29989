//! The forwarder's own side: what it is ordered to lend, and what became of it, which it tells whoever asks at its socket.
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
use portward_store::{ProjectId, Stamp, Store};
use portward_sys::{
    Acts, Ask, Cancel, Clock, Context, LO, Look, Nobody, StateFolder, StateSet, SystemClock, Turn, Which, path_of, runtime,
    this_caller,
};

use crate::{
    asking::Asking,
    control::{Desk, State},
    lending::{self, Told, Whose},
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
    // Nobody reads along; who started it sees the exit code, and asks.
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

fn lend(cx: &Context<'_, Acts>, reserved: Vec<OwnedFd>) -> Result<(), Failure> {
    let Some(store) = Store::reading(cx)? else { return Ok(()) };
    let host = cx.machine;
    let own = process_at(host, cx.caller.process.pid).map(|process| process.id);
    let own = own.ok_or_else(|| Failure::system("The forwarder's own process cannot be read in /proc."))?;
    let folder = StateFolder::find(cx.caller);
    let Some(turn) = place(cx, &folder, &reserved)? else { return Ok(()) };
    // What was ordered stands, whoever was there before; that of the release before this one, too.
    let told = match lending::left(&folder)? {
        Some(left) => Told { done: 0, connections: 0, ports: Vec::new(), leaves: false, ..left },
        None => Told { project: older_order(&store)?, ..Told::default() },
    };
    let told = Told { forwarder: Some(own), login: cx.caller.variable(lending::LOGIN).cloned(), ..told };
    let mut desk = Desk::open(cx.caller, own, told.clone());
    lending::leave(&folder, &told)
        .map_err(|error| Failure::system(format!("The front cannot be written down in {}: {error}.", folder.path.display())))?;
    let own_folder = folder.clone();
    desk.attend(cx.caller.clone(), own, move |asked, peer, state: &State<Told>| {
        lending::answered(&own_folder, asked, peer, state)
    });
    let news = runtime::RuntimeFolder::all(cx.caller).into_iter().map(|folder| folder.path().to_owned());
    let folders: Vec<PathBuf> = [folder.path.clone()].into_iter().chain(news).collect();
    let mut books = Books {
        host,
        caller: cx.caller,
        clock: cx.clock,
        store,
        own,
        folder,
        desk,
        turn: Some(turn),
        born: cx.clock.now(),
        first: told.generation,
        generation: 0,
        wish: Wish::default(),
        read: None,
        told: None,
        replaced: false,
    };
    portward_proxy::forward(&mut books, &folders, reserved)
        .map_err(|error| Failure::system(format!("Nothing can be forwarded: {error}.")))
}

/// The place of the forwarder; `None` where another one has it, and goes on. With ports that the other one cannot have, this one takes its
/// place, and the other ends with its last connection.
fn place(cx: &Context<'_, Acts>, folder: &StateFolder, reserved: &[OwnedFd]) -> Result<Option<Turn>, Failure> {
    let other = || {
        let left = lending::left(folder).ok().flatten();
        left.filter(|left| !left.leaves && left.forwarder.is_some_and(|process| is_alive(cx.machine, process)))
    };
    if reserved.is_empty() {
        return lending::claim(folder, HANDING_OVER, &|| other().is_some());
    }
    if let Some(other) = other() {
        // One that does not answer keeps its place, and whoever waits for this one says so.
        let _ = lending::ask(cx.caller, &other, &lending::Ask::MakeWay);
    }
    lending::claim(folder, HANDING_OVER, &|| false)
}

/// What was ordered of a forwarder of the release before this one.
fn older_order(store: &Store<'_>) -> Result<Option<Whose>, Failure> {
    let Some(project) = store.front()?.and_then(|row| row.project) else { return Ok(None) };
    Ok(store.projects()?.iter().find(|row| row.id == project).map(Whose::of))
}

/// What changes with what is to be lent: the store, the news of sessions and of this process, and what it has left.
type Written = (Stamp, runtime::News, Option<Told>);

/// What is ordered, and what was told of it.
struct Books<'h> {
    host: &'h dyn Look,
    caller: &'h Caller,
    clock: &'h dyn Clock,
    store: Store<'h>,
    own: ProcessId,
    folder: StateFolder,
    desk: Desk<Told>,
    /// Its place among the forwarders of its user.
    turn: Option<Turn>,
    born: Instant,
    /// The generation that it began with, which nobody has ordered of it.
    first: u64,
    /// The generation that `wish` belongs to.
    generation: u64,
    wish: Wish,
    /// When all of it was read, and as what.
    read: Option<(Written, Instant)>,
    told: Option<(u64, Vec<(Loan, Standing)>)>,
    /// Another forwarder has its place, or the store is gone.
    replaced: bool,
}

impl Books<'_> {
    fn refresh(&mut self) -> Result<(), Failure> {
        let left = lending::left(&self.folder)?;
        let is_named = left.as_ref().is_some_and(|left| left.forwarder == Some(self.own) && !left.leaves);
        if self.store.is_gone() || !is_named {
            self.replaced = true;
            self.turn = None;
        }
        let (written, now) = ((self.store.stamp(), runtime::news(self.caller), left), self.clock.now());
        // Supervisors that were killed write nothing, so that it is read now and then all the same.
        if self.replaced
            || self.read.as_ref().is_some_and(|(read, at)| *read == written && now.saturating_duration_since(*at) < LONGEST_TRUST)
        {
            return Ok(());
        }
        self.store.stay_current()?;
        let state = self.desk.state.now();
        let project = state.project.as_ref().map(|whose| whose.known(&self.store)).transpose()?.flatten();
        if state.project.is_some() && project.is_none() {
            self.write(|told| told.project = None);
        }
        let loans = match project {
            Some(project) => Services::of(self.host, self.caller, &self.store, project)?.loans,
            None => Vec::new(),
        };
        // Who has started it is about to tell what for.
        let is_new = state.generation == self.first && now.saturating_duration_since(self.born) < LINGER;
        self.wish = Wish { loans, over: project.is_none() && !is_new };
        self.generation = state.generation;
        self.read = Some((written, now));
        Ok(())
    }

    /// Changes what is told, and what is left behind.
    fn write(&self, change: impl FnOnce(&mut Told)) {
        self.desk.state.change(|told| {
            change(told);
            // Where it cannot be written now, what was left before stands.
            let _ = lending::leave(&self.folder, told);
        });
    }
}

impl Lender for Books<'_> {
    fn wish(&mut self) -> Wish {
        // Where something cannot be read now, what it said before holds.
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
        self.told = Some((self.generation, loans.to_vec()));
        self.write(|told| {
            told.done = self.generation;
            told.connections = connections;
            told.ports = loans.to_vec();
        });
    }

    fn may_end(&mut self) -> bool {
        if self.replaced {
            return true;
        }
        let mut ends = false;
        self.write(|told| {
            // Somebody may have been given it meanwhile.
            ends = told.project.is_none();
            if ends {
                let generation = told.generation;
                *told = Told { generation, done: generation, leaves: true, ..Told::default() };
            }
        });
        ends
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
/// How long one that has nothing to lend waits for its first order.
const LINGER: Duration = Duration::from_secs(5);
/// How long the place of another forwarder is waited for, which leaves it.
const HANDING_OVER: Duration = Duration::from_secs(5);
