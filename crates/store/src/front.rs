//! The front, as forwarders of the release before this one record it: which project has the real ports of this machine's loopback, and what
//! became of that. Nothing is written here any more but the word that lets such a one end; a forwarder answers at a socket of its own.
//!
//! One row. A command wrote who was to have the front and raised the generation; the forwarder made it true and wrote that generation back
//! with what became of each port. The row stayed when the forwarder was killed: the front is a standing order.

use portward_model::{Failure, Loan, ProcessId, Standing};
use rusqlite::{Connection, OptionalExtension};

use super::{Durable, ProjectId, Store, error::StoreError, runs::process};

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

    /// Has a forwarder of the release before this one give back everything and end; gives the generation to wait for. Nothing else is
    /// written here, and where no such forwarder lives not even this.
    pub fn retire_front(&mut self) -> Result<i64, Failure> {
        self.stay_same()?;
        self.write(Durable::Soon, |store| {
            store.execute("UPDATE front SET project = NULL, generation = generation + 1", [])?;
            Ok(store.query_row("SELECT generation FROM front", [], |row| row.get(0))?)
        })
    }
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
    use portward_model::{Loan, ProcessId, Standing};

    use crate::tests::Bench;

    #[test]
    fn what_a_forwarder_of_the_release_before_has_recorded_is_read_and_it_is_retired() {
        let bench = Bench::new();
        let mut store = bench.open();
        assert_eq!(store.front().unwrap(), None);
        let shop = store.project(None).unwrap().id;
        let rows = format!(
            "INSERT INTO front (one, project, generation, forwarder, forwarder_ticks, connections, done) VALUES (1, {}, 4, 7, 70, 2, 3);
             INSERT INTO front_ports (port, target, standing, errno) VALUES (3000, 20300, 'lent', 0), (80, 20380, 'failed', 5);",
            shop.0
        );
        store.connection.execute_batch(&rows).unwrap();
        let row = store.front().unwrap().unwrap();
        assert_eq!((row.project, row.generation, row.done, row.connections), (Some(shop), 4, 3, 2));
        assert_eq!(row.forwarder, Some(ProcessId { pid: 7, started_ticks: 70 }));
        let ports = [(80, 20380, Standing::Failed(5)), (3000, 20300, Standing::Lent)];
        assert_eq!(row.ports, ports.map(|(port, target, standing)| (Loan { port, target }, standing)));
        assert_eq!(store.retire_front().unwrap(), 5);
        let row = store.front().unwrap().unwrap();
        assert_eq!((row.project, row.generation, row.done), (None, 5, 3), "it has to make that true itself");
    }
}
