//! Runs, as supervisors of the release before this one record them: those that live, what they were started for, and where their
//! programs listen. Nothing is written here any more; a supervisor tells of itself at a socket of its own.
//!
//! One that was killed leaves its rows behind; whoever reads compares pid and start time with the machine.

use std::{net::SocketAddr, str::FromStr};

use portward_model::{Failure, Moment, ProcessId, Rules, Transport};
use rusqlite::{Connection, Row, params};

use super::{ProjectId, Store, error::StoreError};

/// A supervisor, and what it supervises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// Its number.
    pub id: i64,
    /// The project.
    pub project: ProjectId,
    /// The supervisor's process.
    pub supervisor: ProcessId,
    /// The rules that its programs are under; `None` where their calls are left alone.
    pub rules: Option<Rules>,
    /// When it started.
    pub started_at: Moment,
    /// The programs that were started by name in it; the first is what the run was for.
    pub services: Vec<ServiceRow>,
    /// Where its programs began to listen; some may have ceased since.
    pub listeners: Vec<ListenerRow>,
}

/// A program that was started under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRow {
    /// Its process.
    pub process: ProcessId,
    /// The name.
    pub name: String,
    /// True once that process has ended; what it started may go on.
    pub ended: bool,
}

/// A socket that began to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerRow {
    /// The process that asked.
    pub pid: u32,
    /// The service that it belongs to.
    pub service: String,
    /// TCP or UDP.
    pub transport: Transport,
    /// What was asked for; `None` where it listened without a bind.
    pub asked: Option<SocketAddr>,
    /// Where it stands.
    pub serves: SocketAddr,
    /// True when only this machine can reach it.
    pub pinned: bool,
}

impl Store<'_> {
    /// Every run that is recorded, oldest first.
    pub fn runs(&self) -> Result<Vec<RunRow>, Failure> {
        read(&self.connection).map_err(|error| self.told(error))
    }
}

fn read(store: &Connection) -> Result<Vec<RunRow>, StoreError> {
    let found = runs(store)?;
    found
        .into_iter()
        .map(|run| Ok(RunRow { services: services(store, run.id)?, listeners: listeners(store, run.id)?, ..run }))
        .collect()
}

/// The runs themselves, without what belongs to them.
fn runs(store: &Connection) -> Result<Vec<RunRow>, StoreError> {
    let select = "SELECT id, project, supervisor, supervisor_ticks, started_at, exposes, keeps_ports, isolates \
                  FROM runs ORDER BY id";
    let mut statement = store.prepare(select)?;
    let rows = statement.query_map([], |row| {
        let rules: (Option<bool>, Option<bool>, Option<bool>) = (row.get(5)?, row.get(6)?, row.get(7)?);
        let rules = match rules {
            (Some(exposes), Some(keeps_ports), Some(isolates)) => Some(Rules { exposes, keeps_ports, isolates }),
            _ => None,
        };
        Ok(RunRow {
            id: row.get(0)?,
            project: ProjectId(row.get(1)?),
            supervisor: process(row, 2)?,
            rules,
            started_at: Moment(row.get(4)?),
            services: Vec::new(),
            listeners: Vec::new(),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn services(store: &Connection, run: i64) -> Result<Vec<ServiceRow>, StoreError> {
    let mut statement = store.prepare("SELECT pid, ticks, name, ended FROM services WHERE run = ?1 ORDER BY rowid")?;
    let rows = statement
        .query_map(params![run], |row| Ok(ServiceRow { process: process(row, 0)?, name: row.get(2)?, ended: row.get(3)? }))?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

fn listeners(store: &Connection, run: i64) -> Result<Vec<ListenerRow>, StoreError> {
    let select = "SELECT pid, service, transport, asked, serves, pinned FROM listeners WHERE run = ?1 ORDER BY rowid";
    let mut statement = store.prepare(select)?;
    let rows = statement.query_map(params![run], |row| {
        let transport: String = row.get(2)?;
        let serves: String = row.get(4)?;
        let asked: Option<String> = row.get(3)?;
        Ok((row.get(0)?, row.get(1)?, transport, asked, serves, row.get(5)?))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (pid, service, transport, asked, serves, pinned) = row?;
        let transport = if transport == Transport::Udp.name() { Transport::Udp } else { Transport::Tcp };
        // A row that this program did not write is no listener that it could tell of.
        let Ok(serves) = SocketAddr::from_str(&serves) else { continue };
        let asked = asked.and_then(|asked| asked.parse().ok());
        found.push(ListenerRow { pid, service, transport, asked, serves, pinned });
    }
    Ok(found)
}

pub(super) fn process(row: &Row<'_>, at: usize) -> Result<ProcessId, rusqlite::Error> {
    let ticks: i64 = row.get(at + 1)?;
    Ok(ProcessId { pid: row.get(at)?, started_ticks: u64::try_from(ticks).unwrap_or_default() })
}

pub(super) fn ticks(process: ProcessId) -> i64 {
    i64::try_from(process.started_ticks).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use portward_model::{ProcessId, Rules, Transport};

    use super::{ListenerRow, ServiceRow};
    use crate::tests::Bench;

    #[test]
    fn what_the_release_before_this_one_recorded_is_read() {
        let bench = Bench::new();
        let mut store = bench.open();
        let project = store.project(None).unwrap().id;
        let rows = format!(
            "INSERT INTO runs VALUES (4, {}, 7, 70, 1, 0, 0, 1000), (5, {0}, 8, 80, NULL, NULL, NULL, 2000);
             INSERT INTO services (run, pid, ticks, name) VALUES (4, 9, 90, 'web');
             INSERT INTO listeners VALUES (4, 9, 'web', 'tcp', '0.0.0.0:3000', '127.0.0.1:20300', 1), (4, 9, 'web', 'udp', NULL, 'x', 1)",
            project.0
        );
        store.connection.execute_batch(&rows).unwrap();
        let runs = store.runs().unwrap();
        let of = |pid, ticks| ProcessId { pid, started_ticks: ticks };
        assert_eq!(
            runs.iter().map(|run| (run.project, run.supervisor)).collect::<Vec<_>>(),
            [(project, of(7, 70)), (project, of(8, 80))]
        );
        assert_eq!(runs[0].rules, Some(Rules { exposes: true, ..Rules::default() }));
        assert_eq!(runs[0].services, [ServiceRow { process: of(9, 90), name: "web".to_owned(), ended: false }]);
        let listener = ListenerRow {
            pid: 9,
            service: "web".to_owned(),
            transport: Transport::Tcp,
            asked: Some(([0, 0, 0, 0], 3000).into()),
            serves: ([127, 0, 0, 1], 20300).into(),
            pinned: true,
        };
        assert_eq!(runs[0].listeners, [listener], "what is no address is no listener");
        assert_eq!((runs[1].rules, runs[1].services.len()), (None, 0));
    }
}
