//! `portward doctor --fix`: repairs, offered one by one and done through the same door as every capability.

use std::time::Instant;

use portward_checks::doctor::Verdict;
use portward_model::{Edit, Effect, Finding, Means, Remedy, Sentence};
use serde_json::Value;

use super::{Asked, Became, Examined, Fixed, THOROUGH, examine};
use crate::{Acts, Answer, Context, Door, Entry, Exit, Failure, Request, dispatch};

/// Examines, and offers the fixes of what is found.
pub(super) fn examine_and_offer(cx: &Context<'_, Acts>, question: Asked, yes: bool, began: Instant) -> Result<Examined, Failure> {
    let examined = examine(&cx.dials(), question.clone(), THOROUGH, began)?;
    if examined.verdict == Verdict::Healthy { Ok(examined) } else { offer(cx, question, examined, yes) }
}

/// Offers the fixes of the first cause, then of the others, until one was done; then examines again.
fn offer(cx: &Context<'_, Acts>, question: Asked, examined: Examined, yes: bool) -> Result<Examined, Failure> {
    let mut fixed: Vec<Fixed> = Vec::new();
    let mut offered: Vec<&Means> = Vec::new();
    let mut done = false;
    'causes: for cause in &examined.causes {
        for remedy in cause.remedies.iter().filter(|remedy| remedy.effect != Effect::Read) {
            if offered.contains(&&remedy.means) {
                continue;
            }
            offered.push(&remedy.means);
            let outcome = one(cx, cause, remedy, yes);
            done = outcome.became == Became::Done;
            fixed.push(outcome);
            if done {
                break 'causes;
            }
        }
    }
    if !done {
        return Ok(Examined { fixed, ..examined });
    }
    let again = examine(&cx.dials(), question, THOROUGH, cx.now())?;
    let mut notes = again.notes.clone();
    let healthy = again.verdict == Verdict::Healthy;
    let note = if healthy { "asked again after the fix: healthy" } else { "asked again after the fix: not healthy yet" };
    notes.push(note.into());
    Ok(Examined { notes, fixed, ..again })
}

fn one(cx: &Context<'_, Acts>, cause: &Finding, remedy: &Remedy, yes: bool) -> Fixed {
    let became = |became: Became, because: Option<Sentence>| Fixed {
        title: remedy.title.clone(),
        command: remedy.line().to_owned(),
        effect: remedy.effect,
        became,
        because,
    };
    let question = match &remedy.means {
        Means::Operation { command, .. } => format!("{}\n{}: {}?", cause.summary, remedy.title, command),
        Means::Edit { edit, .. } => format!("{}\n{}\n{}\nWrite it?", cause.summary, remedy.title, diff(edit)),
        Means::Command { .. } | Means::Advice { .. } => {
            return became(Became::Yours, Some("it is not an operation of Portward's; run it yourself".into()));
        }
    };
    let agreed = if yes && remedy.effect != Effect::Destroy { Some(true) } else { cx.prompt.confirm(&question) };
    match agreed {
        Some(true) => {}
        Some(false) => return became(Became::Declined, None),
        None => return became(Became::Declined, Some("nobody is there to ask; --yes agrees to what ends nothing".into())),
    }
    match &remedy.means {
        Means::Edit { edit, .. } => match cx.machine.edit(edit).map_err(Failure::from) {
            Ok(()) => {
                became(Became::Done, edit.after.as_ref().map(|after| format!("it counts when this is done: {after}").into()))
            }
            Err(failure) => became(Became::Failed, Some(refusal(&failure))),
        },
        Means::Operation { operation, input, .. } => match called(cx, operation, input.clone()) {
            Ok(None) => became(Became::Done, None),
            Ok(because) => became(Became::Failed, because),
            Err(failure) => became(Became::Failed, Some(refusal(&failure))),
        },
        Means::Command { .. } | Means::Advice { .. } => became(Became::Yours, None),
    }
}

/// Calls an operation through its door; `None` where it did what it wanted, otherwise why not. What was agreed to is not
/// asked again.
fn called(cx: &Context<'_, Acts>, operation: &str, mut input: Value) -> Result<Option<Sentence>, Failure> {
    let entry = Entry::named(operation)?;
    if let (Some(fields), true) = (input.as_object_mut(), (entry.input)()["properties"].get("yes").is_some()) {
        fields.insert("yes".to_owned(), true.into());
    }
    let request = Request { caller: cx.caller.clone(), op: operation.to_owned(), input };
    Ok(match dispatch(request, &Door::within(cx), &mut |_| true)? {
        Answer { exit: Exit::Fine, .. } => None,
        Answer { document, exit: Exit::Found | Exit::Program(_) | Exit::Killed(_) } => {
            let because = document.get("summary").and_then(|summary| summary.as_str()).map(|summary| summary.to_owned().into());
            Some(because.unwrap_or_else(|| "it did not reach what it wanted".into()))
        }
    })
}

/// Where an edit writes, what goes and what comes, as a diff shows it.
pub(crate) fn diff(edit: &Edit) -> String {
    let then = edit.then.iter().map(|line| format!("\n  + {}", line.shown()));
    format!("  {}:{}\n  - {}{}", edit.file, edit.line, edit.now, then.collect::<String>())
}

/// Why something was not done, and what to do about it.
fn refusal(failure: &Failure) -> Sentence {
    let message = failure.message.trim_end_matches('.');
    failure.hint.as_ref().map_or_else(|| message.to_owned(), |hint| format!("{message}; {hint}")).into()
}
