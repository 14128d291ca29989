//! What sessions have recorded of a port.

use portward_checks::doctor::Asked;
use portward_model::{Moved, Text};
use portward_store::Store;

use portward_sys::{Context, Dials};

use crate::session::is_alive;

/// Which sessions that run have a program that asked for the port, and where it went. It only adds to what is known; without
/// it nothing is claimed.
pub fn moved(cx: &Context<'_, Dials>, asked: &Asked) -> Vec<Moved> {
    let mut found = Vec::new();
    let Ok(Some(store)) = Store::reading(cx) else { return found };
    let (Ok(runs), Ok(projects)) = (store.runs(), store.projects()) else { return found };
    for run in runs.iter().filter(|run| is_alive(cx.machine, run.supervisor)) {
        let project = projects.iter().find(|project| project.id == run.project);
        for listener in &run.listeners {
            let port = listener.serves.port();
            let is_asked = listener.asked.is_some_and(|own| own.port() == asked.port);
            if is_asked && port != asked.port && listener.transport == asked.transport {
                found.push(Moved {
                    port,
                    service: Text::from(listener.service.as_str()),
                    project: project.map(|project| project.name.clone()).unwrap_or_default(),
                    root: project.and_then(|project| project.root.clone()).unwrap_or_default(),
                });
            }
        }
    }
    found
}
