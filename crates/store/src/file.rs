//! The file itself: made whole or not at all, opened, brought up to date, written.

use std::{path::Path, time::Duration};

use portward_sys::{FileMark, StateFolder};
use rusqlite::{Connection, ErrorCode, OpenFlags, backup::Backup, config::DbConfig, limits::Limit};

use super::{error::StoreError, patience::ask_again};

/// Opens the store for writing; makes it where there is none.
pub(super) fn open(folder: &StateFolder) -> Result<(Connection, FileMark), StoreError> {
    folder.prepare()?;
    expect_files(folder)?;
    for _ in 0..ATTEMPTS {
        if FileMark::of(&folder.path.join(NAME)).is_none() {
            let is_made = || FileMark::of(&folder.path.join(NAME)).is_some();
            let turn = folder.turn(TURNS, TURN, &is_made)?;
            make(folder, turn.is_some(), &|_| Ok(()))?;
        }
        match connect(folder, OpenFlags::SQLITE_OPEN_READ_WRITE) {
            // Removed by somebody in between.
            Err(StoreError::Sql(error)) if is_missing(&error, folder) => {}
            Err(error) => return Err(error),
            Ok((mut connection, file)) => {
                update(&mut connection, folder)?;
                return Ok((connection, file));
            }
        }
    }
    Err(StoreError::Vanishing)
}

/// Opens the store for reading; `None` where there is none. What is read of an older one is a copy in memory that was
/// brought up to date.
pub(super) fn glance(folder: &StateFolder) -> Result<Option<(Connection, FileMark)>, StoreError> {
    if FileMark::of(&folder.path.join(NAME)).is_none() {
        return Ok(None);
    }
    folder.inspect()?;
    expect_files(folder)?;
    let (connection, file) = match connect(folder, OpenFlags::SQLITE_OPEN_READ_ONLY) {
        Err(StoreError::Sql(error)) if is_missing(&error, folder) => return Ok(None),
        Err(StoreError::Sql(error)) if is_closed(&error) || is_full(&error) => {
            immutable(folder).ok_or(StoreError::Sql(error))??
        }
        other => other?,
    };
    if version(&connection)? == CURRENT {
        return Ok(Some((connection, file)));
    }
    let mut copy = Connection::open_in_memory()?;
    Backup::new(&connection, &mut copy)?.run_to_completion(i32::MAX, Duration::ZERO, None)?;
    bring_up(&copy, version(&copy)?)?;
    // What would be written there would be lost.
    copy.execute_batch("PRAGMA query_only=ON")?;
    Ok(Some((copy, file)))
}

/// When what is written has to be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durable {
    /// Before the answer: a block, which depends on what else was given before it.
    Now,
    /// Within seconds, as the kernel writes: a port of a block. After a power cut nobody holds it, and whoever asks again is
    /// given the same digits of the same block.
    Soon,
}

/// What `found` reads; else what `body` gives, in one transaction that excludes every other writer. It is read again
/// whenever another process is writing: a hundred that want the same thing need one writer, not a hundred.
///
/// Writers do not queue: a place in a queue comes with waiting to be scheduled while nobody else may write, and among a
/// hundred processes on few processors that is most of the time. Who finds the store busy asks again shortly.
pub(super) fn found_or_written<T>(
    connection: &mut Connection,
    folder: &StateFolder,
    durable: Durable,
    found: impl Fn(&Connection) -> Result<Option<T>, StoreError>,
    body: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut asked = 0;
    loop {
        if let Some(found) = found(connection)? {
            return Ok(found);
        }
        connection.busy_handler(None::<fn(i32) -> bool>)?;
        let begun = connection.execute_batch("BEGIN IMMEDIATE");
        connection.busy_handler(Some(ask_again))?;
        match begun {
            Ok(()) => break,
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && ask_again(asked) => asked += 1,
            Err(error) => return Err(error.into()),
        }
    }
    let before = connection.total_changes();
    let answer = body(connection).and_then(|answer| {
        connection.execute_batch("COMMIT")?;
        Ok(answer)
    });
    if answer.is_err() {
        let _ = connection.execute_batch("ROLLBACK");
    }
    let answer = answer?;
    if durable == Durable::Now && connection.total_changes() != before {
        // After the transaction, so that the next writer does not wait for the disk (`synchronous=FULL` would let it). Where
        // there is no log, SQLite has synced the file.
        let _ = folder.sync(LOG);
    }
    if FileMark::of(&folder.path.join(LOG)).is_some_and(|log| log.size > LONG_LOG) {
        // The others write on while the log's pages are moved into the file.
        let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    }
    Ok(answer)
}

