//! A machine whose n-th call fails, for tests that every answer degrades and none breaks.

use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use portward_model::Socket;
use serde_json::Value;

use crate::{Act, Answer, Deed, Dial, Dialled, Dialling, Done, Look, Reading, SysError};

/// Wraps a machine and makes one of its calls fail.
pub struct Flaky {
    inner: Box<dyn Act>,
    fails_at: usize,
    calls: AtomicUsize,
    failed: OnceLock<&'static str>,
}

impl Flaky {
    /// The call with this number, counted from 1, fails; 0 lets all succeed and only counts.
    pub fn new(inner: Box<dyn Act>, fails_at: usize) -> Self {
        Self { inner, fails_at, calls: AtomicUsize::new(0), failed: OnceLock::new() }
    }

    /// How many calls were made so far.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// The name of the call that failed; `None` while none has.
    pub fn failed(&self) -> Option<&'static str> {
        self.failed.get().copied()
    }

    fn pass(&self, name: &'static str) -> Result<&dyn Act, SysError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if call == self.fails_at {
            // Calls have one number each, so that this one is the first to be remembered.
            self.failed.get_or_init(|| name);
            return Err(SysError::Injected { call });
        }
        Ok(self.inner.as_ref())
    }
}

impl Look for Flaky {
    fn read(&self, reading: &Reading<'_>, each: &mut dyn FnMut(Socket)) -> Result<Answer, SysError> {
        match reading {
            // Time passes whatever fails.
            Reading::Elapsed() | Reading::Pause(_) => self.inner.read(reading, each),
            _ => self.pass(reading.name())?.read(reading, each),
        }
    }

    fn noted(&self, what: &str, find: &mut dyn FnMut() -> Value) -> Value {
        self.inner.noted(what, find)
    }
}

impl Dial for Flaky {
    fn dial(&self, dialling: Dialling<'_>) -> Result<Dialled, SysError> {
        self.pass("dial")?.dial(dialling)
    }
}

impl Act for Flaky {
    fn act(&self, deed: &Deed<'_>) -> Result<Done, SysError> {
        self.pass(deed.name())?.act(deed)
    }
}
