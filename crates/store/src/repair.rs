//! What is done to a corrupt store when its user asks for it: it is set aside whole, and a new one is made of what could
//! still be read.

use std::collections::BTreeMap;

use portward_model::Failure;
use portward_sys::{Acts, Context, StateFolder};
use rusqlite::{Connection, OpenFlags, Row, types::Value};

use super::{
    error::{StoreError, aside},
    file::{self, LOG, NAME, PATIENCE, SHARED, TURN, TURNS},
};

/// How a store was found and left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repaired {
    /// There is none; nothing was made.
    None,
    /// It is sound, with so many leases; nothing was changed.
    Sound {
        /// How many leases it holds.
        leases: usize,
    },
    /// It is corrupt, and nobody agreed to a new one; a copy was made, and nothing else.
    Declined {
        /// The name of the copy.
        copy: String,
    },
    /// It was set aside, and a new one has its place.
    Renewed {
        /// The name under which the corrupt one stands now.
        copy: String,
        /// How many leases were taken over.
        saved: usize,
    },
}

/// Looks at the whole store, and renews it where it is corrupt and `agree`, asked with what could be saved, says yes.
pub fn repair(cx: &Context<'_, Acts>, agree: &mut dyn FnMut(&str) -> Result<bool, Failure>) -> Result<Repaired, Failure> {
    renew_in(&StateFolder::find(cx.caller), agree)
}

/// The same, in this folder.
pub(super) fn renew_in(folder: &StateFolder, agree: &mut dyn FnMut(&str) -> Result<bool, Failure>) -> Result<Repaired, Failure> {
    if portward_sys::FileMark::of(&folder.path.join(NAME)).is_none() {
        return Ok(Repaired::None);
    }
    let wrong = match look(folder) {
        Ok(Ok(leases)) => return Ok(Repaired::Sound { leases }),
        Ok(Err(wrong)) => wrong,
        Err(error) if error.is_corrupt() => match &error {
            StoreError::Sql(error) => error.to_string(),
            error => error.why().to_owned(),
        },
        Err(error) => return Err(error.told(folder)),
    };
    renew(folder, &wrong, agree).map_err(|error| error.told(folder))
}

/// The number of leases of a sound store, or what is wrong with it.
fn look(folder: &StateFolder) -> Result<Result<usize, String>, StoreError> {
    let (connection, _) = file::open(folder)?;
    let verdict: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Ok(Err(verdict));
    }
    Ok(Ok(count(&connection)?))
}

fn renew(
    folder: &StateFolder,
    wrong: &str,
    agree: &mut dyn FnMut(&str) -> Result<bool, Failure>,
) -> Result<Repaired, StoreError> {
    let saved = Saved::from(folder);
    let copy = aside(folder);
    let path = folder.path.join(NAME);
    let question = format!(
        "{} is corrupt ({wrong}). Set it aside as {copy} and start anew with the {} leases that can be read?",
        path.display(),
        saved.leases.len()
    );
    if !agree(&question)? {
        folder.keep(NAME, &copy)?;
        return Ok(Repaired::Declined { copy });
    }
    // Nobody makes a store while there is none for a moment.
    let turn = folder.turn(TURNS, TURN, &|| false)?;
    for (name, end) in [(NAME, ""), (LOG, "-wal"), (SHARED, "-shm")] {
        // The second name first: at no moment has the corrupt store none.
        match folder.keep(name, &format!("{copy}{end}")) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            kept => {
                kept?;
                folder.remove(name)?;
            }
        }
    }
    let mut taken_over = 0;
    let count = std::cell::Cell::new(0);
    let made = file::make(folder, turn.is_some(), &|store| {
        count.set(saved.put(store)?);
        Ok(())
    })?;
    if made {
        taken_over = count.get();
    }
    drop(turn);
    Ok(Repaired::Renewed { copy, saved: taken_over })
}

/// Rows that could be read out of a damaged file.
#[derive(Default)]
struct Saved {
    projects: Vec<Vec<Value>>,
    blocks: Vec<Vec<Value>>,
    leases: Vec<Vec<Value>>,
    /// What tells the store from others, with the highest number that a project ever had in it: both or none, since a number
    /// is never given twice in one store.
    identity: Option<(Vec<u8>, i64)>,
}