/// Runs `body` in one transaction that excludes every other writer.
pub(super) fn write<T>(
    connection: &mut Connection,
    folder: &StateFolder,
    durable: Durable,
    body: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    found_or_written(connection, folder, durable, |_| Ok(None), body)
}

/// Makes a store under another name, fills it, and gives it its name when it is whole; a store that has the name stays.
/// Leftovers of makers that were killed are swept, where this maker knows itself to be the only one.
pub(super) fn make(
    folder: &StateFolder,
    alone: bool,
    fill: &dyn Fn(&Connection) -> Result<(), StoreError>,
) -> Result<bool, StoreError> {
    if FileMark::of(&folder.path.join(NAME)).is_some() {
        return Ok(false);
    }
    if alone {
        for name in folder.names(NAME, UNFINISHED) {
            let _ = folder.remove(&name);
        }
    }
    let (name, path) = folder.create_own(NAME, UNFINISHED)?;
    let made = (|| {
        let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        // On the disk all at once, when it is whole: step by step it takes fifteen waits for the disk, and everybody waits along.
        connection.execute_batch(&format!("PRAGMA synchronous=OFF; PRAGMA application_id={MARK}; BEGIN IMMEDIATE;"))?;
        bring_up(&connection, 0)?;
        fill(&connection)?;
        connection.execute_batch("COMMIT")?;
        // Last, so that what stands under the finished name has no log of its own. A file system without shared memory
        // keeps another mode, and its leases are as safe and slower.
        connection.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(()))?;
        connection.close().map_err(|(_, error)| error)?;
        folder.sync(&name)?;
        Ok::<(), StoreError>(())
    })();
    let installed = made.and_then(|()| Ok(folder.install(&name, NAME)?));
    if !matches!(installed, Ok(true)) {
        let _ = folder.remove(&name);
    }
    installed
}

fn connect(folder: &StateFolder, mode: OpenFlags) -> Result<(Connection, FileMark), StoreError> {
    let path = folder.file(NAME);
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = Connection::open_with_flags(&path, flags)?;
    settle(&mut connection)?;
    let connection = examined(connection)?;
    let file = FileMark::of(&path).ok_or(StoreError::Vanishing)?;
    Ok((connection, file))
}

/// None of the store's files may be a pipe or a link.
pub(super) fn expect_files(folder: &StateFolder) -> Result<(), StoreError> {
    Ok([NAME, LOG, SHARED, TURNS].into_iter().try_for_each(|name| folder.expect_file(name))?)
}

/// A store that is ours and holds what ours hold and nothing else: whoever could write to the file could have put SQL of theirs
/// into it, which runs when a table is read.
fn examined(connection: Connection) -> Result<Connection, StoreError> {
    // A foreign or damaged file is known by its first page.
    let mark: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if mark != MARK {
        return Err(StoreError::Foreign);
    }
    let version = version(&connection)?;
    if version > CURRENT {
        return Err(StoreError::Newer { version });
    }
    let plan = plan(&connection)?;
    let is_ours = if version == CURRENT { plan == PLAN.trim_end() } else { plan == plan_of(version)? };
    if is_ours { Ok(connection) } else { Err(StoreError::Altered) }
}

/// The tables and indexes of a database, each with the SQL that made it.
fn plan(connection: &Connection) -> Result<String, StoreError> {
    let sql = "SELECT type, name, tbl_name, ifnull(sql, '') FROM sqlite_schema ORDER BY type, name";
    let mut rows = connection.prepare(sql)?;
    let rows = rows.query_map([], |row| {
        let part = |at| row.get::<_, String>(at);
        Ok(format!("{} {} {} {}\n", part(0)?, part(1)?, part(2)?, part(3)?))
    })?;
    let mut plan = rows.collect::<Result<String, _>>()?;
    plan.truncate(plan.trim_end().len());
    Ok(plan)
}

