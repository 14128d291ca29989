//! From what a project declares to what its keeper is told to run.

use std::{ffi::OsString, os::unix::ffi::OsStrExt, time::Duration};

use portward_checks::compares;
use portward_keeper::{Job, JobPort, Order, around, told_of_authority};
use portward_model::{
    Caller, FileKind, Text, Transport, hint,
    plan::{DeclaredPort, Plan, Service, ServiceCommand, Tangle, order},
};
use portward_reading::project::{Loaded, load, permitted};
use portward_store::{Store, here};
use portward_sys::{Rights, on_behalf_of, path_of, read_given, text_of};

use super::{Place, found};
use crate::{
    Acts, Context, Failure,
    project::{
        Leased,
        compose::{Compositions, Contained},
        composed_words,
        engines::own,
        leases, ports_alone, values,
    },
};

/// What a project's keeper is told, and where.
pub(crate) struct Prepared {
    pub(crate) project: i64,
    pub(crate) root: Text,
    pub(crate) order: Order,
}

impl Prepared {
    /// What these services of the caller's project take; all of them where none is named.
    pub(crate) fn of(cx: &Context<'_, Acts>, services: &[String], yes: bool) -> Result<Self, Failure> {
        if let Some(outer) = around(cx)? {
            let project = &outer.project.name;
            return Err(Failure::usage(format!(
                "This is inside a session of {project}, and services get sessions of their own."
            ))
            .hint("portward up    in a shell outside that session"));
        }
        let mut loaded = load(cx)?;
        let mut asked = services.to_vec();
        let chosen = if loaded.file.is_some() {
            chosen(&loaded.plan, &asked)?
        } else {
            loaded.plan = found::plan(cx, loaded.identity.as_ref(), &asked)?;
            if asked.is_empty() {
                asked = found::usual(&loaded.plan);
            }
            if asked.is_empty() || loaded.plan.services.is_empty() {
                return Err(nothing(&loaded));
            }
            chosen(&loaded.plan, &asked)?
        };
        let names: Vec<String> = chosen.iter().map(|service| service.name.clone()).collect();
        let shown = ports_alone(cx, &loaded)?;
        agree(cx, &loaded, (&chosen, &shown), yes)?;
        if let Some(user) = on_behalf_of(cx.caller) {
            let name = Text::new(user.name.to_bytes());
            cx.prompt.progress(&format!("This runs as root, with root's own leases and not {name}'s; services need no root."));
        }
        // What Compose makes of its files is asked once they may be run: it may fetch what they include.
        let compositions = Compositions::configure(cx, &mut loaded, (shown.id().0, &names));
        let leased = leases(cx, &loaded)?;
        let composed = compositions.written(cx, &loaded, &leased);
        let folder = || cx.caller.cwd.clone().unwrap_or_default();
        let root = loaded.identity.as_ref().map_or_else(folder, |identity| identity.project.root.clone());
        let mut again = Vec::new();
        let chosen = names.iter().filter_map(|name| loaded.plan.service(name));
        let jobs = chosen.map(|service| {
            let mut environment: Vec<(String, Text)> = values(&loaded, &leased, Some(service))?
                .into_iter()
                .map(|(name, value)| (name, Text::from(value.as_str())))
                .collect();
            environment.push((Caller::SESSION.to_owned(), Text::from(leased.id().0.to_string().as_str())));
            if service.compose.is_some() {
                let one = composed.iter().find(|(name, _)| *name == service.name).map(|(_, one)| one);
                return Ok(contained(cx, service, &root, (environment, one)));
            }
            let words = match own(cx, &loaded, &leased, service)? {
                Some(mut engine) => {
                    // What it serves is half of a dump: its next start puts that right.
                    if engine.grounds.is_cut_off()? {
                        again.push(service.name.clone());
                    }
                    engine.starting()?
                }
                None => words(service)?,
            };
            Ok(job(cx, service, (&root, words), environment))
        });
        let jobs = jobs.collect::<Result<Vec<Job>, Failure>>()?;
        let text = |word: &OsString| Text::new(word.as_bytes());
        let mut environment = portward_session::environment();
        let told = told_of_authority(cx, &environment);
        environment.extend(told);
        let environment = environment.iter().filter(|(name, _)| name != Caller::SESSION);
        let environment = environment.map(|(name, value)| (text(name), text(value))).collect();
        let order = Order { jobs, environment, again, attached: None };
        Ok(Self { project: leased.id().0, root, order })
    }

    /// The services, in the order in which they start.
    pub(crate) fn names(&self) -> Vec<String> {
        self.order.jobs.iter().map(|job| job.name.clone()).collect()
    }

    pub(crate) fn place(&self) -> Place {
        Place { project: self.project, root: self.root.clone() }
    }
}

