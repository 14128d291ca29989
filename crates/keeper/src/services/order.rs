//! What a keeper is told to run.

use portward_model::{
    ProcessId, Sentence, Text, Transport,
    plan::{Ready, Restart},
};
use serde::{Deserialize, Serialize};

use super::{InCompose, Kept};

/// Services that are to run, from whoever reads the project's file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The services with all that they wait for, each after those.
    pub jobs: Vec<Job>,
    /// The environment of who asks, which each of them has.
    pub environment: Vec<(Text, Text)>,
    /// Those of them that are ended first where they run.
    pub again: Vec<String>,
    /// Whose end is the end of them all.
    pub attached: Option<Attached>,
}

/// A process that services end with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// The process.
    pub process: ProcessId,
    /// The services; every one where none is named.
    pub services: Vec<String>,
}

/// A service, with everything resolved that its start takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// What it is called.
    pub name: String,
    /// The program and its arguments.
    pub words: Vec<Text>,
    /// The folder that it starts in.
    pub folder: Text,
    /// The root of its project.
    pub root: Text,
    /// Its variables, beside those of who asks.
    pub environment: Vec<(String, Text)>,
    /// The ports that it asks for; the first is the one that is meant by its name.
    pub ports: Vec<JobPort>,
    /// What it speaks at the first one, where the file says so.
    pub protocol: Option<String>,
    /// When it is ready.
    pub ready: Ready,
    /// How long it may take until then, in milliseconds.
    pub patience_ms: u64,
    /// What is ready before it is started.
    pub after: Vec<String>,
    /// What happens when it ends.
    pub restart: Restart,
    /// Its program compares the port that its socket has with the one that it asked for, and is answered with the latter.
    pub as_asked: bool,
    /// The service of Compose files that it is.
    #[serde(default)]
    pub compose: Option<InCompose>,
    /// Why it cannot be started, which is told instead.
    #[serde(default)]
    pub hindered: Option<Sentence>,
}

/// A port that a service asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPort {
    /// What it is called; `None` for the first one.
    pub name: Option<String>,
    /// The port that its program asks for.
    pub asked: u16,
    /// TCP or UDP.
    pub transport: Transport,
}

impl Job {
    /// The port that is meant by its name.
    pub fn port(&self) -> Option<&JobPort> {
        self.ports.first()
    }
}

impl Job {
    /// A service that was found running, with what is known of it; how it would be started is not.
    pub(super) fn unknown(name: &str, root: Text, known: Option<&Kept>) -> Self {
        Self {
            name: name.to_owned(),
            words: Vec::new(),
            folder: root.clone(),
            root,
            environment: Vec::new(),
            ports: known
                .and_then(|known| known.asked)
                .map(|asked| JobPort { name: None, asked, transport: Transport::Tcp })
                .into_iter()
                .collect(),
            protocol: None,
            ready: Ready::Answers,
            patience_ms: 60_000,
            after: known.map(|known| known.after.clone()).unwrap_or_default(),
            restart: Restart::Never,
            as_asked: false,
            compose: known.and_then(|known| known.compose.clone()),
            hindered: None,
        }
    }
}
