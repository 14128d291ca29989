//! The door in a user's own process: what root does to the things of the user who called it passes through here.
//!
//! One line of JSON for each message. Root asks and answers questions; the other side says items, an answer or a failure, each of
//! them the user's word: read as the types say, and shown like any other hostile text.

use std::{
    ffi::OsString,
    io::{self, BufRead, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    process::ExitCode,
    sync::{Mutex, OnceLock},
    time::Duration,
};

use portward_model::{Failure, Text, hint};
use portward_sys::{Cancel, Hands, Prompt, SystemClock, User, on_behalf_of, this_caller, this_machine};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Answer, Context, Door, Machine, Op, Request, Rights, Sink, dispatch};

/// What root says.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// Do this.
    Do { op: String, input: Value },
    /// The person's answer to a question.
    Answered(Option<bool>),
}

/// What the user's process says.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Item(Value),
    Confirm(String),
    Progress(String),
    Turn,
    Answer(Value),
    Failed(Failure),
}

/// Does an operation as this user, and gives what that process answers.
pub(crate) fn perform_as<O: Op, R: Rights>(
    user: &User,
    op: &O,
    handed: &[OwnedFd],
    cx: &Context<'_, R>,
    out: &mut Sink<'_, O::Item>,
) -> Result<O::Output, Failure> {
    let name = Text::new(user.name.to_bytes());
    let failed = |error: &io::Error| {
        let why = match error.kind() {
            io::ErrorKind::Interrupted => return Failure::cancelled(),
            io::ErrorKind::TimedOut => format!("it has said nothing of use for {} s", SILENCE.as_secs()),
            io::ErrorKind::UnexpectedEof => "it has ended without an answer".to_owned(),
            io::ErrorKind::PermissionDenied => format!("{name} may not execute this program"),
            _ => error.to_string(),
        };
        let told = format!("What belongs to {name} is read and written by a process of {name}'s, and not by root: {why}.");
        Failure::system(told).hint(hint!("the same command as {}, without sudo", name))
    };
    let kept: Vec<BorrowedFd<'_>> = handed.iter().map(AsFd::as_fd).collect();
    let numbers = portward_session::numbers_of(handed);
    let mut hands = Hands::of(user, &[WORD, &numbers], &kept).map_err(|error| failed(&error))?;
    let input = serde_json::to_value(op).unwrap_or_default();
    tell(&mut hands, &Order::Do { op: O::NAME.to_owned(), input }).map_err(|error| failed(&error))?;
    // Whoever goes on talking and never answers is waited for as little as who is silent.
    let mut end = cx.now() + WHOLE;
    let mut questions = 0;
    loop {
        if cx.now() >= end {
            return Err(failed(&io::ErrorKind::TimedOut.into()));
        }
        let line = hands.hear(cx.left(Some(end), SILENCE), cx.cancel).map_err(|error| failed(&error))?;
        let word: Value = read(&line, &name)?;
        let answered = match read_value(inert(word), &name)? {
            Word::Item(item) => {
                if out.emit(read_value(item, &name)?) {
                    continue;
                }
                return Err(Failure::cancelled());
            }
            Word::Progress(text) => {
                cx.prompt.progress(&text);
                continue;
            }
            Word::Confirm(_) | Word::Turn if questions >= MOST_QUESTIONS => return Err(strange(&name)),
            Word::Confirm(question) => {
                let asked = cx.now();
                let answer = cx.prompt.confirm(&question);
                end += cx.now().saturating_duration_since(asked);
                answer
            }
            Word::Turn => {
                let asked = cx.now();
                let more = cx.prompt.turn();
                end += cx.now().saturating_duration_since(asked);
                Some(more)
            }
            Word::Answer(answer) => return read_value(answer, &name),
            Word::Failed(failure) => return Err(failure),
        };
        questions += 1;
        tell(&mut hands, &Order::Answered(answered)).map_err(|error| failed(&error))?;
    }
}

/// The same operation as the user who called root, beside what root did itself; `None` where nobody called.
pub(crate) fn beside<O: Op, R: Rights>(op: &O, cx: &Context<'_, R>) -> Option<Result<O::Output, Failure>> {
    let user = on_behalf_of(cx.caller)?;
    Some(perform_as(&user, op, &[], cx, &mut Sink::new(&mut |_| true)))
}

/// Sockets that root bound for what this process does, which may bind no such ones.
pub(crate) fn handed() -> &'static [OwnedFd] {
    HANDED.get().map_or(&[], Vec::as_slice)
}

static HANDED: OnceLock<Vec<OwnedFd>> = OnceLock::new();

