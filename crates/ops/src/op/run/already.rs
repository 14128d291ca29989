//! The same command, which runs in this project's session already.

use portward_keeper::process_at;
use portward_model::Text;

use crate::{
    Acts, Context, Failure, Op, Sink,
    named::{Found, Known, session_words},
    op::stop::Stop,
};

/// Asks whether what the same command started and serves is to be stopped first; a person at a terminal alone is asked. Who says no
/// starts a second one, which is told where it meets the first.
pub(super) fn ask(cx: &Context<'_, Acts>, command: &[String]) -> Result<(), Failure> {
    // A start has no time for more than that where nobody can answer.
    let is_persons = process_at(cx.machine, cx.caller.process.pid).is_some_and(|own| own.terminal != 0);
    if !is_persons {
        return Ok(());
    }
    let Ok(known) = Known::own(cx, None) else { return Ok(()) };
    let line = command.join(" ");
    let Some((found, said)) = known.own_services(&line).into_iter().find_map(|found| Some((found, said(&found)?))) else {
        return Ok(());
    };
    let question =
        format!("{} already serves {said}, started by the same command. Stop that one first?", session_words(found.session));
    if cx.prompt.confirm(&question) == Some(true) {
        let stop = Stop { services: vec![format!("pid:{}", found.service.pid)], ..Stop::default() };
        stop.run(cx, &mut Sink::new(&mut |_| true))?;
    }
    Ok(())
}

/// `3000: node (pid 1335) -> localhost:29200`, of one that serves another port than it asked for.
fn said(found: &Found<'_>) -> Option<String> {
    let port = |address: &str| address.rsplit(':').next().map(str::to_owned);
    let listening = found.listening()?;
    let (asked, serves) = (port(listening.asked.as_deref()?)?, port(&listening.serves)?);
    let name = Text::from_shown(&listening.service);
    Some(format!("{asked}: {name} (pid {}) -> localhost:{serves}", listening.pid))
}
