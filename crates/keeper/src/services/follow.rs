//! Threads that wait for what takes its time: the end of a program, and the end that it is given.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::Sender,
    },
    thread,
    time::Duration,
};

use portward_model::ProcessId;
use portward_session::Alone;
use portward_sys::Signal;

use super::{
    process::{Cx, Event},
    unit::How,
};
use crate::ending::{self, Root};

/// Runs something in a thread of its own; false where there is none to be had.
pub(super) fn apart(work: impl FnOnce() + Send + 'static) -> bool {
    thread::Builder::new().name("portward".to_owned()).stack_size(STACK).spawn(work).is_ok()
}

/// Follows a supervisor that this keeper has started.
pub(super) fn own(alone: Alone, (name, attempt): (String, u32), tell: Sender<Event>) -> bool {
    apart(move || {
        let how = match alone.follow() {
            Ok(ended) => How::Ended(ended),
            Err(error) => How::of(&error),
        };
        let _ = tell.send(Event::Ended { name: name.clone(), attempt, how });
        alone.gone();
        let _ = tell.send(Event::Gone { name, attempt });
    })
}

/// Follows a supervisor that a keeper before this one has started.
pub(super) fn adopted(cx: Cx, supervisor: ProcessId, (name, attempt): (String, u32), tell: Sender<Event>) -> bool {
    apart(move || {
        while !cx.machine.wait_for_exit(&[supervisor], A_WHILE).is_ok_and(|left| left.is_empty()) {}
        let _ = tell.send(Event::Gone { name, attempt });
    })
}

/// Ends what a supervisor has, or what one that was killed has left behind.
pub(super) fn stop(
    cx: Cx,
    process: ProcessId,
    left: Option<String>,
    (name, attempt): (String, u32),
    hurries: Arc<AtomicBool>,
    tell: Sender<Event>,
) -> bool {
    apart(move || {
        let supervisors: &[ProcessId] = if left.is_some() { &[] } else { &[process] };
        let roots = [Root { process, name: left }];
        let over = ending::end(cx, &roots, supervisors, &|| hurries.load(Ordering::Relaxed));
        let (left, killed) = match over {
            Ok(over) => {
                let killed = over.ended.iter().any(|(.., signal)| *signal == Signal::Kill);
                (over.left.iter().map(|process| process.pid).collect(), killed)
            }
            Err(_) => (vec![process.pid], false),
        };
        let _ = tell.send(Event::Ceased { name, attempt, left, killed });
    })
}

/// Bytes of such a thread's stack, of which it touches a few pages.
const STACK: usize = 512 * 1024;
/// Between two looks at what does not tell by itself.
const A_WHILE: Duration = Duration::from_secs(5);
