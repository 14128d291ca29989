//! Who has the front, as its forwarder tells.
//!
//! A forwarder answers at a socket of its own, as supervisors do. What it would tell stands in a file beside the leases as well, which names
//! its process: by that it is found, and what was ordered stands while none runs, as after one was killed or the machine was started anew.
//! Who keeps the lock beside it is the forwarder. What forwarders of the release before this one have recorded in the lease store is read as
//! well.

use std::time::Duration;

use portward_model::{Caller, Failure, Loan, ProcessId, Standing, Text};
use portward_store::{FrontRow, ProjectId, ProjectRow, Store};
use portward_sys::{
    Look, StateFolder, Turn,
    runtime::{self, Peer},
};
use serde::{Deserialize, Serialize};

use crate::{
    control::{self, State},
    runs::is_alive,
};

/// Who has the front, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lending {
    /// The project; `None` when nobody has it, or its project is in the store no more.
    pub project: Option<ProjectId>,
    /// What is to be made true, by the forwarder's own count.
    pub generation: u64,
    /// What of that is true by now.
    pub done: u64,
    /// The forwarder's process; it may have ended since.
    pub forwarder: Option<ProcessId>,
    /// Connections that were open through it when it last told.
    pub connections: usize,
    /// What became of each real port, by its number.
    pub ports: Vec<(Loan, Standing)>,
    /// It takes its orders from the lease store, as the release before this one does.
    pub is_older: bool,
}

/// What a forwarder is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(crate) enum Ask {
    /// Who has the front.
    Front,
    /// To look anew at what is served.
    Look,
    /// To lend to this project from now on, or to nobody.
    Lend {
        /// The project.
        project: Option<Whose>,
    },
    /// To leave its place to another forwarder.
    MakeWay,
}

/// A project, as the lease store numbers it. In another store a number is another project's, which its root tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Whose {
    id: i64,
    root: Option<Text>,
}

/// The answer to every question: how it was, and the count of what is to be made true.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Given {
    before: Told,
    generation: u64,
}

/// What a forwarder tells of itself, and leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) project: Option<Whose>,
    pub(crate) generation: u64,
    pub(crate) done: u64,
    pub(crate) forwarder: Option<ProcessId>,
    pub(crate) connections: usize,
    pub(crate) ports: Vec<(Loan, Standing)>,
    /// It is about to end, or has left its place to another one.
    pub(crate) leaves: bool,
    /// Its folder for what ends with a login, by which its socket is found where whoever asks has another one.
    pub(crate) login: Option<Text>,
}

impl Whose {
    pub(crate) fn of(row: &ProjectRow) -> Self {
        Self { id: row.id.0, root: row.root.clone() }
    }

    /// The project of this store that it is; `None` where it is none any more.
    pub(crate) fn known(&self, store: &Store<'_>) -> Result<Option<ProjectId>, Failure> {
        let projects = store.projects()?;
        Ok(projects.iter().find(|row| row.id.0 == self.id && row.root == self.root).map(|row| row.id))
    }
}

impl Lending {
    fn told(told: Told, store: &Store<'_>) -> Result<Self, Failure> {
        let project = told.project.map(|whose| whose.known(store)).transpose()?.flatten();
        let Told { generation, done, forwarder, connections, ports, .. } = told;
        Ok(Self { project, generation, done, forwarder, connections, ports, is_older: false })
    }

    fn older(row: FrontRow) -> Self {
        let FrontRow { project, generation, done, forwarder, connections, ports } = row;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        let (generation, done) = (count(generation), count(done));
        Self { project, generation, done, forwarder, connections, ports, is_older: true }
    }

    /// The forwarder's process, where it lives.
    pub fn alive(&self, host: &dyn Look) -> Option<ProcessId> {
        self.forwarder.filter(|process| is_alive(host, *process))
    }

    /// The project that has the real ports: it was given them, and the forwarder lives.
    pub fn holder(&self, host: &dyn Look) -> Option<ProjectId> {
        self.project.filter(|_| self.alive(host).is_some())
    }
}

/// Who has the front: as the forwarder tells where it lives, and otherwise as it was when it last told; `None` where nobody ever had it.
///
/// # Errors
/// Where the store or the file beside it cannot be read.
pub fn lending(host: &dyn Look, caller: &Caller, store: &Store<'_>) -> Result<Option<Lending>, Failure> {
    let left = left(&StateFolder::find(caller))?;
    if let Some(left) = left.as_ref().filter(|left| left.forwarder.is_some_and(|process| is_alive(host, process))) {
        // One that is stopped has what it told last.
        let told = ask(caller, left, &Ask::Front).map_or_else(|_| left.clone(), |given| given.before);
        return Lending::told(told, store).map(Some);
    }
    let older = store.front()?.map(Lending::older);
    match (older, left) {
        (Some(older), _) if older.alive(host).is_some() => Ok(Some(older)),
        (_, Some(left)) => Lending::told(left, store).map(Some),
        (older, None) => Ok(older),
    }
}

/// Has the forwarder lend to a project from now on, or to nobody. Gives how it was, and the count to wait for.
///
/// # Errors
/// Why it did not take that, in a sentence; it may end just now.
pub fn lend(caller: &Caller, store: &Store<'_>, project: Option<&ProjectRow>) -> Result<(Lending, u64), Failure> {
    let given = told_to(caller, &Ask::Lend { project: project.map(Whose::of) })?;
    Ok((Lending::told(given.before, store)?, given.generation))
}

/// Has the forwarder look anew at what is served; gives the count to wait for.
///
/// # Errors
/// Why it did not take that, in a sentence.
pub fn look_anew(caller: &Caller) -> Result<u64, Failure> {
    Ok(told_to(caller, &Ask::Look)?.generation)
}

