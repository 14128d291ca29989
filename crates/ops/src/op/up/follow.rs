//! Following services: what they write, how they are, and the end of it.

use std::time::{Duration, UNIX_EPOCH};

use portward_keeper::{Keeper, Keeping, Kept, KeptState, Log, Order, Tail, hand_over, plain_line};
use portward_model::{Moment, Sentence, Text};
use portward_sys::{Cancel, Rights, StateFolder};

use super::{Place, Prepared, Service, Services, State, Told, cause::explain};
use crate::{Acts, Context, Failure, Sink};

/// Services that somebody follows.
pub(crate) struct Following {
    all: Vec<One>,
    column: usize,
    /// Their states are told as well.
    tells: bool,
}

struct One {
    name: String,
    log: Log,
    tail: Tail,
    /// What was told of it last: how it is, at which start.
    told: Option<(KeptState, u32, Option<Sentence>)>,
    /// The number of the last remark that was told.
    said: u32,
    /// Of how many falls was told.
    crashed: u32,
}

impl Following {
    /// Follows these from now on; call before they are started.
    pub(crate) fn of(cx: &Context<'_, Acts>, prepared: &Prepared, tells: bool) -> Self {
        let state = StateFolder::find(cx.caller);
        let before = Keeper::of(cx, prepared.project).and_then(|keeper| keeper.services().ok());
        let one = |name: String| {
            let log = Log::of(&state, prepared.project, &name);
            let known = before.as_ref().and_then(|before| before.services.iter().find(|service| service.name == name));
            let said = known.and_then(|known| known.said.last()).map_or(0, |said| said.number);
            let crashed = known.map_or(0, |known| known.crashed);
            One { tail: log.follow(), name, log, told: None, said, crashed }
        };
        let all: Vec<One> = prepared.names().into_iter().map(one).collect();
        let column = all.iter().map(|one| one.name.chars().count()).max().unwrap_or(0);
        Self { all, column, tells }
    }

    /// Tells of them until they are down: by themselves, or because nobody wants them any more.
    pub(crate) fn until_over(
        &mut self,
        cx: &Context<'_, Acts>,
        keeper: Keeper,
        prepared: &Prepared,
        out: &mut Sink<'_, Told>,
    ) -> Result<Services, Failure> {
        let mut keeper = keeper;
        // What follows after Ctrl-C takes its time.
        let calm = Cancel::default();
        let own = Context { cancel: &calm, ..*cx };
        let names = prepared.names();
        let (mut read, mut ending, mut urgent) = (true, false, false);
        loop {
            let keeping = match keeper.services() {
                Ok(keeping) => keeping,
                // It was killed: another one takes its services up.
                Err(_) if !ending && !keeper.is_over() => {
                    let (next, keeping) = hand_over(&own, prepared.project, &prepared.root, &prepared.order)?;
                    keeper = next;
                    keeping
                }
                Err(_) => break,
            };
            read &= self.turn(&own, &keeping, read, out);
            let mine = || keeping.services.iter().filter(|service| names.contains(&service.name));
            let is_down =
                mine().all(|service| service.process.is_none() && service.supervisor.is_none() && !service.state.runs());
            if is_down && (ending || mine().all(|service| service.state.is_settled())) {
                break;
            }
            if !ending && (cx.cancel.is_cancelled() || !read) {
                ending = true;
                if read && self.tells {
                    read &= out.emit(self.remark("Services are being ended; once more kills them.".into()));
                }
                keeper.down(&whole(&keeping, &names), false)?;
            }
            if ending && !urgent && cx.cancel.is_urgent() {
                urgent = true;
                keeper.down(&whole(&keeping, &names), true)?;
            }
            own.sleep(PACE)?;
        }
        let keeping = keeper.services().ok();
        if let Some(keeping) = &keeping {
            self.turn(&own, keeping, read, out);
        }
        let services = answer(&own, &prepared.place(), keeping.as_ref(), &names);
        if keeping.is_none_or(|keeping| keeping.services.iter().all(|service| service.state == KeptState::Stopped)) || !ending {
            keeper.leave(&own);
        }
        if ending {
            if read && self.tells {
                let left: Vec<String> =
                    services.services.iter().flat_map(|service| &service.left).map(ToString::to_string).collect();
                let words = if left.is_empty() {
                    "All are down: no process and no port of them is left.".to_owned()
                } else {
                    format!("What could not be ended lives: pid {}.", left.join(", "))
                };
                let _ = out.emit(self.remark(words.into()));
            }
            return Err(Failure::cancelled());
        }
        Ok(services)
    }

