//! What lives with a session: ports that nothing has listened on yet, and blocks for programs that bind at random.
//!
//! Such a row names its holder, a supervisor, so that no other session is given the port meanwhile. It goes with its holder; what one
//! leaves behind that was killed, the next session clears away. A program of an earlier version takes it for any other lease or block.

use std::collections::BTreeSet;

use portward_model::{Failure, PortRange, PortRules, ProcessId};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Durable, Lease, ProjectId, Store,
    error::StoreError,
    leases::{self, MOST_LEASES, Want},
    projects, rules,
    runs::{process, ticks},
};

impl Store<'_> {
    /// The port of a project for an asked port: the one that it has, or one that the holder has as long as it lives. `None` where the
    /// project's own blocks have no port left, and it gets no further one.
    pub fn lend(&mut self, project: ProjectId, asked: u16, holder: ProcessId) -> Result<Option<Lease>, Failure> {
        self.stay_same()?;
        let (at, rules) = (self.now().0, self.port_rules()?);
        let sockets = projects::Sockets::new(self.host, &rules);
        let ground = rules::Ground { rules: &rules, held: &|port| sockets.hold(port) };
        let want = Want { asked: Some(asked), name: None };
        let found = |store: &Connection| Ok(leases::looked_up(store, project, want)?.map(|(lease, _)| Some(lease)));
        let lent = self.found_or_written(Durable::Soon, found, |store| {
            let holder = number(store, holder)?;
            leases::give(store, project, want, (at, Some(holder)), &ground, None)
        })?;
        if lent.is_some() {
            return Ok(lent);
        }
        // Its blocks are full: one block more, which is given back where nothing of it stays.
        let seed = rules::seed([&project.0.to_le_bytes()[..], b"more"]);
        self.write(Durable::Now, |store| {
            if leases::count(store, project)? >= MOST_LEASES {
                return Ok(None);
            }
            let holder = number(store, holder)?;
            leases::give(store, project, want, (at, Some(holder)), &ground, Some(seed))
        })
    }

    /// Records that a project has a port for an asked one: for good, or as long as a holder lives. One that is recorded for good stays
    /// so. False where that cannot be: the project has another one for what was asked, the port is not its own by now, or it has as
    /// many as one gets.
    pub fn adopt(&mut self, project: ProjectId, asked: u16, port: u16, holder: Option<ProcessId>) -> Result<bool, Failure> {
        self.stay_same()?;
        let at = self.now().0;
        self.write(Durable::Soon, |store| {
            let is_full = || Ok::<_, StoreError>(holder.is_none() && leases::count(store, project)? >= MOST_LEASES);
            if let Some((lease, _)) = leases::by_asked(store, project, asked)? {
                if lease.port != port || lease.lasting || holder.is_some() {
                    return Ok(lease.port == port);
                }
                if is_full()? {
                    return Ok(false);
                }
                store.execute("UPDATE leases SET holder = NULL, last_used_at = ?2 WHERE port = ?1", params![port, at])?;
                return Ok(true);
            }
            let is_own = projects::blocks(store, project)?.contains(&(port - port % rules::LENGTH));
            let is_leased = "SELECT EXISTS (SELECT 1 FROM leases WHERE port = ?1)";
            let is_leased: bool = store.query_row(is_leased, params![port], |row| row.get(0))?;
            if !is_own || is_leased || is_full()? {
                return Ok(false);
            }
            let holder = holder.map(|holder| number(store, holder)).transpose()?;
            leases::insert(store, project, Want { asked: Some(asked), name: None }, port, (at, holder))?;
            Ok(true)
        })
    }

    /// Has ports that a project has for asked ones live with this holder from now on: they were no lasting servers' after all. What
    /// has a name stays.
    pub fn loosen(&mut self, project: ProjectId, asked: &[u16], holder: ProcessId) -> Result<(), Failure> {
        self.stay_same()?;
        self.write(Durable::Soon, |store| {
            let holder = number(store, holder)?;
            let update = "UPDATE leases SET holder = ?3 WHERE project = ?1 AND asked = ?2 AND name IS NULL AND holder IS NULL";
            asked.iter().try_for_each(|asked| store.execute(update, params![project.0, asked, holder]).map(|_| ()))?;
            Ok(())
        })
    }

    /// Gives ports back that live with this holder.
    pub fn give_back(&mut self, project: ProjectId, asked: &[u16], holder: ProcessId) -> Result<(), Failure> {
        self.stay_same()?;
        self.write(Durable::Soon, |store| {
            let holder = number(store, holder)?;
            let delete = "DELETE FROM leases WHERE project = ?1 AND asked = ?2 AND name IS NULL AND holder = ?3";
            asked.iter().try_for_each(|asked| store.execute(delete, params![project.0, asked, holder]).map(|_| ()))?;
            Ok(())
        })
    }

    /// A block for ports that are written down nowhere, as long as the holder lives; `None` where those of the project have as many as
    /// they get.
    pub fn lend_block(&mut self, project: ProjectId, holder: ProcessId) -> Result<Option<PortRange>, Failure> {
        self.stay_same()?;
        let (at, rules) = (self.now().0, self.port_rules()?);
        let sockets = projects::Sockets::new(self.host, &rules);
        let ground = rules::Ground { rules: &rules, held: &|port| sockets.hold(port) };
        let seed = rules::seed([&project.0.to_le_bytes()[..], b"lent"]);
        let is_full = |store: &Connection| -> Result<bool, StoreError> {
            let lent = "SELECT count(*) FROM blocks WHERE project = ?1 AND holder IS NOT NULL";
            let lent: u16 = store.query_row(lent, params![project.0], |row| row.get(0))?;
            Ok(lent >= MOST_LENT)
        };
        // Who is refused keeps nobody from writing.
        if is_full(&self.connection).map_err(|error| self.told(error))? {
            return Ok(None);
        }
        self.write(Durable::Soon, |store| {
            if is_full(store)? {
                return Ok(None);
            }
            let holder = number(store, holder)?;
            let first = projects::add_block(store, project, (at, Some(holder)), (seed, None), &ground)?;
            Ok(Some(rules::block(first)))
        })
    }

    /// True while a session is lent a block of a project's, whose ports are written down nowhere.
    pub fn lends_blocks(&self, project: ProjectId) -> Result<bool, Failure> {
        let lent = "SELECT EXISTS (SELECT 1 FROM blocks WHERE project = ?1 AND holder IS NOT NULL)";
        self.connection.query_row(lent, params![project.0], |row| row.get(0)).map_err(|error| self.told(error))
    }

    /// A port for an asked one, found without the store: of these blocks, and none of those that are taken. One of the project's own
    /// blocks is the project's once [`Store::adopt`] could write it down.
    pub fn unrecorded(&self, asked: u16, blocks: &[PortRange], taken: &BTreeSet<u16>) -> Option<u16> {
        let rules = self.port_rules().ok()?;
        unrecorded_on(asked, blocks, taken, &rules, &projects::Sockets::new(self.host, &rules))
    }

    /// The same of a port where no connection is left either: a program that does not ask for such a port (`SO_REUSEADDR`) is refused it.
    pub fn unused(&self, asked: u16, blocks: &[PortRange], taken: &BTreeSet<u16>) -> Option<u16> {
        let rules = self.port_rules().ok()?;
        unrecorded_on(asked, blocks, taken, &rules, &projects::Sockets::strictly(self.host, &rules))
    }

    /// Takes away what lives with this holder.
    pub fn end_holder(&mut self, holder: ProcessId) -> Result<(), Failure> {
        let known = find(&self.connection, holder).map_err(|error| self.told(error))?;
        let Some(known) = known else { return Ok(()) };
        self.stay_same()?;
        self.write(Durable::Soon, |store| forget(store, known))
    }

    /// Takes away what lived with holders that have ended without a word; nothing is written where there is none.
    pub fn forget_gone(&mut self, gone: &dyn Fn(ProcessId) -> bool) -> Result<(), Failure> {
        // Looked for beforehand: nobody else could write while `/proc` is read.
        let holders = holders(&self.connection).map_err(|error| self.told(error))?;
        let ended: Vec<i64> = holders.into_iter().filter(|(_, holder)| gone(*holder)).map(|(id, _)| id).collect();
        if ended.is_empty() {
            return Ok(());
        }
        self.stay_same()?;
        self.write(Durable::Soon, |store| ended.iter().try_for_each(|id| forget(store, *id)))
    }
}

