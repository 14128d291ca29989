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
    /// All threads.
    threads: usize,
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
        if queue.threads >= MOST_WAITING {
            queue.jobs.pop_back();
            return Err(io::Error::from_raw_os_error(libc::EAGAIN));
        }
        queue.threads += 1;
        drop(queue);
        let own = self.clone();
        let started = thread::Builder::new().name("connect".to_owned()).stack_size(STACK).spawn(move || own.work());
        match started {
            Ok(_) => Ok(()),
            Err(error) => {
                // Where another one is working it gets to it; otherwise the caller is told.
                let mut queue = self.queue();
                queue.jobs.pop_back();
                queue.threads -= 1;
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
                queue.threads -= 1;
                return;
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls that wait at the same time. Each costs the supervisor a thread and two descriptors.
pub(super) const MOST_WAITING: usize = 256;
/// A thread that waits in one call needs little.
const STACK: usize = 64 * 1024;
/// How long a thread stands ready for nothing.
const LEISURE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::{MOST_WAITING, Waiters};

    #[test]
    fn so_many_wait_and_no_more_until_one_has_ended() {
        let waiters = Waiters::default();
        let gates: Vec<_> = (0..MOST_WAITING)
            .map(|_| {
                let (open, gate) = mpsc::channel::<()>();
                waiters.take(Box::new(move || gate.recv().unwrap())).unwrap();
                open
            })
            .collect();
        let refused = waiters.take(Box::new(|| unreachable!("it was refused"))).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::EAGAIN));
        for open in gates {
            open.send(()).unwrap();
        }
        while waiters.queue().idle == 0 {
            std::thread::yield_now();
        }
        let (tell, told) = mpsc::channel();
        waiters.take(Box::new(move || tell.send(()).unwrap())).unwrap();
        told.recv().unwrap();
    }

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
