//! What a capability is.

use clap::{Args, FromArgMatches};
use portward_model::{Caller, Effect};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    Context, Document, Failure, OPS, Rights,
    door::{Answer, Door, perform},
};

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

/// Where a capability is at home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// A snapshot of a machine will do.
    Anywhere,
    /// The machine itself.
    Machine,
    /// The caller's own process and terminal.
    Caller,
}

/// The result of a run, or one item of a stream.
pub trait Noun: Serialize + DeserializeOwned + JsonSchema + Send {
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
#[derive(Serialize, Deserialize, JsonSchema)]
pub enum Never {}

impl Noun for Never {}

/// Where a streaming capability puts its items.
pub struct Sink<'a, T>(&'a mut (dyn FnMut(T) -> bool + Send));

impl<'a, T> Sink<'a, T> {
    /// A sink that hands items to `take`, which answers false when nobody reads any more.
    pub fn new(take: &'a mut (dyn FnMut(T) -> bool + Send)) -> Self {
        Self(take)
    }

    /// Hands over one item; false when the stream should end.
    #[must_use]
    pub fn emit(&mut self, item: T) -> bool {
        (self.0)(item)
    }
}

/// One capability. The doc comment is its help, the fields are its arguments.
pub trait Op: Args + FromArgMatches + Serialize + DeserializeOwned + JsonSchema + Send + 'static {
    /// Its name: `noun.verb`, or the noun alone where there is one verb.
    const NAME: &'static str;
    /// What it does to the world.
    const EFFECT: Effect;
    /// Where it is at home.
    const HOME: Home;
    /// How far it may go with the machine.
    type Rights: Rights;
    /// A few command lines with what they answer, for help and reference.
    const EXAMPLES: &'static [(&'static str, &'static str)];
    /// True where standard output is that of a program which it runs: what it says itself goes to standard error.
    const YIELDS_STDOUT: bool = false;
    /// True where a request to end is answered by work of its own, however long that takes; who asks a second time is in a hurry.
    const ENDS_IN_ORDER: bool = false;
    /// True where it is about what is kept for its caller. Root does not do it to another user's things: under sudo a process of the
    /// caller's does.
    const KEPT: bool = false;
    /// What a streaming run emits.
    type Item: Noun;
    /// What it answers.
    type Output: Noun;

    /// Does it. A run that waits blocks its thread, and ends soon after nobody wants the answer any more.
    fn run(self, cx: &Context<'_, Self::Rights>, out: &mut Sink<'_, Self::Item>) -> Result<Self::Output, Failure>;
}

/// What a capability says of itself: its name, its effect, its home, its rights, what it emits, what it answers, and examples.
macro_rules! declare {
    ($name:literal, $effect:ident at $home:ident with $rights:ty, emits $item:ty, answers $output:ty; $($line:literal => $told:literal),+) => {
        const NAME: &'static str = $name;
        const EFFECT: $crate::Effect = $crate::Effect::$effect;
        const HOME: $crate::Home = $crate::Home::$home;
        type Rights = $rights;
        const EXAMPLES: &'static [(&'static str, &'static str)] = &[$(($line, $told)),+];
        type Item = $item;
        type Output = $output;
    };
}

/// Where items go with their types erased.
pub type Each<'a> = dyn FnMut(Value) -> bool + Send + 'a;

/// A capability with its types erased: what every face but the terminal's text needs.
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// What it does to the world.
    pub effect: Effect,
    /// Where it is at home.
    pub home: Home,
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
    pub(crate) run: fn(&Caller, &Door<'_>, Value, &mut Each<'_>) -> Result<Answer, Failure>,
}

impl Entry {
    /// The entry of a capability. One that lies about itself does not compile:
    ///
    /// ```compile_fail
    /// use portward_ops::{Acts, Context, Effect, Entry, Failure, Home, Never, Op, Sink, op::ps::Sessions};
    ///
    /// #[derive(clap::Args, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    /// struct Liar {}
    ///
    /// impl Op for Liar {
    ///     const NAME: &'static str = "liar";
    ///     const EFFECT: Effect = Effect::Read;
    ///     const HOME: Home = Home::Machine;
    ///     type Rights = Acts; // With `Looks` it compiles.
    ///     const EXAMPLES: &'static [(&'static str, &'static str)] = &[];
    ///     type Item = Never;
    ///     type Output = Sessions;
    ///
    ///     fn run(self, _: &Context<'_, Self::Rights>, _: &mut Sink<'_, Never>) -> Result<Sessions, Failure> {
    ///         Err(Failure::cancelled())
    ///     }
    /// }
    ///
    /// const LIAR: Entry = Entry::of::<Liar>();
    /// println!("{}", LIAR.name);
    /// ```
    ///
    /// # Panics
    /// While it is compiled, for one that lies.
    pub const fn of<O: Op>() -> Self {
        assert!(
            O::Rights::ACTS != matches!(O::EFFECT, Effect::Read),
            "who acts changes something, and who changes something acts"
        );
        assert!(!(O::Rights::ACTS && matches!(O::HOME, Home::Anywhere)), "nothing can be done to a snapshot");
        Self {
            name: O::NAME,
            effect: O::EFFECT,
            home: O::HOME,
            examples: O::EXAMPLES,
            command: || O::augment_args(clap::Command::new(O::NAME)),
            input: || schema_of::<O>(false),
            output: || schema_of::<O::Output>(true),
            item: || (std::any::TypeId::of::<O::Item>() != std::any::TypeId::of::<Never>()).then(|| schema_of::<O::Item>(true)),
            parse: |matches| Ok(serde_json::to_value(O::from_arg_matches(matches)?).unwrap_or(Value::Null)),
            run: |caller, door, input, each| {
                let op: O = serde_json::from_value(input)
                    .map_err(|error| Failure::usage(format!("The input is not as the schema of {} says: {error}.", O::NAME)))?;
                let mut take = |item: O::Item| each(document(&item));
                let output = perform(op, caller, door, &mut Sink::new(&mut take))?;
                Ok(Answer { document: document(&output), exit: output.exit() })
            },
        }
    }

    /// The entry of this name.
    pub fn named(name: &str) -> Result<&'static Self, Failure> {
        OPS.iter().find(|entry| entry.name == name).ok_or_else(|| {
            let shown = portward_model::Text::from(name);
            Failure::usage(format!("There is no operation `{shown}`.")).hint("portward schema    names them")
        })
    }

    /// What it is about, the first part of its name.
    pub fn noun(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(noun, _)| noun)
    }
}

fn document<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(Document::new(value)).unwrap_or(Value::Null)
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
