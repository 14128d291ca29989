//! What keepers say of the services that they have started, beside what sessions tell.

use portward_keeper::{Forsaken, InComposePort, Kept, KeptState, Listening, forsaken, kept_projects, states};
use portward_store::Store;
use portward_sys::Rights;

use super::{Contained, Keeper, Resting, ServiceState, Session};
use crate::{Context, op::up};

/// Says of each session's services how their keeper has them, and adds those of which nothing runs.
pub(super) fn tell<R: Rights>(cx: &Context<'_, R>, sessions: &mut Vec<Session>) {
    for project in kept_projects(cx) {
        let known = states(cx, project);
        // Their containers may go on where everything of ours was killed.
        let left = if known.as_ref().is_some_and(|(_, lives)| *lives) { None } else { forsaken(cx, project) };
        let (written, left) = left.map_or_else(|| (None, Vec::new()), |(keeping, left)| (Some(keeping), left));
        let is_left = |name: &str| left.iter().any(|left| left.kept.name == name);
        let Some(keeper) = known.as_ref().map(|(keeping, _)| keeping).or(written.as_ref()).map(|keeping| keeping.keeper.pid)
        else {
            continue;
        };
        let lives = known.as_ref().is_some_and(|(_, lives)| *lives);
        let id = project.to_string();
        if !sessions.iter().any(|session| session.id == id) {
            sessions.extend(empty(cx, project));
        }
        let Some(session) = sessions.iter_mut().find(|session| session.id == id) else { continue };
        session.keeper = Some(Keeper { pid: keeper, lives });
        let services = known.iter().flat_map(|(keeping, _)| &keeping.services);
        for kept in services.filter(|kept| kept.state != KeptState::Stopped && !is_left(&kept.name)) {
            let pid = kept.process.map(|process| process.pid);
            if kept.state == KeptState::Done {
                // Its supervisor may be about to end.
                session.services.retain(|service| Some(service.pid) != pid || service.state != ServiceState::Left);
            }
            match session.services.iter_mut().find(|service| Some(service.pid) == pid) {
                Some(service) if service.state == ServiceState::Running => service.state = running(kept, lives),
                None => session.resting.push(resting(cx, kept)),
                Some(_) => {}
            }
        }
        session.resting.extend(left.into_iter().map(|left| contained(cx, left)));
    }
    sessions.retain(|session| !session.services.is_empty() || !session.resting.is_empty() || !session.supervisors.is_empty());
}

fn resting<R: Rights>(cx: &Context<'_, R>, kept: &Kept) -> Resting {
    let up::Service { name, state, because, restarts_in_ms, .. } = up::Service::of(kept, up::now(cx));
    Resting { name, state, because, restarts_in_ms, container: None, listeners: Vec::new() }
}

/// A service whose container nobody follows.
fn contained<R: Rights>(cx: &Context<'_, R>, left: Forsaken) -> Resting {
    // The pids that were written down are nobody's, or others'.
    let kept = Kept { process: None, supervisor: None, again_at: None, ..left.kept };
    let told = Resting { because: None, ..resting(cx, &kept) };
    match left.runs {
        Ok(true) => Resting { container: Some(Contained::Runs), listeners: published(&kept), ..told },
        Ok(false) => {
            let because = Some("Its container has ended while nobody followed it.".into());
            Resting { container: Some(Contained::Ended), state: up::State::Failed, because, ..told }
        }
        Err(why) => {
            let because = Some(format!("Whether its container runs is not known: {}.", why.clause()).into());
            Resting { container: Some(Contained::Unknown), because, ..told }
        }
    }
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
