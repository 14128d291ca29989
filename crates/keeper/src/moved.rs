//! What sessions have recorded of a port.

use portward_checks::doctor::Asked;
use portward_model::{Moved, Text};

use portward_sys::{Context, Dials};

use crate::runs::sessions;

/// Which sessions that run have a program that asked for the port, and where it went. It only adds to what is known; without
/// it nothing is claimed.
pub fn moved(cx: &Context<'_, Dials>, asked: &Asked) -> Vec<Moved> {
    let mut found = Vec::new();
    let Ok(sessions) = sessions(cx) else { return found };
    for run in &sessions.runs {
        for listener in &run.listeners {
            let port = listener.serves.port();
            let is_asked = listener.asked.is_some_and(|own| own.port() == asked.port);
            if is_asked && port != asked.port && listener.transport == asked.transport {
                found.push(Moved {
                    port,
                    service: Text::from(listener.service.as_str()),
                    project: run.project.name.clone(),
                    root: run.project.root.clone().unwrap_or_default(),
                });
            }
        }
    }
    found
}
