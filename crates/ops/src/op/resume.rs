//! `portward resume`

use clap::Args;
use portward_model::{Endpoint, ProcessId, ProcessState, Sentence};
use portward_sys::Signal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Acts, Context, Exit, Failure, Freed, Never, Noun, Op, Refusal, Refused, Sink,
    document::Gap,
    named::{Known, Meant, Twofold},
    target::Target,
};

/// Let the stopped processes that serve an endpoint go on
///
/// Sends SIGCONT, through a pidfd, to every process that holds the endpoint's listener and is stopped by a signal
/// (Ctrl-Z, SIGSTOP). A process that a debugger has stopped is left to its debugger.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// The endpoint
    #[arg(value_name = "ENDPOINT")]
    pub endpoint: Endpoint,
}

/// What was done.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Resumed {
    /// The endpoint, as it was understood.
    pub endpoint: String,
    /// Processes that go on.
    pub resumed: Vec<Freed>,
    /// Processes that do not, and why.
    pub refused: Vec<Refused>,
    /// The answer in a sentence.
    pub summary: Sentence,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Noun for Resumed {
    fn exit(&self) -> Exit {
        if self.refused.is_empty() && !self.resumed.is_empty() { Exit::Fine } else { Exit::Found }
    }
}

impl Op for Resume {
    declare! { "resume", Change at Machine with Acts, emits Never, answers Resumed;
    "portward resume 3000" => "a server that Ctrl-Z stopped goes on" }

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Resumed, Failure> {
        Target::exact(&self.endpoint)?;
        let known = Known::of(cx, None)?;
        let meant = known.meant_here(cx, &self.endpoint);
        let is_projects = |meant: &Meant| Twofold { command: "portward resume", done: "resumed", meant }.is_projects(cx);
        let endpoint = match meant {
            Some(meant) if is_projects(&meant)? => meant.endpoint(),
            _ => self.endpoint,
        };
        let target = Target::of(endpoint, cx.machine)?;
        let (target, view) = target.looked(cx.machine, &target.look());
        let mut seen: Vec<ProcessId> = Vec::new();
        let mut answer = Resumed { endpoint: target.endpoint.to_string(), ..Resumed::default() };
        for index in target.serving(&view) {
            for holding in view.snapshot.holders(index) {
                let Some(process) = view.snapshot.process(holding.pid).filter(|process| !seen.contains(&process.id)) else {
                    continue;
                };
                seen.push(process.id);
                let (pid, name) = (process.id.pid, process.title());
                let resumed = match process.state {
                    ProcessState::Stopped => cx
                        .machine
                        .signal(process.id, Signal::Continue)
                        .map_err(|error| Refusal::System { error: error.to_string() }),
                    ProcessState::Traced => Err(Refusal::Traced),
                    ProcessState::Alive | ProcessState::Uninterruptible | ProcessState::Exited => continue,
                };
                match resumed {
                    Ok(()) => answer.resumed.push(Freed { pid, name, signal: Signal::Continue }),
                    Err(why) => answer.refused.push(Refused::new(pid, name, why)),
                }
            }
        }
        answer.gaps.clone_from(&view.snapshot.gaps);
        let summary = match (answer.resumed.as_slice(), answer.refused.first(), seen.is_empty()) {
            ([], None, true) => format!("No process that can be seen serves {}.", answer.endpoint),
            ([], None, false) => format!("Nothing that serves {} is stopped.", answer.endpoint),
            ([], Some(refused), _) => format!("{} (pid {}) was not resumed: {}.", refused.name, refused.pid, refused.because),
            ([only], _, _) => format!("{} (pid {}) goes on.", only.name, only.pid),
            (all, _, _) => format!("{} processes that serve {} go on.", all.len(), answer.endpoint),
        };
        answer.summary = summary.into();
        Ok(answer)
    }
}
