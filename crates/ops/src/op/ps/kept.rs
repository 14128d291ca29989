//! What keepers say of the services that they have started, beside what sessions tell.

use portward_keeper::{InComposePort, Kept, KeptState, Listening, kept_projects, states};
use portward_store::Store;
use portward_sys::Rights;

use super::{Keeper, Resting, ServiceState, Session};
use crate::{Context, op::up};

/// Says of each session's services how their keeper has them, and adds those of which nothing runs.
pub(super) fn tell<R: Rights>(cx: &Context<'_, R>, sessions: &mut Vec<Session>) {
    for project in kept_projects(cx) {
        let Some((keeping, lives)) = states(cx, project) else { continue };
        let id = project.to_string();
        if !sessions.iter().any(|session| session.id == id) {
            sessions.extend(empty(cx, project));
        }
        let Some(session) = sessions.iter_mut().find(|session| session.id == id) else { continue };
        session.keeper = Some(Keeper { pid: keeping.keeper.pid, lives });
        for kept in keeping.services.iter().filter(|kept| kept.state != KeptState::Stopped) {
            let pid = kept.process.map(|process| process.pid);
            if kept.state == KeptState::Done {
                // Its supervisor may be about to end.
                session.services.retain(|service| Some(service.pid) != pid || service.state != ServiceState::Left);
            }
            match session.services.iter_mut().find(|service| Some(service.pid) == pid) {
                Some(service) if service.state == ServiceState::Running => service.state = running(kept, lives),
                None => {
                    let told = up::Service::of(kept, up::now(cx));
                    let up::Service { name, state, because, restarts_in_ms, .. } = told;
                    session.resting.push(Resting { name, state, because, restarts_in_ms });
                }
                Some(_) => {}
            }
        }
    }
    sessions.retain(|session| !session.services.is_empty() || !session.resting.is_empty() || !session.supervisors.is_empty());
}

/// Adds where the ports of containers are, which services of Compose files follow.
pub(crate) fn publish<R: Rights>(cx: &Context<'_, R>, sessions: &mut [Session]) {
    for project in kept_projects(cx) {
        let id = project.to_string();
        let Some(session) = sessions.iter_mut().find(|session| session.id == id) else { continue };
        let Some((keeping, _)) = states(cx, project) else { continue };
        for kept in keeping.services.iter().filter(|kept| matches!(kept.state, KeptState::Ready | KeptState::Stopping)) {
            let pid = kept.process.map(|process| process.pid);
            if let Some(service) = session.services.iter_mut().find(|service| Some(service.pid) == pid) {
                service.listeners.extend(published(kept));
            }
        }
    }
}

/// Where the ports of a container are, which its engine serves.
fn published(kept: &Kept) -> Vec<Listening> {
    let places = kept.compose.as_ref().map(|own| own.places.as_slice()).unwrap_or_default();
    let one = |place: &InComposePort| Listening {
        service: kept.name.clone(),
        asked: Some(format!("127.0.0.1:{}", place.asked)),
        serves: format!("127.0.0.1:{}", place.at),
        transport: place.transport,
        url: kept.url.clone().filter(|_| kept.asked == Some(place.asked)),
        pid: kept.process.map_or(0, |process| process.pid),
        pinned: true,
        from: None,
    };
    places.iter().map(one).collect()
}

/// How one is that runs. Whether it has become ready since nobody looked is not known.
fn running(kept: &Kept, lives: bool) -> ServiceState {
    match kept.state {
        KeptState::Waiting | KeptState::Starting | KeptState::Failed | KeptState::Stopping if !lives => ServiceState::Running,
        KeptState::Waiting | KeptState::Starting => ServiceState::Starting,
        KeptState::Ready => ServiceState::Ready,
        KeptState::Failed => ServiceState::Failed,
        KeptState::Stopping => ServiceState::Stopping,
        KeptState::Done | KeptState::Restarting | KeptState::Stopped => ServiceState::Running,
    }
}

/// The session of a project in which nothing runs.
fn empty<R: Rights>(cx: &Context<'_, R>, project: i64) -> Option<Session> {
    let row = Store::reading(cx).ok()??.projects().ok()?.into_iter().find(|row| row.id.0 == project)?;
    Some(Session {
        id: project.to_string(),
        project: Some(row.name).filter(|name| !name.is_empty()),
        root: row.root,
        ports: row.block.to_string(),
        front: false,
        services: Vec::new(),
        supervisors: Vec::new(),
        resting: Vec::new(),
        keeper: None,
    })
}