/// The port of these blocks that a program gets for the one that it asks for, where nobody has it.
fn unrecorded_on(
    asked: u16,
    blocks: &[PortRange],
    taken: &BTreeSet<u16>,
    rules: &PortRules,
    sockets: &projects::Sockets<'_>,
) -> Option<u16> {
    let ground = rules::Ground { rules, held: &|port| sockets.hold(port) };
    blocks.iter().find_map(|block| rules::port_for(asked, block.first, taken, &ground))
}

/// The number of a holder, who is written down where that has not been.
fn number(store: &Connection, holder: ProcessId) -> Result<i64, StoreError> {
    if let Some(known) = find(store, holder)? {
        return Ok(known);
    }
    store.execute("INSERT INTO holders (pid, ticks) VALUES (?1, ?2)", params![holder.pid, ticks(holder)])?;
    Ok(store.last_insert_rowid())
}

fn find(store: &Connection, holder: ProcessId) -> Result<Option<i64>, StoreError> {
    let mut statement = store.prepare("SELECT id FROM holders WHERE pid = ?1 AND ticks = ?2")?;
    Ok(statement.query_row(params![holder.pid, ticks(holder)], |row| row.get(0)).optional()?)
}

fn holders(store: &Connection) -> Result<Vec<(i64, ProcessId)>, StoreError> {
    let mut statement = store.prepare("SELECT id, pid, ticks FROM holders")?;
    Ok(statement.query_map([], |row| Ok((row.get(0)?, process(row, 1)?)))?.collect::<Result<_, _>>()?)
}

