//! What every run is given: the machine, who asks, the time, and the person.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use portward_model::{Caller, Failure, ProcessId, inert};

use crate::{Act, Clock, Dial, Look};

/// What a capability may ask the person that called it.
pub trait Prompt: Sync {
    /// Asks a yes-or-no question; `None` where nobody can answer.
    fn confirm(&self, _question: &str) -> Option<bool> {
        None
    }

    /// Tells what is going on while it takes time.
    fn progress(&self, _text: &str) {}

    /// What the person gave on standard input: whole where it is short, the beginning and the end of a long text.
    fn pasted(&self) -> std::io::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    /// Waits until the person wants to go on; false when they want no more. Where nobody reads along it goes on at once.
    fn turn(&self) -> bool {
        true
    }

    /// Opens a URL for the person; false when no program could be started.
    fn open_url(&self, _url: &str) -> bool {
        false
    }

    /// Shows a desktop notification; false when the desktop has no way.
    fn notify(&self, _title: &str, _text: &str) -> bool {
        false
    }
}

/// Nobody: who runs apart from any terminal has no one to ask.
pub struct Nobody;

impl Prompt for Nobody {}

/// Whether an answer is still wanted: it is not after Ctrl-C, or when a client has gone away.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    over: Arc<AtomicBool>,
    /// It was asked again.
    urgent: Arc<AtomicBool>,
}

