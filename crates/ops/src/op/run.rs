//! `portward run`

use clap::Args;
use portward_model::Text;
use portward_session::{Ended, Program, Rules, StartError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Cx, Effect, Exit, Failure, Noun, Op, Sink, Where,
    document::GapDocument,
    session::{self, ProjectPorts, Recorder},
    store::{Store, here},
};

/// Run a program in its project's own localhost: it may ask for any port, collides with nothing, and nobody outside sees it
///
/// The program runs unchanged and without privilege, with everything that it starts. The address that it binds stays, the port
/// moves into the project's block of a hundred ports, and what listens is pinned to the loopback device. Inside, siblings
/// reach each other at the ports that they think of; what the project does not serve is the real localhost.
/// One line tells of each listener. Signals, exit code, terminal and standard streams are the program's own.
///
/// It guards against accidents. It is no sandbox for hostile programs: those can get past it.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// What to call it, in `portward ps` and in its lines; otherwise each listener goes by its program's name
    #[arg(long, value_name = "SERVICE")]
    #[serde(default)]
    pub name: Option<String>,
    /// Let the network reach it: ports move, and nothing is pinned
    #[arg(long, conflicts_with = "loopback_only")]
    #[serde(default)]
    pub expose: bool,
    /// Leave the ports as they are asked for, and only pin what listens to the loopback device
    #[arg(long)]
    #[serde(default)]
    pub loopback_only: bool,
    /// The program and its arguments
    #[arg(value_name = "CMD", required = true, num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}

/// What a session tells: a listener, or a call that was refused; at its end how the program ended.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Ran {
    /// A socket that began to listen.
    pub listener: Option<Listening>,
    /// A call that was refused, in a sentence.
    pub refused: Option<String>,
    /// The exit code of the program; `null` while it runs, and where a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What could not be seen.
    pub gaps: Vec<GapDocument>,
}

/// A socket that began to listen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Listening {
    /// The service, or the program's name.
    pub service: String,
    /// What was asked for, such as `0.0.0.0:3000`; `null` where it listened without a bind.
    pub asked: Option<String>,
    /// Where a client dials.
    pub serves: String,
    /// The same as a URL.
    pub url: String,
    /// The process.
    pub pid: u32,
    /// True when only this machine can reach it.
    pub pinned: bool,
}

impl Noun for Ran {
    fn exit(&self) -> Exit {
        match (self.code, self.signal) {
            (_, Some(signal)) => Exit::Killed(signal),
            (Some(code), None) => Exit::Program(u8::try_from(code & 0xFF).unwrap_or(u8::MAX)),
            (None, None) => Exit::Fine,
        }
    }
}

impl Op for Run {
    const NAME: &'static str = "run";
    const EFFECT: Effect = Effect::Change;
    const WHERE: Where = Where::Live;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("portward run npm run dev", "web   asked [::]:3000   serves http://localhost:20300"),
        ("portward run --name db -- postgres -D data", "a database of this project's own, on the port that it always has"),
        ("portward run --loopback-only ./server", "on its own port, and out of the network's reach"),
        ("portward run --expose npm run dev", "for a phone in the same network to see"),
    ];
    type Item = Ran;
    type Output = Ran;

    async fn run(self, cx: &Cx<'_>, out: &mut Sink<'_, Ran>) -> Result<Ran, Failure> {
        let Some((name, arguments)) = self.command.split_first() else {
            return Err(Failure::not_started("There is no program to run.").hint("portward run CMD"));
        };
        let mut program =
            Program { name: name.into(), arguments: arguments.iter().map(Into::into).collect(), environment: Vec::new() };
        if let Some(because) = portward_session::gains_rights(&program) {
            let shown = Text::from(name.as_str());
            return Err(Failure::not_started(format!("{shown} cannot be supervised: {because}."))
                .hint(format!("{shown} without Portward")));
        }
        if let Some(outer) = session::around(cx)? {
            session::join(cx, &outer, self.name.as_deref())?;
            return Err(told(&portward_session::become_program(&program), name));
        }
        let rules = Rules { exposes: self.expose, keeps_ports: self.loopback_only };
        if !rules.exposes {
            portward_session::pin_inherited().map_err(|error| {
                Failure::not_started(format!("A listener that the program would inherit cannot be pinned to lo: {error}."))
            })?;
        }
        let identity = here(cx)?;
        // Made and opened before anything starts, so that what is wrong with it is said now.
        let project = {
            let mut store = Store::open(cx.host).map_err(Failure::before_start)?;
            store.project(identity.as_ref()).map_err(Failure::before_start)?
        };
        program.environment.push((session::VARIABLE.into(), project.id.0.to_string().into()));
        let ended = portward_session::run(&program, rules, || {
            let (host, words) = (cx.host, |failure: Failure| failure.message);
            let ports = ProjectPorts::open(host, project.id).map_err(words)?;
            let recorder = Recorder::begin(host, project.id, self.name.clone(), out).map_err(words)?;
            Ok((Box::new(ports), Box::new(recorder)))
        });
        match ended {
            Ok(Ended::Code(code)) => Ok(Ran { code: Some(code), ..Ran::default() }),
            Ok(Ended::Signal(signal)) => Ok(Ran { signal: Some(signal), ..Ran::default() }),
            Err(error) => Err(told(&error, name)),
        }
    }
}

fn told(error: &StartError, name: &str) -> Failure {
    let failure = match error {
        StartError::Program { source, .. } => {
            Failure::not_started(format!("{} could not be started: {source}.", Text::from(name)))
        }
        StartError::Session(sentence) => Failure::not_started(sentence.clone()),
        other => {
            let mut sentence = other.to_string();
            if let Some(first) = sentence.get(..1).map(str::to_uppercase) {
                sentence.replace_range(..1, &first);
            }
            Failure::not_started(format!("{sentence}."))
        }
    };
    match error {
        StartError::Program { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            failure.hint(format!("command -v {}    says whether the shell finds it", Text::from(name)))
        }
        StartError::Nested | StartError::Filter { .. } => {
            failure.hint("PORT=$(portward port web) CMD    gives it a port of its own without supervision")
        }
        _ => failure,
    }
}
