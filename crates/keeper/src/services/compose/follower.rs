//! What runs in a service's session: it starts the container, shows what that writes, and ends as it ends.

use std::{
    ffi::OsString,
    io,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, UNIX_EPOCH},
};

use portward_model::{Failure, Own, Sentence};
use portward_sys::{
    Clock, End, StateFolder, SysError, SystemClock, this_caller,
    works::{self, Reads, Work},
};

use super::{ComposeStack, TURN};

/// Becomes the follower of a container, if this process was started for that; everybody else goes on.
pub(crate) fn entrance(arguments: &[OsString]) -> Option<ExitCode> {
    let [_, word, folder, service] = arguments else { return None };
    if word.to_str() != Some(Own::COMPOSES) {
        return None;
    }
    let folder = StateFolder::at(PathBuf::from(folder), this_caller().uid);
    Some(match follow(folder, service.to_str()?) {
        Ok(code) => ExitCode::from(code),
        Err(sentence) => {
            // This goes into the service's log.
            let line = format!("portward: {}\n", portward_model::inert(&sentence.to_string()));
            let _ = portward_sys::write_at_once(io::stderr(), line.as_bytes());
            ExitCode::from(2)
        }
    })
}

fn follow(folder: StateFolder, service: &str) -> Result<u8, Sentence> {
    let words = |failure: Failure| Sentence::from(failure.message);
    let failed = |error: io::Error| Sentence::from(error.to_string());
    let stack = ComposeStack::at(folder).map_err(words)?.ok_or("It is not written down how Compose is called.")?;
    // Two at once would each make the network.
    let turn = stack.folder.turn(TURN, LONGEST_TURN, &|| false).map_err(failed)?;
    let since = now();
    let up = stack.run(&["up", "--detach", "--no-deps", "--quiet-pull", "--", service])?;
    drop(turn);
    if up != 0 {
        return Ok(up);
    }
    let mut shown = 0;
    loop {
        shown = stack.show(service, &since, shown)?;
        let containers = stack.containers(Some(service))?;
        if !containers.iter().any(super::Container::runs) {
            let worst = containers.iter().map(|container| container.exit_code).find(|code| *code != 0).unwrap_or(0);
            return Ok(if containers.is_empty() { GONE } else { u8::try_from(worst).unwrap_or(1) });
        }
        SystemClock.pass(BETWEEN);
    }
}

impl ComposeStack {
    /// Shows what a service writes from a moment on until its containers have ended, but for the bytes that were shown before; answers how
    /// many were by then. An engine that starts a container again goes on in its log.
    fn show(&self, service: &str, from: &str, shown: u64) -> Result<u64, Sentence> {
        let logs = |follows: &[&str]| {
            let options = ["logs", "--no-log-prefix", "--no-color", "--since", from];
            self.words_with_files(&[&options[..], follows, &["--", service]].concat())
        };
        // Of a container that has ended before it was asked for it would wait for ever: so it does not decide.
        let (wait, followed, rest) = (self.words_with_files(&["wait", "--", service]), logs(&["--follow"]), logs(&[]));
        let of = |words| Work { words, environment: &[], input: Reads::Nothing, output: None };
        let failed = |error: SysError| Sentence::from(error.to_string());
        match works::finish_beside(&of(&wait), &of(&followed), shown, LAST_LINES).map_err(failed)? {
            (all, false) => Ok(all.max(shown)),
            // It may have been about to begin: what it has not shown is shown.
            (some, true) => works::show_from(&of(&rest), some.max(shown)).map_err(failed),
        }
    }

    /// Runs Compose with its files; what it says goes into the service's log.
    fn run(&self, arguments: &[&str]) -> Result<u8, Sentence> {
        let words = self.words_with_files(arguments);
        let quiet = [("COMPOSE_ANSI", "never"), ("COMPOSE_PROGRESS", "plain"), ("COMPOSE_MENU", "0")];
        let environment = quiet.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let work = Work { words: &words, environment: &environment, input: Reads::Nothing, output: None };
        let ended = works::finish(&work).map_err(|error| Sentence::from(error.to_string()))?;
        Ok(match ended {
            End::Code(code) => u8::try_from(code).unwrap_or(1),
            End::Signal(_) => 1,
        })
    }
}

/// The moment, as the engine takes it: seconds since 1970.
fn now() -> String {
    let now = SystemClock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:09}", now.as_secs(), now.subsec_nanos())
}

/// What it ends with where its container was taken away.
const GONE: u8 = 1;
/// How long another start is waited for: it may fetch an image.
const LONGEST_TURN: Duration = Duration::from_mins(30);
/// How long the last lines of a container that has ended are waited for.
const LAST_LINES: Duration = Duration::from_secs(1);
/// Between two looks at a container of which the end could not be waited for.
const BETWEEN: Duration = Duration::from_secs(1);
