//! The one door to all capabilities: a request in, items and an answer out, whoever asks.

use portward_model::{Caller, ProcessId};
use portward_sys::{Clock, on_behalf_of};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Acts, Cancel, Context, Entry, Exit, Failure, Home, Machine, Op, Prompt, Rights, Sink, entry::Each, hands};

/// What is behind the door while one request passes it.
#[derive(Clone, Copy)]
pub struct Door<'a> {
    /// The machine, or a reading of one.
    pub machine: Machine<'a>,
    /// The process that this door is in: only that one may ask for what needs the caller's own process and terminal.
    pub own: Option<ProcessId>,
    /// Where time comes from.
    pub clock: &'a dyn Clock,
    /// Whether the answer is still wanted.
    pub cancel: &'a Cancel,
    /// The person.
    pub prompt: &'a dyn Prompt,
}

impl<'a> Door<'a> {
    /// The door for what one operation asks of another.
    pub(crate) fn within(cx: &Context<'a, Acts>) -> Self {
        Self { machine: Machine::Live(cx.machine), own: None, clock: cx.clock, cancel: cx.cancel, prompt: cx.prompt }
    }
}

/// An operation as a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Who asks.
    pub caller: Caller,
    /// The operation's name, such as `lease.take`.
    pub op: String,
    /// Its input, as its schema says.
    pub input: Value,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The document.
    pub document: Value,
    /// What the exit code says.
    pub exit: Exit,
}

/// Does what a request asks for. Each item of a stream goes to `each`, which answers false when nobody reads any more.
pub fn dispatch(request: Request, door: &Door<'_>, each: &mut Each<'_>) -> Result<Answer, Failure> {
    let entry = Entry::named(&request.op)?;
    (entry.run)(&request.caller, door, request.input, each)
}

/// The same, for a face that knows the types. What the operation says of itself is what it gets.
pub fn perform<O: Op>(op: O, caller: &Caller, door: &Door<'_>, out: &mut Sink<'_, O::Item>) -> Result<O::Output, Failure> {
    let is_live = matches!(door.machine, Machine::Live(_));
    let words = O::NAME.replace('.', " ");
    let at_home = match O::HOME {
        Home::Anywhere => true,
        Home::Machine | Home::Caller => is_live,
    };
    let Some(machine) = O::Rights::of(door.machine).filter(|_| at_home) else {
        return Err(Failure::usage(format!("A snapshot cannot answer `{words}`, which works on the machine itself."))
            .hint("the same on that machine, without --from and --host"));
    };
    if O::HOME == Home::Caller && door.own != Some(caller.process) {
        return Err(Failure::usage(format!("`{words}` needs the process and the terminal of who asks, which are not here."))
            .hint("the same command in a terminal"));
    }
    let Door { clock, cancel, prompt, .. } = *door;
    let cx = Context { machine, caller, clock, cancel, prompt };
    // The user database is asked only where the answer is used.
    match (O::KEPT && is_live).then(|| on_behalf_of(caller)).flatten() {
        Some(user) => hands::perform_as(&user, &op, &[], &cx, out),
        None => op.run(&cx, out),
    }
}
