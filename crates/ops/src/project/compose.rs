//! Services of a project that its Compose files declare: the program that starts them, the ports that they get, and what is laid over
//! the files for that.

use std::{ffi::OsString, os::unix::ffi::OsStrExt, path::Path, time::Duration};

use portward_keeper::{ComposeRecord, ComposeStack, InCompose, InComposePort, complaint};
use portward_model::{
    Caller, ProjectIdentity, Sentence, Text, Transport,
    plan::{DeclaredPort, Origin, Plan, Service},
};
use portward_reading::{compose::composition, project::Loaded};
use portward_sys::{
    digest, path_of, text_of,
    works::{self, Asked, Heard},
};
use portward_wire::{
    project_file::{NAME, scheme_of},
    stack::{Declared, Place, Stack, overlay},
};

use super::{Leased, title};
use crate::{Acts, Context};

/// Where a service of Compose is, and what starts it; or why it cannot be started.
pub type Contained = Result<(ComposeStack, InCompose), Sentence>;

/// What Compose makes of the files of a folder, before their ports are leased.
pub struct Configured {
    /// The folder, below the project's root.
    below: String,
    record: ComposeRecord,
    stack: Stack,
}

/// What is known of a project's Compose services at their start.
#[derive(Default)]
pub struct Compositions {
    all: Vec<Result<Configured, (String, Sentence)>>,
}

impl Compositions {
    /// Asks Compose what the files of these services say now, and gives the plan the ports that they publish. What is missing is
    /// kept for the services that need it; the others start all the same.
    pub fn configure(cx: &Context<'_, Acts>, loaded: &mut Loaded, (project, services): (i64, &[String])) -> Self {
        let mut folders: Vec<String> = Vec::new();
        for service in loaded.plan.services.iter().filter(|service| service.compose.is_some() && services.contains(&service.name))
        {
            let below = below(service);
            if !folders.contains(&below) {
                folders.push(below);
            }
        }
        if folders.is_empty() {
            return Self::default();
        }
        let environment = portward_session::environment();
        let tool = tool(&environment, &root_of(cx, loaded.identity.as_ref()));
        let each = folders.into_iter().map(|below| {
            let tool = tool.as_ref().map_err(|why| (below.clone(), why.clone()))?;
            let configured = configured(cx, loaded, (project, &below), (tool, &environment));
            configured.map_err(|why| (below.clone(), why))
        });
        let found = Self { all: each.collect() };
        for configured in found.all.iter().flatten() {
            publish(&mut loaded.plan, configured);
        }
        found
    }

    /// Writes down how the services are started, once their ports are leased; gives each of these with where it is, or why it cannot be
    /// started.
    pub fn written(&self, cx: &Context<'_, Acts>, loaded: &Loaded, leased: &Leased) -> Vec<(String, Contained)> {
        let mut told = Vec::new();
        for one in &self.all {
            let of = |below: &str| {
                let below = below.to_owned();
                loaded.plan.services.iter().filter(move |service| service.compose.is_some() && self::below(service) == below)
            };
            let configured = match one {
                Ok(configured) => configured,
                Err((below, why)) => {
                    told.extend(of(below).map(|service| (service.name.clone(), Err(why.clone()))));
                    continue;
                }
            };
            let declared = |name: &str| declared(&loaded.plan, &configured.below, name);
            let over = overlay(&configured.stack, &configured.record.name, &|asked| leased.of(asked), &declared);
            let folder = ComposeStack::place(cx.caller, leased.id().0, &configured.below);
            let stack = ComposeStack::write(folder, configured.record.clone(), &over.text);
            for service in of(&configured.below) {
                let Some(composed) = &service.compose else { continue };
                let places = over.places.iter().find(|(name, _)| *name == composed.service).map(|(_, places)| places.as_slice());
                let one = match (&stack, places) {
                    (Err(failure), _) => Err(failure.message.clone().into()),
                    (Ok(_), None) => {
                        let name = Text::from(composed.service.as_str());
                        Err(format!("Compose knows no service {name} in {}.", configured.record.folder).into())
                    }
                    (Ok(stack), Some(places)) => Ok((stack.clone(), placed(stack, service, places))),
                };
                told.push((service.name.clone(), one));
            }
        }
        told
    }
}

/// A service as its keeper is told of it.
fn placed(stack: &ComposeStack, service: &Service, places: &[Place]) -> InCompose {
    let places: Vec<InComposePort> = places
        .iter()
        .filter_map(|place| {
            let transport = if place.protocol == "udp" { Transport::Udp } else { Transport::Tcp };
            Some(InComposePort { asked: place.asked, transport, at: place.at? })
        })
        .collect();
    let first = service.port().filter(|port| port.transport == Transport::Tcp);
    let url = first.filter(|_| service.protocol.is_some()).and_then(|port| {
        let place = places.iter().find(|place| place.asked == port.asked && place.transport == port.transport)?;
        Some(format!("{}://localhost:{}", scheme_of(service, port), place.at))
    });
    let name = service.compose.as_ref().map(|composed| composed.service.clone()).unwrap_or_default();
    InCompose { folder: stack.told(), service: name, places, url }
}