    /// Tells what is new; false where nobody reads any more.
    fn turn(&mut self, cx: &Context<'_, Acts>, keeping: &Keeping, read: bool, out: &mut Sink<'_, Told>) -> bool {
        let (column, tells) = (self.column, self.tells);
        let mut read = read;
        for (place, one) in self.all.iter_mut().enumerate() {
            let told = |service: &str| Told {
                service: service.to_owned(),
                line: None,
                state: None,
                said: None,
                hint: None,
                place,
                column,
            };
            for line in one.tail.read() {
                read = read && out.emit(Told { line: Some(plain_line(&line)), ..told(&one.name) });
            }
            let Some(kept) = keeping.services.iter().find(|service| service.name == one.name).filter(|_| tells) else { continue };
            for said in kept.said.iter().filter(|said| said.number > one.said) {
                let (sentence, hint) = (said.sentence.clone(), said.hint.clone());
                read = read && out.emit(Told { said: Some(sentence), hint, ..told(&one.name) });
            }
            one.said = kept.said.last().map_or(one.said, |said| said.number.max(one.said));
            let stands = (kept.state, kept.attempts, kept.because.clone());
            if one.told.as_ref() != Some(&stands) {
                let mut service = Service::of(kept, now(cx));
                if kept.crashed > one.crashed || (kept.state == KeptState::Failed && kept.supervisor.is_some()) {
                    one.crashed = kept.crashed;
                    service = service.with_lines(&one.log, kept);
                    explain(cx, &mut service);
                    // They have just been shown.
                    service.lines.clear();
                }
                read = read && out.emit(Told { state: Some(service), ..told(&one.name) });
                one.told = Some(stands);
            }
        }
        read
    }

    fn remark(&self, said: Sentence) -> Told {
        Told { service: String::new(), line: None, state: None, said: Some(said), hint: None, place: 0, column: self.column }
    }
}

/// What is to be ended: every service where these are all.
fn whole(keeping: &Keeping, names: &[String]) -> Vec<String> {
    if keeping.services.iter().all(|service| names.contains(&service.name)) { Vec::new() } else { names.to_vec() }
}

/// Waits until nothing more comes of these services by itself, and tells on the way how they are.
pub(crate) fn settle(
    cx: &Context<'_, Acts>,
    keeper: &Keeper,
    place: &Place,
    names: &[String],
    order: &Order,
) -> Result<Services, Failure> {
    let mut keeper = keeper.clone();
    let mut told: Vec<(String, KeptState)> = Vec::new();
    loop {
        let keeping = match keeper.services() {
            Ok(keeping) => keeping,
            Err(_) if keeper.is_over() => {
                return Err(Failure::system("The services were ended while they started, as by `portward down` elsewhere.")
                    .hint("portward up --detach    starts them again"));
            }
            Err(_) => {
                let (next, keeping) = hand_over(cx, place.project, &place.root, order)?;
                keeper = next;
                keeping
            }
        };
        let mine: Vec<&Kept> = keeping.services.iter().filter(|service| names.contains(&service.name)).collect();
        for service in &mine {
            if told.iter().any(|(name, state)| *name == service.name && *state == service.state) {
                continue;
            }
            told.retain(|(name, _)| *name != service.name);
            told.push((service.name.clone(), service.state));
            if let Some(words) = progress(service) {
                cx.prompt.progress(&words);
            }
        }
        if mine.iter().all(|service| service.state.is_settled()) {
            let mut services = answer(cx, place, Some(&keeping), names);
            let failed = services.services.iter_mut().filter(|service| service.state == State::Failed);
            failed.for_each(|service| explain(cx, service));
            return Ok(services);
        }
        cx.sleep(PACE)?;
    }
}

fn progress(service: &Kept) -> Option<String> {
    let name = Text::from(service.name.as_str());
    match service.state {
        KeptState::Starting => Some(format!("{name} starts")),
        KeptState::Restarting => {
            service.because.as_ref().map(|because| format!("{name}: {because} It is started again in a while."))
        }
        _ => None,
    }
}

/// How these services are, with the last lines of those that have failed.
pub(crate) fn answer(cx: &Context<'_, Acts>, place: &Place, keeping: Option<&Keeping>, names: &[String]) -> Services {
    let state = StateFolder::find(cx.caller);
    let all = keeping.map(|keeping| keeping.services.as_slice()).unwrap_or_default();
    let mine = all.iter().filter(|service| names.contains(&service.name));
    let each = mine.map(|kept| {
        let service = Service::of(kept, now(cx));
        match kept.state {
            KeptState::Failed => service.with_lines(&Log::of(&state, place.project, &kept.name), kept),
            _ => service,
        }
    });
    Services { services: each.collect(), ..Services::default() }
}

/// The moment, as keepers tell it.
pub(crate) fn now<R: Rights>(cx: &Context<'_, R>) -> Moment {
    let wall = cx.clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX))
}

/// Between two looks.
const PACE: Duration = Duration::from_millis(12);
