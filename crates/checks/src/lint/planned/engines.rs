//! Databases and their like that a project dials on this machine and nothing of it starts: engines of its own, and the variables that
//! tell the project's programs where each is.

use portward_model::{
    Transport,
    plan::{DeclaredPort, Plan, Service, Template, Value},
};
use portward_wire::{
    protocol,
    source::{Fact, Url, What},
};

use super::{File, Project, Unit, origin, protocol_of};
use crate::engine::{Engine, Site, engine};

/// An engine that is to be declared.
pub(super) struct Wanted {
    pub(super) service: Service,
    /// What the project's programs are told besides what the engine tells them anyway.
    values: Vec<Value>,
}

/// The engines that a project dials and does not start itself.
pub(super) fn wanted(project: &Project, all: &[Unit<'_>], services: &[Service], decide: &mut Vec<String>) -> Vec<Wanted> {
    let mut found: Vec<Wanted> = Vec::new();
    if services.is_empty() {
        return found;
    }
    for (file, fact) in project.facts().filter(|(file, _)| is_read(file)) {
        let What::Dialled(url) = &fact.what else { continue };
        let Some(engine) = engine_of(file, fact, url).filter(|_| url.is_here()) else { continue };
        let starts = |unit: &Unit<'_>| {
            protocol_of(unit) == Some(engine.protocol) || unit.ports.iter().any(|(_, own)| own.port == fact.port)
        };
        if all.iter().any(starts) {
            continue;
        }
        let same = |wanted: &Wanted| wanted.service.port().is_some_and(|port| port.asked == fact.port);
        let at = found.iter().position(same).unwrap_or_else(|| {
            let name = unused(name_of(engine), services, &found);
            found.push(Wanted { service: service(engine, name, file, fact), values: Vec::new() });
            found.len() - 1
        });
        let is_first = found.iter().take(at).all(|other| other.service.uses.as_deref() != Some(engine.name));
        let Some(wanted) = found.get_mut(at) else { continue };
        let name = wanted.service.name.clone();
        if file.kind.name == "dotenv" {
            wanted.values.extend(values(file, fact, url, engine, (&name, is_first)));
        } else if !reads_environment(file, fact) && file.kind.name == "django" && asks_for_password(engine) {
            let variable = told(engine).first().copied().unwrap_or_default();
            decide.push(format!(
                "{}:{} dials {} with no password, and {name} asks for one: have it read {variable}",
                file.path,
                fact.line,
                url.shown()
            ));
        }
    }
    found
}

/// Declares them, before what needs them.
pub(super) fn add(wanted: Vec<Wanted>, plan: &mut Plan) {
    for (at, one) in wanted.into_iter().enumerate() {
        plan.services.insert(at.min(plan.services.len()), one.service);
        for value in one.values {
            if plan.values.iter().all(|known| known.name != value.name) {
                plan.values.push(value);
            }
        }
    }
}

/// Files whose dialled ports are those of a developer's own machine.
fn is_read(file: &File) -> bool {
    match file.kind.name {
        "dotenv" => matches!(
            file.name(),
            ".env" | ".env.local" | ".env.development" | ".env.development.local" | ".env.dev" | ".env.example" | ".env.sample"
        ),
        "django" => !file.path.contains("prod") && !file.path.contains("test"),
        "spring" => !file.name().contains('-'),
        _ => false,
    }
}

/// The engine that a fact speaks of.
fn engine_of(file: &File, fact: &Fact, url: &Url) -> Option<&'static Engine> {
    let scheme = url.scheme.as_deref().and_then(|scheme| scheme.split('+').next());
    let known = scheme.and_then(protocol::of_scheme).or_else(|| protocol::of_port(fact.port))?.0;
    if known.name == "smtp" || known.name == "http" {
        return None;
    }
    let engine = crate::engine::ENGINES.iter().find(|engine| engine.protocol == known.name).or_else(|| engine(known.name))?;
    // A host beside the port's variable, or another kind of database, says that it is none of this machine's.
    let prefix = prefix_of(fact).filter(|_| file.kind.name == "dotenv");
    let said = |name: &str| setting(file, &format!("{}{name}", prefix.as_deref()?));
    let is_here = |host: &str| matches!(host, "" | "localhost" | "127.0.0.1" | "::1" | "0.0.0.0");
    let elsewhere = said("HOST").is_some_and(|host| !is_here(host))
        || said("CONNECTION").is_some_and(|kind| kind == "sqlite")
        || prefix.is_some() && said("CLIENT").is_some_and(|kind| kind.contains("sqlite"));
    (!elsewhere).then_some(engine)
}

fn service(engine: &'static Engine, name: String, file: &File, fact: &Fact) -> Service {
    let port = DeclaredPort { name: None, asked: fact.port, transport: Transport::Tcp, origin: origin(file, fact.line) };
    let further = engine.ports.iter().skip(1).map(|(name, asked)| DeclaredPort {
        name: Some((*name).to_owned()),
        asked: *asked,
        transport: Transport::Tcp,
        origin: origin(file, fact.line),
    });
    Service {
        name,
        uses: Some(engine.name.to_owned()),
        protocol: Some(engine.protocol.to_owned()),
        ports: [port].into_iter().chain(further).collect(),
        origin: origin(file, fact.line),
        ..Service::default()
    }
}