/// Where a service's Compose files are, below the project's root.
fn below(service: &Service) -> String {
    service.folder.clone().unwrap_or_default()
}

fn root_of(cx: &Context<'_, Acts>, identity: Option<&ProjectIdentity>) -> Text {
    let here = || cx.caller.cwd.clone().unwrap_or_default();
    identity.map_or_else(here, |identity| identity.project.root.clone())
}

/// The ports that the plan declares for a service of the files.
fn declared(plan: &Plan, below: &str, name: &str) -> Vec<Declared> {
    let is_it = |service: &&Service| {
        service.compose.as_ref().is_some_and(|composed| composed.service == name) && self::below(service) == below
    };
    let own = plan.services.iter().filter(is_it).flat_map(|service| &service.ports);
    let one = |port: &DeclaredPort| Declared {
        asked: port.asked,
        is_udp: port.transport == Transport::Udp,
        forced: port.origin.file == NAME,
    };
    own.map(one).collect()
}

/// Gives the plan the ports that Compose says are published: variables of the environment may have moved them.
fn publish(plan: &mut Plan, configured: &Configured) {
    for service in plan.services.iter_mut().filter(|service| below(service) == configured.below) {
        let Some(found) = service.compose.as_ref().and_then(|composed| configured.stack.service(&composed.service)) else {
            continue;
        };
        let asks = |port: &DeclaredPort| {
            found.ports.iter().any(|own| own.asked.unwrap_or(own.target) == port.asked && own.transport() == port.transport)
        };
        service.ports.retain(|port| port.origin.file == NAME || asks(port));
        for port in &found.ports {
            let Some(asked) = port.asked else { continue };
            if service.ports.iter().any(|own| (own.asked, own.transport) == (asked, port.transport())) {
                continue;
            }
            let name = (!service.ports.is_empty()).then(|| format!("port{}", service.ports.len() + 1));
            let origin = Origin { ..service.origin.clone() };
            service.ports.push(DeclaredPort { name, asked, transport: port.transport(), origin });
        }
    }
}

fn configured(
    cx: &Context<'_, Acts>,
    loaded: &Loaded,
    (project, below): (i64, &str),
    (tool, environment): (&[String], &[(OsString, OsString)]),
) -> Result<Configured, Sentence> {
    let identity = loaded.identity.as_ref();
    let folder = path_of(&root_of(cx, identity)).join(below);
    let found = composition(cx, &folder).map_err(|failure| Sentence::from(failure.message))?;
    let Some(found) = found else { return Err(format!("{} has no Compose file.", text_of(&folder)).into()) };
    let place = ComposeStack::place(cx.caller, project, below);
    let before = ComposeStack::at(place).ok().flatten().filter(|stack| stack.record.is_of(identity));
    let name = before.map_or_else(|| stack_name(&title(loaded), identity, &folder), |stack| stack.record.name);
    let text = |name: &str| environment.iter().find(|(own, _)| own == name).map(|(_, value)| Text::new(value.as_bytes()));
    let record = ComposeRecord {
        name,
        tool: tool.to_vec(),
        environment: TELLING.iter().filter_map(|name| Some(((*name).to_owned(), text(name)?))).collect(),
        files: found.files.iter().map(|file| text_of(&folder.join(file))).collect(),
        folder: text_of(&folder),
        root: identity.map(|identity| identity.project.root.clone()),
        mark: identity.and_then(|identity| identity.folder),
    };
    let mut words = tool.to_vec();
    words.extend(["--project-name".to_owned(), record.name.clone()]);
    for file in &record.files {
        let path = std::str::from_utf8(file.raw()).map_err(|_| format!("{file} is no UTF-8, and Compose takes no such path."))?;
        words.extend(["--file".to_owned(), path.to_owned()]);
    }
    words.extend(["--profile", "*", "config", "--format", "json"].map(str::to_owned));
    let heard = asked(&words, environment, &folder)?;
    if !heard.succeeded {
        return Err(format!("Compose does not take its files: {}.", complaint(&heard)).into());
    }
    let stack = Stack::configured(&String::from_utf8_lossy(&heard.stdout))
        .map_err(|flaw| format!("What Compose makes of its files cannot be understood: {}.", Text::from(flaw.words.as_str())))?;
    Ok(Configured { below: below.to_owned(), record, stack })
}

/// What Compose calls this worktree's project: the same after a reboot or a rename of its folder, and no other worktree's.
fn stack_name(title: &str, identity: Option<&ProjectIdentity>, folder: &Path) -> String {
    let plain: String = title
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' })
        .collect();
    let plain: String = plain.trim_matches(['-', '_']).chars().take(LONGEST_TITLE).collect();
    let mark = identity.and_then(|identity| identity.folder).map(|mark| format!("{}.{}", mark.inode, mark.born_ns));
    let root = identity.map(|identity| identity.project.root.clone()).unwrap_or_default();
    let folder = text_of(folder);
    let below = folder.raw().strip_prefix(root.raw()).unwrap_or(folder.raw());
    let whose = mark.map_or_else(|| root.raw().to_vec(), String::into_bytes);
    let sum = digest(&[&whose, below]);
    let sum = sum.get(..DIGITS).unwrap_or_default();
    if plain.is_empty() { format!("project-{sum}") } else { format!("{plain}-{sum}") }
}

