//! What processes of this program that go on running are asked, and how they answer: one line of JSON, and one in return.
//!
//! Both say which version of this they speak. Whoever is asked what it does not know says so, and so does whoever speaks another version:
//! an upgrade leaves older processes running.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::Duration,
};

use portward_model::{Caller, ProcessId};
use portward_sys::runtime::{self, Bell, Doorway, Peer};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// The version that this program speaks.
const VERSION: u64 = 1;

/// A line as it crosses a socket.
#[derive(Serialize, Deserialize)]
struct Line<T> {
    portward: u64,
    #[serde(flatten)]
    body: T,
}

/// What is said in return.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply<T> {
    Answer(T),
    Error(String),
}

/// A question as it is sent, without the end of its line.
pub(crate) fn question(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(&Line { portward: VERSION, body }).unwrap_or_default()
}

/// The answer that a process gave.
///
/// # Errors
/// Why there is none, in a sentence that is the other side's word.
pub(crate) fn answer<T: DeserializeOwned>(said: &[u8]) -> Result<T, String> {
    match read::<Reply<T>>(said)? {
        Reply::Answer(answer) => Ok(answer),
        Reply::Error(why) => Err(why),
    }
}

/// What is said to a question: what `give` answers to it, or why there is no answer.
fn reply<Q: DeserializeOwned, A: Serialize>(line: &[u8], give: impl FnOnce(Q) -> Result<A, String>) -> Vec<u8> {
    let body = match read::<Q>(line).and_then(give) {
        Ok(answer) => Reply::Answer(answer),
        Err(why) => Reply::Error(why),
    };
    let mut said = question(&body);
    said.push(b'\n');
    said
}

fn read<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    let value: Value = serde_json::from_slice(line).map_err(|error| format!("that is no JSON: {error}"))?;
    match value.get("portward").and_then(Value::as_u64) {
        Some(VERSION) => {}
        Some(version) => return Err(format!("version {version} is spoken, and this process speaks version {VERSION}")),
        None => return Err("no version of Portward is spoken".to_owned()),
    }
    let line: Line<T> = serde_json::from_value(value).map_err(|error| format!("that is not known here: {error}"))?;
    Ok(line.body)
}

/// A state of this process that others ask for. Whoever changes it waits for nobody.
pub(crate) struct State<T>(Arc<Shared<T>>);

struct Shared<T> {
    state: Mutex<Arc<T>>,
    bell: Option<Bell>,
    over: AtomicBool,
}

impl<T: Clone> State<T> {
    fn locked(&self) -> MutexGuard<'_, Arc<T>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state as it is now.
    pub(crate) fn now(&self) -> Arc<T> {
        Arc::clone(&self.locked())
    }

    /// Changes the state. One that somebody reads just now is copied.
    pub(crate) fn change(&self, change: impl FnOnce(&mut T)) {
        change(Arc::make_mut(&mut self.locked()));
        if let Some(bell) = &self.0.bell {
            bell.ring();
        }
    }
}

/// Where others ask for this process's state, and the thread that answers them.
pub(crate) struct Desk<T> {
    pub(crate) state: State<T>,
    /// Opened at once, so that who is started by this process finds it; nobody is answered before there is a thread.
    door: Option<Doorway>,
    thread: Option<Receiver<()>>,
}

impl<T: Clone + Send + Sync + 'static> Desk<T> {
    /// Opens a socket for a process of the caller's, which is this one.
    pub(crate) fn open(caller: &Caller, own: ProcessId, state: T) -> Self {
        let bell = Bell::new().ok();
        let door = bell.as_ref().and_then(|bell| Doorway::open(caller, own, bell).ok());
        let shared = Shared { state: Mutex::new(Arc::new(state)), bell, over: AtomicBool::new(false) };
        Self { state: State(Arc::new(shared)), door, thread: None }
    }

    /// Answers from now on, in a thread of its own: `give` says what. Where no socket can be had, it is tried again now and then.
    pub(crate) fn attend<Q: DeserializeOwned, A: Serialize>(
        &mut self,
        caller: Caller,
        own: ProcessId,
        give: impl Fn(Q, Peer, &State<T>) -> Result<A, String> + Send + 'static,
    ) {
        let Some(bell) = self.state.0.bell.clone() else { return };
        let (ended, thread) = mpsc::channel();
        let state = State(Arc::clone(&self.state.0));
        let answers = move |peer: Peer, line: &[u8]| reply(line, |asked| give(asked, peer, &state));
        let (shared, door) = (Arc::clone(&self.state.0), self.door.take());
        let attend = move || attend((&caller, own), door, (&shared.over, &bell), answers, &ended);
        if thread::Builder::new().name("portward".to_owned()).stack_size(STACK).spawn(attend).is_ok() {
            self.thread = Some(thread);
        }
    }
}

