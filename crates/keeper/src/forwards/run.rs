//! One forward that runs: in the command's own process, or in one apart from it.

use std::{
    ffi::OsString,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    process::ExitCode,
    sync::{
        Arc,
        atomic::Ordering::Relaxed,
        mpsc::{RecvTimeoutError, sync_channel},
    },
    thread,
    time::{Duration, UNIX_EPOCH},
};

use portward_model::{Caller, Failure, Moment, Own, ProcessId};
use portward_proxy::{Admission, Pass, PassEvent, Stop, Tally, pass};
use portward_session::{handed_over, numbers_of};
use portward_sys::{Acts, Cancel, Context, Nobody, SystemClock, path_of, this_caller};

use super::{Ask, Forward, Job, elsewhere, forwards, records};
use crate::{control::Desk, runs::process_at};

/// Becomes a forward, if this process was started for that; everybody else goes on.
///
/// To be called before arguments are read, while the process has one thread.
pub(crate) fn entrance(arguments: &[OsString]) -> Option<ExitCode> {
    if let Some(ended) = elsewhere::entrance(arguments) {
        return Some(ended);
    }
    if arguments.get(1)?.to_str() != Some(Own::FORWARDS) {
        return None;
    }
    let listeners = arguments.get(2).and_then(|numbers| handed_over(numbers.to_str()?));
    let job = arguments.get(3).and_then(|job| serde_json::from_str::<Job>(job.to_str()?).ok());
    let (Some(listeners), Some(job)) = (listeners, job) else { return Some(ExitCode::from(2)) };
    let (caller, clock, cancel) = (this_caller(), SystemClock, Cancel::default());
    // Who ends it by a signal ends it in order: what it left is taken away.
    portward_sys::on_requests_to_end(cancel.flags());
    let ended = portward_sys::this_machine().map_err(Failure::from).and_then(|machine| {
        let cx = Context { machine: machine.as_ref(), caller: &caller, clock: &clock, cancel: &cancel, prompt: &Nobody };
        run(&cx, job, listeners, true, &mut |_, _, _| ())
    });
    Some(if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// Passes on until nobody wants it any more, and tells what happens: each event with its time, and how many before it were left out, because they came
/// faster than they were told. Gives how it was when it ended.
///
/// # Errors
/// Where the system has no descriptors or threads for it.
pub fn forward(
    cx: &Context<'_, Acts>,
    job: Job,
    listeners: Vec<OwnedFd>,
    each: &mut dyn FnMut(Moment, PassEvent, u64) -> bool,
) -> Result<Forward, Failure> {
    run(cx, job, listeners, false, &mut |at, event, left_out| {
        if !each(at, event, left_out) {
            cx.cancel.cancel();
        }
    })
}

/// Leaves it to a process of its own, and returns when that one answers.
///
/// # Errors
/// Where it could not be started, or has ended at once.
pub fn forward_apart(cx: &Context<'_, Acts>, job: &Job, listeners: &[OwnedFd]) -> Result<Forward, Failure> {
    let kept = Caller::FOLDERS.iter().filter_map(|name| Some(((*name).into(), path_of(cx.caller.variable(name)?).into())));
    let told = serde_json::to_string(job).map_err(|error| Failure::system(format!("The forward cannot be told: {error}.")))?;
    let handed: Vec<BorrowedFd<'_>> = listeners.iter().map(AsFd::as_fd).collect();
    let failed = |error: &dyn std::fmt::Display| Failure::system(format!("The forward could not be started: {error}."));
    let mut child = portward_session::start_apart(&[Own::FORWARDS, &numbers_of(listeners), &told], kept, &handed)
        .map_err(|error| failed(&error))?;
    let until = cx.now() + START;
    loop {
        let pid = child.id();
        if let Some(found) =
            forwards(cx.machine, cx.caller).live.into_iter().find(|live| live.process.pid == pid && live.connections.is_some())
        {
            return Ok(found);
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(failed(&format_args!("it ended at once ({status})")));
        }
        if cx.now() >= until {
            let _ = child.kill();
            return Err(failed(&format_args!("it did not answer within {} s", START.as_secs())));
        }
        cx.sleep(PACE)?;
    }
}

/// A forward whose record is taken away when it ends.
struct Recorded<'a>(&'a Caller, ProcessId);

impl Drop for Recorded<'_> {
    fn drop(&mut self) {
        records::forget_forward(self.0, self.1);
    }
}

