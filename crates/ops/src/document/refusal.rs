//! What was not done to a process, and why.

use portward_model::{Sentence, ShellLine, Span, Text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A process that was not signalled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refused {
    /// Its pid; 0 where the owner is not visible.
    pub pid: u32,
    /// The port that it is about, where that is one of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Its name.
    pub name: String,
    /// Why not.
    pub because: Sentence,
    /// The same as a value.
    pub why: Refusal,
}

impl Refused {
    pub(crate) fn new(pid: u32, name: String, why: Refusal) -> Self {
        Self { pid, port: None, name, because: why.words(), why }
    }
}

portward_model::reasons! {
    /// Why something was not done to a process.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    pub enum Refusal {
        "{absence}" Unseen { uid: u32, unit: Option<Text>, absence: Sentence },
        "it keeps this socket open for the service that it starts on demand; stop its socket unit instead" KeepsForAnother,
        "its socket bears this name, and whether it is bound to this very file could not be told" PerhapsAnother,
        "it is pid 1, which starts and keeps everything else; it is never signalled" FirstProcess,
        "it is this very command" ThisCommand,
        "this command runs inside it; stop it from somewhere else" AboveThisCommand,
        "it is a thread of the kernel" KernelThread,
        "it has exited already and waits for its parent to notice" Exited,
        "it publishes a port of container {container}, which would keep running; stop the container: {stop}"
            Publishes { container: String, stop: ShellLine },
        "it carries ports of a {runtime} container, which would keep running without them; stop the container: {find} tells which, \
         then {runtime} stop NAME" Carries { runtime: String, find: ShellLine },
        "it lends the port to {project}; portward front --off gives it back" Lends { project: String },
        "it lends ports of this machine to a project; portward front --off gives them back" LendsPorts,
        "it forwards what arrives there to another place; {stop} ends it" Forwards { stop: ShellLine },
        "it supervises a session, and holds ports for it; they are free when the session has ended: {stop}" Supervises { stop: ShellLine },
        "it still runs {grace} after {signal}; --force sends SIGKILL" Outlives { grace: Span, signal: String },
        "it does not end even after SIGKILL: it waits in the kernel, as for a disk or a network file system" Unkillable,
        "a debugger has stopped it; resume it there" Traced,
        "{error}" System { error: String },
        "{holder} listens on {port}" ListensOn { holder: String, port: u16 },
        "{holder} holds {port}" Holds { holder: String, port: u16 },
    }
}