const PROJECTS: &str = "id, name, root, common, worktree, folder, created_at";
const BLOCKS: &str = "first, project, number, created_at";
const LEASES: &str = "port, project, asked, name, created_at, last_used_at";

impl Saved {
    fn from(folder: &StateFolder) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let opened = file::expect_files(folder).and_then(|()| Ok(Connection::open_with_flags(folder.file(NAME), flags)?));
        let Ok(mut store) = opened else { return Self::default() };
        if file::harden(&mut store).and_then(|()| Ok(store.busy_timeout(PATIENCE)?)).is_err() {
            return Self::default();
        }
        Self {
            projects: rows(&store, "projects", PROJECTS, "id"),
            blocks: rows(&store, "blocks", BLOCKS, "first"),
            leases: rows(&store, "leases", LEASES, "port"),
            identity: identity(&store).ok(),
        }
    }

    /// Puts them into a new store, under all its rules; a row that breaks one is left out, and a lease without its project
    /// or its block is one. Returns how many leases it holds then.
    fn put(&self, store: &Connection) -> Result<usize, StoreError> {
        for (table, columns, rows) in
            [("projects", PROJECTS, &self.projects), ("blocks", BLOCKS, &self.blocks), ("leases", LEASES, &self.leases)]
        {
            let places: Vec<&str> = columns.split(", ").map(|_| "?").collect();
            let mut insert =
                store.prepare(&format!("INSERT OR IGNORE INTO {table} ({columns}) VALUES ({})", places.join(", ")))?;
            for row in rows {
                // A value of the wrong type is refused by the table, and is no reason to stop.
                let _ = insert.execute(rusqlite::params_from_iter(row));
            }
        }
        store.execute_batch(
            "DELETE FROM blocks WHERE project NOT IN (SELECT id FROM projects);
             DELETE FROM projects WHERE id NOT IN (SELECT project FROM blocks WHERE number = 0);
             DELETE FROM blocks WHERE project NOT IN (SELECT id FROM projects);
             DELETE FROM leases WHERE NOT EXISTS (
                 SELECT 1 FROM blocks WHERE blocks.project = leases.project AND first = leases.port - leases.port % 100);",
        )?;
        if let Some((identity, last)) = &self.identity {
            store.execute("UPDATE meta SET identity = ?1", [identity])?;
            let highest = "SELECT max(?1, coalesce(max(id), 0)) FROM projects";
            let highest: i64 = store.query_row(highest, [last], |row| row.get(0))?;
            store.execute("DELETE FROM sqlite_sequence WHERE name = 'projects'", [])?;
            store.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('projects', ?1)", [highest])?;
        }
        count(store)
    }
}

fn identity(store: &Connection) -> Result<(Vec<u8>, i64), StoreError> {
    let last = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'projects'";
    Ok((file::identity(store)?, store.query_row(last, [], |row| row.get(0))?))
}

fn count(store: &Connection) -> Result<usize, StoreError> {
    let leases: i64 = store.query_row("SELECT count(*) FROM leases", [], |row| row.get(0))?;
    Ok(usize::try_from(leases).unwrap_or(0))
}

/// The rows of a table up to the damage, from its beginning and from its end, each once by its key, the first column.
fn rows(store: &Connection, table: &str, columns: &str, key: &str) -> Vec<Vec<Value>> {
    let width = columns.split(", ").count();
    let read = |row: &Row<'_>| (0..width).map(|index| row.get(index)).collect::<rusqlite::Result<Vec<Value>>>();
    let mut found: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
    for order in ["ASC", "DESC"] {
        let Ok(mut statement) = store.prepare(&format!("SELECT {columns} FROM {table} ORDER BY {key} {order}")) else { continue };
        let Ok(rows) = statement.query_map([], read) else { continue };
        for row in rows.map_while(Result::ok) {
            if let Some(Value::Integer(key)) = row.first().filter(|_| found.len() < MOST_ROWS) {
                found.entry(*key).or_insert(row);
            }
        }
    }
    found.into_values().collect()
}

/// Of no table more can be ours: a lease is a port.
const MOST_ROWS: usize = 65_536;
