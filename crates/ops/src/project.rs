//! What a project's declarations mean on this machine: the ports that it has leased, and the values that derive from them.

pub mod engines;

use std::collections::BTreeMap;

use portward_model::{
    Failure, Text, hint,
    plan::{DeclaredPort, Plan, Reference, Service, Unresolved, Value, resolve},
};
use portward_reading::project::{Loaded, ProjectFile, permitted};
use portward_store::{ProjectId, ProjectRow, Store};
use portward_sys::Rights;
use portward_wire::project_file::scheme_of;

use crate::{Acts, Context};

/// The ports that a project has for those that its services ask for.
#[derive(Clone, Debug)]
pub struct Leased {
    /// The project, with its block.
    pub project: ProjectRow,
    ports: BTreeMap<u16, u16>,
    /// What the engines of its own tell: the service, the variable, and what it is.
    told: Vec<(String, String, String)>,
}

impl Leased {
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
    let asked = asked(&loaded.plan);
    let identity = loaded.identity.as_ref();
    let all = |project, leases: Vec<portward_store::Lease>| Leased {
        project,
        ports: asked.iter().copied().zip(leases.into_iter().map(|lease| lease.port)).collect(),
        told: Vec::new(),
    };
    let with_engines = |mut leased: Leased| {
        leased.told = engines::told(cx, loaded, &leased)?;
        Ok(leased)
    };
    // Nearly always they were taken long ago, and nothing has to be written.
    if let Some(store) = Store::reading(cx)?
        && let Some(project) = store.known_project(identity)?
        && let Some(leases) = store.known_all(project.id, &asked)?
    {
        return with_engines(all(project, leases));
    }
    let mut store = Store::open(cx)?;
    let project = store.project(identity)?;
    let leases = store.lease_all(project.id, &asked)?;
    with_engines(all(project, leases))
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
    // What the file says holds against what an engine tells.
    for (_, name, value) in &leased.told {
        if !found.iter().any(|(other, _)| other == name) {
            found.push((name.clone(), value.clone()));
        }
    }
    let port = service.and_then(Service::port).filter(|_| !found.iter().any(|(name, _)| name == PORT));
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
        let at = leased.of(port.asked)?;
        if part == "url" && port.name.is_none() && service.uses.is_some() {
            // With who may enter; the first that it tells is the URL.
            return leased
                .told
                .iter()
                .find(|(of, _, value)| *of == service.name && value.contains("://"))
                .map(|told| told.2.clone());
        }
        Some(match part {
            "host" => HOST.to_owned(),
            "port" => at.to_string(),
            "url" => format!("{}://{HOST}:{at}", scheme_of(service, port)),
            _ => return None,
        })
    };
    let whole = |port: &DeclaredPort| Some(format!("{HOST}:{}", leased.of(port.asked)?));
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
    let Some(file) = &loaded.file else { return Err(absent(loaded)) };
    if permitted(cx, file) { Ok(file) } else { Err(forbidden(file)) }
}

/// There is no file.
fn absent(loaded: &Loaded) -> Failure {
    let where_to = match &loaded.identity {
        Some(identity) => format!("{} has no portward.toml", identity.project.root),
        None => "This folder belongs to no project, and has no portward.toml".to_owned(),
    };
    Failure::usage(format!("{where_to}, so nothing is declared here."))
        .hint("portward allow    says what a portward.toml would run")
}

/// The file was not allowed, or has changed since.
pub fn forbidden(file: &ProjectFile) -> Failure {
    Failure::usage(format!(
        "{} is not allowed as it is now: it names programs and variables, and has changed or is new.",
        file.path
    ))
    .hint(hint!("portward allow    shows what it would do, and asks"))
}

/// What a client dials: right for both families.
const HOST: &str = "localhost";
/// The variable that many programs take their port from.
const PORT: &str = "PORT";
