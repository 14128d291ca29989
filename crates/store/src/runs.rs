//! Runs: the supervisors that live, what they were started for, and where their programs listen.
//!
//! A supervisor writes its own rows and takes them back when it ends. One that was killed leaves them behind; whoever reads
//! compares pid and start time with the machine, and the project's next run clears them away.

use std::{net::SocketAddr, str::FromStr};

use portward_model::{Failure, Moment, ProcessId, Rules, Transport};
use rusqlite::{Connection, Row, params};

use super::{Durable, ProjectId, Store, error::StoreError};

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
    /// Records a supervisor; gives its number. Runs of the project that `gone` says have ended without a word are cleared away.
    pub fn begin_run(
        &mut self,
        project: ProjectId,
        supervisor: ProcessId,
        rules: Option<Rules>,
        gone: &dyn Fn(ProcessId) -> bool,
    ) -> Result<i64, Failure> {
        // Looked for beforehand: nobody else could write while `/proc` is read. A run that has ended stays ended, and its number
        // is never given again.
        let recorded = runs(&self.connection).map_err(|error| self.told(error))?;
        let own = recorded.into_iter().filter(|run| run.project == project);
        let ended: Vec<i64> = own.filter(|run| gone(run.supervisor)).map(|run| run.id).collect();
        let at = self.now().0;
        self.write(Durable::Soon, |store| {
            for run in ended {
                forget(store, run)?;
            }
            store.execute(
                "INSERT INTO runs (project, supervisor, supervisor_ticks, started_at, exposes, keeps_ports, isolates)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    project.0,
                    supervisor.pid,
                    ticks(supervisor),
                    at,
                    rules.map(|rules| rules.exposes),
                    rules.map(|rules| rules.keeps_ports),
                    rules.map(|rules| rules.isolates)
                ],
            )?;
            Ok(store.last_insert_rowid())
        })
    }

    /// Records a program that was started under a name.
    pub fn add_service(&mut self, run: i64, process: ProcessId, name: &str) -> Result<(), Failure> {
        self.write(Durable::Soon, |store| {
            let insert = "INSERT OR REPLACE INTO services (run, pid, ticks, name) VALUES (?1, ?2, ?3, ?4)";
            store.execute(insert, params![run, process.pid, ticks(process), name])?;
            Ok(())
        })
    }

    /// Records that the program of a service has ended.
    pub fn end_service(&mut self, run: i64, process: ProcessId) -> Result<(), Failure> {
        self.write(Durable::Soon, |store| {
            let update = "UPDATE services SET ended = 1 WHERE run = ?1 AND pid = ?2 AND ticks = ?3";
            store.execute(update, params![run, process.pid, ticks(process)])?;
            Ok(())
        })
    }

    /// Records a socket that began to listen; one that stood at the same place before has gone.
    pub fn add_listener(&mut self, run: i64, listener: &ListenerRow) -> Result<(), Failure> {
        self.write(Durable::Soon, |store| {
            let (transport, serves) = (listener.transport.name(), listener.serves.to_string());
            let delete = "DELETE FROM listeners WHERE run = ?1 AND transport = ?2 AND serves = ?3";
            store.execute(delete, params![run, transport, serves])?;
            store.execute(
                "INSERT INTO listeners (run, pid, service, transport, asked, serves, pinned) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    run,
                    listener.pid,
                    listener.service,
                    transport,
                    listener.asked.map(|asked| asked.to_string()),
                    serves,
                    listener.pinned
                ],
            )?;
            Ok(())
        })
    }

    /// Takes a run's rows away.
    pub fn end_run(&mut self, run: i64) -> Result<(), Failure> {
        self.write(Durable::Soon, |store| forget(store, run))
    }

    /// The programs of one run that were started under a name.
    pub fn services(&self, run: i64) -> Result<Vec<ServiceRow>, Failure> {
        services(&self.connection, run).map_err(|error| self.told(error))
    }

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

fn forget(store: &Connection, run: i64) -> Result<(), StoreError> {
    for delete in
        ["DELETE FROM listeners WHERE run = ?1", "DELETE FROM services WHERE run = ?1", "DELETE FROM runs WHERE id = ?1"]
    {
        store.execute(delete, params![run])?;
    }
    Ok(())
}

pub(super) fn process(row: &Row<'_>, at: usize) -> Result<ProcessId, rusqlite::Error> {
    let ticks: i64 = row.get(at + 1)?;
    Ok(ProcessId { pid: row.get(at)?, started_ticks: u64::try_from(ticks).unwrap_or_default() })
}

pub(super) fn ticks(process: ProcessId) -> i64 {
    i64::try_from(process.started_ticks).unwrap_or(i64::MAX)
}
