//! Orders for the forwarder: it is asked at its socket, and waited for.

use std::{process::Child, time::Duration};

use portward_keeper::{Lending, lend, lending, look_anew, start_forwarder};
use portward_model::hint;
use portward_store::{ProjectRow, Store};

use crate::{Acts, Context, Failure};

/// Has a forwarder of the release before this one end, by the order that it reads in the store; returns when it has let its ports go. False
/// where there is none.
pub(super) fn retire(cx: &Context<'_, Acts>, store: &mut Store<'_>, found: Option<&Lending>) -> Result<bool, Failure> {
    let Some(older) = found.filter(|found| found.is_older).and_then(|found| found.alive(cx.machine)) else { return Ok(false) };
    let generation = store.retire_front()?;
    let end = cx.now() + PATIENCE;
    while found.is_some_and(|found| found.alive(cx.machine).is_some())
        && store.front()?.is_some_and(|row| row.forwarder == Some(older) && row.done < generation)
    {
        if cx.now() >= end {
            return Err(stuck(Some(older.pid)));
        }
        cx.sleep(PAUSE)?;
    }
    Ok(true)
}

/// What a forwarder is ordered to do: to lend to a project, or to nobody.
pub(super) struct Order<'a>(pub(super) Option<&'a ProjectRow>);

/// What has been made true.
pub(super) struct Made {
    /// How it is now.
    pub(super) row: Lending,
    /// How it was when the order came; `None` where nothing was ordered, or nobody took it.
    pub(super) before: Option<Lending>,
}

/// Gives an order, or none, and waits until a forwarder has made it true and seen what is served now, or there is none any more and nobody
/// wants one. One that is killed meanwhile is `lost`, and another one is started. Where a process is named, only that is the forwarder.
pub(super) fn made_true(
    cx: &Context<'_, Acts>,
    store: &mut Store<'_>,
    order: Option<&Order<'_>>,
    (mut child, only): (Option<Child>, Option<u32>),
    lost: &mut Option<u32>,
) -> Result<Made, Failure> {
    let end = cx.now() + PATIENCE;
    // Who took the order, and the count that it gave it.
    let mut taken = None;
    let (mut before, mut is_ordered) = (None, order.is_none());
    loop {
        store.stay_current()?;
        let row = lending(cx.machine, cx.caller, store)?.filter(|row| !row.is_older);
        let lives = row.as_ref().and_then(|row| row.alive(cx.machine));
        match (row, lives) {
            (Some(row), Some(forwarder)) if taken.is_some_and(|(by, count)| by == forwarder && row.done >= count) => {
                return Ok(Made { row, before });
            }
            (Some(_), Some(forwarder)) => {
                let is_meant = only.is_none_or(|only| only == forwarder.pid);
                if is_meant && taken.is_none_or(|(by, _)| by != forwarder) {
                    // One that ends just now takes nothing, and another one is met the next time.
                    match order.filter(|_| !is_ordered) {
                        Some(Order(project)) => {
                            if let Ok((was, count)) = lend(cx.caller, store, *project) {
                                (before, is_ordered, taken) = (Some(was), true, Some((forwarder, count)));
                            }
                        }
                        None => taken = look_anew(cx.caller).ok().map(|count| (forwarder, count)).or(taken),
                    }
                }
            }
            (Some(row), None) if is_ordered && row.project.is_none() => return Ok(Made { row, before }),
            (row, None) if child.is_none() => {
                if let Some(gone) = row.and_then(|row| row.forwarder).filter(|gone| taken.is_none_or(|(by, _)| by == *gone)) {
                    *lost = Some(gone.pid);
                }
                child = Some(start_forwarder(cx.caller, &[])?);
            }
            _ => {}
        }
        if let Some(ended) = child.as_mut().and_then(|child| child.try_wait().ok().flatten()) {
            if !ended.success() {
                return Err(Failure::system(format!("The forwarder ended as soon as it was started ({ended})."))
                    .hint("portward lease    says whether the store of leases can be used"));
            }
            child = None;
        }
        if cx.now() >= end {
            let stopped = lending(cx.machine, cx.caller, store)?.and_then(|row| row.alive(cx.machine));
            return Err(stuck(stopped.map(|process| process.pid)));
        }
        cx.sleep(PAUSE)?;
    }
}

/// A forwarder that does not answer.
fn stuck(pid: Option<u32>) -> Failure {
    let who = pid.map_or_else(|| "The forwarder".to_owned(), |pid| format!("The forwarder (pid {pid})"));
    let failure = Failure::system(format!("{who} has not answered for {} s.", PATIENCE.as_secs()));
    match pid {
        Some(pid) => failure.hint(hint!("kill -KILL {}    and the same command again", pid)),
        None => failure.hint("the same command again"),
    }
}

/// How long a forwarder has to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at its answer.
const PAUSE: Duration = Duration::from_millis(1);
