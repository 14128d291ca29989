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
    known: Mutex<(Known, Instant)>,
}

impl Places {
    pub(super) fn of(cx: &Context<'_, Dials>, project: Option<&str>) -> Result<Self, Failure> {
        let known = Known::of(cx, project)?;
        Ok(Self { project: project.map(str::to_owned), known: Mutex::new((known, cx.now())) })
    }

    /// The project's port that an endpoint means at this moment.
    pub(super) fn meant(&self, cx: &Context<'_, Dials>, endpoint: &Endpoint) -> Option<Meant> {
        let mut held = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, read) = &mut *held;
        // Who stands in no project, and names none, has no port but the real one.
        if known.here.is_some() && cx.now().saturating_duration_since(*read) > FRESH {
            *known = Known::of(cx, self.project.as_deref()).unwrap_or_default();
            *read = cx.now();
        }
        // What serves is seen without a look at the real port.
        known.meant(endpoint).filter(|meant| meant.pid.is_some()).or_else(|| known.meant_here(cx, endpoint))
    }
}

/// How long what was read is taken to hold.
const FRESH: Duration = Duration::from_millis(150);