/// Where the services of the caller's project are, without a look at what it declares.
pub(crate) fn place<R: Rights>(cx: &Context<'_, R>) -> Result<Option<Place>, Failure> {
    let identity = here(cx)?;
    let Some(store) = Store::reading(cx)? else { return Ok(None) };
    let Some(row) = store.known_project(identity.as_ref())? else { return Ok(None) };
    let root = identity.map(|identity| identity.project.root).or_else(|| cx.caller.cwd.clone()).unwrap_or_default();
    Ok(Some(Place { project: row.id.0, root }))
}

/// The services that are wanted, with all that they wait for.
fn chosen<'p>(plan: &'p Plan, named: &[String]) -> Result<Vec<&'p Service>, Failure> {
    let positions = order(&plan.services, named).map_err(|tangle| tangled(plan, &tangle))?;
    let chosen: Vec<&Service> = positions.into_iter().filter_map(|at| plan.services.get(at)).collect();
    if chosen.is_empty() {
        return Err(Failure::usage("portward.toml declares no service, so there is nothing to start.")
            .hint("[services.web] with a command = \"...\" in it declares one"));
    }
    Ok(chosen)
}

fn tangled(plan: &Plan, tangle: &Tangle) -> Failure {
    match tangle {
        Tangle::Circle(names) => {
            let around: Vec<String> = names.iter().chain(names.first()).map(|name| Text::from(name.as_str()).shown()).collect();
            Failure::usage(format!("These services wait for each other in a circle: {}.", around.join(" -> ")))
        }
        Tangle::Unknown { service, after } => {
            let after = Text::from(after.as_str());
            let told = if service.is_empty() {
                format!("No service of this project is called {after}.")
            } else {
                format!("{} waits for {after}, which is no service of this project.", Text::from(service.as_str()))
            };
            let names: Vec<&str> = plan.services.iter().map(|service| service.name.as_str()).collect();
            let near = portward_wire::near(&after.shown(), names.iter().copied());
            let known = if near.is_empty() {
                portward_model::Hint::listing("there are: ", &names)
            } else {
                portward_model::Hint::listing("near: ", &near)
            };
            Failure::usage(told).hint(known)
        }
    }
}

/// Nothing is declared, and nothing is found.
fn nothing(loaded: &Loaded) -> Failure {
    let folder = loaded.identity.as_ref().map_or_else(|| "This folder".to_owned(), |own| own.project.root.shown());
    Failure::usage(format!("{folder} has no portward.toml, and nothing in it says what there is to start."))
        .hint("portward run CMD    runs one program; [services.web] with a command = \"...\" in portward.toml declares a service")
}

/// Refuses what its user has not agreed to.
fn agree(cx: &Context<'_, Acts>, loaded: &Loaded, (chosen, leased): (&[&Service], &Leased), yes: bool) -> Result<(), Failure> {
    let line = |service: &&Service| line(service, leased);
    let lines: Vec<String> = chosen.iter().map(|service| format!("  {}", line(service))).collect();
    let lines = lines.join("\n");
    let Some(file) = &loaded.file else {
        let question = format!("There is no portward.toml. This would be started:\n{lines}\nStart it?");
        let answer = if yes { Some(true) } else { cx.prompt.confirm(&question) };
        return match answer {
            Some(true) => Ok(()),
            Some(false) => Err(Failure::usage("Nothing was started.")),
            None => {
                let all: Vec<String> = chosen.iter().map(line).collect();
                let told = format!("There is no portward.toml. This would be started: {}.", all.join("; "));
                Err(Failure::usage(told).hint("portward up --yes    starts it"))
            }
        };
    };
    if permitted(cx, file) {
        return Ok(());
    }
    let question = format!("{} is new here, or has changed. It would run:\n{lines}\nRun this now?", file.path);
    match cx.prompt.confirm(&question) {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::usage("Nothing was started.").hint("portward allow    allows the file as it is now")),
        None => {
            let all: Vec<String> = chosen.iter().map(line).collect();
            let told =
                format!("{} is not allowed as it is now, so nothing was started. It would run {}.", file.path, all.join("; "));
            Err(Failure::usage(told).hint("portward allow    allows the file as it is now"))
        }
    }
}

