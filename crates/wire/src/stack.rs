//! The services of a project's Compose files as Compose reads them together: variables put in, files laid over each other, `extends`
//! and `include` followed. The same is read of what `docker compose config --format json` prints, where Compose itself has done all that.
//!
//! What is laid over them, so that each worktree has a stack of its own at ports of its own, is [`overlay`].

mod merge;
mod overlay;
mod ports;
mod said;
mod variables;

use portward_model::Transport;

use crate::source::{
    json,
    node::{Entry, Node},
    yaml,
};

pub use overlay::{Declared, Overlay, Place, overlay};
pub(crate) use said::alone;
pub use said::{NAMES, Said, join, meant};
pub use variables::Variables;

/// The services of Compose files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// The services, in the order of the files.
    pub services: Vec<StackService>,
    /// Volumes and networks with a name that the files themselves give them, so that every stack on the machine would share them.
    pub shared: Vec<Shared>,
    /// Files that others of them include.
    pub included: Vec<String>,
}

/// A volume or network with a name of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// `volumes` or `networks`.
    pub of: &'static str,
    /// What the files call it.
    pub key: String,
    /// What the engine calls it.
    pub name: String,
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StackService {
    /// What the files call it.
    pub name: String,
    /// Its image.
    pub image: Option<String>,
    /// The folder that it is built from.
    pub build: Option<String>,
    /// What of it is to be reached from outside.
    pub ports: Vec<StackPort>,
    /// What is there before it starts.
    pub after: Vec<String>,
    /// The profiles that it is started with; always, where there is none.
    pub profiles: Vec<String>,
    /// The name of its container, where the files give it one.
    pub container: Option<String>,
    /// The networks that it is in.
    pub networks: Vec<String>,
    /// It stands in the machine's own network, where nothing is published.
    pub at_host: bool,
    /// The file that says so, below the project's root, and the line; empty where that is not known.
    pub file: String,
    /// The line.
    pub line: u32,
}

/// A port of a container that is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackPort {
    /// The port of the machine that it is published at; `None` where any will do.
    pub asked: Option<u16>,
    /// The port in the container.
    pub target: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// The line that says so; 0 where that is not known.
    pub line: u32,
}

/// What is wrong with Compose files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackFlaw {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 for the whole file.
    pub line: u32,
    /// What is wrong, as the end of a sentence.
    pub words: String,
}

/// Reads a file by its path below the folder of the stack; `None` where there is none.
pub type Files<'f> = &'f dyn Fn(&str) -> Option<String>;

impl Stack {
    /// The services of these files, each laid over those before it.
    ///
    /// # Errors
    /// Where one of them cannot be understood.
    pub fn read(files: &[String], open: Files<'_>, variables: &Variables) -> Result<Self, StackFlaw> {
        let mut whole = merge::whole(files, open, variables);
        let flaws = std::mem::take(&mut whole.flaws);
        flaws.into_iter().next().map_or_else(|| Ok(Self::of_whole(&whole)), Err)
    }

    fn of_whole(whole: &merge::Whole) -> Self {
        Self { included: whole.included.clone(), ..Self::of(&whole.node, &|name| whole.file_of(name)) }
    }

    /// The services of what `docker compose config --format json` prints.
    ///
    /// # Errors
    /// Where that is no JSON.
    pub fn configured(text: &str) -> Result<Self, StackFlaw> {
        let flaw = |flaw: crate::source::Flaw| StackFlaw { file: String::new(), line: flaw.line, words: flaw.words };
        let node = json::read(text).map_err(flaw)?;
        Ok(Self::of(&node, &|_| String::new()))
    }

    /// The service of this name.
    pub fn service(&self, name: &str) -> Option<&StackService> {
        self.services.iter().find(|service| service.name == name)
    }

    fn of(root: &Node, file_of: &dyn Fn(&str) -> String) -> Self {
        let all = root.field("services").map(Node::map).unwrap_or_default();
        let services = all.iter().map(|entry| StackService { file: file_of(&entry.key), ..service(entry) }).collect();
        let shared = ["volumes", "networks"].into_iter().flat_map(|of| {
            let named = root.field(of).map(Node::map).unwrap_or_default().iter();
            named.filter_map(move |entry| {
                let name = entry.node.text_of("name").filter(|_| !is_external(&entry.node))?;
                Some(Shared { of, key: entry.key.clone(), name: name.to_owned() })
            })
        });
        Self { services, shared: shared.collect(), included: Vec::new() }
    }
}