/// Takes away what a forwarder has left behind that ended without a word.
///
/// # Errors
/// Where that cannot be written.
pub fn bury(caller: &Caller) -> Result<(), Failure> {
    let folder = StateFolder::find(caller);
    // One that has come meanwhile keeps the lock.
    match folder.turn(LOCK, A_MOMENT, &|| false) {
        Ok(None) => Ok(()),
        Ok(Some(_turn)) => leave(&folder, &Told::default()).map_err(|error| unwritten(&folder, &error)),
        Err(error) => Err(unwritten(&folder, &error)),
    }
}

fn told_to(caller: &Caller, asked: &Ask) -> Result<Given, Failure> {
    let left = left(&StateFolder::find(caller))?.filter(|left| left.forwarder.is_some());
    let left = left.ok_or_else(|| Failure::system("No forwarder runs."))?;
    ask(caller, &left, asked).map_err(|why| Failure::system(format!("The forwarder did not take it: {why}.")))
}

/// Asks the forwarder that has left this.
pub(crate) fn ask(caller: &Caller, left: &Told, asked: &Ask) -> Result<Given, String> {
    let forwarder = left.forwarder.ok_or("none runs")?;
    let hear = |asker: &Caller| runtime::ask(asker, Some(&[forwarder]), &control::question(asked), PATIENCE);
    let mut heard = hear(caller);
    if let Some(login) = left.login.as_ref().filter(|_| heard.is_empty()) {
        let mut beside = caller.clone();
        beside.environment.insert(LOGIN.to_owned(), login.clone());
        heard = hear(&beside);
    }
    let heard = heard.pop().ok_or("its socket is not found")?;
    let said = heard.said.map_err(|_| "it does not answer".to_owned())?;
    if heard.pid == forwarder.pid { control::answer(&said) } else { Err("another process answers for it".to_owned()) }
}

/// Answers a question about the front. What is ordered is written down before it is true, so that it stands whatever becomes of this process.
pub(crate) fn answered(folder: &StateFolder, asked: Ask, _: Peer, state: &State<Told>) -> Result<Given, String> {
    let mut given = Err("it ends just now".to_owned());
    if let Ask::Front = asked {
        let before = state.now().as_ref().clone();
        let generation = before.generation;
        return Ok(Given { before, generation });
    }
    state.change(|told| {
        if told.leaves {
            return;
        }
        let before = told.clone();
        let mut now = Told { generation: told.generation.saturating_add(1), ..before.clone() };
        match asked {
            Ask::Front | Ask::Look => {}
            Ask::Lend { project } => now.project = project,
            Ask::MakeWay => now.leaves = true,
        }
        given = match leave(folder, &now) {
            Ok(()) => Ok(Given { before, generation: now.generation }),
            Err(error) => Err(unwritten(folder, &error).message),
        };
        if given.is_ok() {
            *told = now;
        }
    });
    given
}

/// What the forwarder that was the last has left behind.
pub(crate) fn left(folder: &StateFolder) -> Result<Option<Told>, Failure> {
    let path = folder.path.join(FILE);
    let content = folder.read(FILE).map_err(|error| Failure::system(format!("{} cannot be read: {error}.", path.display())))?;
    // What no forwarder has written is nothing that one has left.
    Ok(content.and_then(|content| serde_json::from_slice(&content).ok()))
}

/// Leaves behind what is true now.
pub(crate) fn leave(folder: &StateFolder, told: &Told) -> std::io::Result<()> {
    folder.replace_soon(FILE, &serde_json::to_vec(told)?)
}

/// The place of the forwarder, which one process has; `None` where it is taken.
pub(crate) fn claim(folder: &StateFolder, patience: Duration, needless: &dyn Fn() -> bool) -> Result<Option<Turn>, Failure> {
    folder.turn(LOCK, patience, needless).map_err(|error| unwritten(folder, &error))
}

fn unwritten(folder: &StateFolder, error: &std::io::Error) -> Failure {
    Failure::system(format!("The front cannot be written down in {}: {error}.", folder.path.display()))
}

/// What a forwarder tells, beside the leases.
const FILE: &str = "front.json";
/// Kept by the forwarder as long as it lives.
const LOCK: &str = "front.lock";
/// The variable that names the folder for what ends with a login.
pub(crate) const LOGIN: &str = "XDG_RUNTIME_DIR";
/// How long a forwarder has to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the lock of one that has ended is waited for.
const A_MOMENT: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use portward_model::{Loan, ProcessId, Standing};
    use portward_sys::StateFolder;

    use super::{Told, Whose, leave, left};

    #[test]
    fn what_is_left_is_read_back_and_what_nobody_wrote_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let facts = portward_sys::this_machine().unwrap().facts().unwrap();
        let folder = StateFolder::at(folder.path().join("state"), facts.uid);
        assert_eq!(left(&folder).unwrap(), None);
        folder.prepare().unwrap();
        let ports = [Standing::Lent, Standing::Failed(5)].map(|standing| (Loan { port: 3000, target: 20300 }, standing));
        let told = Told {
            project: Some(Whose { id: 7, root: Some("/w/shop".into()) }),
            forwarder: Some(ProcessId { pid: 7, started_ticks: 70 }),
            ports: ports.to_vec(),
            ..Told::default()
        };
        for told in [told, Told::default()] {
            leave(&folder, &told).unwrap();
            assert_eq!(left(&folder).unwrap(), Some(told));
        }
        folder.replace_soon("front.json", b"{}x").unwrap();
        assert_eq!(left(&folder).unwrap(), None);
    }
}