/// The same of a store of an older version.
pub(super) fn plan_of(version: i64) -> Result<String, StoreError> {
    let connection = Connection::open_in_memory()?;
    for step in STEPS.iter().take(usize::try_from(version).unwrap_or(0)) {
        connection.execute_batch(step)?;
    }
    plan(&connection)
}

/// A store that nobody can write to, in a folder where not even the shared memory of readers can be made. It is the whole
/// truth where no log waits to be moved into it.
fn immutable(folder: &StateFolder) -> Option<Result<(Connection, FileMark), StoreError>> {
    let path = folder.file(NAME);
    if FileMark::of(&folder.path.join(LOG)).is_some_and(|log| log.size > 0) {
        return None;
    }
    let file = FileMark::of(&path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_URI;
    let address = address(&path)?;
    let opened = || {
        let mut connection = Connection::open_with_flags(address, flags)?;
        harden(&mut connection)?;
        Ok((examined(connection)?, file))
    };
    Some(opened())
}

/// The path as a `file:` URI for the database, with the promise that nothing changes.
fn address(path: &Path) -> Option<String> {
    let mut address = String::from("file:");
    for c in path.to_str()?.chars() {
        match c {
            '%' => address.push_str("%25"),
            '?' => address.push_str("%3f"),
            '#' => address.push_str("%23"),
            c => address.push(c),
        }
    }
    Some(address + "?immutable=1")
}

/// Settings that a connection has, not the file.
fn settle(connection: &mut Connection) -> Result<(), StoreError> {
    // First of all: an opening that fails must not move the log into a file that is corrupt. And short runs are the rule,
    // of which the last one to end should not pay for the others.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    harden(connection)?;
    connection.busy_handler(Some(ask_again))?;
    // With a write-ahead log NORMAL loses nothing when a process dies, however it dies; after a power cut the file is
    // sound and may lack the last transactions. `write` closes that gap where it matters, by its own sync of the log.
    // The log is cut when it begins anew, so that its length tells how much there is to be moved.
    connection.execute_batch("PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=0")?;
    Ok(())
}

/// No SQL of the file runs, no statement runs for ever, and none takes all memory.
pub(super) fn harden(connection: &mut Connection) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.progress_handler(MOST_STEPS, Some(|| true))?;
    connection.execute_batch(HEAP)?;
    Ok(())
}

fn update(connection: &mut Connection, folder: &StateFolder) -> Result<(), StoreError> {
    if version(connection)? < CURRENT {
        write(connection, folder, Durable::Now, |connection| {
            // Another process may have been faster.
            let found = version(connection)?;
            bring_up(connection, found)
        })?;
    }
    Ok(())
}

/// Takes every step from a version to the current one, inside the transaction that is open.
fn bring_up(connection: &Connection, from: i64) -> Result<(), StoreError> {
    for step in STEPS.iter().skip(usize::try_from(from).unwrap_or(0)) {
        connection.execute_batch(step)?;
    }
    connection.execute_batch(&format!("PRAGMA user_version={CURRENT}"))?;
    Ok(())
}

fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// What tells this store from every other one that stood, or will stand, at its place.
pub(super) fn identity(connection: &Connection) -> Result<Vec<u8>, StoreError> {
    Ok(connection.query_row("SELECT identity FROM meta", [], |row| row.get(0))?)
}

fn is_missing(error: &rusqlite::Error, folder: &StateFolder) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::CannotOpen) && FileMark::of(&folder.path.join(NAME)).is_none()
}

fn is_closed(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied))
}

/// True where there is no room, also none for what readers and writers share.
pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}

