//! What Compose files that belong together say of ports, file by file: each number where it stands, and each service once.

use std::collections::BTreeMap;

use super::{
    Files, StackFlaw, Variables,
    merge::{Whole, beside, whole},
    names, ports,
};
use crate::source::{
    Added, Fact, Findings, Flaw, Setting, Spot, Start, What, command,
    node::{Entry, Node},
    number,
};

/// What files say that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Each file that was opened, with what it says. A service stands in the first that has it, a number where it is written.
    pub files: BTreeMap<String, Findings>,
    /// Files that others of them include.
    pub included: Vec<String>,
    /// What could not be understood; the rest is there without it.
    pub flaws: Vec<StackFlaw>,
}

/// The names of Compose files that are read without being named, the one that counts first.
pub const NAMES: &[&str] = &["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// The names of what is laid over them.
const OVERRIDES: &[&str] =
    &["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"];

/// The files of a folder that are meant where none is named: those of `COMPOSE_FILE`, and otherwise the one of the usual names with its
/// override. `is_there` says which names the folder has.
pub fn meant(is_there: &dyn Fn(&str) -> bool, variables: &Variables) -> Vec<String> {
    if let Some(named) = variables.get("COMPOSE_FILE").filter(|named| !named.is_empty()) {
        let between = variables.get("COMPOSE_PATH_SEPARATOR").filter(|between| !between.is_empty()).unwrap_or(":");
        return named.split(between).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    }
    let first = |names: &[&str]| names.iter().find(|name| is_there(name)).map(|name| (*name).to_owned());
    let Some(base) = first(NAMES) else { return Vec::new() };
    [base].into_iter().chain(first(OVERRIDES)).collect()
}

/// A path that is named in a folder, from where that folder's own path begins.
pub fn join(folder: &str, path: &str) -> String {
    if folder.is_empty() { beside("", path) } else { beside(&format!("{folder}/."), path) }
}

impl Said {
    /// What these files say, each laid over those before it, with what they include and extend. `folder` is where Compose finds them.
    pub fn read(folder: &str, files: &[String], open: Files<'_>, variables: &Variables) -> Self {
        let whole = whole(files, open, variables);
        let files_read = whole.files.iter().map(|file| (file.clone(), Findings::default())).collect();
        let mut said = Self { included: whole.included.clone(), flaws: whole.flaws.clone(), files: files_read };
        let wanted: Vec<&str> = variables.get("COMPOSE_PROFILES").unwrap_or_default().split(',').collect();
        for entry in whole.node.field("services").map(Node::map).unwrap_or_default() {
            let mut start = said.service(&whole, entry);
            folder.clone_into(&mut start.folder);
            // A relative folder is meant from where its file stands; that of a file which is laid over others from the first one's.
            let build = entry.node.field("build");
            let build = build.and_then(|build| if build.text().is_some() { Some(build) } else { build.field("context") });
            start.build = build.and_then(|build| {
                let (from, path) = (whole.file(build.file), build.text()?);
                let is_laid = files.iter().any(|file| file == from);
                let from = files.first().filter(|_| is_laid).map_or(from, String::as_str);
                let found = beside(from, path);
                (!found.starts_with('/') && !found.starts_with("..")).then_some(found)
            });
            if start.profiles.iter().any(|profile| wanted.contains(&profile.as_str()) || wanted.contains(&"*")) {
                start.profiles.clear();
            }
            let file = whole.file_of(&entry.key);
            said.of(&file).starts.push(start);
        }
        said
    }

    fn of(&mut self, file: &str) -> &mut Findings {
        self.files.entry(file.to_owned()).or_default()
    }

    /// What several services say by an anchor, or by one that they extend, is a fact of each of them.
    fn fact(&mut self, file: &str, fact: Fact) {
        self.of(file).facts.push(fact);
    }

    fn service(&mut self, whole: &Whole, entry: &Entry) -> Start {
        let (name, node) = (entry.key.as_str(), &entry.node);
        // In the host's own network a container's port is this machine's.
        let at_host = node.text_of("network_mode") == Some("host");
        let mut spots = Vec::new();
        let listed = node.field("ports").filter(|_| !at_host).map(Node::list).unwrap_or_default();
        for port in listed.iter().flat_map(ports::published) {
            let (file, line, column) = (whole.file(port.at.0), port.at.1, port.at.2);
            let transport = port.transport();
            let (number, what, reason) = match port.asked {
                None => (port.target, What::Exposed, "a container's port without one of this machine"),
                Some(asked) => {
                    let (file, container) = (file.to_owned(), port.target);
                    spots.push(Spot { file, line, column, port: asked, container, transport });
                    (asked, What::Published { address: port.address, container }, "the published side of a mapping")
                }
            };
            self.fact(file, Fact { transport, ..Fact::new(number, what, reason, line, column) }.of(name));
        }
        for item in node.field("expose").map(Node::list).unwrap_or_default() {
            let text = item.text().unwrap_or_default();
            if let Some(port) = number::port(text.split('/').next().unwrap_or(text)) {
                let fact = Fact::new(port, What::Exposed, "an entry of `expose`", item.line, item.column);
                self.fact(whole.file(item.file), fact.of(name));
            }
        }
        self.environment(whole, (name, node), at_host);
        self.command(whole, (name, node));
        let of_it = |(own, file, line): &(String, u32, u32)| {
            (own == name).then(|| Added { file: whole.file(*file).to_owned(), line: *line })
        };
        Start {
            name: name.to_owned(),
            runs: node.text_of("command").map(str::to_owned),
            line: entry.line,
            after: node.field("depends_on").map(names).unwrap_or_default(),
            image: node.text_of("image").map(str::to_owned).filter(|image| !image.is_empty()),
            profiles: node.field("profiles").map(Node::texts).unwrap_or_default(),
            published: spots,
            added: whole.added.iter().filter_map(of_it).collect(),
            ..Start::default()
        }
    }

    /// What the service's programs find in their environment, and by it listen on or dial, in the container.
    fn environment(&mut self, whole: &Whole, (name, service): (&str, &Node), at_host: bool) {
        for Entry { key, node, .. } in service.field("environment").map(Node::map).unwrap_or_default() {
            let Some(value) = node.text().filter(|value| !value.is_empty()) else { continue };
            let found = self.of(whole.file(node.file));
            let (value, service) = (value.to_owned(), Some(name.to_owned()));
            found.settings.push(Setting { name: key.clone(), value: value.clone(), service, line: node.line });
            if let Some(port) = number::port(&value).filter(|_| number::is_port_variable(key)) {
                let reason = "a variable that servers read their port from";
                found.facts.push(Fact::new(port, What::Exposed, reason, node.line, node.column).of(name));
            }
            let before = found.facts.len();
            found.urls(&value, node.line, node.column, Some(key));
            for fact in found.facts.iter_mut().skip(before) {
                fact.service = Some(name.to_owned());
                fact.variable = (!at_host).then(|| key.clone());
            }
        }
    }

    /// The ports that the command of a container names: its program listens on them there.
    fn command(&mut self, whole: &Whole, (name, service): (&str, &Node)) {
        let Some(node) = service.field("command") else { return };
        let mut inner = Findings::default();
        command::read(node.text().unwrap_or_default(), command::At { line: node.line, column: 0, service: name }, &mut inner);
        for fact in inner.facts {
            if let What::Asked { .. } = fact.what {
                self.fact(whole.file(node.file), Fact { what: What::Exposed, ..fact });
            }
        }
    }
}

/// What a file says for itself, without those that it names.
pub(crate) fn alone(path: &str, text: &str) -> Findings {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let open = |other: &str| (other == path).then(|| text.to_owned());
    let mut said = Said::read(folder, &[path.to_owned()], &open, &Variables::default());
    let mut found = said.files.remove(path).unwrap_or_default();
    let own = said.flaws.into_iter().filter(|flaw| flaw.file == path);
    found.flaws.extend(own.map(|flaw| Flaw { line: flaw.line, column: 0, words: flaw.words }));
    found
}
