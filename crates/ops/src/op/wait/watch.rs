//! From one try to an answer: each goal is watched by itself until it is ready, all of them while what they need is alive.

use std::{
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        mpsc::{RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, Instant},
};

use portward_model::{Endpoint, EndpointHost, Sentence, is_localhost};
use portward_sys as sys;

use super::{
    Awaited,
    ask::{self, Limits, Meeting, Sight, Wish},
    goal::Goal,
    places::Places,
};
use crate::{Cancel, Context, Dials, Failure, Meant, target::Target};

/// A goal with what its readiness means.
pub(super) struct Awaiting {
    pub(super) goal: Goal,
    pub(super) wish: Wish,
}

/// When it is over, and when it is enough.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// When nobody waits any longer.
    pub(super) end: Option<Instant>,
    /// How long one try may take.
    pub(super) longest_try: Duration,
    /// How long a goal must have been ready without a break.
    pub(super) stable: Duration,
}

/// What came of it.
pub(super) struct Watched {
    pub(super) endpoints: Vec<Awaited>,
    /// What should have stayed and has ended.
    pub(super) gone: Option<Sentence>,
}

/// What every goal looks like at the moment.
struct Board {
    seen: Mutex<Vec<Option<(Sight, Instant)>>>,
    /// What bare ports meant at the last look.
    meant: Mutex<Vec<Option<Meant>>>,
}

impl Board {
    fn note(&self, index: usize, sight: Sight, at: Instant) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = seen.get_mut(index) {
            *place = Some((sight, at));
        }
    }

    fn mean(&self, index: usize, meant: Option<Meant>) {
        let mut all = self.meant.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = all.get_mut(index) {
            *place = meant;
        }
    }

    /// Which of them meet a condition.
    fn which(&self, is: impl Fn(Option<&(Sight, Instant)>) -> bool) -> Vec<usize> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().enumerate().filter(|(_, seen)| is(seen.as_ref())).map(|(index, _)| index).collect()
    }

    fn told(self, goals: &[Awaiting]) -> Vec<Awaited> {
        let seen = self.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let meant = self.meant.into_inner().unwrap_or_else(PoisonError::into_inner);
        let told = goals.iter().zip(seen).zip(meant).map(|((one, seen), meant)| {
            let (ready, saw) = seen.map_or((false, "it was not looked at".into()), |(sight, _)| (sight.ready, sight.saw));
            Awaited { endpoint: one.goal.shown(), ready, saw, meant }
        });
        told.collect()
    }
}

/// Waits until all are ready at one time, the time is over, or `gone` says that it is in vain.
pub(super) fn all(
    cx: &Context<'_, Dials>,
    goals: &[Awaiting],
    places: &Places,
    rules: Rules,
    gone: &mut dyn FnMut() -> Result<Option<Sentence>, Failure>,
) -> Result<Watched, Failure> {
    let board =
        Board { seen: Mutex::new(goals.iter().map(|_| None).collect()), meant: Mutex::new(goals.iter().map(|_| None).collect()) };
    let began = cx.now();
    let (mut told, mut looked) = (false, false);
    // Whoever was ready long before the last one is looked at once more, since it may have ended meanwhile.
    let mut confirmed = false;
    if let Some(gone) = gone()? {
        return Ok(Watched { endpoints: board.told(goals), gone: Some(gone) });
    }
    loop {
        let now = cx.now();
        let is_old = |at: Instant| now.saturating_duration_since(at) > FRESH;
        let open = board.which(|seen| seen.is_none_or(|(sight, at)| !sight.ready || (!confirmed && is_old(*at))));
        // Everything is looked at once, however long it took to find out what is meant.
        if open.is_empty() || (looked && rules.end.is_some_and(|end| now >= end)) {
            return Ok(Watched { endpoints: board.told(goals), gone: None });
        }
        confirmed = goals.len() > open.len();
        looked = true;
        let over = until_each(cx, goals, &open, (&board, places), rules, &mut || {
            if !told && cx.now().saturating_duration_since(began) > Duration::from_secs(1) {
                told = true;
                let waiting = board.which(|seen| seen.is_none_or(|(sight, _)| !sight.ready));
                let names: Vec<String> = waiting.iter().filter_map(|index| Some(goals.get(*index)?.goal.shown())).collect();
                cx.prompt.progress(&format!("waiting for {}", names.join(", ")));
            }
            gone()
        })?;
        if over.is_some() {
            return Ok(Watched { endpoints: board.told(goals), gone: over });
        }
    }
}

