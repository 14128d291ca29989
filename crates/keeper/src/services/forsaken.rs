//! Services of Compose files whose keeper was killed together with what followed their containers. The containers are the engine's, and
//! may go on: what the keeper wrote down says which there were, and their engine alone how they are.

use std::time::Duration;

use portward_model::Sentence;
use portward_sys::{Context, Rights};

use super::{
    ComposeStack, Container, Keeping, Kept, KeptState,
    client::kept,
    process::{keeper_of, record_of},
};
use crate::runs::is_alive;

/// A service whose container nobody follows.
#[derive(Clone, Debug)]
pub struct Forsaken {
    /// How it was when that was written down last.
    pub kept: Kept,
    /// True where its container runs, false where it has ended, and otherwise why neither is known.
    pub runs: Result<bool, Sentence>,
}

/// The services of a project whose containers are there and followed by nobody, with what their keeper wrote down. An engine is asked
/// only where a keeper was killed that had such services.
pub fn forsaken<R: Rights>(cx: &Context<'_, R>, project: i64) -> Option<(Keeping, Vec<Forsaken>)> {
    let (_, keeping) = kept(cx.caller, project)?;
    let host = cx.look();
    let may_run = |kept: &&Kept| {
        let is_followed = || kept.supervisor.is_some_and(|supervisor| is_alive(host, supervisor));
        let started = matches!(
            kept.state,
            KeptState::Starting | KeptState::Ready | KeptState::Failed | KeptState::Restarting | KeptState::Stopping
        );
        kept.compose.is_some() && started && !is_followed()
    };
    let open: Vec<Kept> = keeping.services.iter().filter(may_run).cloned().collect();
    if open.is_empty() || is_alive(host, keeper_of(&keeping)) {
        return None;
    }
    let mut found = Vec::new();
    for stack in ComposeStack::all(cx.caller, project) {
        let mut own = open.iter().filter(|kept| kept.compose.as_ref().is_some_and(|own| own.folder == stack.told())).peekable();
        if own.peek().is_none() {
            continue;
        }
        let containers = stack.containers_within(None, PATIENCE);
        found.extend(own.filter_map(|kept| {
            let runs = match &containers {
                Ok(all) => Ok(of(kept, all)?.runs()),
                Err(why) => Err(why.clone()),
            };
            Some(Forsaken { kept: kept.clone(), runs })
        }));
    }
    (!found.is_empty()).then_some((keeping, found))
}

/// Forgets what a keeper wrote down that was killed, once nothing of its services is left.
pub fn forget<R: Rights>(cx: &Context<'_, R>, project: i64) {
    if let Some((state, keeping)) = kept(cx.caller, project)
        && !is_alive(cx.look(), keeper_of(&keeping))
    {
        let _ = state.remove(&record_of(project));
    }
}

/// The container of a service, the one that runs where there are several.
fn of<'c>(kept: &Kept, all: &'c [Container]) -> Option<&'c Container> {
    let name = kept.compose.as_ref().map(|own| own.service.as_str());
    let own = || all.iter().filter(|container| Some(container.service.as_str()) == name);
    own().find(|container| container.runs()).or_else(|| own().next())
}

/// How long an engine has to answer who only looks.
const PATIENCE: Duration = Duration::from_secs(5);
