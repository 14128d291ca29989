//! `portward down`

use std::time::Duration;

use clap::Args;
use portward_keeper::{ComposeStack, Keeper, Keeping, KeptState, bring_up, forget, sessions};
use portward_model::Transport;
use portward_sys::Look;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Acts, Context, Failure, Never, Op, Sink,
    op::up::{Place, Service, Services, answer, place},
};

/// End this project's services in reverse order, and come back when no process and no port of them is left
///
/// Every process of a service gets SIGTERM, and SIGKILL where it has not ended after ten seconds. With names, those services are ended
/// with all that need them. Services whose keeper was killed are found and ended as well.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Down {
    /// Services, with all that need them; all of the project's where none is named
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Kill them at once
    #[arg(long)]
    pub now: bool,
}

impl Op for Down {
    declare! { "down", Destroy at Machine with Acts, emits Never, answers Services;
    "portward down" => "all services of this project, and nothing of them is left",
    "portward down db" => "one, and what needs it" }

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Services, Failure> {
        let none = || Services { down: true, unknown: self.services.clone(), ..Services::default() };
        let Some(place) = place(cx)? else { return Ok(none()) };
        let Some((keeper, keeping)) = found(cx, &place)? else {
            let services = abandoned(cx, &place, &self.services);
            let known = |name: &String| services.iter().any(|service| service.name == *name);
            let unknown = self.services.iter().filter(|name| !known(name)).cloned().collect();
            let down = services.iter().all(|service| !service.remains);
            return Ok(Services { services, unknown, down, ..none() });
        };
        let is_known = |name: &&String| keeping.services.iter().any(|service| service.name == **name);
        let (known, unknown): (Vec<&String>, Vec<&String>) = self.services.iter().partition(is_known);
        if known.is_empty() && !self.services.is_empty() {
            return Ok(Services { unknown: self.services.clone(), ..Services::default() });
        }
        let known: Vec<String> = known.into_iter().cloned().collect();
        let ports: Vec<u16> = keeping.services.iter().filter_map(|service| Some(service.serves?.port())).collect();
        let mut last = keeper.down(&known, self.now)?;
        let runs = |keeping: &Keeping| keeping.services.iter().any(|service| service.state == KeptState::Stopping);
        // What is asked to end is seen to be so from the next look on.
        cx.sleep(PACE)?;
        loop {
            last = keeper.services().unwrap_or(last);
            if !runs(&last) && ended(&last, &known) {
                break;
            }
            cx.sleep(PACE)?;
        }
        let names: Vec<String> = last
            .services
            .iter()
            .filter(|service| service.state == KeptState::Stopped)
            .map(|service| service.name.clone())
            .collect();
        let mut services = answer(cx, &place, Some(&last), &names);
        services.unknown = unknown.into_iter().cloned().collect();
        if names.len() == last.services.len() {
            keeper.leave(cx);
            if self.services.is_empty() {
                services.services.extend(abandoned(cx, &place, &[]));
            }
            services.held = held(cx.machine, &ports);
            let is_gone = |service: &Service| service.left.is_empty() && !service.remains;
            services.down = services.held.is_empty() && services.services.iter().all(is_gone);
        }
        super::front::follow(cx);
        Ok(services)
    }
}

/// Takes away containers of the project that nobody keeps: their keeper and what followed them were killed. By their labels they are
/// known. Those of these services alone, or all.
fn abandoned(cx: &Context<'_, Acts>, place: &Place, services: &[String]) -> Vec<Service> {
    let mut gone = Vec::new();
    for stack in ComposeStack::all(cx.caller, place.project) {
        // An engine that is not there has no container of ours.
        let Ok(containers) = stack.containers(None) else { continue };
        let mut names: Vec<String> = containers.into_iter().map(|container| container.service).collect();
        names.sort();
        names.dedup();
        names.retain(|name| services.is_empty() || services.contains(name));
        for name in names {
            let why = stack.remove(&name, &|| false).err();
            let why = why.map(|why| format!("Its container could not be ended: {}.", why.clause()).into());
            gone.push(Service::taken_away(name, why));
        }
    }
    if services.is_empty() && gone.iter().all(|service| !service.remains) {
        forget(cx, place.project);
    }
    gone
}

/// True where these, or all, are down.
fn ended(keeping: &Keeping, names: &[String]) -> bool {
    let mut mine = keeping.services.iter().filter(|service| names.is_empty() || names.contains(&service.name));
    mine.all(|service| service.state == KeptState::Stopped && service.supervisor.is_none())
}

/// The keeper of the project's services with how they are; it is started where one was killed and its services go on.
pub(crate) fn found(cx: &Context<'_, Acts>, place: &Place) -> Result<Option<(Keeper, Keeping)>, Failure> {
    let keeper = if let Some(keeper) = Keeper::of(cx, place.project) {
        keeper
    } else {
        let all = sessions(cx)?;
        let of_here = |run: &&portward_keeper::Run| run.kept.is_some() && run.project.root.as_ref() == Some(&place.root);
        if all.runs.iter().find(of_here).is_none() {
            return Ok(None);
        }
        bring_up(cx, place.project, &place.root)?
    };
    let keeping = keeper.services()?;
    Ok(Some((keeper, keeping)))
}

/// Which of these ports something serves.
fn held(host: &dyn Look, ports: &[u16]) -> Vec<u16> {
    let serving = super::ps::serving(host);
    let is_udp = Transport::Tcp == Transport::Udp;
    ports.iter().copied().filter(|port| serving.contains(&(is_udp, *port))).collect()
}

/// Between two looks.
const PACE: Duration = Duration::from_millis(15);