/// Becomes a user's hands, if this process was started for that; everybody else goes on.
pub(crate) fn entrance(arguments: &[OsString]) -> Option<ExitCode> {
    if arguments.get(1)? != WORD {
        return None;
    }
    let handed = arguments.get(2).and_then(|numbers| portward_session::handed_over(numbers.to_str()?));
    let _ = HANDED.set(handed.unwrap_or_default());
    let said = match work() {
        Ok(answer) => Word::Answer(answer.document),
        Err(failure) => Word::Failed(failure),
    };
    Some(if say(&said).is_ok() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn work() -> Result<Answer, Failure> {
    let caller = this_caller();
    if caller.uid == 0 {
        return Err(Failure::usage("Root needs nobody's hands for what is root's."));
    }
    let Order::Do { op, input } = hear().map_err(|error| unheard(&error))? else {
        return Err(Failure::usage("An answer without a question was given."));
    };
    let machine = this_machine()?;
    let (cancel, asker) = (Cancel::default(), Asker(Mutex::new(())));
    let own = Some(caller.process);
    let door = Door { machine: Machine::Live(machine.as_ref()), own, clock: &SystemClock, cancel: &cancel, prompt: &asker };
    dispatch(Request { caller, op, input }, &door, &mut |item| say(&Word::Item(item)).is_ok())
}

/// Asks the person by way of root. What is opened for the user is opened as the user.
struct Asker(Mutex<()>);

impl Asker {
    fn ask(&self, question: &Word) -> Option<bool> {
        let _one_at_a_time = self.0.lock();
        say(question).ok()?;
        match hear().ok()? {
            Order::Answered(answer) => answer,
            Order::Do { .. } => None,
        }
    }
}

impl Prompt for Asker {
    fn confirm(&self, question: &str) -> Option<bool> {
        self.ask(&Word::Confirm(question.to_owned()))
    }

    fn progress(&self, text: &str) {
        let _ = say(&Word::Progress(text.to_owned()));
    }

    fn turn(&self) -> bool {
        self.ask(&Word::Turn).unwrap_or(true)
    }
}

fn say(word: &Word) -> io::Result<()> {
    let mut line = serde_json::to_vec(word)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

#[expect(clippy::disallowed_methods, reason = "standard input is the pipe from root")]
fn hear() -> io::Result<Order> {
    let mut line = Vec::new();
    io::stdin().lock().read_until(b'\n', &mut line)?;
    Ok(serde_json::from_slice(&line)?)
}

fn tell(hands: &mut Hands, order: &Order) -> io::Result<()> {
    let line = serde_json::to_vec(order)?;
    if line.len() > LONGEST_ORDER { Err(io::ErrorKind::ArgumentListTooLong.into()) } else { hands.tell(&line) }
}

fn unheard(error: &io::Error) -> Failure {
    Failure::usage(format!("The order cannot be read: {error}."))
}

fn read<T: DeserializeOwned>(line: &[u8], name: &Text) -> Result<T, Failure> {
    serde_json::from_slice(line).map_err(|_| strange(name))
}

fn read_value<T: DeserializeOwned>(value: Value, name: &Text) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|_| strange(name))
}

fn strange(name: &Text) -> Failure {
    Failure::system(format!("A process of {name}'s answers with what no Portward says."))
        .hint(hint!("the same command as {}, without sudo", name))
}

/// The same value without a character that would do something to a terminal: the user's process may be another program by now.
fn inert(value: Value) -> Value {
    let text = |text: String| portward_model::inert(&text).into_owned();
    match value {
        Value::String(said) => Value::String(text(said)),
        Value::Array(values) => Value::Array(values.into_iter().map(inert).collect()),
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(name, value)| (text(name), inert(value))).collect()),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => plain,
    }
}

/// The first argument of such a process, hidden from help.
const WORD: &str = portward_model::Own::HANDS;
/// How long it may take in all, without the time in which the person thinks.
const WHOLE: Duration = Duration::from_secs(90);
/// Questions to the person about one operation.
const MOST_QUESTIONS: usize = 16;
/// Bytes of an order: a pipe holds them, so that root never waits for a reader.
const LONGEST_ORDER: usize = 32 * 1024;
/// How long it may say nothing: what it waits for itself takes some ten seconds.
const SILENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::inert;

    #[test]
    fn what_a_users_process_says_does_nothing_to_a_terminal() {
        let kept = json!({ "name": "C:\\x \"ü\"", "list": [1, null, "plain"] });
        assert_eq!(inert(kept.clone()), kept);
        let hostile = inert(json!({ "a\u{1b}[31m": ["\u{202e}x", { "b": "c\nd\u{ad}" }] })).to_string();
        assert!(!hostile.contains(['\u{1b}', '\u{202e}', '\n', '\u{ad}']), "{hostile}");
    }
}