/// The program that starts Compose services, with its first words; what is missing, in a sentence with the step.
fn tool(environment: &[(OsString, OsString)], folder: &Text) -> Result<Vec<String>, Sentence> {
    let folder = path_of(folder);
    let (mut old, mut without) = (None, None);
    for words in TOOLS {
        let [name, rest @ ..] = *words else { continue };
        let Some(path) = works::program(name, &[]) else { continue };
        let path = path.to_string_lossy().into_owned();
        let tool: Vec<String> = [path].into_iter().chain(rest.iter().map(|&word| word.to_owned())).collect();
        let ask = |words: &[&str]| {
            let words: Vec<String> = tool.iter().cloned().chain(words.iter().map(|&word| word.to_owned())).collect();
            asked(&words, environment, &folder)
        };
        let said = ask(&["version", "--short"]).ok().filter(|heard| heard.succeeded);
        let Some(version) = said.and_then(|heard| version(&String::from_utf8_lossy(&heard.stdout))) else {
            without.get_or_insert(name);
            continue;
        };
        if version < NEEDED {
            old.get_or_insert((words.join(" "), version));
            continue;
        }
        let answers = ask(&["ls", "--quiet"])?;
        if !answers.succeeded {
            let step = "start it, as by `sudo systemctl start docker`, and see that this user may use it";
            return Err(format!("The container engine does not answer: {} ({step}).", complaint(&answers)).into());
        }
        return Ok(tool);
    }
    let (major, minor, patch) = NEEDED;
    let needed = format!("{major}.{minor}.{patch}");
    Err(match (old, without) {
        (Some((name, (major, minor, patch))), _) => format!(
            "`{name}` here is Compose {major}.{minor}.{patch}, and a Compose service needs {needed} or later, which can replace \
             published ports (`!override`): install the package docker-compose-plugin."
        ),
        (None, Some(name)) => format!(
            "{name} is here, and its Compose plugin is not: a Compose service needs Docker Compose {needed} or later (the package \
             docker-compose-plugin)."
        ),
        (None, None) => format!(
            "No container engine is installed: a Compose service needs Docker Engine with Docker Compose {needed} or later (the \
             packages docker-ce and docker-compose-plugin)."
        ),
    }
    .into())
}

fn asked(words: &[String], environment: &[(OsString, OsString)], folder: &Path) -> Result<Heard, Sentence> {
    let ours = |name: &OsString| ["COMPOSE_FILE", "COMPOSE_PROJECT_NAME", Caller::SESSION].iter().any(|own| name == own);
    let environment: Vec<_> = environment.iter().filter(|(name, _)| !ours(name)).cloned().collect();
    works::ask(&Asked { words, environment: &environment, folder }, PATIENCE).map_err(|error| format!("{error}.").into())
}

/// `2.40.3`, `v2.24.4-desktop.1`; what surrounds it is left out.
fn version(text: &str) -> Option<(u32, u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut parts = word.trim_start_matches('v').split(['.', '-', '+']);
        let mut next = || parts.next()?.parse().ok();
        Some((next()?, next()?, next().unwrap_or(0)))
    })
}

/// What starts Compose services, the usual one first.
const TOOLS: &[&[&str]] = &[&["docker", "compose"], &["docker-compose"], &["podman", "compose"]];
/// The first version that knows `!override` in a file.
const NEEDED: (u32, u32, u32) = (2, 24, 4);
/// Variables by which the engine and Compose's own parts are found; they hold no secret.
const TELLING: &[&str] = &[
    "HOME",
    "PATH",
    "XDG_RUNTIME_DIR",
    "SSH_AUTH_SOCK",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "CONTAINER_HOST",
];
/// How long Compose has to answer: files may be included from elsewhere.
const PATIENCE: Duration = Duration::from_mins(1);
/// Letters of a title in the name of a stack.
const LONGEST_TITLE: usize = 30;
/// Digits of what tells stacks apart.
const DIGITS: usize = 8;

#[cfg(test)]
mod tests {
    use super::{NEEDED, version};

    #[test]
    fn versions_as_they_are_printed() {
        for (text, read, is_enough) in [
            ("2.40.3\n", Some((2, 40, 3)), true),
            ("v2.24.4-desktop.1", Some((2, 24, 4)), true),
            ("2.24.3", Some((2, 24, 3)), false),
            ("1.29.2", Some((1, 29, 2)), false),
            ("Docker Compose version v2.26.1", Some((2, 26, 1)), true),
            ("5.0", Some((5, 0, 0)), true),
            ("docker: 'compose' is not a docker command.", None, false),
        ] {
            assert_eq!((version(text), version(text).is_some_and(|version| version >= NEEDED)), (read, is_enough), "{text}");
        }
    }
}