fn run(
    cx: &Context<'_, Acts>,
    job: Job,
    listeners: Vec<OwnedFd>,
    apart: bool,
    each: &mut dyn FnMut(Moment, PassEvent, u64),
) -> Result<Forward, Failure> {
    let own = process_at(cx.machine, cx.caller.process.pid).map_or(cx.caller.process, |process| process.id);
    let unable = |error: std::io::Error| Failure::system(format!("Nothing can be forwarded: {error}."));
    let (kind, stop, tally) = (job.kind(), Stop::new().map_err(unable)?, Arc::new(Tally::default()));
    let order = Pass {
        listeners,
        kind,
        targets: job.targets.iter().map(Into::into).collect(),
        maker: job.netns.as_ref().map(elsewhere::maker).transpose()?,
        admission: job.only.map(Admission::of).transpose().map_err(unable)?,
        once: job.once,
        idle: Duration::from_millis(job.idle_ms),
        patience: PATIENCE,
    };
    let end = job.timeout_ms.map(|timeout| cx.now() + Duration::from_millis(timeout));
    let clock = cx.clock;
    let moment = move || {
        let since = clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    };
    let began_at = moment();
    let told = Forward { process: own, began_at, apart, job, connections: None, total: 0, sent: 0, received: 0 };
    records::record(cx.caller, &told);
    let recorded = Recorded(cx.caller, own);
    let mut desk = Desk::open(cx.caller, own, told.clone());
    let (ender, counts) = (stop.clone(), Arc::clone(&tally));
    desk.attend(cx.caller.clone(), own, move |asked: Ask, _, state| {
        let now = counted(&state.now(), &counts);
        if let Ask::EndForward = asked {
            ender.stop();
        }
        Ok(now)
    });
    let (tell, events) = sync_channel(MOST_UNTOLD);
    let passed = thread::scope(|scope| {
        let (stopped, counts) = (stop.clone(), Arc::clone(&tally));
        let mut left_out = 0;
        // Whoever reads slowly holds up no connection.
        let passing = move || {
            pass(order, &stopped, &counts, &mut |event| match tell.try_send((moment(), event, left_out)) {
                Ok(()) => left_out = 0,
                Err(_) => left_out += 1,
            })
        };
        let thread = thread::Builder::new().name("portward".to_owned()).stack_size(STACK).spawn_scoped(scope, passing)?;
        loop {
            match events.recv_timeout(if apart { APART } else { TURN }) {
                Ok((at, event, left_out)) => each(at, event, left_out),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if cx.cancel.is_cancelled() || end.is_some_and(|end| cx.now() >= end) {
                stop.stop();
            }
        }
        thread.join().unwrap_or_else(|_| Err(std::io::Error::other("its thread has failed")))
    });
    // Nobody finds it any more before whoever started it goes on.
    drop(desk);
    drop(recorded);
    passed.map_err(unable)?;
    Ok(counted(&told, &tally))
}

fn counted(told: &Forward, tally: &Tally) -> Forward {
    Forward {
        connections: Some(tally.open.load(Relaxed)),
        total: tally.total.load(Relaxed),
        sent: tally.sent.load(Relaxed),
        received: tally.received.load(Relaxed),
        ..told.clone()
    }
}

/// How long a target is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a process apart may take to begin.
const START: Duration = Duration::from_secs(10);
/// Between two looks whether it has begun.
const PACE: Duration = Duration::from_millis(10);
/// Between two looks whether it is still wanted.
const TURN: Duration = Duration::from_millis(50);
/// The same where nobody waits for it.
const APART: Duration = Duration::from_millis(500);
/// Events that wait to be told.
const MOST_UNTOLD: usize = 4096;
/// Bytes of the stack of the thread that passes on, of which it touches a few pages.
const STACK: usize = 512 * 1024;
