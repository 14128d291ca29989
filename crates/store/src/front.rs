//! The front: which project has the real ports of this machine's loopback, and what its forwarder made of that.
//!
//! One row. A command writes who is to have the front and raises the generation; the forwarder makes it true and writes that
//! generation back with what became of each port. The row stays when the forwarder was killed: the front is a standing order.

use portward_model::{Failure, Loan, ProcessId, Standing};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Durable, ProjectId, Store,
    error::StoreError,
    runs::{process, ticks},
};

/// Who has the front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontRow {
    /// The project; `None` when nobody has it, or its project is in the store no more.
    pub project: Option<ProjectId>,
    /// Raised by every command.
    pub generation: i64,
    /// The generation that the forwarder has made true.
    pub done: i64,
    /// The forwarder's process; it may have ended since.
    pub forwarder: Option<ProcessId>,
    /// Connections that were open through it when it last wrote.
    pub connections: usize,
    /// What became of each real port, by its number.
    pub ports: Vec<(Loan, Standing)>,
}

impl Store<'_> {
    /// Who has the front, and what became of it; `None` where nobody ever had it.
    pub fn front(&self) -> Result<Option<FrontRow>, Failure> {
        read(&self.connection).map_err(|error| self.told(error))
    }

    /// Gives the front to a project, or to nobody. Gives the row as it was before, and the generation to wait for.
    pub fn give_front(&mut self, project: Option<ProjectId>) -> Result<(Option<FrontRow>, i64), Failure> {
        self.stay_same()?;
        self.write(Durable::Soon, |store| {
            let before = read(store)?;
            store.execute(
                "INSERT INTO front (one, project, generation) VALUES (1, ?1, 1)
                 ON CONFLICT (one) DO UPDATE SET project = ?1, generation = generation + 1",
                params![project.map(|project| project.0)],
            )?;
            let generation = before.as_ref().map_or(1, |before| before.generation + 1);
            Ok((before, generation))
        })
    }

    /// Asks the forwarder to look anew; gives the generation to wait for.
    pub fn ask_front(&mut self) -> Result<i64, Failure> {
        self.stay_current()?;
        self.write(Durable::Soon, |store| {
            store.execute("UPDATE front SET generation = generation + 1", [])?;
            Ok(store.query_row("SELECT generation FROM front", [], |row| row.get(0))?)
        })
    }

    /// Makes this process the forwarder, unless nobody wants one or `is_alive` says that there is one.
    pub fn claim_front(&mut self, own: ProcessId, is_alive: &dyn Fn(ProcessId) -> bool) -> Result<bool, Failure> {
        self.write(Durable::Soon, |store| {
            let Some(row) = read(store)?.filter(|row| row.project.is_some()) else { return Ok(false) };
            if row.forwarder.is_some_and(|other| other != own && is_alive(other)) {
                return Ok(false);
            }
            // What another one told is told anew.
            let update = "UPDATE front SET forwarder = ?1, forwarder_ticks = ?2, connections = 0, done = 0";
            store.execute(update, params![own.pid, ticks(own)])?;
            store.execute("DELETE FROM front_ports", [])?;
            Ok(true)
        })
    }

    /// Writes what this forwarder made true; false where it is the forwarder no more.
    pub fn tell_front(
        &mut self,
        own: ProcessId,
        generation: i64,
        ports: &[(Loan, Standing)],
        connections: usize,
    ) -> Result<bool, Failure> {
        self.write(Durable::Soon, |store| {
            let update = "UPDATE front SET done = ?3, connections = ?4 WHERE forwarder = ?1 AND forwarder_ticks = ?2";
            let connections = i64::try_from(connections).unwrap_or(i64::MAX);
            if store.execute(update, params![own.pid, ticks(own), generation, connections])? == 0 {
                return Ok(false);
            }
            store.execute("DELETE FROM front_ports", [])?;
            for (loan, standing) in ports {
                let (word, errno) = word(*standing);
                let insert = "INSERT INTO front_ports (port, target, standing, errno) VALUES (?1, ?2, ?3, ?4)";
                store.execute(insert, params![loan.port, loan.target, word, errno])?;
            }
            Ok(true)
        })
    }

    /// Takes a forwarder out of the record, where nobody has the front; false where somebody was given it meanwhile.
    pub fn leave_front(&mut self, own: ProcessId) -> Result<bool, Failure> {
        self.write(Durable::Soon, |store| {
            let Some(row) = read(store)? else { return Ok(true) };
            if row.forwarder != Some(own) {
                return Ok(true);
            }
            if row.project.is_some() {
                return Ok(false);
            }
            clear(store)?;
            Ok(true)
        })
    }

    /// Takes a forwarder that has ended without a word out of the record.
    pub fn bury_forwarder(&mut self, gone: ProcessId) -> Result<(), Failure> {
        self.stay_current()?;
        self.write(Durable::Soon, |store| {
            if read(store)?.is_some_and(|row| row.forwarder == Some(gone)) {
                clear(store)?;
            }
            Ok(())
        })
    }
}

