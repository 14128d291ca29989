//! The keeper's process: it takes its turn, answers whoever asks, and goes on from one event to the next.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::Ordering,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    time::Duration,
};

use portward_model::{Caller, Failure, Own, ProcessId, Sentence, Text};
use portward_store::here;
use portward_sys::{Acts, Cancel, Context, Nobody, StateFolder, SystemClock, Turn, runtime::Peer, this_caller};
use serde::{Deserialize, Serialize};

use super::{Answers, Keeping, Order, all::All, unit::How};
use crate::{
    control::{Desk, State},
    runs::process_at,
};

/// What every thread of a keeper has.
pub(super) type Cx = &'static Context<'static, Acts>;

/// What a keeper is asked; each is answered with its services.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(super) enum Ask {
    /// How they are.
    Services,
    /// To run services: a part of an [`Order`], which as a whole may be longer than a question.
    Order {
        /// Its number, from 0.
        part: usize,
        /// How many there are.
        of: usize,
        /// A piece of its JSON.
        text: String,
    },
    /// To end services with all that need them; every one where none is named.
    Down {
        /// Their names.
        services: Vec<String>,
        /// Nothing is given time to end by itself.
        now: bool,
    },
    /// Nobody looks any more.
    Leave,
}

/// What happens to a keeper.
pub(super) enum Event {
    /// Services are to run.
    Order(Box<Order>),
    /// Services are to end.
    Down(Vec<String>),
    /// Nobody looks any more.
    Leave,
    /// The program of a service has ended.
    Ended { name: String, attempt: u32, how: How },
    /// Its supervisor has ended.
    Gone { name: String, attempt: u32 },
    /// It was asked whether it is ready: nothing where it is, and otherwise what was seen.
    Looked { name: String, attempt: u32, seen: Option<Sentence> },
    /// Its processes were ended, but for these.
    Ceased { name: String, attempt: u32, left: Vec<u32>, killed: bool, remains: Option<Sentence> },
}

/// Becomes the keeper of a project, if this process was started for that.
pub(crate) fn entrance(arguments: &[OsString], answers: Answers) -> Option<ExitCode> {
    let [_, word, project, folder] = arguments else { return None };
    if word != Own::KEEPS {
        return None;
    }
    let project = project.to_str()?.parse().ok()?;
    let folder = Text::from_shown(folder.to_str()?);
    Some(match keep(project, folder, answers) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(2),
    })
}

