//! The other side of a keeper: who finds it, starts it, and asks it.

use std::time::Duration;

use portward_model::{Caller, Failure, Own, ProcessId, Text, hint};
use portward_sys::{
    Acts, Context, Rights, StateFolder, path_of,
    runtime::{self, Heard},
};

use super::{
    Keeping, Kept, KeptState, Order,
    process::{Ask, keeper_of, record_of},
};
use crate::{control, runs::is_alive};

/// The keeper of a project, which lives and has answered.
#[derive(Clone, Debug)]
pub struct Keeper {
    /// Its process.
    pub process: ProcessId,
    caller: Caller,
    state: StateFolder,
    project: i64,
}

impl Keeper {
    /// The keeper of a project, where there is one.
    pub fn of<R: Rights>(cx: &Context<'_, R>, project: i64) -> Option<Self> {
        let (state, keeping) = kept(cx.caller, project)?;
        let process = keeper_of(&keeping);
        let keeper = Self { process, caller: cx.caller.clone(), state, project };
        (is_alive(cx.look(), process) && keeper.services().is_ok()).then_some(keeper)
    }

    /// How its services are.
    ///
    /// # Errors
    /// Where it does not answer.
    pub fn services(&self) -> Result<Keeping, Failure> {
        self.ask(&Ask::Services)
    }

    fn order(&self, order: &Order) -> Result<Keeping, Failure> {
        let whole = serde_json::to_string(order)
            .map_err(|error| Failure::system(format!("The services cannot be put into words for their keeper: {error}.")))?;
        let mut parts = Vec::new();
        let mut rest = whole.as_str();
        while !rest.is_empty() {
            let (part, left) = rest.split_at(rest.floor_char_boundary(PART));
            parts.push(part);
            rest = left;
        }
        let mut last = None;
        for (part, text) in parts.iter().enumerate() {
            last = Some(self.ask(&Ask::Order { part, of: parts.len(), text: (*text).to_owned() })?);
        }
        let before = last.ok_or_else(|| Failure::system("There is nothing to run."))?;
        // It answers before it begins; who asks next sees what it has begun.
        for _ in 0..TRIES {
            let now = self.services()?;
            if now.orders > before.orders {
                return Ok(now);
            }
            self.pause();
        }
        Err(self.silent())
    }

    /// Has services end, with all that need them; every one where none is named. Nothing is given time to end by itself where that is
    /// wanted `now`.
    ///
    /// # Errors
    /// Where it does not answer.
    pub fn down(&self, services: &[String], now: bool) -> Result<Keeping, Failure> {
        self.ask(&Ask::Down { services: services.to_vec(), now })
    }

    /// Lets it end, where its services have; it is waited for a moment.
    pub fn leave<R: Rights>(&self, cx: &Context<'_, R>) {
        if self.ask(&Ask::Leave).is_ok() {
            let _ = cx.look().wait_for_exit(&[self.process], A_MOMENT);
        }
    }

    fn ask(&self, ask: &Ask) -> Result<Keeping, Failure> {
        let question = control::question(ask);
        // A part of an order that was taken is not said twice, so it is waited for at once as long as an answer may take.
        let once = !matches!(ask, Ask::Services | Ask::Down { .. });
        for patience in if once { [MORE_PATIENCE].as_slice() } else { &[PATIENCE, MORE_PATIENCE] } {
            let heard = runtime::ask(&self.caller, Some(&[self.process]), &question, *patience).into_iter().next();
            let Some(Heard { pid, said: Ok(said), .. }) = heard else { continue };
            if pid != self.process.pid {
                continue;
            }
            return control::answer(&said).map_err(|why| {
                Failure::system(format!("The keeper of this project's services (pid {}) answers: {why}.", self.process.pid))
            });
        }
        Err(self.silent())
    }

    /// True where it has ended because nothing was left for it to do: it takes away then what it wrote down, which one that was killed
    /// leaves behind.
    pub fn is_over(&self) -> bool {
        written(&self.state, self.project).is_none()
    }

    fn silent(&self) -> Failure {
        let pid = self.process.pid;
        Failure::system(format!("The keeper of this project's services (pid {pid}) does not answer."))
            .hint(hint!("kill -CONT {}    lets one go on that was stopped; services go on without it", pid))
    }

    fn pause(&self) {
        // Whoever waits for a keeper is woken by what it writes; a moment is as long as that takes.
        let folder = path_of(&portward_sys::text_of(&self.state.path));
        if let Ok(machine) = portward_sys::this_machine() {
            let _ = machine.wait_for_change(&[folder], PAUSE);
        }
    }

    /// The number of its project in the store.
    pub fn project(&self) -> i64 {
        self.project
    }
}

