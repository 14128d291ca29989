//! `portward wait ENDPOINT... -- CMD`

use std::time::{Duration, Instant};

use clap::Args;
use portward_model::{Sentence, Text};
use portward_sys::{Beside, End};
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
    /// Give up as soon as this line of the shell fails; it is run beside the wait, and again whenever it ends well. What still runs
    /// when the wait ends goes on
    #[arg(long = "while", id = "while", value_name = "CMD")]
    #[serde(default, rename = "while")]
    pub during: Option<String>,
    /// Run this when everything is ready, in this program's place
    #[arg(value_name = "CMD", last = true, index = 2)]
    #[serde(default)]
    pub command: Vec<String>,
}

/// Wait while a command goes on, or goes on succeeding
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct During {
    /// What is waited for.
    #[command(flatten)]
    #[serde(flatten)]
    pub wait: Wait,
    /// Give up as soon as this line of the shell fails; it is run beside the wait, and again whenever it ends well. What still runs
    /// when the wait ends goes on
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
    "portward wait http://localhost:3000 --while 'npm run dev'" => "starts the site, and waits for it; no longer than until it fails",
    "portward wait http://localhost:8080 --while 'docker compose ps -q web | grep .'" => "no longer than the container is there" }

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Waited, Failure> {
        self.wait.wait_while(self.during.as_deref(), cx)
    }
}

impl Wait {
    /// Waits while a line of the shell does not fail.
    fn wait_while(&self, line: Option<&str>, cx: &Context<'_, Acts>) -> Result<Waited, Failure> {
        let mut condition = line.map(|line| Condition { line, running: None, last: None });
        self.wait(&cx.dials(), &mut || match &mut condition {
            Some(condition) => condition.failed(cx),
            None => Ok(None),
        })
    }
}

/// A line of the shell that must go on, or go on succeeding.
struct Condition<'a> {
    line: &'a str,
    running: Option<Beside>,
    /// When it was started last.
    last: Option<Instant>,
}

impl Condition<'_> {
    /// What is said when it has failed.
    fn failed(&mut self, cx: &Context<'_, Acts>) -> Result<Option<Sentence>, Failure> {
        let end = match &mut self.running {
            Some(running) => running.ended(),
            None => None,
        };
        let line = Text::from(self.line);
        match end {
            Some(End::Code(0)) => self.running = None,
            Some(End::Code(code)) => return Ok(Some(format!("`{line}` ended with {code}").into())),
            Some(End::Signal(signal)) => return Ok(Some(format!("`{line}` was ended by signal {signal}").into())),
            None => {}
        }
        let now = cx.now();
        let is_due = self.last.is_none_or(|last| now.saturating_duration_since(last) >= AGAIN);
        if self.running.is_none() && is_due {
            self.running = Some(cx.machine.begin(self.line)?);
            self.last = Some(now);
        }
        Ok(None)
    }
}

/// A line that ends well is run again after this time.
const AGAIN: Duration = Duration::from_millis(500);
