//! What a project's declarations mean on this machine: the ports that it has leased, and the values that derive from them.

pub mod compose;
pub mod engines;

use std::collections::BTreeMap;

use portward_model::{
    Caller, Failure, Hint, ProjectIdentity, Sentence, Text, hint,
    plan::{Composed, DeclaredPort, Plan, Reference, Service, ServiceCommand, Unresolved, Value, resolve},
};
use portward_reading::project::{Loaded, ProjectFile, load, permitted};
use portward_store::{Lease, ProjectId, ProjectRow, Store};
use portward_sys::{Rights, digest};
use portward_wire::project_file::scheme_of;

use crate::{Acts, Context};

/// The ports that a project has for those that its services ask for.
#[derive(Clone, Debug)]
pub struct Leased {
    /// The project, with its block.
    pub project: ProjectRow,
    ports: BTreeMap<u16, u16>,
    /// What the engines of its own tell: the service, the variable, and what it is.
    told: Vec<engines::Told>,
    /// All that they tell is known.
    is_told: bool,
}

impl Leased {
    fn of_all(project: ProjectRow, asked: &[u16], leases: &[Lease]) -> Self {
        Self {
            project,
            ports: asked.iter().copied().zip(leases.iter().map(|lease| lease.port)).collect(),
            told: Vec::new(),
            is_told: false,
        }
    }

    /// Where an asked port is served.
    pub fn of(&self, asked: u16) -> Option<u16> {
        self.ports.get(&asked).copied()
    }

    /// Each asked port with the one that it has, ascending.
    pub fn all(&self) -> impl Iterator<Item = (u16, u16)> {
        self.ports.iter().map(|(asked, port)| (*asked, *port))
    }

    /// The project's number.
    pub fn id(&self) -> ProjectId {
        self.project.id
    }
}

/// The leased port of every port that a project declares; those that are new are taken, in one transaction.
///
/// # Errors
///
/// Where no more ports can be leased, or the store cannot be written to and does not have them all.
pub fn leases(cx: &Context<'_, Acts>, loaded: &Loaded) -> Result<Leased, Failure> {
    // Nearly always they were taken long ago, and nothing has to be written.
    let mut leased = match known(cx, loaded)? {
        Some(leased) if leased.is_told => return Ok(leased),
        Some(leased) => leased,
        None => taken(cx, loaded)?,
    };
    leased.told = engines::told(cx, loaded, &leased)?;
    leased.is_told = true;
    Ok(leased)
}

/// The ports alone: nothing of an engine is made for them.
pub(crate) fn ports_alone(cx: &Context<'_, Acts>, loaded: &Loaded) -> Result<Leased, Failure> {
    match known(cx, loaded)? {
        Some(leased) => Ok(leased),
        None => taken(cx, loaded),
    }
}

/// Takes those that are new.
fn taken(cx: &Context<'_, Acts>, loaded: &Loaded) -> Result<Leased, Failure> {
    let wanted = asked(&loaded.plan);
    let mut store = Store::open(cx)?;
    let project = store.project(loaded.identity.as_ref())?;
    let leases = store.lease_all(project.id, &wanted)?;
    Ok(Leased::of_all(project, &wanted, &leases))
}

/// The same where all of them were taken before; nothing is written. What engines tell is known where all of them stand.
fn known<R: Rights>(cx: &Context<'_, R>, loaded: &Loaded) -> Result<Option<Leased>, Failure> {
    let wanted = asked(&loaded.plan);
    let Some(store) = Store::reading(cx)? else { return Ok(None) };
    let Some(project) = store.known_project(loaded.identity.as_ref())? else { return Ok(None) };
    let Some(leases) = store.known_all(project.id, &wanted)? else { return Ok(None) };
    let mut found = Leased::of_all(project, &wanted, &leases);
    let told = engines::standing(cx, loaded, &found);
    found.is_told = told.is_some();
    found.told = told.unwrap_or_default();
    Ok(Some(found))
}

/// The asked ports of all services, each once, ascending.
fn asked(plan: &Plan) -> Vec<u16> {
    let mut asked: Vec<u16> = plan.services.iter().flat_map(|service| &service.ports).map(|port| port.asked).collect();
    asked.sort_unstable();
    asked.dedup();
    asked
}

/// The environment of a project, or of one of its services: every variable with what it is here. Of a service, `PORT` is the port
/// that it asks for, unless it declares another.
///
/// # Errors
///
/// Those of [`leases`], and a value that refers to what is not there.
pub fn environment(cx: &Context<'_, Acts>, loaded: &Loaded, service: Option<&Service>) -> Result<Vec<(String, String)>, Failure> {
    let leased = leases(cx, loaded)?;
    values(loaded, &leased, service)
}