/// Waits for each of these in a thread of its own: a slow one holds up no other.
fn until_each(
    cx: &Context<'_, Dials>,
    goals: &[Awaiting],
    open: &[usize],
    (board, places): (&Board, &Places),
    rules: Rules,
    meanwhile: &mut dyn FnMut() -> Result<Option<Sentence>, Failure>,
) -> Result<Option<Sentence>, Failure> {
    let stop = Cancel::default();
    let own = Context { cancel: &stop, ..*cx };
    thread::scope(|scope| {
        let (tell, told) = channel();
        for (index, one) in open.iter().filter_map(|index| Some((*index, goals.get(*index)?))) {
            let (tell, own) = (tell.clone(), &own);
            let note = move |sight, at| board.note(index, sight, at);
            let mean = move |endpoint: &Endpoint| {
                let meant = places.meant(own, endpoint);
                board.mean(index, meant.clone());
                meant.map(|meant| meant.endpoint())
            };
            scope.spawn(move || tell.send(until_ready(own, one, rules, &mean, &note)));
        }
        drop(tell);
        let mut left = open.len();
        while left > 0 {
            match told.recv_timeout(TICK) {
                Ok(Ok(())) => left -= 1,
                Ok(Err(failure)) => {
                    stop.cancel();
                    return Err(failure);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
            let word = cx.still_wanted().and_then(|()| meanwhile());
            if !matches!(word, Ok(None)) {
                stop.cancel();
                return word;
            }
        }
        Ok(None)
    })
}

/// Tries until it is ready, and has been for as long as it must, or the time is over.
fn until_ready(
    cx: &Context<'_, Dials>,
    one: &Awaiting,
    rules: Rules,
    mean: &dyn Fn(&Endpoint) -> Option<Endpoint>,
    note: &dyn Fn(Sight, Instant),
) -> Result<(), Failure> {
    let folder: Vec<PathBuf> = match &one.goal.endpoint.host {
        EndpointHost::Path(path) => ask::folder(path).into_iter().collect(),
        EndpointHost::Any | EndpointHost::Ip(..) | EndpointHost::Name(_) => Vec::new(),
    };
    let mut pause = SHORTEST_PAUSE;
    let mut since: Option<Instant> = None;
    let mut nearest: Option<Sight> = None;
    loop {
        let began = cx.now();
        let (sight, dialled) = try_once(cx, one, rules, mean)?;
        let now = cx.now();
        let is_over = rules.end.is_some_and(|end| now >= end);
        let is_heard = dialled && sight.met >= Meeting::Silence;
        if sight.ready {
            let first = *since.get_or_insert(began);
            let lasted = now.saturating_duration_since(first);
            if rules.stable.is_zero() || lasted >= rules.stable {
                note(sight, now);
                return Ok(());
            }
            let saw = format!("{}, for {} ms so far", sight.saw.clause(), lasted.as_millis());
            note(Sight { ready: false, saw: saw.into(), ..sight }, now);
        } else {
            since = None;
            // A try that the end cut short says no more than what was answered before.
            let is_less = is_over && nearest.as_ref().is_some_and(|nearest| sight.met <= nearest.met);
            if !is_less {
                note(sight.clone(), now);
                nearest = Some(sight);
            }
        }
        if is_over {
            return Ok(());
        }
        let left = cx.left(rules.end, pause);
        if dialled {
            // What closes here was our own connection, which tells nothing.
            cx.sleep(left)?;
            // A question without any time left hears nothing.
            if rules.end.is_some_and(|end| cx.now() >= end) {
                return Ok(());
            }
        } else {
            // A socket that closes wakes the wait at once; for one that opens the kernel wakes nobody.
            cx.wait_for_change(&folder, left)?;
        }
        pause = (pause * 5 / 4).min(if is_heard { LONGEST_PAUSE_OF_QUESTIONS } else { LONGEST_PAUSE });
    }
}

/// One try, and whether it was a connection.
fn try_once(
    cx: &Context<'_, Dials>,
    one: &Awaiting,
    rules: Rules,
    mean: &dyn Fn(&Endpoint) -> Option<Endpoint>,
) -> Result<(Sight, bool), Failure> {
    let meant = mean(&one.goal.endpoint);
    let target = match target(cx, meant.as_ref().unwrap_or(&one.goal.endpoint), rules.end)? {
        Ok(target) => target,
        Err(saw) => return Ok((Sight::not_yet(Meeting::Nowhere, saw), true)),
    };
    let dials = one.wish.dials(cx.look(), &target);
    let wanted = || !cx.cancel.is_cancelled();
    let limits = Limits { left: cx.left(rules.end, LONGEST_TRY).min(rules.longest_try), wanted: &wanted };
    Ok((one.wish.look(cx.machine, &target, limits)?, dials))
}

/// What the goal means now: a name may mean something else at each try, or nothing yet.
fn target(cx: &Context<'_, Dials>, endpoint: &Endpoint, end: Option<Instant>) -> Result<Result<Target, Sentence>, Failure> {
    let EndpointHost::Name(name) = &endpoint.host else { return Target::of(endpoint.clone(), cx.look()).map(Ok) };
    let addresses = loop {
        match cx.look().resolve_soon(name, cx.left(end, TICK)) {
            Ok(addresses) => break addresses,
            Err(sys::SysError::Resolve { source, .. }) if source.kind() == std::io::ErrorKind::TimedOut => {
                cx.still_wanted()?;
                if end.is_some_and(|end| cx.now() >= end) {
                    return Ok(Err(format!("{name} is still looked up").into()));
                }
            }
            Err(_) if is_localhost(name) => return Target::of(endpoint.clone(), cx.look()).map(Ok),
            Err(sys::SysError::Resolve { .. }) => return Ok(Err(format!("{name} does not resolve yet").into())),
            Err(error) => return Err(error.into()),
        }
    };
    let Some(first) = addresses.first() else { return Ok(Err(format!("{name} has no address yet").into())) };
    let one = Endpoint { host: EndpointHost::Ip(*first, None), ..endpoint.clone() };
    Ok(Ok(Target { endpoint: endpoint.clone(), addresses, ..Target::of(one, cx.look())? }))
}

/// The first pause between two tries.
const SHORTEST_PAUSE: Duration = Duration::from_millis(4);
/// The last one, where nobody notices a try.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// The last one, where a server does.
const LONGEST_PAUSE_OF_QUESTIONS: Duration = Duration::from_millis(250);
/// How often it is asked whether the wait is in vain.
const TICK: Duration = Duration::from_millis(25);
/// What was seen within this time is so now.
const FRESH: Duration = Duration::from_secs(1);
/// A try without any other end.
const LONGEST_TRY: Duration = Duration::from_hours(24 * 7);