/// A service as it is shown before it is started.
fn line(service: &Service, leased: &Leased) -> String {
    if let Some(composed) = &service.compose {
        let place = |port: &DeclaredPort| {
            let udp = if port.transport == Transport::Udp { "udp/" } else { "" };
            let at = leased.of(port.asked).filter(|_| !composed.at_host);
            at.map_or_else(|| format!("{udp}{}", port.asked), |at| format!("{udp}{} -> localhost:{at}", port.asked))
        };
        let mut parts = vec![composed_words(composed)];
        parts.extend(service.ports.iter().map(place));
        if composed.at_host {
            parts.push("on the machine's own network, where no port can be moved".to_owned());
        }
        let from = &service.origin.file;
        return portward_model::inert(&format!("{}: {}   from {from}", service.name, parts.join("  "))).into_owned();
    }
    let command = match &service.command {
        Some(ServiceCommand::Line(line)) => line.clone(),
        Some(ServiceCommand::Words(words)) => words.join(" "),
        None => service.uses.as_ref().map(|uses| format!("{uses} of this worktree's own")).unwrap_or_default(),
    };
    let from = match (service.origin.file.as_str(), service.origin.line) {
        ("", _) => String::new(),
        (file, 0) => format!("   from {file}"),
        (file, line) => format!("   from {file}:{line}"),
    };
    let what = service.description.as_ref().map(|what| format!(" ({what})")).unwrap_or_default();
    portward_model::inert(&format!("{}: {command}{what}{from}", service.name)).into_owned()
}

/// What starts a service with a command of its own.
fn words(service: &Service) -> Result<Vec<Text>, Failure> {
    let words = match &service.command {
        Some(ServiceCommand::Line(line)) => vec!["sh", "-c", line],
        Some(ServiceCommand::Words(words)) => words.iter().map(String::as_str).collect(),
        None => Vec::new(),
    };
    if words.is_empty() {
        let name = Text::from(service.name.as_str());
        return Err(Failure::usage(format!("{name} has no command."))
            .hint(hint!("command = \"...\"    in [services.{}] starts it", service.name)));
    }
    Ok(words.into_iter().map(Text::from).collect())
}

/// A container, or why it cannot be started.
fn contained(
    cx: &Context<'_, Acts>,
    service: &Service,
    root: &Text,
    (environment, one): (Vec<(String, Text)>, Option<&Contained>),
) -> Job {
    let words = match one {
        Some(Ok((stack, own))) => stack.follower(&own.service),
        _ => Vec::new(),
    };
    let plain = job(cx, service, (root, words), environment);
    let patience_ms = service.patience.map_or(CONTAINERS_PATIENCE, |patience| patience.0).as_millis();
    let patience_ms = u64::try_from(patience_ms).unwrap_or(u64::MAX);
    match one {
        Some(Ok((_, own))) => Job { compose: Some(own.clone()), patience_ms, ..plain },
        Some(Err(why)) => Job { hindered: Some(why.clone()), ..plain },
        None => Job { hindered: Some("Compose does not know it.".into()), ..plain },
    }
}

fn job(cx: &Context<'_, Acts>, service: &Service, (root, words): (&Text, Vec<Text>), environment: Vec<(String, Text)>) -> Job {
    let folder = service.folder.as_ref().map_or_else(|| root.clone(), |below| text_of(&path_of(root).join(below)));
    let as_asked = compares_ports(cx, service.command.as_ref(), &folder);
    Job {
        name: service.name.clone(),
        words,
        folder,
        root: root.clone(),
        environment,
        ports: service
            .ports
            .iter()
            .map(|port| JobPort { name: port.name.clone(), asked: port.asked, transport: port.transport })
            .collect(),
        protocol: service.protocol.clone(),
        ready: service.ready.clone(),
        patience_ms: u64::try_from(service.patience.map_or(PATIENCE, |patience| patience.0).as_millis()).unwrap_or(u64::MAX),
        after: service.after.clone(),
        restart: service.restart,
        as_asked,
        compose: None,
        hindered: None,
    }
}

/// True where the program is known to compare the port that it asks for with the one that its socket has.
fn compares_ports(cx: &Context<'_, Acts>, command: Option<&ServiceCommand>, folder: &Text) -> bool {
    let words: Vec<String> = match command {
        Some(ServiceCommand::Line(line)) => line.split_whitespace().map(str::to_owned).collect(),
        Some(ServiceCommand::Words(words)) => words.clone(),
        None => return false,
    };
    let text = |name: &str| {
        let path = path_of(folder).join(name);
        // A pipe would be waited for.
        let kind = cx.machine.path(&text_of(&path)).ok()?.kind;
        let text = (kind == Some(FileKind::File)).then(|| read_given(&path, LONGEST_SCRIPT).ok()).flatten()?;
        Some(String::from_utf8_lossy(&text).into_owned())
    };
    compares(&words, &text)
}

/// How long a service may take until it is ready.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a container may take: its image may have to be fetched first.
const CONTAINERS_PATIENCE: Duration = Duration::from_mins(5);
/// A script or `package.json` that is looked into.
const LONGEST_SCRIPT: u64 = 256 * 1024;