impl StackService {
    /// What it runs, in a word or two: its image, or where that is built.
    pub fn what(&self) -> Option<String> {
        self.image.clone().or_else(|| self.build.as_ref().map(|folder| format!("built from {folder}")))
    }

    /// What it speaks at its first port, by the name of a protocol.
    pub fn protocol(&self) -> Option<&'static str> {
        let by_port = |port: &StackPort| crate::protocol::of_port(port.target).filter(|_| port.protocol == "tcp");
        let by_port = || self.ports.first().and_then(by_port).map(|(known, _)| known.name);
        self.image.as_deref().and_then(protocol_of_image).or_else(by_port)
    }
}

impl StackPort {
    /// TCP or UDP, as far as ports are leased; others go with TCP's.
    pub fn transport(&self) -> Transport {
        if self.protocol == "udp" { Transport::Udp } else { Transport::Tcp }
    }
}

/// What an image speaks, by the name of a protocol, where that is one of the usual servers of data.
pub fn protocol_of_image(image: &str) -> Option<&'static str> {
    let path = image.split('@').next().unwrap_or(image);
    let last = path.rsplit('/').next().unwrap_or_default();
    let base = last.split(':').next().unwrap_or_default();
    IMAGES.iter().find(|(start, _)| base.starts_with(start)).map(|(_, name)| *name)
}

/// How the names of images of servers begin, and what they speak.
const IMAGES: &[(&str, &str)] = &[
    ("postgres", "postgres"),
    ("postgis", "postgres"),
    ("timescaledb", "postgres"),
    ("pgvector", "postgres"),
    ("mysql", "mysql"),
    ("mariadb", "mysql"),
    ("redis", "redis"),
    ("valkey", "redis"),
    ("memcached", "memcached"),
    ("mongo-express", "http"),
    ("mongo", "mongodb"),
    ("rabbitmq", "amqp"),
    ("nats", "nats"),
];

fn service(entry: &Entry) -> StackService {
    let node = &entry.node;
    let build = node.field("build").and_then(|build| build.text().or_else(|| build.text_of("context")));
    let mode = node.text_of("network_mode");
    let networks = match (mode, node.field("networks")) {
        (Some(_), _) => Vec::new(),
        (None, None) => vec!["default".to_owned()],
        (None, Some(networks)) => names(networks),
    };
    let at_host = mode == Some("host");
    let ports = node.field("ports").filter(|_| !at_host).map(Node::list).unwrap_or_default();
    let mut found: Vec<StackPort> = Vec::new();
    for port in ports.iter().flat_map(ports::published) {
        // Of a range of which any will do the first is meant.
        let is_known = |other: &StackPort| other.target == port.target && other.protocol == port.protocol;
        if !(port.of_range && found.iter().any(is_known)) {
            found.push(StackPort { asked: port.asked, target: port.target, protocol: port.protocol, line: port.at.1 });
        }
    }
    StackService {
        name: entry.key.clone(),
        image: node.text_of("image").map(str::to_owned).filter(|image| !image.is_empty()),
        build: build.map(str::to_owned),
        ports: found,
        after: node.field("depends_on").map(names).unwrap_or_default(),
        profiles: node.field("profiles").map(Node::texts).unwrap_or_default(),
        container: node.text_of("container_name").map(str::to_owned).filter(|name| !name.is_empty()),
        networks,
        at_host,
        file: String::new(),
        line: entry.line,
    }
}

/// The names of a list, or of a mapping.
fn names(node: &Node) -> Vec<String> {
    node.texts().into_iter().filter(|name| !name.is_empty()).chain(node.map().iter().map(|entry| entry.key.clone())).collect()
}

fn is_external(node: &Node) -> bool {
    node.field("external").is_some_and(|external| external.text() != Some("false"))
}

/// The nodes of a file.
fn parsed(file: &str, text: &str) -> Result<Option<Node>, StackFlaw> {
    let flaw = |flaw: crate::source::Flaw| StackFlaw { file: file.to_owned(), line: flaw.line, words: flaw.words };
    Ok(yaml::read(text).map_err(flaw)?.into_iter().next())
}

#[cfg(test)]
mod tests;