impl<T> Drop for Desk<T> {
    fn drop(&mut self) {
        let shared = &self.state.0;
        shared.over.store(true, Ordering::Relaxed);
        if let (Some(bell), Some(thread)) = (&shared.bell, &self.thread) {
            bell.ring();
            // It takes its socket away. A file system that does not answer is not waited for.
            let _ = thread.recv_timeout(AT_THE_END);
        }
    }
}

/// Answers until it is over. The socket is made anew where others find it no more, as after its folder was removed.
fn attend(
    (caller, own): (&Caller, ProcessId),
    mut door: Option<Doorway>,
    (over, bell): (&AtomicBool, &Bell),
    mut answers: impl FnMut(Peer, &[u8]) -> Vec<u8>,
    ended: &Sender<()>,
) {
    // What processes left behind that were killed; nobody waits for it here.
    if let Ok(machine) = portward_sys::this_machine() {
        runtime::sweep(caller, own.started_ticks, &|some| machine.living(some).unwrap_or_else(|_| some.to_vec()));
    }
    while !over.load(Ordering::Relaxed) {
        if !door.as_ref().is_some_and(Doorway::stands) {
            // Who lists sessions still sees of one whose folder has gone that it listens.
            door = Doorway::open(caller, own, bell).ok().or(door);
        }
        match &mut door {
            Some(door) => {
                if door.attend(BETWEEN_LOOKS, &mut answers) {
                    door.mark();
                }
            }
            None => {
                bell.wait(BETWEEN_LOOKS);
            }
        }
    }
    drop(door);
    let _ = ended.send(());
}

/// Bytes of the thread's stack, of which it touches a few pages.
const STACK: usize = 256 * 1024;
/// Between two looks whether the socket still stands where others look for it.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// How long the end waits for the socket to be taken away.
const AT_THE_END: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{answer, question, reply};

    fn said(line: &str) -> Value {
        let give = |asked: Value| if asked["ask"] == "run" { Ok("a run") } else { Err("unknown".to_owned()) };
        serde_json::from_slice(&reply(line.as_bytes(), give)).unwrap()
    }

    #[test]
    fn both_sides_say_their_version() {
        assert_eq!(said(r#"{"portward":1,"ask":"run"}"#), json!({ "portward": 1, "answer": "a run" }));
        assert_eq!(said(r#"{"portward":1,"ask":"dance"}"#)["error"], "unknown");
        assert_eq!(said(r#"{"portward":2,"ask":"run"}"#)["error"], "version 2 is spoken, and this process speaks version 1");
        for odd in ["", "run", "[]", "{}", "null", r#"{"ask":"run"}"#, r#"{"portward":"1","ask":"run"}"#] {
            assert!(said(odd)["error"].is_string(), "{odd}");
        }
    }

    #[test]
    fn an_answer_is_read_back() {
        let asked = String::from_utf8(question(&json!({ "ask": "run" }))).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&asked).unwrap(), json!({ "portward": 1, "ask": "run" }));
        let reply = |text: &str| answer::<String>(text.as_bytes());
        assert_eq!(reply(r#"{"portward":1,"answer":"x","more":[]}"#).unwrap(), "x");
        assert_eq!(reply(r#"{"portward":1,"error":"not known"}"#).unwrap_err(), "not known");
        assert!(reply(r#"{"portward":3,"answer":"x"}"#).unwrap_err().contains("version 3"));
        assert!(reply(r#"{"portward":1,"answer":7}"#).is_err());
    }
}
