//! What a project declares: its services, the ports that they ask for, and the values that derive from each other. It stands in
//! `portward.toml`, or is gathered from the files that a project has anyway.

mod order;
mod template;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Span, Transport};

pub use order::{Tangle, order};
pub use template::{LONGEST, Reference, Template, TemplateError, Unresolved, Worth, resolve};

/// Where something is declared.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// The file, below the project's root.
    pub file: String,
    /// Its line, from 1; 0 where the whole file is meant.
    pub line: u32,
}

/// What a project declares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// What the project calls itself; `None` where its folder's name does.
    pub name: Option<String>,
    /// What every service finds in its environment, in the order of the file.
    pub values: Vec<Value>,
    /// Its services, in the order of the file.
    pub services: Vec<Service>,
}

/// A variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Value {
    /// Its name: letters, digits and underscores, not a digit first.
    pub name: String,
    /// What it is, with references to services and other values in braces.
    pub template: Template,
    /// Where it is declared.
    pub origin: Origin,
}

/// Something that a project runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Service {
    /// What it is called in this project.
    pub name: String,
    /// What starts it; `None` where [`Service::uses`] or [`Service::compose`] says what it is.
    pub command: Option<ServiceCommand>,
    /// Where it is started, below the project's root; `None` for the root itself.
    pub folder: Option<String>,
    /// The ports that it asks for. The first is the one that is meant by the service's name.
    pub ports: Vec<DeclaredPort>,
    /// What it speaks at its first port, by the name of a protocol that Portward knows; `None` where that follows from its kind or port.
    pub protocol: Option<String>,
    /// When it is ready.
    pub ready: Ready,
    /// How long it may take until it is; `None` for the default.
    pub patience: Option<Span>,
    /// Services that are ready before it is started.
    pub after: Vec<String>,
    /// What happens when it ends.
    pub restart: Restart,
    /// What it finds in its environment besides the project's values.
    pub values: Vec<Value>,
    /// What it is for, in a line.
    pub description: Option<String>,
    /// The name under which others are to reach it, as `web` in `web.shop.localhost`.
    pub public: Option<String>,
    /// A program that Portward knows how to run as a service of the project's own: `postgres`, `redis`.
    pub uses: Option<String>,
    /// The service of the project's Compose files that it is.
    pub compose: Option<Composed>,
    /// Where it is declared.
    pub origin: Origin,
}

/// A service of Compose files. What those say beside its name is known where they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Composed {
    /// What they call it.
    pub service: String,
    /// What it runs, in a word or two: its image, or where that is built.
    pub what: Option<String>,
    /// It stands in the machine's own network, where nothing is published and no port can be moved.
    pub at_host: bool,
}

/// A port that a service asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeclaredPort {
    /// What it is called; `None` for the service's first one.
    pub name: Option<String>,
    /// The port that the program asks for, as everybody on the team knows it.
    pub asked: u16,
    /// TCP or UDP.
    pub transport: Transport,
    /// Where it is declared.
    pub origin: Origin,
}

/// What starts a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ServiceCommand {
    /// A line for `sh -c`.
    Line(String),
    /// The program and its arguments, as they are.
    Words(Vec<String>),
}

/// When a service is ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ready {
    /// It listens at its first port and answers as its protocol should; without a port, it runs.
    #[default]
    Answers,
    /// An HTTP request for this path is answered with a status below 400.
    Path(String),
    /// It wrote a line with this text in it.
    Log(String),
    /// This line, given to `sh -c` in the service's own environment, ends with 0.
    Command(String),
    /// It ended with 0: a step such as a migration.
    Done,
}

/// What happens when a service ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// It is started again where it ended with another code than 0, or by a signal that nobody here sent.
    #[default]
    OnFailure,
    /// It is started again.
    Always,
    /// It stays ended.
    Never,
}

impl Plan {
    /// The service of this name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }
}

impl Service {
    /// The port that is meant by the service's name.
    pub fn port(&self) -> Option<&DeclaredPort> {
        self.ports.first()
    }

    /// The port that goes by this name in the service.
    pub fn port_named(&self, name: &str) -> Option<&DeclaredPort> {
        self.ports.iter().find(|port| port.name.as_deref() == Some(name))
    }
}
