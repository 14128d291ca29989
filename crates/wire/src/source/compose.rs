//! Compose files: services, what they publish, and how their lists of ports meet those of other files.

pub(crate) mod ports;

use super::{
    Fact, Findings, Kind, Ports, Setting, Source, Start, What, command,
    node::{Entry, Node, Value},
    number,
};

pub(super) const KIND: Kind = Kind {
    personal: true,
    reads: "The `ports` of each service, short and long, with ranges, addresses, protocols and variables (`${WEB_PORT:-3000}`): the published port is this machine's, the other one the container's. `expose`, `environment`, `command`, `build`, `depends_on`, `profiles` and `extends` are read, anchors and merges resolved. What is to be started is read as Compose does: with the override beside a file, what it includes or extends from others, and `COMPOSE_FILE` of the environment or of `.env`.",
    ..Kind::of(
        "compose",
        "Compose files",
        &[
            "docker-compose.yml",
            "docker-compose.yaml",
            "compose.yml",
            "compose.yaml",
            "docker-compose.*.yml",
            "docker-compose.*.yaml",
            "compose.*.yml",
            "compose.*.yaml",
        ],
        read,
    )
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let Some(root) = found.yaml(source).into_iter().next() else { return };
    let services = root.field("services").map(Node::map).unwrap_or_default();
    for entry in services {
        let service = extended(&entry.node, services, 0);
        one(source, entry, &service, found);
    }
}

fn one(source: &Source<'_>, entry: &Entry, service: &Node, found: &mut Findings) {
    let name = entry.key.as_str();
    // In the host's own network a container's port is this machine's.
    let at_host = service.text_of("network_mode") == Some("host");
    if let Some(ports) = service.field("ports").filter(|_| !at_host) {
        for item in ports.list() {
            ports::item(item, name, found);
        }
    }
    for item in service.field("expose").map(Node::list).unwrap_or_default() {
        let text = item.text().unwrap_or_default();
        if let Some(port) = number::port(text.split('/').next().unwrap_or(text)) {
            found.facts.push(Fact::new(port, What::Exposed, "an entry of `expose`", item.line, item.column).of(name));
        }
    }
    environment(service, name, at_host, found);
    let build = service.field("build").and_then(|build| build.text().or_else(|| build.text_of("context")));
    let depends = service.field("depends_on");
    let after = depends.map(Node::texts).unwrap_or_default().into_iter();
    let after = after.chain(depends.map(Node::map).unwrap_or_default().iter().map(|entry| entry.key.clone())).collect();
    found.starts.push(Start {
        name: name.to_owned(),
        command: None,
        runs: service.field("command").and_then(Node::text).map(str::to_owned),
        folder: source.folder().to_owned(),
        line: entry.line,
        after,
        image: service.text_of("image").map(str::to_owned),
        build: build.and_then(|folder| source.below(folder)),
        profiles: service.field("profiles").map(Node::texts).unwrap_or_default(),
        with: Vec::new(),
        ports: of_list(entry.node.entry("ports")),
    });
}

fn of_list(entry: Option<&Entry>) -> Ports {
    match entry {
        None => Ports::None,
        Some(Entry { node, .. }) if node.tag.as_deref().is_some_and(|tag| matches!(tag, "!override" | "!reset")) => {
            Ports::Instead
        }
        Some(Entry { line, .. }) => Ports::Added { line: *line },
    }
}

/// What the service's programs find in their environment, and by it listen on or dial, in the container.
fn environment(service: &Node, name: &str, at_host: bool, found: &mut Findings) {
    let Some(node) = service.field("environment") else { return };
    let listed = node.list().iter().filter_map(|item| item.text()?.split_once('=').map(|(key, value)| (key, value, item)));
    let mapped = node.map().iter().filter_map(|entry| Some((entry.key.as_str(), entry.node.text()?, &entry.node)));
    for (key, value, node) in listed.chain(mapped) {
        let value = number::variable(value).map_or_else(|| value.to_owned(), |(_, default)| default);
        found.settings.push(Setting {
            name: key.to_owned(),
            value: value.clone(),
            service: Some(name.to_owned()),
            line: node.line,
        });
        if number::is_port_variable(key)
            && let Some(port) = number::port(&value)
        {
            let reason = "a variable that servers read their port from";
            found.facts.push(Fact::new(port, What::Exposed, reason, node.line, node.column).of(name));
        }
        let before = found.facts.len();
        found.urls(&value, node.line, node.column, Some(key));
        for fact in found.facts.iter_mut().skip(before) {
            fact.service = Some(name.to_owned());
            fact.variable = (!at_host).then(|| key.to_owned());
        }
    }
    if let Some(text) = service.text_of("command") {
        let mut inner = Findings::default();
        command::read(
            text,
            command::At { line: service.field("command").map_or(0, |node| node.line), column: 0, service: name },
            &mut inner,
        );
        for fact in inner.facts {
            if let What::Asked { .. } = fact.what {
                found.facts.push(Fact { what: What::Exposed, ..fact });
            }
        }
    }
}

/// A service with what it takes over from another of the same file: lists of ports are added to each other.
fn extended(service: &Node, services: &[Entry], depth: usize) -> Node {
    let mut own = service.clone();
    let Some(extends) = service.field("extends") else { return own };
    let name = extends.text().or_else(|| extends.text_of("service").filter(|_| extends.field("file").is_none()));
    let Some(base) = name.and_then(|name| services.iter().find(|entry| entry.key == name)).filter(|_| depth < DEEPEST) else {
        return own;
    };
    let base = extended(&base.node, services, depth + 1);
    if let Value::Map(entries) = &mut own.value {
        for brought in base.map().iter().filter(|entry| entry.key != "extends") {
            match entries.iter_mut().find(|entry| entry.key == brought.key) {
                None => entries.push(brought.clone()),
                Some(Entry { key, node: Node { value: Value::List(list), tag: None, .. }, .. }) if key == "ports" => {
                    list.extend(brought.node.list().iter().cloned());
                }
                Some(_) => {}
            }
        }
    }
    own
}

const DEEPEST: usize = 8;
