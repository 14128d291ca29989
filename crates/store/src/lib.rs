//! The lease store: which project, name and asked port has which port, for this user, across processes and reboots.
//!
//! One database file per user, written by any number of processes at once. It knows projects and ports; which port is given
//! is decided by `rules`, where the file stands by [`StateFolder`]. Nothing here is reclaimed by itself.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_types))]

mod error;
mod file;
mod front;
mod leases;
mod lent;
mod patience;
mod projects;
mod repair;
mod rows;
mod rules;
mod runs;
mod want;

use std::{
    cell::{Cell, RefCell},
    path::PathBuf,
    time::{Duration, Instant, UNIX_EPOCH},
};

use portward_model::{Failure, Gap, Lack, Moment, Need, PortRange, PortRules, Text};
use portward_sys::{Act, Acts, Clock, Context, FileMark, Look, Rights, StateFolder, text_of};
use rusqlite::Connection;

use error::StoreError;
use file::Durable;
pub use front::FrontRow;
pub use leases::MOST_LEASES;
pub use patience::hurried;
pub use projects::here;
pub use repair::{Repaired, repair};
pub use rows::LeaseRow;
pub use rules::{Ground, free_ports, seed};
pub use runs::{ListenerRow, RunRow, ServiceRow};
pub use want::{LeaseName, Wanted};

/// A user's leases. Reading never waits for a writer.
pub struct Store<'h> {
    connection: Connection,
    host: &'h dyn Look,
    /// The right to write; none of a store that was opened for reading.
    writer: Option<&'h dyn Act>,
    clock: &'h dyn Clock,
    folder: StateFolder,
    /// The file that was opened: after a repair another one has its name.
    file: FileMark,
    /// What tells it from other stores: in another one a project has another number.
    identity: Vec<u8>,
    /// Stamps given out while the files were fresh, so that no two of them are equal.
    unsettled: Cell<u64>,
    /// The kernel's port rules, and when they were read.
    rules: RefCell<Option<(Instant, PortRules)>>,
}

/// A project's number in the store, never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProjectId(pub i64);

/// A project that has a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectRow {
    /// Its number.
    pub id: ProjectId,
    /// What people call it: `shop`, `shop@fix-42`; empty for what belongs to no project.
    pub name: Text,
    /// Its root; `None` for what belongs to no project.
    pub root: Option<Text>,
    /// Its first block of a hundred ports.
    pub block: PortRange,
}

/// A port that belongs to a project's asked port, or to a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The port that programs ask for; `None` for a port that only has a name.
    pub asked: Option<u16>,
    /// The name.
    pub name: Option<String>,
    /// The port.
    pub port: u16,
    /// True when it was given just now.
    pub new: bool,
    /// False for one that lives with a session: nothing has listened there yet, or its program binds at random.
    pub lasting: bool,
}

/// A value that differs from an earlier one whenever another process may have written in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    file: Option<FileMark>,
    log: Option<FileMark>,
    /// Where the files were written to so lately that a further write could leave the same times and lengths: what tells them apart.
    unsettled: Option<Unsettled>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unsettled {
    /// The database's own count of what others wrote (`PRAGMA data_version`).
    Version(i64),
    /// A number that is given once, where the database does not tell.
    Never(u64),
}

impl<'h> Store<'h> {
    /// Opens the caller's store for reading and writing, and makes it where there is none.
    ///
    /// # Errors
    /// A store that is full, read-only, corrupt or of a newer version, in one sentence with the next step. A corrupt one
    /// is copied aside and stays where it is.
    pub fn open(cx: &Context<'h, Acts>) -> Result<Self, Failure> {
        Self::open_in(cx.machine, cx.clock, StateFolder::find(cx.caller))
    }

    /// The same, in this folder.
    pub fn open_in(host: &'h dyn Act, clock: &'h dyn Clock, folder: StateFolder) -> Result<Self, Failure> {
        match file::open(&folder) {
            Ok((connection, file)) => Self::with(host, Some(host), clock, folder, connection, file),
            Err(error) => Err(error.told(&folder)),
        }
    }

    /// Opens the store for reading alone; `None` where there is none yet. It works in a folder that cannot be written to, and
    /// one of an older version stays as it is: a copy in memory is brought up to date, and read.
    pub fn reading<R: Rights>(cx: &Context<'h, R>) -> Result<Option<Self>, Failure> {
        Self::reading_in(cx.look(), cx.clock, StateFolder::find(cx.caller))
    }

    /// The same, in this folder.
    pub fn reading_in(host: &'h dyn Look, clock: &'h dyn Clock, folder: StateFolder) -> Result<Option<Self>, Failure> {
        match file::glance(&folder) {
            Ok(Some((connection, file))) => Self::with(host, None, clock, folder, connection, file).map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(error.told(&folder)),
        }
    }

    fn with(
        host: &'h dyn Look,
        writer: Option<&'h dyn Act>,
        clock: &'h dyn Clock,
        folder: StateFolder,
        connection: Connection,
        file: FileMark,
    ) -> Result<Self, Failure> {
        let identity = file::identity(&connection).map_err(|error| error.told(&folder))?;
        Ok(Self { connection, host, writer, clock, folder, file, identity, unsettled: Cell::new(0), rules: RefCell::default() })
    }

