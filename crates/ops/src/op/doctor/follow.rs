//! `portward doctor --watch`: one endpoint, until it is healthy or until it breaks, with the story told.

use std::time::Duration;

use portward_checks::doctor::{Depth, Verdict};

use super::{Asked, Examined, THOROUGH, examine};
use crate::{Context, Dials, Failure, Kind, Sink, Span, document::rfc3339};

/// Examines again and again, and hands out each answer that differs from the one before.
pub(super) fn follow(
    cx: &Context<'_, Dials>,
    question: &Asked,
    until_broken: bool,
    timeout: Option<Span>,
    out: &mut Sink<'_, Examined>,
) -> Result<Examined, Failure> {
    let end = timeout.map(|timeout| cx.now() + timeout.0);
    let wanted = |verdict: Verdict| if until_broken { verdict == Verdict::Fault } else { verdict == Verdict::Healthy };
    cx.prompt.progress(if until_broken {
        "watching until it fails; Ctrl-C ends it"
    } else {
        "watching until it is healthy; Ctrl-C ends it"
    });
    let mut told: Option<(Verdict, Option<String>)> = None;
    loop {
        let began = cx.now();
        let mut examined = examine(cx, question.clone(), Depth { watch: false, ..THOROUGH }, began)?;
        examined.at = cx.machine.facts().ok().map(|facts| rfc3339(facts.now));
        let code = examined.causes.first().map(|cause| cause.code.clone());
        let state = Some((examined.verdict, code));
        let reached = wanted(examined.verdict);
        let over = end.is_some_and(|end| cx.now() >= end);
        if told != state {
            told = state;
            if !out.emit(examined.clone()) {
                return Ok(examined);
            }
        }
        if reached || over {
            return Ok(examined);
        }
        match cx.wait_for_change(&[], cx.left(end, TURN)) {
            Err(failure) if failure.kind != Kind::Cancelled => cx.sleep(cx.left(end, TURN))?,
            over_or_changed => over_or_changed?,
        }
    }
}

/// Between two looks: long enough to leave the patient in peace.
const TURN: Duration = Duration::from_millis(500);
