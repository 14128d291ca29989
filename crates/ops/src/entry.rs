//! What a capability is, and the one door to all of them.

use std::{future::Future, pin::Pin};

use clap::{Args, FromArgMatches};
use portward_model::Effect;
use portward_sys::Act;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Document, Failure};

/// What a capability may ask the person that called it.
pub trait Prompt: Sync {
    /// Asks a yes-or-no question; `None` where nobody can answer.
    fn confirm(&self, question: &str) -> Option<bool>;

    /// Tells what is going on while it takes time.
    fn progress(&self, text: &str);

    /// What the person gave on standard input: whole where it is short, the beginning and the end of a long text.
    fn pasted(&self) -> std::io::Result<Vec<u8>>;

    /// Waits until the person wants to go on; false when they want no more. Where nobody reads along it goes on at once.
    fn turn(&self) -> bool {
        true
    }

    /// Opens a URL for the person; false when no program could be started.
    fn open_url(&self, url: &str) -> bool;

    /// Shows a desktop notification; false when the desktop has no way.
    fn notify(&self, title: &str, text: &str) -> bool;
}

/// What every run is given: the machine and the person.
pub struct Cx<'a> {
    /// The machine.
    pub host: &'a dyn Act,
    /// The person.
    pub prompt: &'a dyn Prompt,
}

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done and nothing wrong.
    Fine,
    /// 1: done, and something was found: nothing listens, not freed, timed out.
    Found,
    /// The exit code of a program that was run for the caller.
    Program(u8),
    /// The signal that ended a program that was run for the caller: it ends the caller's process, too.
    Killed(i32),
}

/// Where a capability can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// On a live machine or on a snapshot of one.
    Anywhere,
    /// On a live machine only.
    Live,
}

/// The result of a run, or one item of a stream.
pub trait Noun: Serialize + JsonSchema {
    /// What the exit code says about it.
    fn exit(&self) -> Exit {
        Exit::Fine
    }

    /// The document's lines for `--ndjson`: its main list, one entry per line; the whole of it where it has none.
    fn each_line(&self, line: &mut dyn FnMut(&dyn ErasedSerialize) -> std::io::Result<()>) -> std::io::Result<()>
    where
        Self: Sized,
    {
        line(&Document::new(self))
    }
}

/// [`Serialize`] to JSON text without the type.
pub trait ErasedSerialize {
    /// Writes the value as JSON.
    fn write(&self, out: &mut dyn std::io::Write) -> std::io::Result<()>;
}

impl<T: Serialize> ErasedSerialize for T {
    fn write(&self, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        crate::document::write_json(self, out)
    }
}

/// No item: the capability does not stream.
#[derive(Serialize, JsonSchema)]
pub enum Never {}

impl Noun for Never {}

/// Where a streaming capability puts its items.
pub struct Sink<'a, T>(&'a mut dyn FnMut(T) -> bool);

impl<'a, T> Sink<'a, T> {
    /// A sink that hands items to `take`, which answers false when nobody reads any more.
    pub fn new(take: &'a mut dyn FnMut(T) -> bool) -> Self {
        Self(take)
    }

    /// Hands over one item; false when the stream should end.
    #[must_use]
    pub fn emit(&mut self, item: T) -> bool {
        (self.0)(item)
    }
}

/// One capability. The doc comment is its help, the fields are its arguments.
pub trait Op: Args + FromArgMatches + Serialize + DeserializeOwned + JsonSchema + 'static {
    /// Its name, as typed.
    const NAME: &'static str;
    /// What it does to the world.
    const EFFECT: Effect;
    /// Where it can run.
    const WHERE: Where;
    /// A few command lines with what they answer, for help and reference.
    const EXAMPLES: &'static [(&'static str, &'static str)];
    /// True where standard output is that of a program which it runs: what it says itself goes to standard error.
    const YIELDS_STDOUT: bool = false;
    /// What a streaming run emits.
    type Item: Noun;
    /// What it answers.
    type Output: Noun;

    /// Does it. A run that waits for the kernel blocks its thread.
    fn run(self, cx: &Cx<'_>, out: &mut Sink<'_, Self::Item>) -> impl Future<Output = Result<Self::Output, Failure>>;
}

/// Runs a capability: the one door, whoever calls.
pub async fn perform<O: Op>(op: O, cx: &Cx<'_>, out: &mut Sink<'_, O::Item>) -> Result<O::Output, Failure> {
    op.run(cx, out).await
}

type Run = for<'a> fn(
    &'a Cx<'a>,
    Value,
    &'a mut dyn FnMut(Value) -> bool,
) -> Pin<Box<dyn Future<Output = Result<(Value, Exit), Failure>> + 'a>>;

/// A capability with its types erased: what every face but the terminal's text needs.
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// What it does to the world.
    pub effect: Effect,
    /// Where it can run.
    pub place: Where,
    /// Command lines with what they answer.
    pub examples: &'static [(&'static str, &'static str)],
    /// Its arguments as a command.
    pub command: fn() -> clap::Command,
    /// JSON schema of its arguments.
    pub input: fn() -> Value,
    /// JSON schema of its answer.
    pub output: fn() -> Value,
    /// JSON schema of an item of its stream; `None` when it does not stream.
    pub item: fn() -> Option<Value>,
    /// Arguments from a command line, as JSON.
    pub parse: fn(&clap::ArgMatches) -> Result<Value, clap::Error>,
    /// Runs it from JSON to JSON.
    pub run: Run,
}

/// The entry of a capability.
pub(crate) const fn entry<O: Op>() -> Entry {
    Entry {
        name: O::NAME,
        effect: O::EFFECT,
        place: O::WHERE,
        examples: O::EXAMPLES,
        command: || O::augment_args(clap::Command::new(O::NAME)),
        input: || schema_of::<O>(false),
        output: || schema_of::<O::Output>(true),
        item: || (std::any::TypeId::of::<O::Item>() != std::any::TypeId::of::<Never>()).then(|| schema_of::<O::Item>(true)),
        parse: |matches| Ok(serde_json::to_value(O::from_arg_matches(matches)?).unwrap_or(Value::Null)),
        run: |cx, input, each| {
            Box::pin(async move {
                let op: O = serde_json::from_value(input)
                    .map_err(|error| Failure::usage(format!("The input is not as the schema of {} says: {error}.", O::NAME)))?;
                let value = |item: &dyn Fn() -> serde_json::Result<Value>| item().unwrap_or(Value::Null);
                let mut take = |item: O::Item| each(value(&|| serde_json::to_value(Document::new(&item))));
                let output = perform(op, cx, &mut Sink::new(&mut take)).await?;
                Ok((value(&|| serde_json::to_value(Document::new(&output))), output.exit()))
            })
        },
    }
}

/// The schema of a type; a document's has `schema_version` beside the type's own fields.
fn schema_of<T: JsonSchema>(is_document: bool) -> Value {
    let schema = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>();
    let mut schema = Value::from(schema);
    if is_document {
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("schema_version".to_owned(), serde_json::json!({ "const": 1 }));
        }
        if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
            required.insert(0, "schema_version".into());
        }
    }
    schema
}