fn keep(project: i64, folder: Text, answers: Answers) -> Result<(), Failure> {
    // Threads that wait for processes outlive every borrow, and end with this process.
    let machine = Box::leak(portward_sys::this_machine()?);
    let caller: &'static Caller = Box::leak(Box::new(Caller { cwd: Some(folder), session: None, ..this_caller() }));
    let cancel: &'static Cancel = Box::leak(Box::default());
    let cx: Cx = Box::leak(Box::new(Context { machine, caller, clock: &SystemClock, cancel, prompt: &Nobody }));
    let own = process_at(machine, caller.process.pid).map(|process| process.id);
    let own = own.ok_or_else(|| Failure::system("The keeper's own process cannot be read in /proc."))?;
    let state = StateFolder::find(caller);
    let trouble = |error: std::io::Error| Failure::system(format!("The keeper cannot write to its folder: {error}."));
    state.prepare().map_err(trouble)?;
    let Some(turn) = take_turn(&state, project).map_err(trouble)? else { return Ok(()) };
    let root = here(cx)?.map(|identity| identity.project.root);
    let (tell, told) = mpsc::channel();
    let mut all = All::new(cx, (project, root), own, (state, answers), tell.clone());
    all.adopt();
    let mut desk = Desk::open(caller, own, all.keeping());
    let (parts, hurries) = (Mutex::new(BTreeMap::new()), all.hurries.clone());
    // What is asked arrives here, until nothing more is taken.
    let inlet = Arc::new(Mutex::new(Some(tell)));
    let asked = Arc::clone(&inlet);
    desk.attend(caller.clone(), own, move |ask, peer, state: &State<Keeping>| {
        if let Ask::Down { now: true, .. } = &ask {
            hurries.store(true, Ordering::Relaxed);
        }
        take(ask, peer, &parts, &asked)?;
        Ok(state.now().as_ref().clone())
    });
    all.write();
    loop {
        let keeping = all.keeping();
        if *desk.state.now() != keeping {
            desk.state.change(|state| *state = keeping);
            all.write();
        }
        if all.is_over() {
            // Who asks from now on is told that this keeper ends. What arrived before is done first.
            let tell = inlet.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Ok(event) = told.try_recv() else { break };
            *inlet.lock().unwrap_or_else(PoisonError::into_inner) = tell;
            all.take(event);
        }
        match told.recv_timeout(all.pace()) {
            Ok(event) => {
                all.take(event);
                while let Ok(event) = told.try_recv() {
                    all.take(event);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        all.turn();
    }
    all.forget();
    drop(desk);
    drop(turn);
    Ok(())
}

/// One keeper at a time. The one before may be about to end.
fn take_turn(state: &StateFolder, project: i64) -> std::io::Result<Option<Turn>> {
    state.turn(&format!("keeper-{project}.lock"), A_MOMENT, &|| false)
}

/// What is asked goes to the keeper itself; who asks waits for nothing.
fn take(
    ask: Ask,
    peer: Peer,
    parts: &Mutex<BTreeMap<u32, Vec<String>>>,
    inlet: &Mutex<Option<Sender<Event>>>,
) -> Result<(), String> {
    let send = |event| {
        let inlet = inlet.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = inlet.as_ref().is_some_and(|tell| tell.send(event).is_ok());
        if sent { Ok(()) } else { Err("the keeper is about to end".to_owned()) }
    };
    match ask {
        Ask::Services => Ok(()),
        Ask::Down { services, .. } => send(Event::Down(services)),
        Ask::Leave => send(Event::Leave),
        Ask::Order { part, of, text } => {
            let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
            if part == 0 {
                parts.insert(peer.pid, Vec::new());
            }
            let own = parts.get_mut(&peer.pid).filter(|own| own.len() == part && part < of && of <= MOST_PARTS);
            let own = own.ok_or("the parts of an order do not follow each other")?;
            own.push(text);
            if own.len() < of {
                return Ok(());
            }
            let whole = parts.remove(&peer.pid).unwrap_or_default().concat();
            let order = serde_json::from_str(&whole).map_err(|error| format!("that is no order: {error}"))?;
            send(Event::Order(Box::new(order)))
        }
    }
}

/// A keeper's process, by what it wrote down.
pub(super) fn record_of(project: i64) -> String {
    format!("keeper-{project}.json")
}

/// How long another keeper is waited for.
const A_MOMENT: Duration = Duration::from_secs(3);
/// Parts of an order.
const MOST_PARTS: usize = 4096;

/// The process that a written state names.
pub(super) fn keeper_of(keeping: &Keeping) -> ProcessId {
    keeping.keeper
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use portward_sys::runtime::Peer;

    use super::{Ask, Event, mpsc, take};

    #[test]
    fn what_is_asked_arrives_or_is_refused() {
        let (tell, told) = mpsc::channel();
        let inlet = Mutex::new(Some(tell));
        let ask = || {
            let order = Ask::Order { part: 0, of: 1, text: serde_json::to_string(&super::Order::default()).unwrap() };
            take(order, Peer { pid: 7, uid: 0 }, &Mutex::default(), &inlet)
        };
        ask().unwrap();
        assert!(matches!(told.try_recv(), Ok(Event::Order(_))));
        // From here on it ends, and whoever has an order looks for another keeper.
        let tell = inlet.lock().unwrap().take();
        assert!(ask().unwrap_err().contains("about to end"));
        assert!(told.try_recv().is_err());
        drop(tell);
    }
}
