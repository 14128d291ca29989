//! What bare ports mean while it is waited: a session may begin, or end, in between.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use portward_model::Endpoint;

use crate::{Context, Dials, Failure, Meant, named::Known};

/// What is known of sessions, read anew now and then.
pub(super) struct Places {
    project: Option<String>,
    /// What was read, when, and how long that took.
    known: Mutex<(Known, Instant, Duration)>,
}

impl Places {
    pub(super) fn of(cx: &Context<'_, Dials>, project: Option<&str>) -> Result<Self, Failure> {
        let began = cx.now();
        let known = Known::of(cx, project)?;
        let took = cx.now().saturating_duration_since(began);
        Ok(Self { project: project.map(str::to_owned), known: Mutex::new((known, cx.now(), took)) })
    }

    /// The project's port that an endpoint means at this moment.
    pub(super) fn meant(&self, cx: &Context<'_, Dials>, endpoint: &Endpoint) -> Option<Meant> {
        let mut held = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, read, took) = &mut *held;
        // Who stands in no project, and names none, has no port but the real one.
        let began = cx.now();
        if known.here.is_some() && began.saturating_duration_since(*read) > FRESH.max(*took * SELDOM) {
            *known = Known::of(cx, self.project.as_deref()).unwrap_or_default();
            *took = cx.now().saturating_duration_since(began);
            *read = cx.now();
        }
        // What serves is seen without a look at the real port.
        known.meant(endpoint).filter(|meant| meant.pid.is_some()).or_else(|| known.meant_here(cx, endpoint))
    }
}

/// Of its time a wait spends no more than one part in so many on reading sessions.
const SELDOM: u32 = 5;
/// How long what was read is taken to hold.
const FRESH: Duration = Duration::from_millis(150);
