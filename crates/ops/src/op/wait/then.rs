//! `portward wait ENDPOINT... -- CMD`

use clap::Args;
use portward_model::{Sentence, Text};
use portward_sys::End;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Wait, Waited};
use crate::{Acts, Context, Failure, Never, Op, Sink};

/// Wait, and run a command when everything is ready
///
/// The command takes this program's place: signals, terminal and exit code are its own. Where not everything became ready, it is
/// not started.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Then {
    /// What is waited for.
    #[command(flatten)]
    #[serde(flatten)]
    pub wait: Wait,
    /// Run this line of the shell beside the wait, and give up as soon as it ends: the server, or what watches it. When the wait is
    /// over it goes on
    #[arg(long = "while", id = "while", value_name = "CMD")]
    #[serde(default, rename = "while")]
    pub during: Option<String>,
    /// Run this when everything is ready, in this program's place
    #[arg(value_name = "CMD", last = true, index = 2)]
    #[serde(default)]
    pub command: Vec<String>,
}

/// Run a command beside the wait, and give up as soon as it ends
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct During {
    /// What is waited for.
    #[command(flatten)]
    #[serde(flatten)]
    pub wait: Wait,
    /// Run this line of the shell beside the wait, and give up as soon as it ends: the server, or what watches it. When the wait is
    /// over it goes on
    #[arg(long = "while", id = "while", value_name = "CMD")]
    #[serde(default, rename = "while")]
    pub during: Option<String>,
}

impl Op for Then {
    declare! { "wait.run", Change at Caller with Acts, emits Never, answers Waited;
    "portward wait tcp:db:5432 redis://cache -- ./server --port 8080" => "starts the server when both are ready, in this program's place" }
    const YIELDS_STDOUT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Waited, Failure> {
        if self.command.is_empty() {
            return Err(Failure::usage("There is no program to run.").hint("portward wait ENDPOINT -- CMD"));
        }
        let mut waited = self.wait.wait_while(self.during.as_deref(), cx)?;
        if waited.ready {
            let Err(error) = cx.machine.become_program(&self.command, &[]);
            waited.not_started = Some(format!("{error}.").into());
        }
        Ok(waited)
    }
}

impl Op for During {
    declare! { "wait.while", Change at Machine with Acts, emits Never, answers Waited;
    "portward wait http://localhost:3000 --while 'npm run dev'" => "starts the site and waits for it, no longer than it lives" }

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Waited, Failure> {
        self.wait.wait_while(self.during.as_deref(), cx)
    }
}

impl Wait {
    /// Waits while a line of the shell goes on.
    fn wait_while(&self, line: Option<&str>, cx: &Context<'_, Acts>) -> Result<Waited, Failure> {
        let mut beside = line.map(|line| Ok::<_, Failure>((Text::from(line), cx.machine.begin(line)?))).transpose()?;
        self.wait(&cx.dials(), &mut || {
            let end = beside.as_mut().and_then(|(line, running)| Some((line, running.ended()?)));
            Ok(end.map(|(line, end)| match end {
                End::Code(code) => Sentence::from(format!("`{line}` ended with {code}")),
                End::Signal(signal) => Sentence::from(format!("`{line}` was ended by signal {signal}")),
            }))
        })
    }
}
