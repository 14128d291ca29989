//! What a project without `portward.toml` would start, from the files that it has anyway: each service once, with where it comes
//! from, and what a person has to decide.

mod engines;
mod place;
mod written;

use std::collections::BTreeMap;

use portward_model::{
    Transport, masked_line,
    plan::{Composed, DeclaredPort, Origin, Plan, Restart, Service, ServiceCommand, Template, Value},
};
use portward_wire::{
    protocol,
    source::{Fact, What},
    stack::protocol_of_image,
};

use super::{
    File, Project, Unit,
    unit::{is_aside, is_below, units},
};
use place::{Place, place_of};

pub use written::written;

/// A plan that was gathered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// The services and values, in the order in which they are written.
    pub plan: Plan,
    /// What was seen and left out, or cannot be known from files, in sentences with their places.
    pub decide: Vec<String>,
}

/// What a project's files would start.
pub fn planned(project: &Project) -> Planned {
    let mut all = units(project);
    forwarded(project, &mut all);
    let mut planned = Planned::default();
    let mut chosen: Vec<&Unit<'_>> = Vec::new();
    // A repository that is nothing but examples runs them.
    let has_own = all.iter().any(|unit| !is_aside(&unit.start.folder));
    for unit in all.iter().filter(|unit| !(has_own && is_aside(&unit.start.folder))) {
        match place_of(&all, unit) {
            Place::Taken => chosen.extend(unit.started()),
            Place::Left(why) => planned.decide.push(format!("{}:{} {why}", unit.file.path, unit.start.line)),
            Place::Elsewhere => {}
        }
    }
    // Databases first: whoever reads the file from the top reads what the others need.
    chosen.sort_by_key(|unit| u8::from(!is_store(unit)));
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let mut of_start: Vec<(String, String, String)> = Vec::new();
    for unit in &chosen {
        let name = unused(&name_of(unit), &mut names);
        of_start.push((group_of(unit), unit.start.name.clone(), name.clone()));
        let service = service(project, unit, name);
        if service.ports.is_empty() && unit.file.kind.name == "package" {
            planned.decide.push(format!(
                "{}:{} says no port for {}: add port = ... where it listens",
                unit.file.path, unit.start.line, service.name
            ));
        }
        planned.plan.services.push(service);
    }
    let engines = engines::wanted(project, &all, &planned.plan.services, &mut planned.decide);
    let known = |group: &str, name: &str| {
        of_start.iter().find(|(own, start, _)| own == group && start == name).map(|(.., name)| name.clone())
    };
    let stores: Vec<(String, u16)> = planned
        .plan
        .services
        .iter()
        .zip(&chosen)
        .filter(|(_, unit)| is_store(unit))
        .filter_map(|(service, _)| Some((service.name.clone(), service.port()?.asked)))
        .collect();
    for (at, unit) in chosen.iter().enumerate() {
        let mut after: Vec<String> = unit.start.after.iter().filter_map(|name| known(&group_of(unit), name)).collect();
        if !is_store(unit) {
            after.extend(stores.iter().filter(|(_, port)| dials(project, unit, *port)).map(|(name, _)| name.clone()));
            let own = engines.iter().filter_map(|engine| Some((engine, engine.service.port()?.asked)));
            after.extend(own.filter(|(_, port)| dials(project, unit, *port)).map(|(engine, _)| engine.service.name.clone()));
        }
        if let Some(service) = planned.plan.services.get_mut(at) {
            after.sort();
            after.dedup();
            after.retain(|name| *name != service.name);
            service.after = after;
        }
    }
    planned.plan.values = values(project, &stores, &mut planned.decide);
    engines::add(engines, &mut planned.plan);
    planned
}

/// Where the names that a unit comes after are looked for: in its file, or in all those that Compose reads with it.
fn group_of(unit: &Unit<'_>) -> String {
    if unit.file.kind.name == "compose" { format!("compose {}", unit.start.folder) } else { unit.file.path.clone() }
}