/// The store.
pub(super) const NAME: &str = "leases.db";
/// Its write-ahead log.
pub(super) const LOG: &str = "leases.db-wal";
/// What readers and writers share.
pub(super) const SHARED: &str = "leases.db-shm";
/// Where those who make a store, or renew it, queue.
pub(super) const TURNS: &str = "leases.lock";
/// The end of the name of a store that is being made.
const UNFINISHED: &str = ".new";
/// About how long a process waits for the others: far longer than a hundred of them take.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// How long one waits for its turn to make a store: its holder may have been stopped in the middle.
pub(super) const TURN: Duration = Duration::from_secs(5);
/// Bytes of log above which its pages are moved into the file.
const LONG_LOG: u64 = 512 * 1024;
/// Openings in a row that may find the file gone again.
const ATTEMPTS: usize = 5;
/// Bytes of the longest value: a path, a name.
const LONGEST_VALUE: i32 = 1 << 20;
/// Instructions of the database for one statement, after which it is interrupted: about a second of them. A user's whole leases need a
/// thousandth of that for the dearest one.
const MOST_STEPS: i32 = 50_000_000;
/// Memory of all connections of this process.
const HEAP: &str = "PRAGMA hard_heap_limit=134217728; PRAGMA cell_size_check=ON";
/// What a store of this version holds, as [`plan`] tells it.
const PLAN: &str = include_str!("plan.txt");
/// `PWls`: the file is ours (offset 68 of the file format).
pub(super) const MARK: i64 = 0x5057_6c73;
/// The version that this program writes.
#[expect(clippy::cast_possible_wrap, reason = "a handful")]
pub(super) const CURRENT: i64 = STEPS.len() as i64;

/// One step from each version to the next. A step that was released is never edited.
pub(super) const STEPS: &[&str] = &[
    "
CREATE TABLE projects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name BLOB NOT NULL,
    root BLOB NOT NULL,
    common BLOB NOT NULL,
    worktree BLOB NOT NULL,
    folder TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (root, common)
) STRICT;
CREATE INDEX projects_by_folder ON projects (folder);
CREATE TABLE blocks (
    first INTEGER PRIMARY KEY CHECK (first % 100 = 0 AND first BETWEEN 100 AND 65400),
    project INTEGER NOT NULL REFERENCES projects,
    number INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (project, number)
) STRICT;
CREATE TABLE leases (
    port INTEGER PRIMARY KEY CHECK (port BETWEEN 1 AND 65535),
    project INTEGER NOT NULL REFERENCES projects,
    asked INTEGER CHECK (asked BETWEEN 1 AND 65535),
    name TEXT,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    UNIQUE (project, asked),
    UNIQUE (project, name),
    CHECK (asked IS NOT NULL OR name IS NOT NULL)
) STRICT;
",
    "
CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    identity BLOB NOT NULL
) STRICT;
INSERT INTO meta (one, identity) VALUES (1, randomblob(16));
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL REFERENCES projects,
    supervisor INTEGER NOT NULL,
    supervisor_ticks INTEGER NOT NULL,
    exposes INTEGER,
    keeps_ports INTEGER,
    isolates INTEGER,
    started_at INTEGER NOT NULL
) STRICT;
CREATE TABLE services (
    run INTEGER NOT NULL REFERENCES runs,
    pid INTEGER NOT NULL,
    ticks INTEGER NOT NULL,
    name TEXT NOT NULL,
    ended INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run, pid, ticks)
) STRICT;
CREATE TABLE listeners (
    run INTEGER NOT NULL REFERENCES runs,
    pid INTEGER NOT NULL,
    service TEXT NOT NULL,
    transport TEXT NOT NULL,
    asked TEXT,
    serves TEXT NOT NULL,
    pinned INTEGER NOT NULL
) STRICT;
CREATE TABLE front (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    project INTEGER,
    generation INTEGER NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    forwarder INTEGER,
    forwarder_ticks INTEGER,
    connections INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE front_ports (
    port INTEGER PRIMARY KEY,
    target INTEGER NOT NULL,
    standing TEXT NOT NULL,
    errno INTEGER NOT NULL
) STRICT;
",
    "
CREATE TABLE holders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pid INTEGER NOT NULL,
    ticks INTEGER NOT NULL,
    UNIQUE (pid, ticks)
) STRICT;
ALTER TABLE leases ADD COLUMN holder INTEGER REFERENCES holders;
ALTER TABLE blocks ADD COLUMN holder INTEGER REFERENCES holders;
",
];
