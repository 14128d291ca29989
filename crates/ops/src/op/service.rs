//! `portward service`: what an engine of the project's own holds.

mod keep;
mod shell;

use clap::Args;
use portward_checks::engine::engine;
use portward_keeper::{ComposeStack, Grounds, Keeper, Keeping, Kept, KeptState, states};
use portward_model::{
    Failure, Sentence, Text, hint,
    plan::{Composed, Service as Declared},
};
use portward_reading::project::{Loaded, load};
use portward_store::Store;
use portward_sys::text_of;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Acts, Context, Exit, Looks, Never, Noun, Op, Sink,
    document::Gap,
    op::{
        down::{Down, found},
        up::{Apart, place},
    },
    project::{
        allowed,
        engines::{Own, own},
        leases, service,
    },
};

pub use keep::{Restore, Save};
pub use shell::Shell;

/// Look after what a service of the project's own holds: a database, a cache, a queue of this worktree alone
///
/// A service that `use`s an engine in portward.toml has its own data, password and port in each worktree. NAME comes first:
/// `portward service db save`, `restore`, `reset`, `shell`.
#[derive(Args, Clone, Debug)]
pub struct Service {}

/// Show what a service of the project's own holds: its engine, whether it is up, where its data is, and what was saved
///
/// A service that `use`s an engine in portward.toml has data of its own in this worktree, which no other worktree shares.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// The service, as portward.toml calls it
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Throw away what a service of the project's own holds, and make it anew
///
/// What was saved stays, and so do its port and its password. It is ended first where it runs, and started again.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// The service, as portward.toml calls it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Do not ask
    #[arg(long, short)]
    #[serde(default)]
    pub yes: bool,
}

/// What was done to a service.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    /// The service.
    pub service: String,
    /// The engine, as people call it.
    pub engine: String,
    /// What was done, in a sentence; `null` where nothing was.
    pub done: Option<Sentence>,
    /// Why nothing was done; `null` where it was.
    pub because: Option<Sentence>,
    /// The saved copy or dump that it was about; `null` where it was about none.
    pub saved: Option<String>,
    /// Where that is.
    pub path: Option<Text>,
    /// All that is saved of the service.
    pub all: Vec<String>,
    /// True where it was started again.
    pub started: bool,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Noun for Held {
    fn exit(&self) -> Exit {
        if self.because.is_none() { Exit::Fine } else { Exit::Found }
    }
}

impl Op for Status {
    declare! { "service.status", Read at Machine with Looks, emits Never, answers Held;
    "portward service db" => "PostgreSQL 15, up; its data and two saved dumps" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_>, _: &mut Sink<'_, Never>) -> Result<Held, Failure> {
        let loaded = load(cx)?;
        let (declared, shown) = (service(&loaded, &self.name)?, Text::from(self.name.as_str()));
        let none = |because: Sentence| Held { service: self.name.clone(), because: Some(because), ..Held::default() };
        if let Some(composed) = &declared.compose {
            return composition(cx, &loaded, (&self.name, composed));
        }
        let Some(engine) = declared.uses.as_deref().and_then(engine) else {
            return Ok(none(format!("{shown} is started by a command of its own, so what it holds is not known here.").into()));
        };
        let project =
            Store::reading(cx)?.and_then(|store| store.known_project(loaded.identity.as_ref()).transpose()).transpose()?;
        let grounds = project
            .as_ref()
            .and_then(|project| Grounds::known(cx.caller, (project.id, loaded.identity.as_ref()), (&self.name, engine.name)));
        if grounds.as_ref().is_some_and(Grounds::is_unfinished) {
            let because =
                format!("A restore of {shown} goes on now, or was cut off; the next start brings back what was there before.");
            return Ok(Held { engine: engine.title.to_owned(), ..none(because.into()) });
        }
        let Some(grounds) = grounds.filter(Grounds::is_made) else {
            return Ok(Held { engine: engine.title.to_owned(), ..none(empty(&self.name)) });
        };
        let keeping = project.and_then(|project| states(cx, project.id.0)).map(|(keeping, _)| keeping);
        let is_up = up(keeping).contains(&self.name);
        let major = grounds.record.major.map(|major| format!(" {major}")).unwrap_or_default();
        let state = if is_up { "up" } else { "down" };
        let done = format!("{shown} is {}{major}, {state}. Its data is in {}.", engine.title, text_of(&grounds.data()));
        let all = grounds.saved();
        Ok(Held { engine: engine.title.to_owned(), done: Some(done.into()), all, service: self.name.clone(), ..Held::default() })
    }
}

/// A service of Compose files: its data is in volumes of the engine's.
fn composition(cx: &Context<'_>, loaded: &Loaded, (name, composed): (&str, &Composed)) -> Result<Held, Failure> {
    let project = Store::reading(cx)?.and_then(|store| store.known_project(loaded.identity.as_ref()).transpose()).transpose()?;
    let keeping = project.as_ref().and_then(|project| states(cx, project.id.0)).map(|(keeping, _)| keeping);
    let state = if up(keeping).iter().any(|up| up == name) { "up" } else { "down" };
    let what = composed.what.clone().unwrap_or_else(|| "a container".to_owned());
    let stacks = project.map(|project| ComposeStack::all(cx.caller, project.id.0)).unwrap_or_default();
    let volumes = stacks.first().map(|stack| {
        let of = &stack.record.name;
        format!(" What it keeps is in volumes of the engine: docker volume ls --filter label=com.docker.compose.project={of}")
    });
    let shown = Text::from(name);
    let done = format!("{shown} is {what} of the Compose files, {state}.{}", volumes.unwrap_or_default());
    Ok(Held { engine: what, done: Some(done.into()), service: name.to_owned(), ..Held::default() })
}