fn forget(store: &Connection, holder: i64) -> Result<(), StoreError> {
    for change in [
        // What was given a name has been asked for by a person.
        "UPDATE leases SET holder = NULL WHERE holder = ?1 AND name IS NOT NULL",
        "DELETE FROM blocks WHERE number > 0 AND holder IS NULL AND project IN (SELECT project FROM leases WHERE holder = ?1)
         AND NOT EXISTS (SELECT 1 FROM leases WHERE port BETWEEN first AND first + 99 AND leases.holder IS NOT ?1)",
        "DELETE FROM leases WHERE holder = ?1",
        // A program of an earlier version may have leased ports of a block that it took for the project's own.
        "UPDATE blocks SET holder = NULL WHERE holder = ?1
         AND EXISTS (SELECT 1 FROM leases WHERE leases.project = blocks.project AND port BETWEEN first AND first + 99)",
        "DELETE FROM blocks WHERE holder = ?1",
        "DELETE FROM holders WHERE id = ?1",
    ] {
        store.execute(change, params![holder])?;
    }
    Ok(())
}

/// Blocks that the sessions of one project are lent at the same time.
const MOST_LENT: u16 = 8;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use portward_model::ProcessId;

    use super::MOST_LENT;
    use crate::{leases::MOST_LEASES, tests::Bench};

    const ONE: ProcessId = ProcessId { pid: 7, started_ticks: 70 };
    const OTHER: ProcessId = ProcessId { pid: 8, started_ticks: 80 };

    #[test]
    fn a_port_that_was_given_without_the_store_is_written_down_where_it_may_be() {
        let bench = Bench::new();
        let mut store = bench.open();
        let place = store.place_of(None).unwrap();
        assert!(store.known_project(None).unwrap().is_none(), "nothing was written");
        let port = store.unrecorded(3000, &[place], &BTreeSet::new()).unwrap();
        let taken = store.unrecorded(3000, &[place], &BTreeSet::from([port])).unwrap();
        assert!(place.contains(port) && place.contains(taken) && port != taken);
        let row = store.project_in(None, Some(place)).unwrap();
        assert_eq!((row.block, store.place_of(None).unwrap()), (place, place));
        assert!(store.adopt(row.id, 3000, port, None).unwrap() && store.adopt(row.id, 3000, port, None).unwrap());
        assert_eq!(store.lease(row.id, 3000).unwrap().port, port);
        for (asked, port) in [(3000, taken), (3001, port), (3002, place.last + 1)] {
            assert!(!store.adopt(row.id, asked, port, None).unwrap(), "{asked} {port}");
        }
    }

    #[test]
    fn what_is_lent_is_nobody_elses_until_its_holder_has_gone() {
        let bench = Bench::new();
        let (mut store, mut other) = (bench.open(), bench.open());
        let id = store.project(None).unwrap().id;
        let lent = store.lend(id, 3000, ONE).unwrap().unwrap();
        assert!(lent.new && !lent.lasting);
        assert_eq!(other.lend(id, 3000, OTHER).unwrap().unwrap().port, lent.port, "one port for what is asked in one project");
        let beside = other.lend(id, 13_000, OTHER).unwrap().unwrap();
        assert_ne!(beside.port, lent.port);
        assert_eq!(store.terms(id).unwrap(), [(3000, lent.port, false), (13_000, beside.port, false)]);
        assert!(store.all().unwrap().is_empty(), "nothing is leased");
        // Somebody listens on one of them, or asks for it by hand; the other goes with its holder.
        assert!(store.adopt(id, 3000, lent.port, None).unwrap());
        other.end_holder(OTHER).unwrap();
        store.end_holder(ONE).unwrap();
        assert_eq!(store.terms(id).unwrap(), [(3000, lent.port, true)]);
        let taken = other.lend(id, 4000, ONE).and_then(|lent| Ok((lent, store.lease(id, 4000)?))).unwrap();
        assert!(taken.1.lasting && taken.0.unwrap().port == taken.1.port);
        // What turns out to be a random one of many is loosened, and given back.
        store.loosen(id, &[3000, 4000], ONE).unwrap();
        store.give_back(id, &[4000], ONE).unwrap();
        assert_eq!(store.terms(id).unwrap(), [(3000, lent.port, false)]);
        store.forget_gone(&|holder| holder == OTHER).unwrap();
        assert_eq!(store.terms(id).unwrap().len(), 1);
        store.forget_gone(&|_| true).unwrap();
        assert!(store.terms(id).unwrap().is_empty() && super::holders(&store.connection).unwrap().is_empty());
    }

    #[test]
    fn a_full_block_is_followed_by_another_that_goes_where_nothing_of_it_stays() {
        let bench = Bench::new();
        let mut store = bench.open();
        let id = store.project(None).unwrap().id;
        let mut asked = 1..;
        let mut fill = |store: &mut crate::Store<'_>| {
            while store.blocks(id).unwrap().len() < 2 {
                store.lend(id, asked.next().unwrap(), ONE).unwrap().unwrap();
            }
            let mapping = store.terms(id).unwrap();
            *mapping.iter().max_by_key(|(asked, ..)| *asked).unwrap()
        };
        let _ = fill(&mut store);
        store.end_holder(ONE).unwrap();
        assert_eq!((store.blocks(id).unwrap().len(), store.terms(id).unwrap().len()), (1, 0));
        let (last, port, _) = fill(&mut store);
        assert!(store.adopt(id, last, port, None).unwrap());
        store.end_holder(ONE).unwrap();
        assert_eq!((store.blocks(id).unwrap().len(), store.terms(id).unwrap()), (2, vec![(last, port, true)]));
    }

    #[test]
    fn blocks_are_lent_to_so_many_and_come_back() {
        let bench = Bench::new();
        let mut store = bench.open();
        let id = store.project(None).unwrap().id;
        let lent: BTreeSet<u16> = (0..MOST_LENT).map(|_| store.lend_block(id, ONE).unwrap().unwrap().first).collect();
        assert_eq!((lent.len(), store.lend_block(id, ONE).unwrap()), (usize::from(MOST_LENT), None));
        assert_eq!(store.blocks(id).unwrap().len(), 1, "none of them is the project's");
        for asked in 1..=MOST_LEASES {
            let port = store.lease(id, u16::try_from(asked).unwrap()).unwrap().port;
            assert!(!lent.contains(&(port - port % 100)));
        }
        store.end_holder(ONE).unwrap();
        assert!(store.lend_block(id, OTHER).unwrap().is_some());
    }

    #[test]
    fn a_project_that_has_as_many_as_one_gets_is_given_no_more_for_good() {
        let bench = Bench::new();
        let mut store = bench.open();
        let id = store.project(None).unwrap().id;
        for asked in 1..MOST_LEASES {
            store.lease(id, u16::try_from(asked).unwrap()).unwrap();
        }
        let before = store.blocks(id).unwrap().len();
        let _ = (50_000..=u16::MAX).find(|asked| {
            store.lend(id, *asked, OTHER).unwrap().unwrap();
            store.blocks(id).unwrap().len() > before
        });
        let _ = store.lease(id, 500).unwrap();
        // The last block has room; what is lent there does not become the project's, nor does what was given without the store.
        let lent = store.lend(id, 60_000, ONE).unwrap().unwrap();
        assert!(!lent.lasting && !store.adopt(id, 60_000, lent.port, None).unwrap());
        assert_eq!(store.terms(id).unwrap().last(), Some(&(60_000, lent.port, false)));
        let blocks = store.blocks(id).unwrap();
        let free = store.unrecorded(60_001, &blocks, &store.ports(id).unwrap()).unwrap();
        assert!(!store.adopt(id, 60_001, free, None).unwrap() && store.adopt(id, 60_001, free, Some(ONE)).unwrap());
        // It gets no further block for what would be lent there either.
        let more = (60_002..61_000).find(|asked| store.lend(id, *asked, ONE).unwrap().is_none());
        assert!(more.is_some() && store.blocks(id).unwrap() == blocks);
    }

    #[test]
    fn a_port_is_given_in_few_steps_whatever_else_is_leased() {
        let bench = Bench::new();
        let mut store = bench.open();
        let id = store.project(None).unwrap().id;
        let other = store.project(Some(&bench.project("other"))).unwrap();
        let own = store.blocks(id).unwrap();
        let is_elsewhere = |port: &u16| !own.iter().chain([&other.block]).any(|block| block.contains(*port));
        store.connection.execute_batch("BEGIN").unwrap();
        for port in (30_000..60_000).filter(is_elsewhere) {
            let insert = "INSERT INTO leases (port, project, asked, created_at, last_used_at) VALUES (?1, ?2, ?1, 1, 1)";
            store.connection.execute(insert, (port, other.id.0)).unwrap();
        }
        store.connection.execute_batch("COMMIT").unwrap();
        // So many steps of the database are no walk over all of them.
        store.connection.progress_handler(5_000, Some(|| true)).unwrap();
        let lent = store.lend(id, 3000, ONE).unwrap().unwrap();
        assert!(store.adopt(id, 3000, lent.port, None).unwrap() && store.lend(id, 3001, ONE).unwrap().is_some());
    }

    #[test]
    fn one_that_does_not_share_gets_no_port_where_a_connection_is_left() {
        use std::net::{TcpListener, TcpStream};
        let bench = Bench::new();
        let store = bench.open();
        let place = store.place_of(None).unwrap();
        let port = store.unrecorded(3000, &[place], &BTreeSet::new()).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        // Who ends first keeps what is left of it.
        drop(listener.accept().unwrap());
        drop((client, listener));
        assert_eq!(store.unrecorded(3000, &[place], &BTreeSet::new()), Some(port));
        assert_ne!(store.unused(3000, &[place], &BTreeSet::new()), Some(port));
    }
}