    /// The kernel's port rules, read at most every [`RULES_HOLD`]: who takes ten leases at once reads a handful of files once.
    fn port_rules(&self) -> Result<PortRules, Failure> {
        let now = self.clock.now();
        let mut kept = self.rules.borrow_mut();
        match kept.as_ref().filter(|(read, _)| now.saturating_duration_since(*read) < RULES_HOLD) {
            Some((_, rules)) => Ok(rules.clone()),
            None => Ok(kept.insert((now, self.host.port_rules()?)).1.clone()),
        }
    }

    /// Where the store is.
    pub fn path(&self) -> PathBuf {
        self.folder.path.join(file::NAME)
    }

    /// True when the file that was opened has no name any more, and no other has taken its place.
    pub fn is_gone(&self) -> bool {
        FileMark::of(&self.path()).is_none()
    }

    /// What its users should know: that there is no lasting place for it.
    pub fn gaps(&self) -> Vec<Gap> {
        gaps(&self.folder)
    }

    /// A cheap value, by two `stat` calls, that tells whether what was read earlier still holds: as long as it is equal, no
    /// other process has written. Within [`SETTLING`] of a write the clock of files is too coarse to tell two writes apart, and the
    /// database is asked as well; where that is in other hands no two values are equal.
    pub fn stamp(&self) -> Stamp {
        let file = FileMark::of(&self.path());
        let log = FileMark::of(&self.folder.path.join(file::LOG));
        let now = self.clock.wall();
        let fresh = |mark: &FileMark| now.duration_since(mark.written).is_ok_and(|age| age < SETTLING) || mark.written > now;
        let is_unsettled = file.iter().chain(&log).any(fresh) || file.is_none();
        let never = || {
            self.unsettled.set(self.unsettled.get() + 1);
            Unsettled::Never(self.unsettled.get())
        };
        // Of a file that has gone, its last reader hears of no other write.
        let version = || file.and_then(|_| self.version()).map(Unsettled::Version);
        Stamp { file, log, unsettled: is_unsettled.then(|| version().unwrap_or_else(never)) }
    }

    fn version(&self) -> Option<i64> {
        self.connection.query_row("PRAGMA data_version", [], |row| row.get(0)).ok()
    }

    /// True where something has the port now, so that a server would be refused it.
    pub fn is_held(&self, port: u16) -> bool {
        self.port_rules().is_ok_and(|rules| projects::Sockets::new(self.host, &rules).hold(port))
    }

    /// True where something has bound the port, or a connection is left there.
    pub fn is_bound(&self, port: u16) -> bool {
        self.port_rules().is_ok_and(|rules| projects::Sockets::strictly(self.host, &rules).hold(port))
    }

    /// The wall clock, as it is recorded.
    fn now(&self) -> Moment {
        let since = self.clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// An error of this store as people read it; a corrupt store is copied aside on the way.
    fn told(&self, error: impl Into<StoreError>) -> Failure {
        error.into().told(&self.folder)
    }

    /// The file that has this one's name by now, where it is another one: one that was repaired, or made after a removal. Where
    /// there is none, who may write makes one.
    pub fn successor(&self) -> Result<Option<Self>, Failure> {
        if FileMark::of(&self.path()).map(|mark| mark.identity) == Some(self.file.identity) {
            return Ok(None);
        }
        match self.writer {
            Some(host) => Self::open_in(host, self.clock, self.folder.clone()).map(Some),
            None => Self::reading_in(self.host, self.clock, self.folder.clone()),
        }
    }

    /// Opens the file anew where another one has its name by now. What was read before may mean something else in it.
    pub fn stay_current(&mut self) -> Result<(), Failure> {
        if let Some(next) = self.successor()? {
            *self = next;
        }
        Ok(())
    }

    /// The same before a write about projects and ports that were read before.
    ///
    /// # Errors
    /// Where another store has taken this one's place: a project's number is another project's there.
    pub fn stay_same(&mut self) -> Result<(), Failure> {
        let Some(next) = self.successor()? else { return Ok(()) };
        if next.identity != self.identity {
            let path = self.path();
            return Err(Failure::system(format!("{} was replaced by another lease store meanwhile.", path.display()))
                .hint("the same command again"));
        }
        *self = next;
        Ok(())
    }

    /// What can be found; else what is written, in one transaction.
    fn found_or_written<T>(
        &mut self,
        durable: Durable,
        found: impl Fn(&Connection) -> Result<Option<T>, StoreError>,
        body: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, Failure> {
        let answer = file::found_or_written(&mut self.connection, &self.folder, durable, found, body);
        answer.map_err(|error| self.told(error))
    }

    /// Writes in one transaction.
    fn write<T>(&mut self, durable: Durable, body: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, Failure> {
        let written = file::write(&mut self.connection, &self.folder, durable, body);
        written.map_err(|error| self.told(error))
    }
}

/// Where the store of this folder is, or would be.
pub fn path(folder: &StateFolder) -> PathBuf {
    folder.path.join(file::NAME)
}

/// What users of a store in this folder should know.
pub fn gaps(folder: &StateFolder) -> Vec<Gap> {
    let gap = |brief: &String| Gap {
        lack: Lack::LastingFolder { why: brief.clone().into(), folder: text_of(&folder.path) },
        need: Need::Setting("XDG_STATE_HOME=DIR, a folder of yours that stays".to_owned()),
        error: None,
    };
    folder.brief.iter().map(gap).collect()
}

/// Longer than the coarsest tick of a kernel's clock for files (10 ms at 100 Hz).
pub const SETTLING: Duration = Duration::from_millis(20);
/// How long the kernel's port rules are taken to hold.
const RULES_HOLD: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