/// True for a server of data, by its image, its command or its port.
fn is_store(unit: &Unit<'_>) -> bool {
    protocol_of(unit).is_some_and(|name| !matches!(name, "http" | "tls" | "http2"))
}

fn protocol_of(unit: &Unit<'_>) -> Option<&'static str> {
    if let Some(name) = unit.start.image.as_deref().and_then(protocol_of_image) {
        return Some(name);
    }
    let (_, fact) = unit.ports.first()?;
    let port = match fact.what {
        What::Published { container, .. } => container,
        _ => fact.port,
    };
    protocol::of_port(port).map(|(known, _)| known.name).filter(|_| fact.transport == Transport::Tcp)
}

/// What a service is called: a package's folder, or what its file calls it.
fn name_of(unit: &Unit<'_>) -> String {
    let own = unit.label.unwrap_or(&unit.start.name);
    let folder = unit.start.folder.rsplit('/').next().unwrap_or_default();
    let by_folder = unit.file.kind.by_folder && !folder.is_empty() && unit.label.is_none();
    let name = if by_folder { folder } else { own };
    key_of(name)
}

/// A name as a key of the project's file.
fn key_of(name: &str) -> String {
    let mut name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' }).collect();
    name.truncate(40);
    let name = name.trim_matches('-');
    if name.is_empty() { "service".to_owned() } else { name.to_owned() }
}

fn unused(name: &str, names: &mut BTreeMap<String, usize>) -> String {
    let count = names.entry(name.to_owned()).or_default();
    *count += 1;
    let chosen = if *count == 1 { name.to_owned() } else { format!("{name}-{count}") };
    if chosen != name {
        names.entry(chosen.clone()).or_insert(1);
    }
    chosen
}

/// Gives the one script that names no port the one port that an editor passes on and nobody else has.
fn forwarded<'p>(project: &'p Project, all: &mut [Unit<'p>]) {
    let has = |all: &[Unit<'_>], port: u16| all.iter().flat_map(|unit| &unit.ports).any(|(_, fact)| fact.port == port);
    let is_passed =
        |fact: &Fact| fact.what == What::Forwarded && protocol::of_port(fact.port).is_none_or(|(it, _)| it.name == "http");
    let mut free = project.facts().filter(|(_, fact)| is_passed(fact) && !has(all, fact.port));
    let (Some(free), None) = (free.next(), free.next()) else { return };
    let usual: Vec<usize> = all
        .iter()
        .enumerate()
        .filter(|(at, unit)| place::is_usual(all, *at) && unit.ports.is_empty())
        .map(|(at, _)| at)
        .collect();
    if let [one] = usual.as_slice()
        && let Some(unit) = all.get_mut(*one)
    {
        unit.ports.push(free);
    }
}

fn service(project: &Project, unit: &Unit<'_>, name: String) -> Service {
    let command = unit.start.command.as_ref().map(|line| ServiceCommand::Line(wrapped(project, unit, line)));
    let built = || unit.start.build.as_ref().map(|folder| format!("built from {}", if folder.is_empty() { "." } else { folder }));
    let compose = (command.is_none() && unit.file.kind.name == "compose").then(|| Composed {
        service: unit.start.name.clone(),
        what: unit.start.image.clone().or_else(built),
        at_host: false,
    });
    let mut ports: Vec<DeclaredPort> = Vec::new();
    for (file, fact) in &unit.ports {
        if ports.iter().any(|own| own.asked == fact.port && own.transport == fact.transport) {
            continue;
        }
        let label = match ports.len() {
            0 => None,
            _ => Some(port_name(unit, fact, &ports)),
        };
        ports.push(DeclaredPort { name: label, asked: fact.port, transport: fact.transport, origin: origin(file, fact.line) });
    }
    for (file, fact) in &unit.debuggers {
        let is_new = ports.iter().all(|own| own.asked != fact.port && own.name.as_deref() != Some("debug"));
        if is_new && !ports.is_empty() {
            let transport = fact.transport;
            ports.push(DeclaredPort {
                name: Some("debug".to_owned()),
                asked: fact.port,
                transport,
                origin: origin(file, fact.line),
            });
        }
    }
    let spoken = protocol_of(unit).filter(|name| !ports.is_empty() && !matches!(*name, "tls" | "http2"));
    let is_worker = ports.is_empty() && compose.is_none();
    Service {
        name,
        command,
        compose,
        folder: Some(unit.start.folder.clone()).filter(|folder| !folder.is_empty()),
        ports,
        protocol: spoken.map(str::to_owned),
        // Of a script nobody knows whether it is to end; a process of a Procfile is not.
        restart: if is_worker && unit.file.kind.name != "procfile" { Restart::Never } else { Restart::OnFailure },
        origin: origin(unit.file, unit.start.line),
        ..Service::default()
    }
}

/// The line, by the build tool that the project brings where it does.
fn wrapped(project: &Project, unit: &Unit<'_>, line: &str) -> String {
    let has = |name: &str| project.of_kind("wrapper").any(|file| file.folder() == unit.start.folder && file.name() == name);
    match line.split_once(' ') {
        Some(("mvn", rest)) if has("mvnw") => format!("./mvnw {rest}"),
        Some(("gradle", rest)) if has("gradlew") => format!("./gradlew {rest}"),
        _ => line.to_owned(),
    }
}

/// What a further port of a service is called: after what runs there, where that has a name.
fn port_name(unit: &Unit<'_>, fact: &Fact, before: &[DeclaredPort]) -> String {
    let name = match fact.service.as_deref() {
        Some("management") => Some("management".to_owned()),
        _ => unit.label_of(fact).map(key_of),
    };
    let is_free = |name: &String| name != "debug" && before.iter().all(|port| port.name.as_ref() != Some(name));
    name.filter(is_free).unwrap_or_else(|| format!("port{}", before.len() + 1))
}

fn origin(file: &File, line: u32) -> Origin {
    Origin { file: file.path.clone(), line }
}

/// True where the variables beside a program, or its configuration, dial this port.
fn dials(project: &Project, unit: &Unit<'_>, port: u16) -> bool {
    project.facts().any(|(file, fact)| {
        let is_near =
            file.folder() == unit.start.folder || file.folder().is_empty() || is_below(file.folder(), &unit.start.folder);
        is_near && fact.port == port && matches!(fact.what, What::Dialled(_)) && file.kind.name != "compose"
    })
}

/// Values of the root's `.env` that name one of the stores, without a secret in them.
fn values(project: &Project, stores: &[(String, u16)], decide: &mut Vec<String>) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    for file in project.of_kind("dotenv").filter(|file| matches!(file.path.as_str(), ".env" | ".env.example")) {
        for fact in &file.found.facts {
            let (What::Dialled(url), Some(name)) = (&fact.what, &fact.service) else { continue };
            let Some((store, _)) = stores.iter().find(|(_, port)| *port == fact.port) else { continue };
            let Some(setting) = file.found.settings.iter().find(|setting| setting.line == fact.line && setting.name == *name)
            else {
                continue;
            };
            let place = format!("{}:{}", url.host, url.port);
            if found.iter().any(|value| value.name == *name) || setting.value.matches(&place).count() != 1 {
                continue;
            }
            let line = format!("{name}={}", setting.value);
            if masked_line(line.as_bytes()).raw() != line.as_bytes() {
                decide.push(format!("{}:{} {name} has a secret in it, so it is left where it is", file.path, fact.line));
                continue;
            }
            // A brace of the value's own is one.
            let escaped = setting.value.replace('{', "{{").replace('}', "}}");
            if let Ok(template) = escaped.replacen(&place, &format!("{{{store}}}"), 1).parse::<Template>() {
                found.push(Value { name: name.clone(), template, origin: origin(file, fact.line) });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
