//! The witness, on a thread of its own. What it reads of processes and writes down takes many times as long as the answer to a call,
//! and no call is to wait for it.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel},
    },
    thread::{Builder, Scope},
    time::{Duration, Instant},
};

use crate::{Event, Witness};

/// The supervisor's end: what is told here is heard by the witness in a moment, in this order.
pub(super) struct Aside {
    orders: Sender<Order>,
    /// Events that it has not heard yet.
    unheard: Arc<AtomicUsize>,
}

enum Order {
    Hear(Event),
    /// Everything before this has been heard.
    Answer(SyncSender<()>),
}

impl Aside {
    /// Starts the thread. It ends once this end has gone and everything was heard.
    pub(super) fn start<'s>(scope: &'s Scope<'s, '_>, mut witness: Box<dyn Witness + Send + 's>) -> io::Result<Self> {
        let (orders, ordered) = channel();
        let unheard = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&unheard);
        let hear = move || listen(witness.as_mut(), &ordered, &left);
        Builder::new().name("witness".to_owned()).stack_size(STACK).spawn_scoped(scope, hear)?;
        Ok(Self { orders, unheard })
    }

    /// Has an event heard, if there are not very many already: a program that floods its supervisor is not told of in full.
    pub(super) fn tell(&self, event: Event) {
        if self.unheard.load(Ordering::Relaxed) < MOST_UNHEARD {
            self.unheard.fetch_add(1, Ordering::Relaxed);
            let _ = self.orders.send(Order::Hear(event));
        }
    }

    /// Waits until everything was heard, for so long at most.
    pub(super) fn settle(&self, most: Duration) {
        let (answer, answered) = sync_channel(1);
        if self.orders.send(Order::Answer(answer)).is_ok() {
            let _ = answered.recv_timeout(most);
        }
    }

    /// True where there is something that was not heard yet.
    pub(super) fn is_behind(&self) -> bool {
        self.unheard.load(Ordering::Relaxed) > 0
    }
}

fn listen(witness: &mut dyn Witness, ordered: &Receiver<Order>, left: &AtomicUsize) {
    let mut next = Instant::now();
    loop {
        match ordered.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(Order::Hear(event)) => {
                witness.saw(&event);
                left.fetch_sub(1, Ordering::Relaxed);
            }
            Ok(Order::Answer(answer)) => drop(answer.send(())),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if Instant::now() >= next {
            next = Instant::now() + witness.look();
        }
    }
}

/// What is told and not heard yet.
const MOST_UNHEARD: usize = 4096;
/// It reads files of processes and writes documents.
const STACK: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{Receiver, Sender, channel},
        time::Duration,
    };

    use super::Aside;
    use crate::{Event, Witness};

    /// Waits at its gate before it hears anything, and tells what it heard.
    struct Slow(Receiver<()>, Sender<Event>);

    impl Witness for Slow {
        fn saw(&mut self, event: &Event) {
            let _ = self.0.recv();
            self.1.send(event.clone()).unwrap();
        }
    }

    #[test]
    fn who_tells_does_not_wait_and_everything_is_heard_in_order() {
        let (open, gate) = channel();
        let (tell, told) = channel();
        std::thread::scope(|scope| {
            let aside = Aside::start(scope, Box::new(Slow(gate, tell))).unwrap();
            for pid in 1..=3 {
                aside.tell(Event::Started { pid });
            }
            assert!(told.try_recv().is_err(), "it has not been let through");
            assert!(aside.is_behind());
            drop(open);
            aside.settle(Duration::from_mins(1));
            assert!(!aside.is_behind());
            let heard: Vec<Event> = told.try_iter().collect();
            assert_eq!(heard, [1, 2, 3].map(|pid| Event::Started { pid }));
            aside.tell(Event::Ended);
        });
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [Event::Ended], "what was told last is heard before the end");
    }
}
