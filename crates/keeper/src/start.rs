//! How a session starts: what the front tells its supervisor, a process of its own, and what that does with it.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Write},
    os::fd::OwnedFd,
    path::Path,
    process::ExitCode,
};

use portward_model::{Caller, Failure};
use portward_session::{Alone, Ended, Manner, Post, Program, Rules, StartError, stand_alone, stand_before};
use portward_store::{gaps, here};
use portward_sys::{Acts, Cancel, Context, Nobody, StateFolder, SystemClock, this_machine};
use serde::{Deserialize, Serialize};

use crate::{
    notice,
    ports::ProjectPorts,
    record::KeptAs,
    session::Recorder,
    told::{Ran, Teller},
    watched::Watcher,
};

/// What a supervisor is to do.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Duty {
    /// Answer the calls of its programs by these rules, in this manner.
    Guard(Rules, Manner),
    /// Touch no calls, and look whether its program listens at the port that it was told.
    Watch {
        /// That port.
        port: u16,
    },
}

/// A session that is to start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Start {
    /// Who asks for it.
    pub caller: Caller,
    /// What to call its service; `None` where that goes by its program's name.
    pub name: Option<String>,
    /// What its supervisor is to do.
    pub duty: Duty,
    /// The service that it is, where a project's keeper starts it.
    #[serde(default)]
    pub kept: Option<KeptAs>,
}

impl Start {
    /// Starts the program under a supervisor, and stands in for it until it has ended. What is told meanwhile goes to `take`,
    /// which answers false where nobody reads it, or not now. `handed` is a socket for the program's descriptor 3.
    ///
    /// # Errors
    ///
    /// Where the program could not be started; it has not run then.
    pub fn run(
        &self,
        program: &Program,
        handed: Option<&OwnedFd>,
        take: &mut (dyn FnMut(Ran) -> bool + Send),
    ) -> Result<Ended, StartError> {
        let text = |word: &OsString| word.to_string_lossy().into_owned();
        let environment: Vec<_> = program.environment.iter().map(|(name, value)| (text(name), text(value))).collect();
        let order = serde_json::to_string(&(self, environment))
            .map_err(|error| StartError::Session(format!("The session's order: {error}.")))?;
        let words: Vec<OsString> = [program.name.clone()].into_iter().chain(program.arguments.iter().cloned()).collect();
        let mut teller = Teller::new(take);
        let gaps = gaps(&StateFolder::find(&self.caller));
        if !gaps.is_empty() {
            teller.tell(Ran { gaps, ..Ran::default() });
        }
        stand_before(&program.name, &order, &words, handed, &mut |words| {
            if let Ok(told) = serde_json::from_slice(words) {
                teller.tell(told);
            }
        })
    }
}

impl Start {
    /// Starts the program under a supervisor that goes on when this process has ended. The program's variables are all that it has; what
    /// it writes, and what is told of it, goes into `log`.
    pub(crate) fn alone(&self, program: &Program, folder: &Path, log: OwnedFd) -> Result<Alone, StartError> {
        let nothing: Vec<(String, String)> = Vec::new();
        let order = serde_json::to_string(&(self, nothing))
            .map_err(|error| StartError::Session(format!("The session's order: {error}.")))?;
        let words: Vec<OsString> = [program.name.clone()].into_iter().chain(program.arguments.iter().cloned()).collect();
        stand_alone(program, &order, &words, folder, log)
    }
}

/// Becomes a supervisor, if this process was started for that.
pub(crate) fn entrance(arguments: &[OsString]) -> Option<ExitCode> {
    let (post, order, words) = Post::take(arguments)?;
    supervise(post, &order, words);
    Some(ExitCode::SUCCESS)
}

fn supervise(post: Post, order: &OsStr, words: &[OsString]) {
    let [name, arguments @ ..] = words else { return };
    let (order, environment): (Start, Vec<(String, String)>) = match order.to_str().map(serde_json::from_str) {
        Some(Ok(order)) => order,
        _ => return post.give_up("The supervisor was started without an order.".to_owned()),
    };
    let environment = environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let program = Program { name: name.clone(), arguments: arguments.to_vec(), environment };
    let machine = match this_machine() {
        Ok(machine) => machine,
        Err(error) => return post.give_up(Failure::from(error).message),
    };
    let cancel = Cancel::default();
    let cx = Context::<Acts> {
        machine: machine.as_ref(),
        caller: &order.caller,
        clock: &SystemClock,
        cancel: &cancel,
        prompt: &Nobody,
    };
    let herald = match post.herald() {
        Ok(herald) => herald,
        Err(error) => return post.give_up(format!("The supervisor has no channel: {error}.")),
    };
    let identity = match here(&cx) {
        Ok(identity) => identity,
        Err(failure) => return post.give_up(failure.message),
    };
    let say: Box<dyn FnMut(Ran) -> bool + Send> = match &order.kept {
        // Nobody may be there to be told; its log is.
        Some(_) => Box::new(|told: Ran| {
            let mut log = io::stderr().lock();
            told.lines().iter().all(|line| writeln!(log, "portward: {}", line.strip_prefix("portward: ").unwrap_or(line)).is_ok())
        }),
        // A document that does not fit a message is one that nobody takes.
        None => Box::new(move |told: Ran| serde_json::to_vec(&told).is_ok_and(|words| herald.say(&words))),
    };
    let record = |project, rules| Recorder::begin(&cx, project, rules, (order.name.clone(), order.kept.clone()), say);
    match order.duty {
        Duty::Guard(rules, manner) => {
            let ports = ProjectPorts::open(&cx, identity.clone());
            let both = ports.and_then(|ports| {
                let place = ports.place();
                Ok((ports, record((identity, place), Some(rules))?))
            });
            match both {
                Ok((ports, recorder)) => {
                    portward_session::run(post, &program, (rules, manner), notice::noted, Box::new(ports), Box::new(recorder));
                }
                Err(failure) => post.give_up(failure.message),
            }
        }
        Duty::Watch { port } => match record((identity, None), None) {
            Ok(recorder) => portward_session::watch(post, &program, Box::new(Watcher::new(&cx, recorder, port))),
            Err(failure) => post.give_up(failure.message),
        },
    }
}