impl Op for Reset {
    declare! { "service.reset", Destroy at Caller with Acts, emits Never, answers Held;
    "portward service db reset" => "an empty database, on the same port with the same password" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Held, Failure> {
        let loaded = load(cx)?;
        let mut subject = Subject::of(cx, &loaded, &self.name)?;
        let (title, name) = (subject.own.engine.title, Text::from(self.name.as_str()));
        if !subject.own.grounds.is_made() {
            return Ok(subject.nothing(&empty(&self.name)));
        }
        let question = format!("All that {name} ({title}) of this worktree holds is thrown away. Go on?");
        let unasked = "portward service NAME reset --yes    agrees to it";
        if !cx.agreed(self.yes, &question, "thrown away", unasked)? {
            return Ok(subject.nothing(&"Nothing was thrown away.".into()));
        }
        let ended = subject.end(cx)?;
        subject.own.grounds.reset()?;
        subject.start(cx, &ended)?;
        let again = if ended.is_empty() { "" } else { ", and is up again" };
        Ok(Held { started: !ended.is_empty(), ..subject.done(&format!("{name} holds nothing any more{again}.")) })
    }
}

/// Those of a project's services that are up.
fn up(keeping: Option<Keeping>) -> Vec<String> {
    let is_up = |kept: &Kept| kept.state != KeptState::Stopped && kept.supervisor.is_some();
    keeping.into_iter().flat_map(|keeping| keeping.services).filter(is_up).map(|kept| kept.name).collect()
}

/// What is said of a service that was never started.
fn empty(service: &str) -> Sentence {
    format!("{} holds nothing yet: its data is made when it is first started.", Text::from(service)).into()
}

/// A service that something is done to.
struct Subject {
    name: String,
    project: i64,
    own: Own,
    /// What was put right of one before this that was cut off.
    mended: Option<&'static str>,
}

impl Subject {
    /// The service of this name, of a project whose file was allowed.
    fn of(cx: &Context<'_, Acts>, loaded: &Loaded, name: &str) -> Result<Self, Failure> {
        allowed(cx, loaded)?;
        let declared: &Declared = service(loaded, name)?;
        // Whoever asks its keeper alone would take one for down that goes on after its keeper was killed, and touch files that it writes to.
        if let Some(place) = place(cx)? {
            found(cx, &place)?;
        }
        let leased = leases(cx, loaded)?;
        let shown = Text::from(name);
        let own = own(cx, loaded, &leased, declared)?.ok_or_else(|| {
            let why = match declared.compose {
                Some(_) => "is a container of this project's Compose files, so what it holds is in its volumes",
                None => "is started by a command of its own, so what it holds is not known here",
            };
            Failure::usage(format!("{shown} {why}."))
                .hint(hint!("use = \"postgres\"    in [services.{}] makes it a database of this worktree's own", shown))
        })?;
        let mut subject = Self { name: name.to_owned(), project: leased.id().0, own, mended: None };
        if subject.own.grounds.is_cut_off()? {
            let ended = subject.end(cx)?;
            subject.mended = subject.own.grounds.mend()?;
            subject.start(cx, &ended)?;
        }
        Ok(subject)
    }

    /// Services of its project that are up.
    fn up(&self, cx: &Context<'_, Acts>) -> Vec<String> {
        up(Keeper::of(cx, self.project).and_then(|keeper| keeper.services().ok()))
    }

    /// True where it is up.
    fn is_up(&self, cx: &Context<'_, Acts>) -> bool {
        self.up(cx).contains(&self.name)
    }

    /// Ends it where it is up, with what needs it: the names of what has ended.
    fn end(&self, cx: &Context<'_, Acts>) -> Result<Vec<String>, Failure> {
        let before = self.up(cx);
        if !before.contains(&self.name) {
            return Ok(Vec::new());
        }
        let down = Down { services: vec![self.name.clone()], ..Down::default() };
        down.run(cx, &mut Sink::new(&mut |_| true))?;
        if self.is_up(cx) {
            return Err(Failure::system(format!("{} does not end, so nothing was done.", Text::from(self.name.as_str())))
                .hint(hint!("portward down {} --now    kills it", self.name)));
        }
        let after = self.up(cx);
        Ok(before.into_iter().filter(|name| !after.contains(name)).collect())
    }

    /// Starts services that were ended for it, and waits until they are ready.
    fn start(&self, cx: &Context<'_, Acts>, services: &[String]) -> Result<(), Failure> {
        if services.is_empty() {
            return Ok(());
        }
        let apart = Apart { services: services.to_vec(), detach: true, ..Apart::default() };
        let services = apart.run(cx, &mut Sink::new(&mut |_| true))?;
        match services.exit() {
            Exit::Fine => Ok(()),
            _ => Err(Failure::system(format!("{} was started, and did not become ready.", Text::from(self.name.as_str())))
                .hint(hint!("portward logs {}    shows why", self.name))),
        }
    }

    fn done(&self, done: &str) -> Held {
        Held { done: Some(self.with_mended(done)), ..self.answer() }
    }

    fn nothing(&self, because: &Sentence) -> Held {
        Held { because: Some(self.with_mended(&because.to_string())), ..self.answer() }
    }

    fn with_mended(&self, said: &str) -> Sentence {
        self.mended.map_or_else(|| said.to_owned().into(), |mended| format!("{mended} {said}").into())
    }

    fn answer(&self) -> Held {
        Held {
            service: self.name.clone(),
            engine: self.own.engine.title.to_owned(),
            all: self.own.grounds.saved(),
            ..Held::default()
        }
    }
}
