//! What a supervisor tells of its run, as it crosses its socket.

use portward_model::{Moment, PortRange, ProcessId, ProjectIdentity, Rules};
use portward_sys::runtime::Peer;
use serde::{Deserialize, Serialize};

use crate::{
    control::State,
    runs::{RunListener, RunService, process_at},
};

/// What a supervisor is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(crate) enum Ask {
    /// What it supervises; answered with a [`Record`].
    Run {
        /// A port: of the listeners only those are told that asked for it, or serve it. Every one where none is named, and by supervisors
        /// of the release before this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
    },
    /// To call the process that asks by this name; answered with what it supervises then.
    Name {
        /// The name.
        name: String,
    },
}

/// A run, as its supervisor tells of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) supervisor: ProcessId,
    pub(crate) identity: Option<ProjectIdentity>,
    /// The project's first block; `None` where the supervisor gives no ports.
    pub(crate) block: Option<PortRange>,
    pub(crate) rules: Option<Rules>,
    pub(crate) started_at: Moment,
    pub(crate) services: Vec<RunService>,
    pub(crate) listeners: Vec<RunListener>,
    /// The service that it is, where a project's keeper started it.
    #[serde(default)]
    pub(crate) kept: Option<KeptAs>,
}

/// What a session is to the keeper of its project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAs {
    /// The service.
    pub service: String,
    /// It only asks whether the service is ready.
    #[serde(default)]
    pub is_question: bool,
    /// It follows a container.
    #[serde(default)]
    pub is_container: bool,
}

impl Record {
    /// Adds a socket that began to listen; one that stood at the same place before has gone.
    pub(crate) fn add(&mut self, listener: RunListener) {
        self.listeners.retain(|row| (row.transport, row.serves) != (listener.transport, listener.serves));
        self.listeners.push(listener);
    }

    /// The same with those listeners alone that asked for a port, or serve it.
    fn about(&self, port: u16) -> Self {
        let is_about = |row: &&RunListener| row.serves.port() == port || row.asked.is_some_and(|asked| asked.port() == port);
        Self {
            supervisor: self.supervisor,
            identity: self.identity.clone(),
            block: self.block,
            rules: self.rules,
            started_at: self.started_at,
            services: self.services.clone(),
            kept: self.kept.clone(),
            listeners: self.listeners.iter().filter(is_about).cloned().collect(),
        }
    }

    /// Calls a process by a name.
    fn name(&mut self, process: ProcessId, name: String) {
        self.services.retain(|service| service.process != process);
        if self.services.len() < MOST_SERVICES {
            self.services.push(RunService { process, name, ended: false });
        }
    }
}

/// Answers a question about the run.
pub(crate) fn asked(ask: Ask, peer: Peer, run: &State<Record>) -> Result<Record, String> {
    match ask {
        Ask::Run { port: Some(port) } => return Ok(run.now().about(port)),
        Ask::Run { port: None } => {}
        Ask::Name { name } => {
            let machine = portward_sys::this_machine().map_err(|error| error.to_string())?;
            let process = process_at(machine.as_ref(), peer.pid).ok_or("who asks is not seen from here")?.id;
            run.change(|record| record.name(process, name));
        }
    }
    Ok(run.now().as_ref().clone())
}

/// Programs of one run that have names.
const MOST_SERVICES: usize = 1000;

#[cfg(test)]
mod tests {
    use portward_model::{Moment, ProcessId, Transport};

    use super::{Ask, Record};
    use crate::runs::RunListener;

    #[test]
    fn a_question_about_one_port_is_one_for_all_of_them_to_whoever_knows_no_other() {
        /// As the release before this one reads it.
        #[derive(serde::Deserialize)]
        #[serde(tag = "ask", rename_all = "snake_case")]
        enum Before {
            Run,
        }
        let read = |line: &str| serde_json::from_str::<Ask>(line).unwrap();
        assert!(matches!(read(r#"{"ask":"run"}"#), Ask::Run { port: None }));
        let line = serde_json::to_string(&Ask::Run { port: Some(3000) }).unwrap();
        assert!(matches!(read(&line), Ask::Run { port: Some(3000) }));
        assert!(matches!(serde_json::from_str(&line), Ok(Before::Run)));
    }

    #[test]
    fn one_place_has_one_listener_and_one_process_one_name() {
        let own = ProcessId { pid: 7, started_ticks: 1 };
        let (services, listeners) = (Vec::new(), Vec::new());
        let mut record = Record {
            supervisor: own,
            identity: None,
            block: None,
            rules: None,
            started_at: Moment(0),
            services,
            listeners,
            kept: None,
        };
        let at = |pid, port: u16| RunListener {
            pid,
            service: "web".to_owned(),
            transport: Transport::Tcp,
            asked: None,
            serves: ([127, 0, 0, 1], port).into(),
            pinned: true,
            from: None,
            is_secure: false,
        };
        for row in [at(1, 20300), at(2, 20301), at(3, 20300)] {
            record.add(row);
        }
        assert_eq!(record.listeners.iter().map(|row| row.pid).collect::<Vec<_>>(), [2, 3]);
        assert!(record.about(3000).listeners.is_empty());
        record.listeners[0].asked = Some(([127, 0, 0, 1], 3000).into());
        assert_eq!([20301, 3000, 20300].map(|port| record.about(port).listeners[0].pid), [2, 2, 3]);
        for name in ["a", "b"] {
            record.name(own, name.to_owned());
        }
        assert_eq!(record.services.iter().map(|service| service.name.as_str()).collect::<Vec<_>>(), ["b"]);
    }
}
