//! The Compose files of a folder: which of them are meant, and what they declare.

use std::path::{Path, PathBuf};

use portward_model::{
    Failure, Hint, ProjectIdentity, Text,
    plan::{Composed, DeclaredPort, Origin, Plan, Service},
};
use portward_sys::{Context, Rights, path_of, read_of_project, text_of};
use portward_wire::{
    source::{decoded, kind_named},
    stack::{NAMES, Stack, StackService, Variables, meant},
};

/// The Compose files of a folder.
#[derive(Clone, Debug)]
pub struct Composition {
    /// The folder.
    pub folder: PathBuf,
    /// The files, in the order in which they are laid over each other: below the folder, or from the root of the file system.
    pub files: Vec<String>,
    /// What they declare.
    pub stack: Stack,
    /// Profiles that are wanted without being named: `COMPOSE_PROFILES`.
    pub profiles: Vec<String>,
}

/// The Compose files of a folder: those of `COMPOSE_FILE`, in the environment or the `.env` beside them, and otherwise the one of the
/// usual names with its override. `None` where there is none.
///
/// # Errors
/// A file that cannot be read or understood, with its line.
pub fn composition<R: Rights>(cx: &Context<'_, R>, folder: &Path) -> Result<Option<Composition>, Failure> {
    let mut variables = environment(cx);
    let dotenv = text(&folder.join(".env")).ok().flatten();
    if let (Some(kind), Some(text)) = (kind_named("dotenv"), dotenv) {
        for setting in kind.read(".env", &text).settings {
            variables.add(&setting.name, &setting.value);
        }
    }
    let files = meant(&|name| text(&folder.join(name)).is_ok_and(|text| text.is_some()), &variables);
    if files.is_empty() {
        return Ok(None);
    }
    let given = named(cx, folder);
    let open = |path: &str| given(path).and_then(|bytes| decoded(&bytes).ok().map(|(text, _)| text));
    let stack = Stack::read(&files, &open, &variables).map_err(|flaw| {
        let (path, line) = (text_of(&folder.join(&flaw.file)), flaw.line);
        let at = if line == 0 { String::new() } else { format!(", line {line}") };
        let words = Text::from(flaw.words.as_str());
        Failure::usage(format!("{path}{at}: {words}.")).hint("docker compose config    shows what Compose makes of it")
    })?;
    let profiles = variables.get("COMPOSE_PROFILES").unwrap_or_default();
    let profiles = profiles.split(',').filter(|profile| !profile.is_empty()).map(str::to_owned).collect();
    Ok(Some(Composition { folder: folder.to_owned(), files, stack, profiles }))
}

/// What the environment says of which files and profiles are meant.
pub(crate) fn environment<R: Rights>(cx: &Context<'_, R>) -> Variables {
    let mut variables = Variables::default();
    for name in portward_model::Caller::COMPOSE {
        if let Some(value) = cx.caller.variable(name) {
            variables.add(name, &value.shown());
        }
    }
    variables
}

/// What opens files that Compose files of a folder name. Where root looks at another user's folder, nothing outside of it is opened for
/// them: who chose the name would have it read with root's rights.
pub(crate) fn named<R: Rights>(cx: &Context<'_, R>, folder: &Path) -> impl Fn(&str) -> Option<Vec<u8>> + use<R> {
    let folder = folder.to_owned();
    let owner = || cx.look().path(&text_of(&folder)).ok().map(|found| found.uid);
    let is_anothers = cx.caller.uid == 0 && owner() != Some(0);
    move |path| {
        let leads_out = path.starts_with('/') || path.starts_with("../");
        if is_anothers && leads_out { None } else { read_of_project(&folder.join(path), LONGEST).ok().flatten() }
    }
}

fn text(path: &Path) -> std::io::Result<Option<String>> {
    Ok(read_of_project(path, LONGEST)?.and_then(|bytes| decoded(&bytes).ok().map(|(text, _)| text)))
}

