//! `portward logs`

use std::time::Duration;

use clap::Args;
use portward_keeper::{Keeping, Log, Tail, plain_line, states};
use portward_sys::StateFolder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Context, Exit, Failure, Looks, Noun, Op, Sink,
    document::Gap,
    op::up::{ServiceLine, place},
};

/// Show what this project's services have written
///
/// Each service has a log of its own, which is there after it has ended, too. With --follow it goes on with what comes.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logs {
    /// Services; all of the project's where none is named
    #[arg(value_name = "SERVICE")]
    #[serde(default)]
    pub services: Vec<String>,
    /// Go on with what comes, until Ctrl-C
    #[arg(long, short)]
    #[serde(default)]
    pub follow: bool,
    /// So many of the last lines of each
    #[arg(long, short = 'n', value_name = "LINES", default_value = "100")]
    #[serde(default = "some")]
    pub lines: usize,
}

fn some() -> usize {
    100
}

/// What was shown.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    /// Lines.
    pub lines: usize,
    /// Services whose logs were read.
    pub services: Vec<String>,
    /// Words that no service goes by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// Where the logs are.
    pub files: Vec<String>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Noun for Shown {
    fn exit(&self) -> Exit {
        if self.unknown.is_empty() { Exit::Fine } else { Exit::Found }
    }
}

impl Op for Logs {
    declare! { "logs", Read at Machine with Looks, emits ServiceLine, answers Shown;
    "portward logs" => "the last hundred lines of each service",
    "portward logs --follow web" => "what one writes, as it writes it",
    "portward logs -n 20 db" => "its last twenty lines" }

    fn run(self, cx: &Context<'_>, out: &mut Sink<'_, ServiceLine>) -> Result<Shown, Failure> {
        let mut shown = Shown { unknown: self.services.clone(), ..Shown::default() };
        let Some(place) = place(cx)? else { return Ok(shown) };
        let state = StateFolder::find(cx.caller);
        if state.inspect().is_err() {
            return Ok(shown);
        }
        let mut names = Log::all(&state, place.project);
        // In the order in which they start, where that is known.
        let keeping = states(cx, place.project).map(|(keeping, _)| keeping);
        let rank = |name: &String, keeping: &Keeping| keeping.services.iter().position(|service| service.name == *name);
        names.sort_by_key(|name| keeping.as_ref().and_then(|keeping| rank(name, keeping)).unwrap_or(usize::MAX));
        shown.unknown.retain(|name| !names.contains(name));
        names.retain(|name| self.services.is_empty() || self.services.contains(name));
        let column = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let mut tails: Vec<Tail> = Vec::new();
        for (place_of, name) in names.iter().enumerate() {
            let log = Log::of(&state, place.project, name);
            shown.files.push(portward_sys::text_of(&log.path()).shown());
            tails.push(log.follow());
            for line in log.last(self.lines, None) {
                shown.lines += 1;
                let line = ServiceLine { service: name.clone(), line: plain_line(&line), place: place_of, column };
                if !out.emit(line) {
                    return Ok(shown);
                }
            }
        }
        shown.services.clone_from(&names);
        while self.follow && !tails.is_empty() {
            for (place_of, (tail, name)) in tails.iter_mut().zip(&names).enumerate() {
                for line in tail.read() {
                    shown.lines += 1;
                    let line = ServiceLine { service: name.clone(), line: plain_line(&line), place: place_of, column };
                    if !out.emit(line) {
                        return Ok(shown);
                    }
                }
            }
            if cx.sleep(PACE).is_err() {
                break;
            }
        }
        Ok(shown)
    }
}

/// Between two looks.
const PACE: Duration = Duration::from_millis(40);