impl Cancel {
    /// From now on nothing is wanted.
    pub fn cancel(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// True when nothing is wanted any more.
    pub fn is_cancelled(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// True when who ends in order was asked a second time, and should not wait for anything.
    pub fn is_urgent(&self) -> bool {
        self.urgent.load(Ordering::Relaxed)
    }

    /// What says so, for those that set it where nothing else may be done, as a signal's handler.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.over)
    }

    /// The same, and what says that it was asked a second time.
    pub fn flags(&self) -> [Arc<AtomicBool>; 2] {
        [Arc::clone(&self.over), Arc::clone(&self.urgent)]
    }
}

/// A machine as the door holds it.
#[derive(Clone, Copy)]
pub enum Machine<'a> {
    /// The one that this runs on.
    Live(&'a dyn Act),
    /// A reading of one, on which nothing can be done.
    Snapshot(&'a dyn Dial),
}

/// How far a run may go with a machine. It is handed no machine with which it could go further.
pub trait Rights: Copy + Send + Sync + 'static {
    /// The machine that it is handed.
    type Machine<'a>: Look + ?Sized + 'a;
    /// True where that one can be changed.
    const ACTS: bool;

    /// What the door hands over; `None` where it has no such machine.
    fn of(machine: Machine<'_>) -> Option<&Self::Machine<'_>>;

    /// The same machine, to be looked at.
    fn look<'a>(machine: &'a Self::Machine<'a>) -> &'a dyn Look;
}

/// It looks, and nobody notices.
#[derive(Clone, Copy, Debug)]
pub struct Looks;

/// It connects, too, which its servers notice.
#[derive(Clone, Copy, Debug)]
pub struct Dials;

/// It changes things.
#[derive(Clone, Copy, Debug)]
pub struct Acts;

impl Rights for Looks {
    type Machine<'a> = dyn Look + 'a;
    const ACTS: bool = false;

    fn of(machine: Machine<'_>) -> Option<&dyn Look> {
        Dials::of(machine).map(Dials::look)
    }

    fn look<'a>(machine: &'a (dyn Look + 'a)) -> &'a dyn Look {
        machine
    }
}

impl Rights for Dials {
    type Machine<'a> = dyn Dial + 'a;
    const ACTS: bool = false;

    fn of(machine: Machine<'_>) -> Option<&dyn Dial> {
        match machine {
            Machine::Live(machine) => Some(machine),
            Machine::Snapshot(machine) => Some(machine),
        }
    }

    fn look<'a>(machine: &'a (dyn Dial + 'a)) -> &'a dyn Look {
        machine
    }
}

impl Rights for Acts {
    type Machine<'a> = dyn Act + 'a;
    const ACTS: bool = true;

    fn of(machine: Machine<'_>) -> Option<&dyn Act> {
        match machine {
            Machine::Live(machine) => Some(machine),
            Machine::Snapshot(_) => None,
        }
    }

    fn look<'a>(machine: &'a (dyn Act + 'a)) -> &'a dyn Look {
        machine
    }
}

/// What every run is given. It can be handed to a thread.
#[derive(Clone, Copy)]
pub struct Context<'a, R: Rights = Looks> {
    /// The machine.
    pub machine: &'a R::Machine<'a>,
    /// Who asks.
    pub caller: &'a Caller,
    /// Where time comes from.
    pub clock: &'a dyn Clock,
    /// Whether the answer is still wanted.
    pub cancel: &'a Cancel,
    /// The person.
    pub prompt: &'a dyn Prompt,
}

impl<'a> Context<'a, Acts> {
    /// The same, for what only dials.
    pub fn dials(&self) -> Context<'a, Dials> {
        self.with::<Dials>(self.machine)
    }
}

impl<'a, R: Rights> Context<'a, R> {
    /// The machine, to be looked at.
    pub fn look(&self) -> &'a dyn Look {
        R::look(self.machine)
    }

    /// The same, for what only looks.
    pub fn looks(&self) -> Context<'a> {
        self.with::<Looks>(self.look())
    }

    /// The same, with another machine.
    pub fn with<'b, S: Rights>(&self, machine: &'b S::Machine<'b>) -> Context<'b, S>
    where
        'a: 'b,
    {
        let Self { caller, clock, cancel, prompt, .. } = *self;
        Context { machine, caller, clock, cancel, prompt }
    }

    /// Whether the person agrees, who may have said so before; a failure where nobody is there to ask.
    pub fn agreed(&self, yes: bool, question: &str, nothing: &str, hint: &'static str) -> Result<bool, Failure> {
        let answer = if yes { Some(true) } else { self.prompt.confirm(&inert(question)) };
        let unasked = || Failure::usage(format!("{question} Nobody is there to answer, so nothing was {nothing}."));
        answer.ok_or_else(|| unasked().hint(hint))
    }

    /// Now, for measuring.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// What is left until a moment; all of `most` where there is none.
    pub fn left(&self, end: Option<Instant>, most: Duration) -> Duration {
        end.map_or(most, |end| end.saturating_duration_since(self.now()).min(most))
    }

    /// An error where nobody wants the answer any more.
    pub fn still_wanted(&self) -> Result<(), Failure> {
        if self.cancel.is_cancelled() { Err(Failure::cancelled()) } else { Ok(()) }
    }

    /// Lets time pass.
    pub fn sleep(&self, time: Duration) -> Result<(), Failure> {
        let end = self.now() + time;
        loop {
            self.still_wanted()?;
            match end.saturating_duration_since(self.now()).min(SLICE) {
                Duration::ZERO => return Ok(()),
                slice => self.clock.pass(slice),
            }
        }
    }

    /// Waits until a socket closes, a path in `directories` changes, or the time is over.
    pub fn wait_for_change(&self, directories: &[PathBuf], time: Duration) -> Result<(), Failure> {
        let end = self.now() + time;
        loop {
            self.still_wanted()?;
            let began = self.now();
            let slice = end.saturating_duration_since(began).min(SLICE);
            self.look().wait_for_change(directories, slice)?;
            // What ends before its time has seen something.
            let now = self.now();
            if now >= end || now < began + slice {
                return self.still_wanted();
            }
        }
    }

    /// Waits until all these processes have ended, or the time is over. Gives those that live.
    pub fn wait_for_exit(&self, processes: &[ProcessId], time: Duration) -> Result<Vec<ProcessId>, Failure> {
        let end = self.now() + time;
        let mut left = processes.to_vec();
        loop {
            self.still_wanted()?;
            let now = self.now();
            left = self.look().wait_for_exit(&left, end.saturating_duration_since(now).min(SLICE))?;
            if left.is_empty() || now >= end {
                return Ok(left);
            }
        }
    }
}

/// The longest time that a wait goes on unasked whether it is still wanted.
const SLICE: Duration = Duration::from_millis(50);
