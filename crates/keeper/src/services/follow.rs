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

use portward_model::{ProcessId, Sentence};
use portward_session::Alone;
use portward_sys::{Signal, StateFolder, path_of};

use super::{
    ComposeStack, InCompose,
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

/// What becomes of a container when its service has ended.
pub(super) struct Leave {
    pub(super) own: InCompose,
    /// It is taken away; otherwise it is started again.
    pub(super) removes: bool,
}

impl Leave {
    /// Ends it; why it remains, where it does.
    fn end(&self, cx: Cx, hurries: &AtomicBool) -> Option<Sentence> {
        let hurries = || hurries.load(Ordering::Relaxed);
        let folder = StateFolder::at(path_of(&self.own.folder), cx.caller.uid);
        let stack = match ComposeStack::at(folder) {
            Ok(Some(stack)) => stack,
            Ok(None) => return Some("Its container remains: it is not written down how Compose is called.".into()),
            Err(failure) => return Some(failure.message.into()),
        };
        let service = &self.own.service;
        let done = if self.removes { stack.remove(service, &hurries) } else { stack.stop(service, &hurries) };
        done.err().map(|why| format!("Its container could not be ended: {}.", why.clause()).into())
    }
}

/// Ends what a supervisor has, or what one that was killed has left behind; then its container.
pub(super) fn stop(
    cx: Cx,
    process: Option<ProcessId>,
    (left, leave): (Option<String>, Option<Leave>),
    (name, attempt): (String, u32),
    hurries: Arc<AtomicBool>,
    tell: Sender<Event>,
) -> bool {
    apart(move || {
        let own: Vec<ProcessId> = process.into_iter().collect();
        let supervisors: &[ProcessId] = if left.is_some() { &[] } else { &own };
        let roots: Vec<Root> = process.into_iter().map(|process| Root { process, name: left.clone() }).collect();
        let over = ending::end(cx, &roots, supervisors, &|| hurries.load(Ordering::Relaxed));
        let (left, killed) = match over {
            Ok(over) => {
                let killed = over.ended.iter().any(|(.., signal)| *signal == Signal::Kill);
                (over.left.iter().map(|process| process.pid).collect(), killed)
            }
            Err(_) => (own.iter().map(|process| process.pid).collect(), false),
        };
        let remains = leave.and_then(|leave| leave.end(cx, &hurries));
        let _ = tell.send(Event::Ceased { name, attempt, left, killed, remains });
    })
}

/// Bytes of such a thread's stack, of which it touches a few pages.
const STACK: usize = 512 * 1024;
/// Between two looks at what does not tell by itself.
const A_WHILE: Duration = Duration::from_secs(5);
