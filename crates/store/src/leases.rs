//! Leases: taken once, the same for ever, given back only when somebody says so.

use std::collections::BTreeSet;

use portward_model::{Failure, hint};
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

    /// The ports of a project for all these asked ports, in one transaction: all of them, or an error and none.
    pub fn lease_all(&mut self, project: ProjectId, asked: &[u16]) -> Result<Vec<Lease>, Failure> {
        self.stay_same()?;
        let want = |asked: u16| Want { asked: Some(asked), name: None };
        let at = self.now().0;
        let rules = self.port_rules()?;
        let sockets = projects::Sockets::new(self.host, &rules);
        let ground = rules::Ground { rules: &rules, held: &|port| sockets.hold(port) };
        let found = |store: &Connection| known_all(store, project, asked);
        let given = |store: &Connection| {
            let one = |asked: &u16| {
                if let Some(lease) = give(store, project, want(*asked), (at, None), &ground, None)? {
                    return Ok(lease);
                }
                // Its blocks are full: one block more.
                let seed = rules::seed([&project.0.to_le_bytes()[..], b"more"]);
                let lease = give(store, project, want(*asked), (at, None), &ground, Some(seed))?;
                lease.ok_or_else(|| Failure::system("A new block of ports has no port in it that could be leased.").into())
            };
            asked.iter().map(one).collect::<Result<Vec<_>, StoreError>>()
        };
        self.found_or_written(Durable::Now, found, given)
    }

    /// The same where all of them were taken before; `None` where one was not. Nothing is written.
    pub fn known_all(&self, project: ProjectId, asked: &[u16]) -> Result<Option<Vec<Lease>>, Failure> {
        known_all(&self.connection, project, asked).map_err(|error| self.told(error))
    }

    /// The port of a project for a name.
    pub fn named(&mut self, project: ProjectId, name: &str) -> Result<Lease, Failure> {
        self.take(project, Want { asked: None, name: Some(name) })
    }

    /// The port for an asked port, a name or both.
    pub fn take(&mut self, project: ProjectId, want: Want<'_>) -> Result<Lease, Failure> {
        self.stay_same()?;
        let at = self.now().0;
        if let Some((lease, used)) = self.looked_up(project, want)?.filter(|(lease, _)| lease.lasting) {
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
        let found = |store: &Connection| {
            let lasting = looked_up(store, project, want)?.filter(|(lease, _)| lease.lasting);
            Ok(lasting.map(|(lease, _)| Some(lease)))
        };
        let given = |store: &Connection| give(store, project, want, (at, None), &ground, None);
        if let Some(lease) = self.found_or_written(Durable::Soon, found, given)? {
            return Ok(lease);
        }
        // Its blocks are full: one block more.
        let seed = rules::seed([&project.0.to_le_bytes()[..], b"more"]);
        let lease = self.write(Durable::Now, |store| give(store, project, want, (at, None), &ground, Some(seed)))?;
        lease.ok_or_else(|| Failure::system("A new block of ports has no port in it that could be leased."))
    }

    /// The port for what is wanted, where it was taken before; nothing is written.
    pub fn known(&self, project: ProjectId, want: Want<'_>) -> Result<Option<Lease>, Failure> {
        Ok(self.looked_up(project, want)?.map(|(lease, _)| lease))
    }

    /// Every asked port of a project with the port that it has, ascending.
    pub fn mapping(&self, project: ProjectId) -> Result<Vec<(u16, u16)>, Failure> {
        Ok(self.terms(project)?.into_iter().map(|(asked, port, _)| (asked, port)).collect())
    }

    /// The same, and whether it has that for good.
    pub fn terms(&self, project: ProjectId) -> Result<Vec<(u16, u16, bool)>, Failure> {
        let read = || {
            let select = "SELECT asked, port, holder IS NULL FROM leases WHERE project = ?1 AND asked IS NOT NULL ORDER BY asked";
            let mut statement = self.connection.prepare(select)?;
            let rows = statement.query_map(params![project.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
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

    /// Gives ports back. They stay in their projects' first blocks; further blocks in which nothing is leased any more are given
    /// back with them.
    pub fn release(&mut self, ports: &[u16]) -> Result<usize, Failure> {
        self.stay_same()?;
        self.write(Durable::Now, |store| {
            let mut released = 0;
            for port in ports {
                released += store.execute("DELETE FROM leases WHERE port = ?1", params![port])?;
                store.execute(
                    "DELETE FROM blocks WHERE first = ?1 AND number > 0 AND holder IS NULL
                     AND NOT EXISTS (SELECT 1 FROM leases WHERE port BETWEEN ?1 AND ?1 + 99)",
                    params![port - port % rules::LENGTH],
                )?;
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

/// The leases of all these asked ports, where the project has each for good.
fn known_all(store: &Connection, project: ProjectId, asked: &[u16]) -> Result<Option<Vec<Lease>>, StoreError> {
    let mut all = Vec::new();
    for asked in asked {
        match by_asked(store, project, *asked)? {
            Some((lease, _)) if lease.lasting => all.push(lease),
            _ => return Ok(None),
        }
    }
    Ok(Some(all))
}

/// A lease with the time of its last use, where it is all that is wanted.
pub(super) fn looked_up(store: &Connection, project: ProjectId, want: Want<'_>) -> Result<Option<(Lease, i64)>, StoreError> {
    let found = match want {
        Want { asked: Some(asked), .. } => by_asked(store, project, asked),
        Want { asked: None, name: Some(name) } => by_name(store, project, name),
        Want { asked: None, name: None } => Ok(None),
    };
    Ok(found?.filter(|(lease, _)| want.name.is_none() || lease.name.as_deref() == want.name))
}

/// What is wanted, inside a transaction: found, completed, or given anew. `None` when the project's blocks are full and
/// no seed for a further one was given.
pub(super) fn give(
    store: &Connection,
    project: ProjectId,
    want: Want<'_>,
    (at, holder): (i64, Option<i64>),
    ground: &rules::Ground<'_>,
    more: Option<u64>,
) -> Result<Option<Lease>, StoreError> {
    let asked = want.asked.map_or(Ok(None), |asked| by_asked(store, project, asked))?.map(|(lease, _)| lease);
    let named = want.name.map_or(Ok(None), |name| by_name(store, project, name))?.map(|(lease, _)| lease);
    let is_lasting = |lease: &Option<Lease>| lease.as_ref().is_some_and(|lease| lease.lasting);
    if holder.is_none() && !is_lasting(&asked) && !is_lasting(&named) && count(store, project)? >= MOST_LEASES {
        return Err(full().into());
    }
    match (asked, named) {
        (Some(asked), Some(named)) if asked.port != named.port => Err(apart(&asked, &named).into()),
        (Some(lease), Some(_)) => Ok(Some(lease)),
        (Some(lease), None) | (None, Some(lease)) => {
            let lease = complete(store, lease, want)?;
            if holder.is_none() && !lease.lasting {
                store.execute("UPDATE leases SET holder = NULL WHERE port = ?1", params![lease.port])?;
            }
            Ok(Some(Lease { lasting: lease.lasting || holder.is_none(), ..lease }))
        }
        (None, None) => {
            let Some(port) = choose(store, project, want, at, ground, more)? else { return Ok(None) };
            insert(store, project, want, port, (at, holder))?;
            let (name, lasting) = (want.name.map(str::to_owned), holder.is_none());
            Ok(Some(Lease { asked: want.asked, name, port, new: true, lasting }))
        }
    }
}

/// Adds the name or the asked port that a lease does not have yet.
fn complete(store: &Connection, mut lease: Lease, want: Want<'_>) -> Result<Lease, StoreError> {
    if let Some(name) = want.name.filter(|name| lease.name.as_deref() != Some(name)) {
        if let (Some(other), Some(asked)) = (&lease.name, lease.asked) {
            return Err(Failure::usage(format!("{asked} is leased under the name {other}, and has one name."))
                .hint(hint!("portward lease release {}    and take it again", other))
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

pub(super) fn insert(
    store: &Connection,
    project: ProjectId,
    want: Want<'_>,
    port: u16,
    (at, holder): (i64, Option<i64>),
) -> Result<(), StoreError> {
    store.execute(
        "INSERT INTO leases (port, project, asked, name, created_at, last_used_at, holder) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)",
        params![port, project.0, want.asked, want.name, at, holder],
    )?;
    Ok(())
}

/// How many leases a project has for good.
pub(super) fn count(store: &Connection, project: ProjectId) -> Result<usize, StoreError> {
    let count = "SELECT count(*) FROM leases WHERE project = ?1 AND holder IS NULL";
    let count: u32 = store.query_row(count, params![project.0], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

fn full() -> Failure {
    Failure::system(format!("The project has {MOST_LEASES} leased ports, and one project gets no more."))
        .hint("portward lease release PORT...    gives back those that nobody needs; portward lease lists them")
}

fn apart(asked: &Lease, named: &Lease) -> Failure {
    let (number, name) = (asked.asked.unwrap_or_default(), named.name.as_deref().unwrap_or_default());
    Failure::usage(format!("{number} is leased as {}, and {name} as {}: they are two ports already.", asked.port, named.port))
        .hint(hint!("portward lease release {}    and take it again", name))
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
    // A name has no digits of its own; it is given some that depend on nothing else.
    let named =
        || want.name.map_or(0, |name| u16::try_from(rules::seed([name.as_bytes()]) % u64::from(rules::LENGTH)).unwrap_or(0));
    let digits = want.asked.unwrap_or_else(named);
    for first in blocks {
        if let Some(port) = rules::port_for(digits, first, &leased_of(store, first)?, ground) {
            return Ok(Some(port));
        }
    }
    let Some(seed) = more else { return Ok(None) };
    let first = projects::add_block(store, project, (at, None), (seed, None), ground)?;
    Ok(rules::port_for(digits, first, &BTreeSet::new(), ground))
}

/// The ports of one block that are leased.
fn leased_of(store: &Connection, first: u16) -> Result<BTreeSet<u16>, StoreError> {
    let mut statement = store.prepare("SELECT port FROM leases WHERE port BETWEEN ?1 AND ?2")?;
    let rows = statement.query_map(params![first, rules::block(first).last], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn by_asked(store: &Connection, project: ProjectId, asked: u16) -> Result<Option<(Lease, i64)>, StoreError> {
    let select = "SELECT port, asked, name, last_used_at, holder IS NULL FROM leases WHERE project = ?1 AND asked = ?2";
    Ok(store.query_row(select, params![project.0, asked], read).optional()?)
}

fn by_name(store: &Connection, project: ProjectId, name: &str) -> Result<Option<(Lease, i64)>, StoreError> {
    let select = "SELECT port, asked, name, last_used_at, holder IS NULL FROM leases WHERE project = ?1 AND name = ?2";
    Ok(store.query_row(select, params![project.0, name], read).optional()?)
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<(Lease, i64)> {
    Ok((Lease { port: row.get(0)?, asked: row.get(1)?, name: row.get(2)?, new: false, lasting: row.get(4)? }, row.get(3)?))
}

/// Leases that one project gets. A program that asks for every port there is must not take those of all other projects.
pub const MOST_LEASES: usize = 500;
/// Uses are noted once a day, so that an ordinary use writes nothing.
const LATELY_MS: i64 = 24 * 60 * 60 * 1000;

#[cfg(test)]
mod tests {

    use super::MOST_LEASES;
    use crate::tests::Bench;

    #[test]
    fn one_project_gets_so_many_and_no_more() {
        let bench = Bench::new();
        let mut store = bench.open();
        let id = store.project(None).unwrap().id;
        let ports: Vec<u16> = (1..).take(MOST_LEASES).map(|asked| store.lease(id, asked).unwrap().port).collect();
        let failure = store.lease(id, 60_000).unwrap_err();
        assert!(failure.message.contains("500 leased ports") && failure.hint.is_some(), "{failure:?}");
        assert!(store.named(id, "web").is_err(), "a name is one more");
        assert!(!store.lease(id, 1).unwrap().new, "what it has it keeps");
        let free = ports[0] - ports[0] % 100;
        assert!(!store.adopt(id, 60_000, free + 99, None).unwrap());
        assert_eq!(store.release(&ports[..1]).unwrap(), 1);
        assert!(store.lease(id, 60_000).unwrap().new);
    }

    #[test]
    fn where_every_block_is_leased_the_one_with_the_most_is_named_and_what_helps_helps() {
        let bench = Bench::new();
        let mut store = bench.open();
        let _ = store.project(Some(&bench.project("blog"))).unwrap();
        let shop = store.project(Some(&bench.project("shop"))).unwrap();
        for number in 1..=654 {
            let insert = "INSERT OR IGNORE INTO blocks (first, project, number, created_at) VALUES (?1 * 100, ?2, ?1, 1)";
            store.connection.execute(insert, (number, shop.id.0)).unwrap();
        }
        let failure = store.project(Some(&bench.project("new"))).unwrap_err();
        assert!(failure.message.contains("most has shop, 653 blocks"), "{failure:?}");
        let hint = failure.hint.unwrap();
        assert!(hint.contains("/shop && portward lease release --all"), "{hint}");
        store.release_projects(&[shop.id]).unwrap();
        assert!(store.project(Some(&bench.project("new"))).is_ok());
    }

    #[test]
    fn a_further_block_in_which_nothing_is_leased_any_more_is_given_back() {
        let bench = Bench::new();
        let mut store = bench.open();
        let id = store.project(None).unwrap().id;
        let ports: Vec<u16> = (1..=150).map(|asked| store.lease(id, asked).unwrap().port).collect();
        assert_eq!(store.blocks(id).unwrap().len(), 2);
        store.release(&ports[..149]).unwrap();
        assert_eq!(store.blocks(id).unwrap().len(), 2, "one is left in the second");
        store.release(&ports[149..]).unwrap();
        assert_eq!(store.blocks(id).unwrap().len(), 1, "the first one stays");
    }
}
