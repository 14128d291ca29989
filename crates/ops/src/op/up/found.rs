//! What a project has to run where no file declares it.

use portward_checks::engine::{Engine, engine};
use portward_model::{
    Failure, ProjectIdentity,
    plan::{Composed, Origin, Plan, Service, ServiceCommand},
};
use portward_reading::{
    compose::{composition, equip},
    sources::gather,
};
use portward_sys::{path_of, read_given, works};
use serde_json::Value;

use crate::{Acts, Context};

/// What its files say that it runs; its scripts where none says so, or one of them is named.
///
/// # Errors
/// Compose files that cannot be understood.
pub(super) fn plan(cx: &Context<'_, Acts>, identity: Option<&ProjectIdentity>, named: &[String]) -> Result<Plan, Failure> {
    let mut found = gather(cx).map(|gathered| gathered.planned.plan).unwrap_or_default();
    // One that its profile leaves out is meant where it is named.
    profiled(cx, identity, named, &mut found);
    if !found.services.iter().any(starts) || !named.iter().all(|name| found.service(name).is_some()) {
        return Ok(scripts(cx));
    }
    let mut found = startable(found);
    equip(cx, identity, &mut found)?;
    Ok(found)
}

fn starts(service: &Service) -> bool {
    service.command.is_some() || service.compose.is_some()
}

/// Adds the services of the root's Compose files that are named and not there.
fn profiled(cx: &Context<'_, Acts>, identity: Option<&ProjectIdentity>, named: &[String], plan: &mut Plan) {
    if named.iter().all(|name| plan.service(name).is_some()) {
        return;
    }
    let root = identity.map(|identity| identity.project.root.clone()).or_else(|| cx.caller.cwd.clone()).unwrap_or_default();
    let Ok(Some(composition)) = composition(cx, &path_of(&root)) else { return };
    for name in named {
        if let (None, Some(_)) = (plan.service(name), composition.stack.service(name)) {
            let compose = Some(Composed { service: name.clone(), ..Composed::default() });
            plan.services.push(Service { name: name.clone(), compose, ..Service::default() });
        }
    }
}

/// True for an engine whose server is installed. Without it the project's programs dial what this machine has, as they always did.
fn is_here(engine: &Engine) -> bool {
    works::program(engine.server, engine.folders).is_some()
}

/// The plan without what this version does not start by itself, and without waiting for that.
fn startable(mut plan: Plan) -> Plan {
    let all = plan.services.len();
    let startable = |service: &Service| match service.uses.as_deref().and_then(engine) {
        Some(engine) => is_here(engine),
        None => starts(service),
    };
    plan.services.retain(startable);
    if plan.services.len() < all {
        // They may speak of what is not there; programs read their own files all the same.
        plan.values.clear();
        plan.services.iter_mut().for_each(|service| service.values.clear());
    }
    let names: Vec<String> = plan.services.iter().map(|service| service.name.clone()).collect();
    plan.services.iter_mut().for_each(|service| service.after.retain(|after| names.contains(after)));
    plan
}

/// Its scripts, each as a service of its name.
fn scripts(cx: &Context<'_, Acts>) -> Plan {
    let folder = cx.caller.cwd.as_ref().map(path_of).unwrap_or_default();
    let path = folder.join(FILE);
    let kind = cx.machine.path(&portward_sys::text_of(&path)).ok().and_then(|found| found.kind);
    // A pipe would be waited for.
    let bytes = (kind == Some(portward_model::FileKind::File)).then(|| read_given(&path, LONGEST).ok()).flatten();
    let package: Value = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let scripts = package.get("scripts").and_then(Value::as_object);
    let service = |(name, script): (&String, &Value)| {
        let script = script.as_str()?.to_owned();
        let command = Some(ServiceCommand::Words(vec!["npm".to_owned(), "run".to_owned(), name.clone()]));
        let origin = Origin { file: FILE.to_owned(), line: 0 };
        Some(Service { name: name.clone(), command, description: Some(script), origin, ..Service::default() })
    };
    Plan { services: scripts.into_iter().flatten().filter_map(service).collect(), ..Plan::default() }
}

/// Those that are meant where none is named: all that its files say; of mere scripts the first of what servers are usually started by.
pub(super) fn usual(plan: &Plan) -> Vec<String> {
    if plan.services.iter().any(|service| service.origin.line > 0) {
        return plan.services.iter().map(|service| service.name.clone()).collect();
    }
    let first = USUAL.iter().find(|name| plan.service(name).is_some());
    first.map(|name| (*name).to_owned()).into_iter().collect()
}

const FILE: &str = "package.json";
/// Scripts that start what somebody works on.
const USUAL: &[&str] = &["dev", "start", "serve", "develop"];
/// Bytes of a package's file.
const LONGEST: u64 = 1 << 20;