/// The same with leases that are known.
pub fn values(loaded: &Loaded, leased: &Leased, service: Option<&Service>) -> Result<Vec<(String, String)>, Failure> {
    let own = service.map_or(&[][..], |service| &service.values);
    let all: Vec<Value> = loaded.plan.values.iter().chain(own).cloned().collect();
    let mut found = resolve(&all, &|reference| meant(loaded, leased, reference)).map_err(|unresolved| told(&unresolved))?;
    // What the file says holds against what an engine tells. An engine itself is told nothing: some take such variables for settings.
    let is_engine = service.is_some_and(|service| service.uses.is_some());
    for (_, name, value) in leased.told.iter().filter(|_| !is_engine) {
        if !found.iter().any(|(other, _)| other == name) {
            found.push((name.clone(), value.clone()));
        }
    }
    // One of Compose takes its port from its files, where PORT may be another service's.
    let own = service.filter(|service| service.compose.is_none());
    let port = own.and_then(Service::port).filter(|_| !found.iter().any(|(name, _)| name == PORT));
    found.extend(port.map(|port| (PORT.to_owned(), port.asked.to_string())));
    Ok(found)
}

/// What a reference to a service, or to the project, is here.
fn meant(loaded: &Loaded, leased: &Leased, reference: &Reference) -> Option<String> {
    let Some(service) = loaded.plan.service(&reference.name) else {
        return match (reference.name.as_str(), reference.of.is_empty()) {
            ("project", true) => Some(title(loaded)),
            ("root", true) => {
                loaded.identity.as_ref().map(|identity| String::from_utf8_lossy(identity.project.root.raw()).into_owned())
            }
            _ => None,
        };
    };
    let part_of = |port: &DeclaredPort, part: &str| {
        let at = place(service, leased, port)?;
        if part == "url" && port.name.is_none() && service.uses.is_some() {
            // With who may enter; the first that it tells is the URL.
            return leased
                .told
                .iter()
                .find(|(of, _, value)| *of == service.name && value.contains("://"))
                .map(|told| told.2.clone());
        }
        if let Some(found) = secret_of(leased, service, part) {
            return Some(found);
        }
        Some(match part {
            "host" => HOST.to_owned(),
            "port" => at.to_string(),
            "url" => format!("{}://{HOST}:{at}", scheme_of(service, port)),
            _ => return None,
        })
    };
    let whole = |port: &DeclaredPort| Some(format!("{HOST}:{}", place(service, leased, port)?));
    match reference.of.as_slice() {
        [] => whole(service.port()?),
        [one] => match service.port_named(one) {
            Some(port) => whole(port),
            None => part_of(service.port()?, one),
        },
        [name, of] => part_of(service.port_named(name)?, of),
        _ => None,
    }
}

/// Who may enter an engine of the project's own, and what it holds: parts of the URL that it tells.
fn secret_of(leased: &Leased, service: &Service, part: &str) -> Option<String> {
    service.uses.as_ref().filter(|_| matches!(part, "user" | "password" | "database"))?;
    let (.., url) = leased.told.iter().find(|(of, _, value)| *of == service.name && value.contains("://"))?;
    let (authority, path) = url.split_once("://")?.1.split_once('/').unwrap_or((url.split_once("://")?.1, ""));
    let who = authority.rsplit_once('@').map_or("", |(who, _)| who);
    let (user, password) = who.split_once(':').unwrap_or((who, ""));
    let found = match part {
        "user" => user,
        "password" => password,
        _ => path,
    };
    Some(found.to_owned())
}

/// Where a port of a service is: of a container in the machine's own network nothing is moved.
fn place(service: &Service, leased: &Leased, port: &DeclaredPort) -> Option<u16> {
    let at_host = service.compose.as_ref().is_some_and(|composed| composed.at_host);
    if at_host { Some(port.asked) } else { leased.of(port.asked) }
}

/// What a shell knows the values by that it has loaded: another one as soon as the project, its file or a value is different.
pub(crate) fn stamp(identity: &ProjectIdentity, file: &ProjectFile, values: &[(String, String)]) -> String {
    let values = values.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
    let parts: Vec<&[u8]> = [identity.project.root.raw(), file.hash.as_bytes()].into_iter().chain(values).collect();
    digest(&parts).chars().take(STAMP).collect()
}

/// What to say where the caller's shell has other values than its project has now.
pub(crate) fn stale<R: Rights>(cx: &Context<'_, R>) -> Option<Sentence> {
    let had = cx.caller.variable(Caller::STAMP)?;
    let loaded = load(cx).ok()?;
    let (identity, file) = (loaded.identity.as_ref()?, loaded.file.as_ref()?);
    let values = known(cx, &loaded).ok()?.and_then(|leased| values(&loaded, &leased, None).ok());
    let is_now = values.is_some_and(|values| stamp(identity, file, &values).as_bytes() == had.raw());
    let told = || {
        format!(
            "This shell has other variables than {} gives now ({}): its hook loads them before the next prompt, and portward env prints them.",
            file.path,
            Caller::STAMP
        )
    };
    (!is_now && !had.raw().starts_with(b"!")).then(|| told().into())
}