/// The keeper of a project, which is started where there is none. What a keeper before it left behind, it takes up.
///
/// # Errors
/// Where none can be started, or it does not answer.
pub fn bring_up(cx: &Context<'_, Acts>, project: i64, folder: &Text) -> Result<Keeper, Failure> {
    if let Some(keeper) = Keeper::of(cx, project) {
        return Ok(keeper);
    }
    let kept = Caller::FOLDERS.iter().filter_map(|name| Some(((*name).into(), path_of(cx.caller.variable(name)?).into())));
    let words = [Own::KEEPS, &project.to_string(), &folder.shown()];
    let mut child = portward_session::start_apart(&words, kept, &[])
        .map_err(|error| Failure::system(format!("The keeper of this project's services could not be started: {error}.")))?;
    let end = cx.now() + LONGEST_START;
    while cx.now() < end {
        if let Some(keeper) = Keeper::of(cx, project) {
            return Ok(keeper);
        }
        // It has ended: another one has the turn, or it cannot begin.
        if let Ok(Some(status)) = child.try_wait()
            && !status.success()
        {
            break;
        }
        cx.sleep(PAUSE)?;
    }
    let state = StateFolder::find(cx.caller);
    let path = Text::from(state.path.to_string_lossy().as_ref());
    Err(Failure::system(format!("The keeper of this project's services does not begin; it keeps its state in {path}."))
        .hint("portward ps    shows what runs; portward lease says whether that folder can be used"))
}

/// Has services of a project run by its keeper, which is started where there is none. One that was about to end takes no order any
/// more; it is waited for, and another one has the order.
///
/// # Errors
/// Where none can be started, or it does not answer.
pub fn hand_over(cx: &Context<'_, Acts>, project: i64, folder: &Text, order: &Order) -> Result<(Keeper, Keeping), Failure> {
    let mut tries = 0;
    loop {
        let keeper = bring_up(cx, project, folder)?;
        match keeper.order(order) {
            Ok(keeping) => return Ok((keeper, keeping)),
            Err(error) => {
                tries += 1;
                if tries == TURNS || !cx.wait_for_exit(&[keeper.process], A_MOMENT)?.is_empty() {
                    return Err(error);
                }
            }
        }
    }
}

/// The services of a project, and whether their keeper lives: one that was killed has written down how they were, and what is not so any
/// more is told as it is. `None` where it is gone with all of them.
pub fn states<R: Rights>(cx: &Context<'_, R>, project: i64) -> Option<(Keeping, bool)> {
    let (_, keeping) = kept(cx.caller, project)?;
    if let Some(now) = Keeper::of(cx, project).and_then(|keeper| keeper.services().ok()) {
        Some((now, true))
    } else {
        let host = cx.look();
        let mut keeping = keeping;
        let lives = is_alive(host, keeper_of(&keeping));
        let runs = |service: &Kept| service.supervisor.is_some_and(|supervisor| is_alive(host, supervisor));
        let any = keeping.services.iter().any(runs);
        keeping.services.iter_mut().filter(|service| !runs(service)).for_each(forsaken);
        (lives || any).then_some((keeping, lives))
    }
}

/// A service of which nothing runs, and which nobody has kept since it was written down.
fn forsaken(service: &mut Kept) {
    let because = match service.state {
        KeptState::Starting | KeptState::Ready | KeptState::Stopping => "it has ended while nobody kept it, and how is not known",
        KeptState::Restarting => "it was to be started again, and nobody does so now",
        KeptState::Waiting => "what it waits for was not ready when its keeper was killed",
        KeptState::Done | KeptState::Failed | KeptState::Stopped => "",
    };
    if !because.is_empty() {
        (service.state, service.because) = (KeptState::Failed, Some(portward_model::capitalised(&format!("{because}.")).into()));
    }
    (service.process, service.supervisor, service.again_at) = (None, None, None);
}

/// The projects of this user of which a keeper has written something down.
pub fn kept_projects(cx: &Context<'_, impl Rights>) -> Vec<i64> {
    let state = StateFolder::find(cx.caller);
    if state.inspect().is_err() {
        return Vec::new();
    }
    let number = |name: String| name.strip_prefix("keeper-")?.strip_suffix(".json")?.parse().ok();
    state.names("keeper-", ".json").into_iter().filter_map(number).collect()
}

/// True for a process that was a project's keeper, by what it has written down.
pub(crate) fn was_keeper(asker: &Caller, process: ProcessId) -> bool {
    let state = StateFolder::find(asker);
    let names = if state.inspect().is_ok() { state.names("keeper-", ".json") } else { Vec::new() };
    let number = |name: &String| name.strip_prefix("keeper-")?.strip_suffix(".json")?.parse().ok();
    names.iter().filter_map(number).any(|project| written(&state, project).is_some_and(|own| keeper_of(&own) == process))
}

/// What a keeper of the caller's has written down, with the folder that it stands in.
pub(super) fn kept(caller: &Caller, project: i64) -> Option<(StateFolder, Keeping)> {
    let state = StateFolder::find(caller);
    state.inspect().ok()?;
    let keeping = written(&state, project)?;
    Some((state, keeping))
}

/// What a keeper has written down.
pub(super) fn written(state: &StateFolder, project: i64) -> Option<Keeping> {
    serde_json::from_slice(&state.read_from(&record_of(project), 0, LONGEST_RECORD).ok()?).ok()
}

/// Bytes of an order that fit a question, with their escapes.
const PART: usize = 24 * 1024;
/// How long a keeper has to answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long it has beyond that, on a busy machine.
const MORE_PATIENCE: Duration = Duration::from_secs(5);
/// Looks whether an order was taken.
const TRIES: usize = 2000;
/// Keepers that are given an order, one after the other, where each was about to end.
const TURNS: usize = 4;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(3);
/// How long a keeper may take to begin.
const LONGEST_START: Duration = Duration::from_secs(10);
/// How long its end is waited for.
const A_MOMENT: Duration = Duration::from_secs(2);
/// Bytes of what a keeper writes down.
const LONGEST_RECORD: usize = 16 << 20;