/// Gives the services that are Compose's what their files say of them, and adds those that they depend on.
///
/// # Errors
/// Those of [`composition`], and a service that the files do not have.
pub fn equip<R: Rights>(cx: &Context<'_, R>, identity: Option<&ProjectIdentity>, plan: &mut Plan) -> Result<(), Failure> {
    let root = identity.map(|identity| identity.project.root.clone()).or_else(|| cx.caller.cwd.clone()).unwrap_or_default();
    let root = path_of(&root);
    let mut known: Vec<(String, Composition)> = Vec::new();
    let mut open: Vec<(usize, StackService)> = Vec::new();
    let mut at = 0;
    // The list grows by what its services depend on.
    while let Some(service) = plan.services.get(at) {
        at += 1;
        let Some(composed) = service.compose.clone() else { continue };
        let below = service.folder.clone().unwrap_or_default();
        if !known.iter().any(|(folder, _)| *folder == below) {
            let folder = root.join(&below);
            let found = composition(cx, &folder)?.ok_or_else(|| no_files(service, &folder))?;
            known.push((below.clone(), found));
        }
        let Some((_, composition)) = known.iter().find(|(folder, _)| *folder == below) else { continue };
        let found = composition.stack.service(&composed.service).ok_or_else(|| no_service(service, &composed, composition))?;
        let mut after: Vec<String> = Vec::new();
        for name in found.after.iter().filter(|name| composition.stack.service(name).is_some()) {
            after.push(one_of(plan, &below, name));
        }
        open.push((at - 1, found.clone()));
        if let Some(service) = plan.services.get_mut(at - 1) {
            let of = |file: &str| if below.is_empty() { file.to_owned() } else { format!("{below}/{file}") };
            fill(service, found, &of(&found.file));
            after.retain(|name| *name != service.name && !service.after.contains(name));
            service.after.extend(after);
        }
    }
    for (at, found) in open {
        unpublished(plan, at, &found);
    }
    Ok(())
}

/// The service of the plan that stands for one of Compose's; it is added where there is none. One of the same name that is none of
/// Compose's stands in for it.
fn one_of(plan: &mut Plan, folder: &str, name: &str) -> String {
    let is_it = |service: &&Service| {
        let is_composed = service.compose.as_ref().is_some_and(|composed| composed.service == name);
        (is_composed && service.folder.as_deref().unwrap_or_default() == folder)
            || (service.compose.is_none() && service.name == name)
    };
    if let Some(known) = plan.services.iter().find(is_it) {
        return known.name.clone();
    }
    let key: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    let mut called = key.clone();
    let mut count = 2;
    while plan.service(&called).is_some() {
        called = format!("{key}-{count}");
        count += 1;
    }
    let composed = Composed { service: name.to_owned(), ..Composed::default() };
    let folder = Some(folder.to_owned()).filter(|folder| !folder.is_empty());
    plan.services.push(Service { name: called.clone(), compose: Some(composed), folder, ..Service::default() });
    called
}

fn fill(service: &mut Service, found: &StackService, file: &str) {
    if let Some(composed) = &mut service.compose {
        (composed.what, composed.at_host) = (found.what(), found.at_host);
    }
    if service.origin.file.is_empty() {
        service.origin = Origin { file: file.to_owned(), line: found.line };
    }
    service.protocol = service.protocol.take().or_else(|| found.protocol().map(str::to_owned));
    for port in &found.ports {
        let Some(asked) = port.asked else { continue };
        add(service, (asked, port.transport()), Origin { file: file.to_owned(), line: port.line });
    }
}

/// Adds a port that the service does not have yet.
fn add(service: &mut Service, (asked, transport): (u16, portward_model::Transport), origin: Origin) {
    if service.ports.iter().any(|own| (own.asked, own.transport) == (asked, transport)) {
        return;
    }
    let name = (!service.ports.is_empty()).then(|| format!("port{}", service.ports.len() + 1));
    service.ports.push(DeclaredPort { name, asked, transport, origin });
}

/// Of a port that is published anywhere the container's own is asked for, where nothing else of the project asks for that.
fn unpublished(plan: &mut Plan, at: usize, found: &StackService) {
    for port in found.ports.iter().filter(|port| port.asked.is_none()) {
        let is_taken = |other: &DeclaredPort| other.asked == port.target;
        if plan.services.iter().any(|other| other.ports.iter().any(is_taken)) {
            continue;
        }
        if let Some(service) = plan.services.get_mut(at) {
            let origin = Origin { line: port.line, ..service.origin.clone() };
            add(service, (port.target, port.transport()), origin);
        }
    }
}

fn no_files(service: &Service, folder: &Path) -> Failure {
    let Origin { file, line } = &service.origin;
    let (name, folder) = (Text::from(service.name.as_str()), text_of(folder));
    Failure::usage(format!("{file}, line {line}: {name} is a Compose service, and {folder} has no Compose file."))
        .hint(Hint::listing("one of ", NAMES))
}

fn no_service(service: &Service, composed: &Composed, composition: &Composition) -> Failure {
    let Origin { file, line } = &service.origin;
    let name = Text::from(composed.service.as_str());
    let names = || composition.stack.services.iter().map(|service| service.name.as_str());
    let near = portward_wire::near(&composed.service, names());
    let shown = Text::from(composition.files.join(", ").as_str());
    let failure = Failure::usage(format!("{file}, line {line}: there is no service `{name}` in {shown}."));
    let known: Vec<&str> = if near.is_empty() { names().take(SOME).collect() } else { near };
    if known.is_empty() { failure } else { failure.hint(Hint::listing("one of ", known)) }
}

/// Bytes of such a file.
const LONGEST: u64 = 1 << 20;
/// Names that are told.
const SOME: usize = 8;