/// What a project is called: as it says, or as its folder is.
pub fn title(loaded: &Loaded) -> String {
    let folder = || loaded.identity.as_ref().map(|identity| identity.project.name.shown()).unwrap_or_default();
    loaded.plan.name.clone().unwrap_or_else(folder)
}

fn told(unresolved: &Unresolved) -> Failure {
    let shown = |name: &String| Text::from(name.as_str()).shown();
    match unresolved {
        Unresolved::Unknown { value, reference } => Failure::usage(format!(
            "The value {} refers to {{{}}}, which no service and no value is.",
            shown(value),
            shown(&reference.to_string())
        )),
        Unresolved::Circle(names) => {
            let around: Vec<String> = names.iter().chain(names.first()).map(shown).collect();
            Failure::usage(format!("These values refer to each other in a circle: {}.", around.join(" -> ")))
        }
        Unresolved::Long(value) => Failure::usage(format!("The value {} becomes longer than a variable can be.", shown(value))),
    }
}

/// The file of a project, where it has one that its caller has allowed.
///
/// # Errors
///
/// Where it has none, or it was not allowed as it is now.
pub fn allowed<'l, R: Rights>(cx: &Context<'_, R>, loaded: &'l Loaded) -> Result<&'l ProjectFile, Failure> {
    let Some(file) = &loaded.file else { return Err(absent(loaded.identity.as_ref())) };
    if permitted(cx, file) { Ok(file) } else { Err(forbidden(file)) }
}

/// There is no file.
pub(crate) fn absent(identity: Option<&ProjectIdentity>) -> Failure {
    let where_to = match identity {
        Some(identity) => format!("{} has no portward.toml", identity.project.root),
        None => "This folder belongs to no project, and has no portward.toml".to_owned(),
    };
    Failure::usage(format!("{where_to}, so nothing is declared here."))
        .hint("portward init    writes one from what the project has")
}

/// The file was not allowed, or has changed since.
pub fn forbidden(file: &ProjectFile) -> Failure {
    Failure::usage(format!(
        "{} is not allowed as it is now: it names programs and variables, and has changed or is new.",
        file.path
    ))
    .hint(hint!("portward allow    shows what it would do, and asks"))
}

/// The service of this name.
///
/// # Errors
///
/// Where there is none, with those that come near.
pub fn service<'l>(loaded: &'l Loaded, name: &str) -> Result<&'l Service, Failure> {
    loaded.plan.service(name).ok_or_else(|| {
        let names = || loaded.plan.services.iter().map(|service| service.name.as_str());
        let failure = Failure::usage(format!("This project declares no service {}.", Text::from(name)));
        let near = portward_wire::near(name, names());
        let known: Vec<&str> = if near.is_empty() { names().take(SOME).collect() } else { near };
        if known.is_empty() { failure } else { failure.hint(Hint::listing("one of ", known)) }
    })
}

/// The declared port that goes by this name: `web`, `web.debug`.
pub fn declared<'p>(plan: &'p Plan, name: &str) -> Option<(&'p Service, &'p DeclaredPort)> {
    if let Some(service) = plan.service(name) {
        return Some((service, service.port()?));
    }
    let (service, port) = name.rsplit_once('.')?;
    let service = plan.service(service)?;
    Some((service, service.port_named(port)?))
}

/// What a Compose service is, as it is shown before it is started.
pub(crate) fn composed_words(composed: &Composed) -> String {
    let what = composed.what.as_ref().map(|what| format!("{what}, ")).unwrap_or_default();
    format!("{what}by docker compose")
}

/// What a plan does, as the rest of a sentence: `would start web: npm run dev; and set DATABASE_URL.`
pub(crate) fn plan_words(plan: &Plan) -> String {
    let command = |service: &Service| {
        let line = match (&service.command, &service.uses) {
            (Some(ServiceCommand::Line(line)), _) => line.clone(),
            (Some(ServiceCommand::Words(words)), _) => words.join(" "),
            (None, uses) => match &service.compose {
                Some(composed) => composed_words(composed),
                None => format!("its own {}", uses.as_deref().unwrap_or_default()),
            },
        };
        format!("{}: {}", service.name, Text::from(line.as_str()))
    };
    let starts: Vec<String> = plan.services.iter().map(command).collect();
    let own = plan.services.iter().flat_map(|service| &service.values);
    let mut sets: Vec<&str> = plan.values.iter().chain(own).map(|value| value.name.as_str()).collect();
    sets.sort_unstable();
    sets.dedup();
    match (starts.is_empty(), sets.is_empty()) {
        (true, true) => "would start nothing and set no variable.".to_owned(),
        (false, true) => format!("would start {}.", starts.join("; ")),
        (true, false) => format!("would set {}.", sets.join(", ")),
        (false, false) => format!("would start {}; and set {}.", starts.join("; "), sets.join(", ")),
    }
}

/// Digits of a stamp.
pub(crate) const STAMP: usize = 16;
/// Names that are told.
const SOME: usize = 8;
/// What a client dials: right for both families.
const HOST: &str = "localhost";
/// The variable that many programs take their port from.
const PORT: &str = "PORT";