fn clear(store: &Connection) -> Result<(), StoreError> {
    store.execute("UPDATE front SET forwarder = NULL, forwarder_ticks = NULL, connections = 0, done = generation", [])?;
    store.execute("DELETE FROM front_ports", [])?;
    Ok(())
}

fn read(store: &Connection) -> Result<Option<FrontRow>, StoreError> {
    let select = "SELECT (SELECT id FROM projects WHERE id = front.project), generation, done, connections,
                         coalesce(forwarder, 0), coalesce(forwarder_ticks, 0) FROM front";
    let row = store.query_row(select, [], |row| {
        let project: Option<i64> = row.get(0)?;
        let connections: i64 = row.get(3)?;
        Ok(FrontRow {
            project: project.map(ProjectId),
            generation: row.get(1)?,
            done: row.get(2)?,
            connections: usize::try_from(connections).unwrap_or(0),
            forwarder: Some(process(row, 4)?).filter(|process| process.pid != 0),
            ports: Vec::new(),
        })
    });
    let Some(mut row) = row.optional()? else { return Ok(None) };
    let mut statement = store.prepare("SELECT port, target, standing, errno FROM front_ports ORDER BY port")?;
    let ports = statement.query_map([], |row| {
        let word: String = row.get(2)?;
        Ok((Loan { port: row.get(0)?, target: row.get(1)? }, standing(&word, row.get(3)?)))
    })?;
    row.ports = ports.collect::<Result<_, _>>()?;
    Ok(Some(row))
}

fn word(standing: Standing) -> (&'static str, i32) {
    match standing {
        Standing::Lent => ("lent", 0),
        Standing::Unserved => ("unserved", 0),
        Standing::Held => ("held", 0),
        Standing::Denied => ("denied", 0),
        Standing::Failed(errno) => ("failed", errno),
    }
}

fn standing(word: &str, errno: i32) -> Standing {
    match word {
        "lent" => Standing::Lent,
        "unserved" => Standing::Unserved,
        "held" => Standing::Held,
        "denied" => Standing::Denied,
        _ => Standing::Failed(errno),
    }
}

#[cfg(test)]
mod tests {
    use portward_model::ProcessId;
    use portward_model::{Loan, Standing};

    use crate::{Store, tests::Bench};

    #[test]
    fn a_forwarder_is_one_and_leaves_when_nobody_has_the_front() {
        let bench = Bench::new();
        let mut store = bench.open();
        let (own, other) = (ProcessId { pid: 7, started_ticks: 1 }, ProcessId { pid: 8, started_ticks: 1 });
        assert_eq!(store.front().unwrap(), None);
        assert!(!store.claim_front(own, &|_| true).unwrap(), "nobody wants one");
        let shop = store.project(None).unwrap().id;
        assert_eq!(store.give_front(Some(shop)).unwrap(), (None, 1));
        assert!(store.claim_front(own, &|_| true).unwrap());
        assert!(!store.claim_front(other, &|_| true).unwrap());
        let ports =
            [(Loan { port: 3000, target: 20300 }, Standing::Lent), (Loan { port: 80, target: 20380 }, Standing::Failed(5))];
        assert!(store.tell_front(own, 1, &ports, 2).unwrap() && !store.tell_front(other, 1, &[], 0).unwrap());
        let row = store.front().unwrap().unwrap();
        assert_eq!((row.project, row.generation, row.done, row.connections), (Some(shop), 1, 1, 2));
        assert_eq!((row.forwarder, row.ports), (Some(own), vec![ports[1], ports[0]]));
        assert!(!store.leave_front(own).unwrap(), "it has the front");
        assert_eq!(store.give_front(None).unwrap().1, 2);
        assert!(store.leave_front(own).unwrap());
        let row = store.front().unwrap().unwrap();
        assert_eq!((row.project, row.forwarder, row.done, row.ports.len()), (None, None, 2, 0));
        let _ = store.give_front(Some(shop)).unwrap();
        assert!(store.claim_front(own, &|_| true).unwrap() && store.claim_front(other, &|_| false).unwrap(), "it was killed");
        store.bury_forwarder(own).unwrap();
        assert_eq!(store.front().unwrap().unwrap().forwarder, Some(other), "another one has come");
        store.release_projects(&[shop]).unwrap();
        assert_eq!(store.front().unwrap().unwrap().project, None, "its project is gone");
    }

    /// Opened by another process, as it were.
    #[test]
    fn what_one_writes_the_other_reads() {
        let bench = Bench::new();
        let (mut one, two): (Store<'_>, Store<'_>) = (bench.open(), bench.open());
        let id = one.project(None).unwrap().id;
        let _ = one.give_front(Some(id)).unwrap();
        assert_eq!(two.front().unwrap().unwrap().project, Some(id));
    }
}
