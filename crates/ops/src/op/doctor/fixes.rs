//! `portward doctor --fix`: repairs, offered one by one and done through the same door as every capability.

use std::time::Instant;

use portward_checks::doctor::{Depth, Verdict};
use portward_model::{Edit, Effect, Fix};

use super::{Asked, Examined, Fixed, examine};
use crate::{Cx, Exit, Failure, registry::OPS};

/// Offers the fixes of the first cause, then of the others, until one was done; then examines again.
pub(super) async fn offer(cx: &Cx<'_>, question: Asked, examined: Examined, yes: bool) -> Result<Examined, Failure> {
    let mut fixed: Vec<Fixed> = Vec::new();
    let mut done = false;
    'causes: for cause in &examined.causes {
        for fix in cause.fixes.iter().filter(|fix| fix.effect != Effect::Read) {
            if fixed.iter().any(|known| known.command == fix.command && known.title == fix.title) {
                continue;
            }
            let outcome = one(cx, &cause.summary, fix, yes).await;
            done = outcome.became == "done";
            fixed.push(outcome);
            if done {
                break 'causes;
            }
        }
    }
    if !done {
        return Ok(Examined { fixed, ..examined });
    }
    let again = examine(cx, question, Depth { probe: true, watch: true }, Instant::now());
    let mut notes = again.notes.clone();
    if again.verdict == Verdict::Healthy {
        notes.push("asked again after the fix: healthy".to_owned());
    } else {
        notes.push("asked again after the fix: not healthy yet".to_owned());
    }
    Ok(Examined { notes, fixed, ..again })
}

async fn one(cx: &Cx<'_>, cause: &str, fix: &Fix, yes: bool) -> Fixed {
    let became = |became: &'static str, because: Option<String>| Fixed {
        title: fix.title.clone(),
        command: fix.command.clone(),
        effect: fix.effect,
        became,
        because,
    };
    let operation = operation(&fix.command).filter(|_| fix.edit.is_none());
    if operation.is_none() && fix.edit.is_none() {
        return became("yours", Some("it is not an operation of Portward's; run it yourself".to_owned()));
    }
    let question = fix.edit.as_ref().map_or_else(
        || format!("{cause}\n{}: {}?", fix.title, fix.command),
        |edit| format!("{cause}\n{}\n{}\nWrite it?", fix.title, diff(edit)),
    );
    let agreed = if yes && fix.effect != Effect::Destroy { Some(true) } else { cx.prompt.confirm(&question) };
    match agreed {
        Some(true) => {}
        Some(false) => return became("declined", None),
        None => return became("declined", Some("nobody is there to ask; --yes agrees to what ends nothing".to_owned())),
    }
    if let Some(edit) = &fix.edit {
        return match cx.host.edit(edit).map_err(Failure::from) {
            Ok(()) => became("done", edit.after.as_ref().map(|after| format!("it counts when this is done: {after}"))),
            Err(failure) => became("failed", Some(refusal(&failure))),
        };
    }
    let Some((entry, input)) = operation.and_then(|(name, input)| Some((OPS.iter().find(|entry| entry.name == name)?, input)))
    else {
        return became("yours", Some("there is no such operation".to_owned()));
    };
    match (entry.run)(cx, input, &mut |_| true).await {
        Ok((_, Exit::Fine)) => became("done", None),
        Ok((answer, Exit::Found | Exit::Program(_) | Exit::Killed(_))) => {
            let because = answer.get("summary").and_then(|summary| summary.as_str()).map(str::to_owned);
            became("failed", because.or_else(|| Some("it did not reach what it wanted".to_owned())))
        }
        Err(failure) => became("failed", Some(refusal(&failure))),
    }
}

/// Where an edit writes, what goes and what comes, as a diff shows it.
fn diff(edit: &Edit) -> String {
    let then = edit.then.iter().map(|line| format!("\n  + {}", line.shown()));
    format!("  {}:{}\n  - {}{}", edit.file, edit.line, edit.now, then.collect::<String>())
}

/// Why something was not done, and what to do about it.
fn refusal(failure: &Failure) -> String {
    let message = failure.message.trim_end_matches('.');
    failure.hint.as_ref().map_or_else(|| message.to_owned(), |hint| format!("{message}; {hint}"))
}

/// A `portward` command as an operation and its input; what was agreed to is not asked again.
fn operation(command: &str) -> Option<(&'static str, serde_json::Value)> {
    let mut words = command.strip_prefix("sudo ").unwrap_or(command).split_whitespace();
    if words.next() != Some("portward") {
        return None;
    }
    let name = words.next()?;
    let entry = OPS.iter().find(|entry| entry.name == name)?;
    let command = (entry.command)().no_binary_name(true).disable_help_flag(true);
    let matches = command.try_get_matches_from(words).ok()?;
    let mut input = (entry.parse)(&matches).ok()?;
    if let Some(yes) = input.get_mut("yes") {
        *yes = true.into();
    }
    Some((entry.name, input))
}

#[cfg(test)]
mod tests {
    use super::operation;

    #[test]
    fn only_portwards_own_commands_are_operations() {
        let (name, input) = operation("portward free 3000").unwrap();
        assert_eq!((name, input["endpoints"][0].as_str(), input["yes"].as_bool()), ("free", Some("3000"), Some(true)));
        assert!(operation("sudo portward free udp/53 --tree").is_some());
        for command in ["kill -CONT 12", "portward", "portward free", "portward nonsense 3000", "rm -rf /"] {
            assert!(operation(command).is_none(), "{command}");
        }
    }
}
