//! `portward service NAME save` and `restore`.

use std::time::UNIX_EPOCH;

use clap::Args;
use portward_checks::engine::Copying;
use portward_model::{Failure, Moment, Text, hint, work::Step};
use portward_reading::project::load;
use portward_sys::text_of;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Held, Subject, empty};
use crate::{Acts, Context, Never, Op, Sink, document::rfc3339};

/// Save what a service of the project's own holds, under a name
///
/// By the engine's own dump where it has one, of a service that is up: `PostgreSQL`, `MariaDB`. Others are ended for as long as their
/// files are copied. Files that are written to are never copied.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Save {
    /// The service, as portward.toml calls it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What to call it; the time of day where nothing is said
    #[arg(value_name = "COPY")]
    #[serde(default)]
    pub copy: Option<String>,
}

/// Bring back what was saved of a service of the project's own
///
/// What it holds now is thrown away, once the saved one is in its place.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restore {
    /// The service, as portward.toml calls it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What was saved; the last one where nothing is said
    #[arg(value_name = "COPY")]
    #[serde(default)]
    pub copy: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    #[serde(default)]
    pub yes: bool,
}

impl Op for Save {
    declare! { "service.save", Change at Caller with Acts, emits Never, answers Held;
    "portward service db save before-migration" => "a dump that `portward service db restore before-migration` brings back" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Held, Failure> {
        let loaded = load(cx)?;
        let mut subject = Subject::of(cx, &loaded, &self.name)?;
        let name = Text::from(self.name.as_str());
        let copy = match &self.copy {
            Some(copy) => named(copy)?,
            None => today(cx),
        };
        if let Copying::Nothing = subject.own.engine.copy {
            let title = subject.own.engine.title;
            return Ok(
                subject.nothing(&format!("{title} forgets what it holds when it ends, so there is nothing to save.").into())
            );
        }
        if !subject.own.grounds.is_made() {
            return Ok(subject.nothing(&empty(&self.name)));
        }
        if subject.own.grounds.saved().contains(&copy) {
            return Err(Failure::usage(format!("{copy} was saved before, and is not replaced."))
                .hint(hint!("portward service {} save OTHER-NAME", self.name)));
        }
        subject.own.grounds.prepare_saved()?;
        let path = subject.own.grounds.saved_path(&copy);
        let mut started = false;
        if let Copying::Dump { save, .. } = subject.own.engine.copy {
            subject.must_be_up(cx)?;
            subject.own.found()?;
            // It has its name when it is whole.
            let aside = format!("{}.new", text_of(&path).shown());
            subject.own.grounds.dump(&save(&subject.own.site, &aside), &copy)?;
        } else {
            let ended = subject.end(cx)?;
            let copied = subject.own.grounds.copy(&copy);
            subject.start(cx, &ended)?;
            copied?;
            started = !ended.is_empty();
        }
        let done = subject.done(&format!("What {name} holds was saved as {copy}."));
        Ok(Held { saved: Some(copy), path: Some(text_of(&path)), started, ..done })
    }
}

impl Op for Restore {
    declare! { "service.restore", Destroy at Caller with Acts, emits Never, answers Held;
    "portward service db restore" => "what was saved last",
    "portward service db restore before-migration --yes" => "without a question" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Held, Failure> {
        let loaded = load(cx)?;
        let mut subject = Subject::of(cx, &loaded, &self.name)?;
        let (name, all) = (Text::from(self.name.as_str()), subject.own.grounds.saved());
        let wanted = self.copy.as_deref().map(named).transpose()?;
        let Some(copy) = wanted.clone().or_else(|| all.last().cloned()).filter(|copy| all.contains(copy)) else {
            let told = match wanted {
                Some(copy) => format!("Nothing was saved of {name} as {copy}."),
                None => format!("Nothing was saved of {name}."),
            };
            return Ok(subject.nothing(&told.into()));
        };
        let question = format!("What {name} holds is replaced by {copy}. Go on?");
        if !cx.agreed(self.yes, &question, "replaced", "portward service NAME restore --yes    agrees to it")? {
            return Ok(subject.nothing(&"Nothing was replaced.".into()));
        }
        let started = if let Copying::Dump { restore, .. } = subject.own.engine.copy {
            subject.must_be_up(cx)?;
            subject.own.found()?;
            let restoring = subject.own.grounds.restoring()?;
            let ended = subject.end(cx)?;
            subject.own.grounds.set_aside()?;
            let path = text_of(&subject.own.grounds.saved_path(&copy)).shown();
            let steps: Vec<Step> = restore(&subject.own.site, &path);
            // What needs it comes back when the dump was read.
            let itself = std::slice::from_ref(&self.name);
            let read = subject.start(cx, itself).and_then(|()| subject.own.grounds.work(&steps));
            if let Err(failure) = read {
                // As it was before.
                subject.end(cx)?;
                subject.own.grounds.bring_back()?;
                subject.start(cx, &ended)?;
                return Err(failure);
            }
            subject.own.grounds.forget_aside()?;
            drop(restoring);
            subject.start(cx, &ended)?;
            true
        } else {
            let ended = subject.end(cx)?;
            subject.own.grounds.put_back(&copy)?;
            subject.start(cx, &ended)?;
            !ended.is_empty()
        };
        let path = subject.own.grounds.saved_path(&copy);
        let done = subject.done(&format!("{name} holds what was saved as {copy}."));
        Ok(Held { saved: Some(copy), path: Some(text_of(&path)), started, ..done })
    }
}

impl Subject {
    /// Refuses what its own programs do to a service that runs, where it does not.
    fn must_be_up(&self, cx: &Context<'_, Acts>) -> Result<(), Failure> {
        if self.is_up(cx) {
            return Ok(());
        }
        let title = self.own.engine.title;
        Err(Failure::usage(format!(
            "{} is not up, and {title} saves and restores while it runs.",
            Text::from(self.name.as_str())
        ))
        .hint(hint!("portward up --detach {}", self.name)))
    }
}

/// The time of day as a name: `2026-11-29-201530`, in UTC.
fn today(cx: &Context<'_, Acts>) -> String {
    let since = cx.clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
    let whole = rfc3339(Moment(i64::try_from(since.as_millis()).unwrap_or_default()));
    let plain = whole.chars().filter(|c| *c != ':').map(|c| if c == 'T' { '-' } else { c });
    plain.take_while(|c| *c != '.').collect()
}

/// A name for what is saved: it becomes that of a file.
fn named(name: &str) -> Result<String, Failure> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+');
    let fits = !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(is_plain) && !name.starts_with('-');
    if fits {
        return Ok(name.to_owned());
    }
    Err(Failure::usage(format!("{} is no name for what is saved: letters, digits, `-`, `_` and `+` make one.", Text::from(name)))
        .hint("portward service db save before-migration"))
}

const LONGEST_NAME: usize = 60;
