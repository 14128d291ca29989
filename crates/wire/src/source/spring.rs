//! `application.properties` and `application.yml`: Spring Boot, Quarkus and Micronaut.

use super::{
    Fact, Findings, Kind, Source, What,
    node::{Node, Value},
    number,
};

pub(super) const KIND: Kind = Kind {
    reads: "`server.port`, `management.server.port`, `quarkus.http.port` and `micronaut.server.port` with `${PORT:8080}`, URLs of this machine such as those of data sources, and the ports of Redis, RabbitMQ and mail that are dialled.",
    ..Kind::of(
        "spring",
        "application.properties and application.yml",
        &[
            "application.properties",
            "application-*.properties",
            "application.yml",
            "application-*.yml",
            "application.yaml",
            "application-*.yaml",
        ],
        read,
    )
};

fn read(source: &Source<'_>, found: &mut Findings) {
    if !source.path.ends_with(".properties") {
        for document in found.yaml(source) {
            let before = found.facts.len();
            walk(&document, &mut String::new(), found);
            if PROFILES.iter().any(|key| has(&document, key)) {
                of_a_profile(before, found);
            }
        }
        return;
    }
    let (mut before, mut is_of_profile) = (found.facts.len(), false);
    for (number, line) in source.lines() {
        // The next document of the file.
        if matches!(line.trim_end(), "#---" | "!---") {
            if is_of_profile {
                of_a_profile(before, found);
            }
            (before, is_of_profile) = (found.facts.len(), false);
        }
        if line.trim_start().starts_with(['#', '!']) {
            continue;
        }
        let Some((key, value)) = line.split_once(['=', ':']) else { continue };
        let value = value.trim();
        let column = line.rfind(value).and_then(|at| line.get(..at)).map_or(0, |before| before.chars().count());
        is_of_profile |= PROFILES.contains(&key.trim());
        one(key.trim(), value, number, u32::try_from(column + 1).unwrap_or(1), found);
    }
    if is_of_profile {
        of_a_profile(before, found);
    }
}

/// A document that counts where its profile does says nothing of where the application listens without it.
fn of_a_profile(from: usize, found: &mut Findings) {
    let profiles = found.facts.split_off(from);
    found.facts.extend(profiles.into_iter().filter(|fact| !fact.listens()));
}

/// True where a key with dots in it leads to something, however it is cut into parts.
fn has(node: &Node, key: &str) -> bool {
    node.map().iter().any(|entry| {
        (entry.key == key && entry.node.map().is_empty())
            || key.strip_prefix(&entry.key).and_then(|rest| rest.strip_prefix('.')).is_some_and(|rest| has(&entry.node, rest))
    })
}

/// Keys that say for which profile a document is.
const PROFILES: &[&str] = &["spring.config.activate.on-profile", "spring.profiles"];

fn walk(node: &Node, key: &mut String, found: &mut Findings) {
    match &node.value {
        Value::Scalar(text) => one(key, text, node.line, node.column, found),
        Value::List(list) => list.iter().for_each(|item| walk(item, key, found)),
        Value::Map(entries) => {
            for entry in entries {
                let length = key.len();
                key.push_str(if length == 0 { "" } else { "." });
                key.push_str(&entry.key);
                walk(&entry.node, key, found);
                key.truncate(length);
            }
        }
    }
}

fn one(key: &str, value: &str, line: u32, column: u32, found: &mut Findings) {
    let serving = [
        ("server.port", ""),
        ("quarkus.http.port", ""),
        ("micronaut.server.port", ""),
        ("management.server.port", "management"),
        ("management.port", "management"),
    ];
    if let Some((_, service)) = serving.iter().find(|(name, _)| *name == key) {
        let (variable, said) = placeholder(value);
        if let Some(port) = number::port(&said) {
            let mut fact = Fact::new(port, What::Asked { host: None }, "the port of the application's server", line, column);
            fact.service = (!service.is_empty()).then(|| (*service).to_owned());
            fact.variable = variable;
            found.facts.push(fact);
        }
        return;
    }
    let dialled = [
        ("spring.data.redis.port", "redis"),
        ("spring.redis.port", "redis"),
        ("spring.rabbitmq.port", "amqp"),
        ("spring.mail.port", "smtp"),
    ];
    if let Some((_, scheme)) = dialled.iter().find(|(name, _)| *name == key) {
        if let Some(port) = number::port(&placeholder(value).1) {
            let url = super::Url { scheme: Some((*scheme).to_owned()), host: "localhost".to_owned(), port, written: true };
            found.facts.push(Fact::new(port, What::Dialled(url), "the port of a server that is dialled", line, column).of(key));
        }
        return;
    }
    found.urls(value, line, column, Some(key));
}

/// `${PORT:8080}` is the variable and what it is without.
fn placeholder(value: &str) -> (Option<String>, String) {
    let inside = value.trim().strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    match inside.and_then(|inside| inside.split_once(':')) {
        Some((name, default)) => (Some(name.to_owned()), default.to_owned()),
        None => (None, value.to_owned()),
    }
}
