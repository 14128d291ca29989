//! Leases: taken once, the same for ever, given back only when somebody says so.

use std::collections::BTreeSet;

use portward_model::Failure;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Durable, Lease, ProjectId, Store, error::StoreError, projects, rules};

/// What somebody wants a port for: an asked port, a name, or both for one port.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    /// The port that programs ask for.
    pub asked: Option<u16>,
    /// The name.
    pub name: Option<&'a str>,
}

impl Store<'_> {
    /// The port of a project for an asked port: the same one every time, whoever asks and however many at once.
    ///
    /// # Errors
    /// Where the project's blocks are full and no other block is free, and where the store cannot be written to.
    pub fn lease(&mut self, project: ProjectId, asked: u16) -> Result<Lease, Failure> {
        self.take(project, Want { asked: Some(asked), name: None })
    }

    /// The port of a project for a name.
    pub fn named(&mut self, project: ProjectId, name: &str) -> Result<Lease, Failure> {
        self.take(project, Want { asked: None, name: Some(name) })
    }

    /// The port for an asked port, a name or both.
    pub fn take(&mut self, project: ProjectId, want: Want<'_>) -> Result<Lease, Failure> {
        self.stay_same()?;
        let at = self.now().0;
        if let Some((lease, used)) = self.looked_up(project, want)? {
            if at.saturating_sub(used) > LATELY_MS {
                // Only for people who wonder what is still in use; a store that cannot be written to keeps its leases.
                let touch = "UPDATE leases SET last_used_at = ?2 WHERE port = ?1";
                let _ = self.write(Durable::Soon, |store| Ok(store.execute(touch, params![lease.port, at])?));
            }
            return Ok(lease);
        }
        let rules = self.port_rules()?;
        let sockets = projects::Sockets::new(self.host, &rules);
        let ground = rules::Ground { rules: &rules, held: &|port| sockets.hold(port) };
        let found = |store: &Connection| Ok(looked_up(store, project, want)?.map(|(lease, _)| Some(lease)));
        let given = |store: &Connection| give(store, project, want, at, &ground, None);
        if let Some(lease) = self.found_or_written(Durable::Soon, found, given)? {
            return Ok(lease);
        }
        // Its blocks are full: one block more.
        let seed = rules::seed([&project.0.to_le_bytes()[..], b"more"]);
        let lease = self.write(Durable::Now, |store| give(store, project, want, at, &ground, Some(seed)))?;
        lease.ok_or_else(|| Failure::system("A new block of ports has no port in it that could be leased."))
    }

    /// The port for what is wanted, where it was taken before; nothing is written.
    pub fn known(&self, project: ProjectId, want: Want<'_>) -> Result<Option<Lease>, Failure> {
        Ok(self.looked_up(project, want)?.map(|(lease, _)| lease))
    }

    /// Every asked port of a project with the port that it has, ascending.
    pub fn mapping(&self, project: ProjectId) -> Result<Vec<(u16, u16)>, Failure> {
        let read = || {
            let select = "SELECT asked, port FROM leases WHERE project = ?1 AND asked IS NOT NULL ORDER BY asked";
            let mut statement = self.connection.prepare(select)?;
            Ok(statement.query_map(params![project.0], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
        };
        read().map_err(|error: StoreError| self.told(error))
    }

    /// Every port that a project has, for asked ports and for names.
    pub fn ports(&self, project: ProjectId) -> Result<BTreeSet<u16>, Failure> {
        let read = || {
            let mut statement = self.connection.prepare("SELECT port FROM leases WHERE project = ?1")?;
            Ok(statement.query_map(params![project.0], |row| row.get(0))?.collect::<Result<_, _>>()?)
        };
        read().map_err(|error: StoreError| self.told(error))
    }

    /// Gives ports back. They stay in their projects' blocks.
    pub fn release(&mut self, ports: &[u16]) -> Result<usize, Failure> {
        self.stay_same()?;
        self.write(Durable::Now, |store| {
            let mut released = 0;
            for port in ports {
                released += store.execute("DELETE FROM leases WHERE port = ?1", params![port])?;
            }
            Ok(released)
        })
    }

    /// Gives back everything that projects have, their blocks too.
    pub fn release_projects(&mut self, projects: &[ProjectId]) -> Result<(), Failure> {
        self.stay_same()?;
        self.write(Durable::Now, |store| {
            for project in projects {
                for delete in [
                    "DELETE FROM leases WHERE project = ?1",
                    "DELETE FROM blocks WHERE project = ?1",
                    "DELETE FROM projects WHERE id = ?1",
                ] {
                    store.execute(delete, params![project.0])?;
                }
            }
            Ok(())
        })
    }

    fn looked_up(&self, project: ProjectId, want: Want<'_>) -> Result<Option<(Lease, i64)>, Failure> {
        looked_up(&self.connection, project, want).map_err(|error| self.told(error))
    }
}

/// A lease with the time of its last use, where it is all that is wanted.
fn looked_up(store: &Connection, project: ProjectId, want: Want<'_>) -> Result<Option<(Lease, i64)>, StoreError> {
    let found = match want {
        Want { asked: Some(asked), .. } => by_asked(store, project, asked),
        Want { asked: None, name: Some(name) } => by_name(store, project, name),
        Want { asked: None, name: None } => Ok(None),
    };
    Ok(found?.filter(|(lease, _)| want.name.is_none() || lease.name.as_deref() == want.name))
}

/// What is wanted, inside a transaction: found, completed, or given anew. `None` when the project's blocks are full and
/// no seed for a further one was given.
fn give(
    store: &Connection,
    project: ProjectId,
    want: Want<'_>,
    at: i64,
    ground: &rules::Ground<'_>,
    more: Option<u64>,
) -> Result<Option<Lease>, StoreError> {
    let asked = want.asked.map_or(Ok(None), |asked| by_asked(store, project, asked))?.map(|(lease, _)| lease);
    let named = want.name.map_or(Ok(None), |name| by_name(store, project, name))?.map(|(lease, _)| lease);
    match (asked, named) {
        (Some(asked), Some(named)) if asked.port != named.port => Err(apart(&asked, &named).into()),
        (Some(lease), Some(_)) => Ok(Some(lease)),
        (Some(lease), None) | (None, Some(lease)) => complete(store, lease, want).map(Some),
        (None, None) => {
            let Some(port) = choose(store, project, want, at, ground, more)? else { return Ok(None) };
            store.execute(
                "INSERT INTO leases (port, project, asked, name, created_at, last_used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
                params![port, project.0, want.asked, want.name, at],
            )?;
            Ok(Some(Lease { asked: want.asked, name: want.name.map(str::to_owned), port, new: true }))
        }
    }
}

/// Adds the name or the asked port that a lease does not have yet.
fn complete(store: &Connection, mut lease: Lease, want: Want<'_>) -> Result<Lease, StoreError> {
    if let Some(name) = want.name.filter(|name| lease.name.as_deref() != Some(name)) {
        if let (Some(other), Some(asked)) = (&lease.name, lease.asked) {
            return Err(Failure::usage(format!("{asked} is leased under the name {other}, and has one name."))
                .hint(format!("portward lease release {other}    and take it again"))
                .into());
        }
        store.execute("UPDATE leases SET name = ?2 WHERE port = ?1", params![lease.port, name])?;
        lease.name = Some(name.to_owned());
    }
    if let Some(asked) = want.asked.filter(|asked| lease.asked != Some(*asked)) {
        if let (Some(other), Some(name)) = (lease.asked, &lease.name) {
            return Err(Failure::usage(format!("{name} is the name of {other}, and cannot be that of {asked} too."))
                .hint("another --name")
                .into());
        }
        store.execute("UPDATE leases SET asked = ?2 WHERE port = ?1", params![lease.port, asked])?;
        lease.asked = Some(asked);
    }
    Ok(lease)
}

fn apart(asked: &Lease, named: &Lease) -> Failure {
    let (number, name) = (asked.asked.unwrap_or_default(), named.name.as_deref().unwrap_or_default());
    Failure::usage(format!("{number} is leased as {}, and {name} as {}: they are two ports already.", asked.port, named.port))
        .hint(format!("portward lease release {name}    and take it again"))
}

fn choose(
    store: &Connection,
    project: ProjectId,
    want: Want<'_>,
    at: i64,
    ground: &rules::Ground<'_>,
    more: Option<u64>,
) -> Result<Option<u16>, StoreError> {
    let blocks = projects::blocks(store, project)?;
    if blocks.is_empty() {
        return Err(Failure::system("The project was removed from the leases meanwhile.").hint("the same command again").into());
    }
    let mut statement = store.prepare("SELECT port FROM leases")?;
    let leased = statement.query_map([], |row| row.get(0))?.collect::<Result<BTreeSet<u16>, _>>()?;
    // A name has no digits of its own; it is given some that depend on nothing else.
    let named =
        || want.name.map_or(0, |name| u16::try_from(rules::seed([name.as_bytes()]) % u64::from(rules::LENGTH)).unwrap_or(0));
    let digits = want.asked.unwrap_or_else(named);
    if let Some(port) = blocks.iter().find_map(|first| rules::port_for(digits, *first, &leased, ground)) {
        return Ok(Some(port));
    }
    let Some(seed) = more else { return Ok(None) };
    let first = projects::add_block(store, project, at, seed, ground)?;
    Ok(rules::port_for(digits, first, &leased, ground))
}

fn by_asked(store: &Connection, project: ProjectId, asked: u16) -> Result<Option<(Lease, i64)>, StoreError> {
    let select = "SELECT port, asked, name, last_used_at FROM leases WHERE project = ?1 AND asked = ?2";
    Ok(store.query_row(select, params![project.0, asked], read).optional()?)
}

fn by_name(store: &Connection, project: ProjectId, name: &str) -> Result<Option<(Lease, i64)>, StoreError> {
    let select = "SELECT port, asked, name, last_used_at FROM leases WHERE project = ?1 AND name = ?2";
    Ok(store.query_row(select, params![project.0, name], read).optional()?)
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<(Lease, i64)> {
    Ok((Lease { port: row.get(0)?, asked: row.get(1)?, name: row.get(2)?, new: false }, row.get(3)?))
}

/// Uses are noted once a day, so that an ordinary use writes nothing.
const LATELY_MS: i64 = 24 * 60 * 60 * 1000;