/// The variables of a file that say where an engine is, as what they are here.
fn values(file: &File, fact: &Fact, url: &Url, engine: &Engine, (name, is_first): (&str, bool)) -> Vec<Value> {
    let Some(variable) = &fact.service else { return Vec::new() };
    let told = told(engine);
    let make = |variable: &str, text: String| {
        let line = file.found.settings.iter().find(|setting| setting.name == variable).map_or(fact.line, |setting| setting.line);
        let template = text.parse::<Template>().ok()?;
        Some(Value { name: variable.to_owned(), template, origin: origin(file, line) })
    };
    let is_told = |variable: &str| is_first && told.contains(&variable);
    if let Some(prefix) = prefix_of(fact) {
        let parts: [(&[&str], &str); 5] = [
            (&["HOST"], "host"),
            (&["PORT"], "port"),
            (&["USER", "USERNAME"], "user"),
            (&["PASSWORD", "PASS"], "password"),
            (&["DATABASE", "NAME", "DB"], "database"),
        ];
        let set = |(names, part): (&[&'static str], &str)| -> Vec<Value> {
            let one = |end: &&str| {
                let variable = format!("{prefix}{end}");
                setting(file, &variable)?;
                // To clients of MySQL, localhost is a socket's own name.
                let text = if part == "host" { "127.0.0.1".to_owned() } else { format!("{{{name}.{part}}}") };
                (!is_told(&variable)).then(|| make(&variable, text)).flatten()
            };
            names.iter().filter_map(one).collect()
        };
        return parts.into_iter().flat_map(set).collect();
    }
    let Some(value) = setting(file, variable) else { return Vec::new() };
    let scheme = url.scheme.as_deref().unwrap_or_default();
    let query = value.split_once('?').map(|(_, query)| query.replace('{', "{{").replace('}', "}}"));
    let plain = ["postgres", "postgresql", "mysql", "redis", "mongodb", "amqp", "nats"].contains(&scheme);
    if is_told(variable) && plain && query.is_none() {
        return Vec::new();
    }
    let sample = (engine.tells)(&Site::sample());
    let whole = sample.iter().find(|(_, text)| text.contains("://")).map(|(_, text)| text.clone()).unwrap_or_default();
    let Some((_, behind)) = whole.split_once("://") else { return Vec::new() };
    let mut text = format!("{scheme}://{behind}");
    for (word, part) in [("{host}:{port}", ""), ("USER", ".user"), ("PASSWORD", ".password"), ("DATABASE", ".database")] {
        text = text.replace(word, &format!("{{{name}{part}}}"));
    }
    // A number behind Redis's place is one of its databases.
    if let Some(path) = value.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path)
        && engine.protocol == "redis"
        && let Some(number) =
            path.split('?').next().filter(|path| !path.is_empty() && path.bytes().all(|byte| byte.is_ascii_digit()))
    {
        text = format!("{}/{number}", text.trim_end_matches("/0").trim_end_matches('/'));
    }
    if let Some(query) = query {
        text = format!("{text}?{query}");
    }
    make(variable, text).into_iter().collect()
}

/// `DB_` of `DB_PORT`, where a fact is such a variable.
fn prefix_of(fact: &Fact) -> Option<String> {
    fact.service.as_deref()?.strip_suffix("PORT").map(str::to_owned)
}

fn setting<'f>(file: &'f File, name: &str) -> Option<&'f str> {
    file.found.settings.iter().find(|setting| setting.name == name).map(|setting| setting.value.as_str())
}

/// The variables that an engine tells.
fn told(engine: &Engine) -> Vec<&'static str> {
    (engine.tells)(&Site::sample()).into_iter().map(|(name, _)| name).collect()
}

fn asks_for_password(engine: &Engine) -> bool {
    (engine.tells)(&Site::sample()).iter().any(|(_, text)| text.contains("PASSWORD"))
}

/// True where a line of a program asks its environment first.
fn reads_environment(file: &File, fact: &Fact) -> bool {
    let near = fact.line.saturating_sub(1)..=fact.line;
    near.filter_map(|line| file.line(line))
        .any(|line| ["environ", "getenv", "env(", "env.", "config("].iter().any(|word| line.contains(word)))
}

fn name_of(engine: &Engine) -> &'static str {
    match engine.name {
        "redis" | "valkey" | "memcached" => "cache",
        "rabbitmq" | "nats" => "queue",
        "postgres" | "mariadb" | "mongodb" => "db",
        other => other,
    }
}

fn unused(name: &str, services: &[Service], found: &[Wanted]) -> String {
    let is_used = |name: &str| services.iter().chain(found.iter().map(|wanted| &wanted.service)).any(|own| own.name == name);
    let others = (2..100).map(|at| format!("{name}-{at}"));
    [name.to_owned()].into_iter().chain(others).find(|name| !is_used(name)).unwrap_or_else(|| name.to_owned())
}
