//! Threads for calls that may wait: one stands ready, and more come as calls wait at the same time.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// A call that may wait.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// The threads, and what they are to do.
#[derive(Clone, Default)]
pub(super) struct Waiters(Arc<(Mutex<Queue>, Condvar)>);

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Threads that have nothing to do.
    idle: usize,
}

impl Waiters {
    /// Gives a job to a thread that has nothing to do, or to a new one.
    pub(super) fn take(&self, job: Job) -> io::Result<()> {
        let mut queue = self.queue();
        queue.jobs.push_back(job);
        if queue.idle >= queue.jobs.len() {
            drop(queue);
            self.0.1.notify_one();
            return Ok(());
        }
        drop(queue);
        let own = self.clone();
        let started = thread::Builder::new().name("connect".to_owned()).stack_size(STACK).spawn(move || own.work());
        match started {
            Ok(_) => Ok(()),
            Err(error) => {
                // Where another one is working it gets to it; otherwise the caller is told.
                self.queue().jobs.pop_back();
                Err(error)
            }
        }
    }

    fn work(&self) {
        let mut queue = self.queue();
        loop {
            while let Some(job) = queue.jobs.pop_front() {
                drop(queue);
                job();
                queue = self.queue();
            }
            queue.idle += 1;
            let (waited, over) = self.0.1.wait_timeout(queue, LEISURE).unwrap_or_else(PoisonError::into_inner);
            queue = waited;
            queue.idle -= 1;
            if over.timed_out() && queue.jobs.is_empty() {
                return;
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that waits in one call needs little.
const STACK: usize = 64 * 1024;
/// How long a thread stands ready for nothing.
const LEISURE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::Waiters;

    #[test]
    fn one_that_waits_keeps_no_other_waiting() {
        let waiters = Waiters::default();
        let (open, gate) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let late = tell.clone();
        waiters
            .take(Box::new(move || {
                gate.recv().unwrap();
                late.send("late").unwrap();
            }))
            .unwrap();
        for _ in 0..100 {
            let tell = tell.clone();
            waiters.take(Box::new(move || tell.send("now").unwrap())).unwrap();
        }
        for _ in 0..100 {
            assert_eq!(told.recv().unwrap(), "now");
        }
        open.send(()).unwrap();
        assert_eq!(told.recv().unwrap(), "late");
    }
}
