//! `portward run`

mod already;

use std::{ffi::OsString, io::Write, os::fd::OwnedFd, time::Duration};

use clap::{Args, ValueEnum};
use portward_keeper::{Duty, Start, around, join, told_of_authority};
pub use portward_keeper::{Listening, Ran};
use portward_model::{Caller, FileKind, Text, hint, inert};
use portward_session::{Ended, Manner, Program, Rules, StartError};
use portward_store::{LeaseName, Store, here, hurried};
use portward_sys::{StateFolder, on_behalf_of, path_of, read_given, text_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Acts, Context, Exit, Failure, Noun, Op, Sink};

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
    #[arg(long, conflicts_with_all = ["loopback_only", "port_only", "isolated"])]
    #[serde(default)]
    pub expose: bool,
    /// Leave the ports as they are asked for, and only pin what listens to the loopback device
    #[arg(long, conflicts_with_all = ["port_only", "isolated"])]
    #[serde(default)]
    pub loopback_only: bool,
    /// Touch no calls: tell the program its leased port, by PORT and by its own flag where that is known, and say where it
    /// really listens
    #[arg(long)]
    #[serde(default)]
    pub port_only: bool,
    /// Give it a network of its own, in which ports are what it asks for; the real localhost reaches in at the project's ports,
    /// and is reached where nothing inside serves a port. Nothing else is
    #[arg(long, conflicts_with = "port_only")]
    #[serde(default)]
    pub isolated: bool,
    /// Answer programs that ask for their own port with the one that they asked for: some compare the two, and take another for a
    /// port in use. Those that are known to are answered so without it
    #[arg(long, conflicts_with_all = ["loopback_only", "port_only", "isolated"])]
    #[serde(default)]
    pub as_asked: bool,
    /// Refuse a bind whose leased port a stranger has (EADDRINUSE), where otherwise another port of the project serves as long as
    /// the session lives
    #[arg(long, conflicts_with_all = ["port_only", "isolated"])]
    #[serde(default)]
    pub strict: bool,
    /// Where the lines of the session go: to standard error, to a file below this user's state folder, or nowhere. Inside a session
    /// they go where those of the session go
    #[arg(long, value_name = "WHERE", value_enum, default_value_t)]
    #[serde(default)]
    pub lines: Lines,
    /// The same as --lines none: neither listeners nor refused calls are told
    #[arg(long, conflicts_with = "lines")]
    #[serde(default)]
    pub quiet: bool,
    /// The program and its arguments
    #[arg(value_name = "CMD", required = true, num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}

/// Where the lines of a session go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lines {
    /// To standard error; while a program has the terminal to itself they wait until it gives it back
    #[default]
    Stderr,
    /// To a file of the project's own, which is named at the start
    File,
    /// Nowhere
    None,
}

impl Op for Run {
    declare! { "run", Change at Caller with Acts, emits Ran, answers Ran;
    "portward run npm run dev" => "web   asked [::]:3000   serves http://localhost:20300",
    "portward run --name db -- postgres -D data" => "a database of this project's own, on the port that it always has",
    "portward run --loopback-only ./server" => "on its own port, and out of the network's reach",
    "portward run --port-only -- vite" => "told its port by --port, and looked after where it listens",
    "portward run --lines file -- lazygit" => "the lines of its session in a file",
    "portward run --expose npm run dev" => "for a phone in the same network to see" }
    const YIELDS_STDOUT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, out: &mut Sink<'_, Ran>) -> Result<Ran, Failure> {
        self.given(cx, out, Vec::new())
    }
}

impl Run {
    /// A run without flags.
    pub(crate) fn plain(command: Vec<String>, quiet: bool) -> Self {
        let (name, lines) = (None, Lines::default());
        let (expose, loopback_only, port_only, isolated, as_asked, strict) = (false, false, false, false, false, false);
        Self { name, expose, loopback_only, port_only, isolated, as_asked, strict, lines, quiet, command }
    }

    /// Runs it with these variables beside its environment.
    pub(crate) fn given(
        self,
        cx: &Context<'_, Acts>,
        out: &mut Sink<'_, Ran>,
        environment: Vec<(OsString, OsString)>,
    ) -> Result<Ran, Failure> {
        let Some((name, arguments)) = self.command.split_first() else {
            return Err(Failure::not_started("There is no program to run.").hint("portward run CMD"));
        };
        let mut program = Program { name: name.into(), arguments: arguments.iter().map(Into::into).collect(), environment };
        let own = [portward_session::environment(), program.environment.clone()].concat();
        program.environment.extend(told_of_authority(cx, &own));
        if self.port_only {
            return self.told_its_port(cx, out);
        }
        if let Some(because) = portward_session::gains_rights(&program) {
            let shown = Text::from(name.as_str());
            return Err(Failure::not_started(format!("{shown} cannot be supervised: {because}."))
                .hint(hint!("portward run --port-only {}    runs it unguarded, on a port of its own", shown)));
        }
        let rules = Rules { exposes: self.expose, keeps_ports: self.loopback_only, isolates: self.isolated };
        let as_asked = self.as_asked || self.compares(cx);
        let manner = Manner { strict: self.strict, as_asked: as_asked && !self.loopback_only && !self.isolated };
        if let Some(outer) = around(cx)? {
            may_join(rules, outer.rules.unwrap_or_default())?;
            self.may_have()?;
            join(cx, &outer, self.name.as_deref());
            return Err(told(&portward_session::become_program(&program), name));
        }
        already::ask(cx, &self.command)?;
        if !rules.exposes {
            portward_session::pin_inherited().map_err(|error| {
                Failure::not_started(format!("A listener that the program would inherit cannot be pinned to lo: {error}."))
            })?;
        }
        // Made and opened before anything starts, so that what is wrong with it is said now.
        let identity = here(cx)?;
        let (mut store, known) = Store::open_or_read(cx, identity.as_ref()).map_err(Failure::before_start)?;
        let project = match hurried(A_MOMENT, || known.map_or_else(|| store.project(identity.as_ref()), Ok)) {
            (Ok(row), _) => row.id.0.to_string(),
            // Its supervisor writes it down once the other program lets go of the store.
            (Err(_), true) => "0".to_owned(),
            (Err(failure), false) => return Err(failure.before_start()),
        };
        drop(store);
        program.environment.push((Caller::SESSION.into(), project.clone().into()));
        if let Some(user) = on_behalf_of(cx.caller) {
            let name = Text::new(user.name.to_bytes());
            cx.prompt.progress(&format!("This runs as root, with root's own leases and not {name}'s; a session needs no root."));
        }
        let start = Start { caller: cx.caller.clone(), name: self.name.clone(), duty: Duty::Guard(rules, manner), kept: None };
        self.start(cx, out, &start, &project, (&program, None))
    }
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

impl Run {
    /// Without a filter: the program is told its port, and looked after.
    fn told_its_port(&self, cx: &Context<'_, Acts>, out: &mut Sink<'_, Ran>) -> Result<Ran, Failure> {
        let name = self.command.first().map_or("", String::as_str);
        let identity = here(cx)?;
        let (port, project) = {
            let mut store = Store::open(cx).map_err(Failure::before_start)?;
            let project = store.project(identity.as_ref()).map_err(Failure::before_start)?.id;
            (store.named(project, &self.lease_name()).map_err(Failure::before_start)?.port, project.0.to_string())
        };
        let arranged = portward_checks::arrange(&self.command, port);
        let mut program = Program { name: name.into(), arguments: Vec::new(), environment: Vec::new() };
        program.arguments.extend(arranged.command.iter().skip(1).map(Into::into));
        program.environment.push(("PORT".into(), port.to_string().into()));
        program.environment.extend(told_of_authority(cx, &portward_session::environment()));
        let handed = if arranged.takes_socket && portward_session::is_there(&program) {
            program = portward_session::taking_socket(program);
            let socket = portward_session::open_listener(port);
            Some(socket.map_err(|error| {
                Failure::not_started(format!("The leased port {port} cannot be listened at for {}: {error}.", Text::from(name)))
                    .hint(hint!("portward explain {} --bind", port))
            })?)
        } else {
            None
        };
        let start = Start { caller: cx.caller.clone(), name: self.name.clone(), duty: Duty::Watch { port }, kept: None };
        self.start(cx, out, &start, &project, (&program, handed.as_ref()))
    }

    /// Runs it, with its lines where they are wanted.
    fn start(
        &self,
        cx: &Context<'_, Acts>,
        out: &mut Sink<'_, Ran>,
        start: &Start,
        project: &str,
        (program, handed): (&Program, Option<&OwnedFd>),
    ) -> Result<Ran, Failure> {
        let name = self.command.first().map_or("", String::as_str);
        let ended = match if self.quiet { Lines::None } else { self.lines } {
            Lines::Stderr => start.run(program, handed, &mut |told| out.emit(told)),
            Lines::None => start.run(program, handed, &mut |_| true),
            Lines::File => {
                let mut file = lines_file(cx, project)?;
                start.run(program, handed, &mut |told: Ran| {
                    told.lines().iter().all(|line| writeln!(file, "{}", inert(line)).is_ok())
                })
            }
        };
        ran(ended, name)
    }

    /// True where the program is known to compare the port that it asks for with the one that its socket has.
    fn compares(&self, cx: &Context<'_, Acts>) -> bool {
        let folder = cx.caller.cwd.as_ref().map(path_of).unwrap_or_default();
        let text = |name: &str| {
            let path = folder.join(name);
            // A pipe would be waited for.
            let kind = cx.machine.path(&text_of(&path)).ok()?.kind;
            let text = (kind == Some(FileKind::File)).then(|| read_given(&path, LONGEST_SCRIPT).ok()).flatten()?;
            Some(String::from_utf8_lossy(&text).into_owned())
        };
        portward_checks::compares(&self.command, &text)
    }

    /// Refuses what is settled when a session starts, inside of one.
    fn may_have(&self) -> Result<(), Failure> {
        let own = [(self.as_asked, "--as-asked"), (self.strict, "--strict")].into_iter().find(|(is, _)| *is);
        let Some((_, own)) = own else { return Ok(()) };
        let sentence = format!("This is inside a session, and {own} was settled when that was started.");
        Err(Failure::not_started(sentence)
            .hint(hint!("portward run {} CMD    in a shell outside that session; without it this joins the session", own)))
    }

    /// What the port is leased for: the service, or the program.
    fn lease_name(&self) -> String {
        let own = |word: &String| {
            let base = word.rsplit('/').next().unwrap_or_default();
            base.parse::<LeaseName>().ok().map(|name| name.as_str().to_owned())
        };
        self.name.as_ref().and_then(own).or_else(|| self.command.first().and_then(own)).unwrap_or_else(|| "program".to_owned())
    }
}

/// The file for the lines of a project's sessions.
fn lines_file(cx: &Context<'_, Acts>, project: &str) -> Result<impl Write + use<>, Failure> {
    let (folder, name) = (StateFolder::find(cx.caller), format!("lines-{project}.log"));
    let file = folder.prepare().and_then(|()| folder.append(&name, MOST_LINES));
    let path = folder.file(&name);
    let shown = Text::from(path.to_string_lossy().as_ref());
    let file =
        file.map_err(|error| Failure::not_started(format!("The lines of the session cannot be written to {shown}: {error}.")))?;
    cx.prompt.progress(&format!("The lines of this session go to {shown}."));
    Ok(file)
}

/// Refuses a run inside a session under other rules: what the session was started with holds for all that is in it.
fn may_join(own: Rules, outer: Rules) -> Result<(), Failure> {
    if own == Rules::default() || own == outer {
        return Ok(());
    }
    let outside = match flags(outer).as_str() {
        "" => "without flags".to_owned(),
        flags => format!("with {flags}"),
    };
    let own = flags(own);
    let sentence = format!("This is inside a session that was started {outside}, and {own} cannot be had in it.");
    Err(Failure::not_started(sentence).hint(hint!(
        "portward run {} CMD    in a shell outside that session; without {} it joins the session",
        own,
        own
    )))
}

/// A script or `package.json` that is looked into.
const LONGEST_SCRIPT: u64 = 256 * 1024;
/// How long the start of a program waits for a store that another program keeps to itself.
const A_MOMENT: Duration = Duration::from_millis(500);

/// A file of lines begins anew beyond so many bytes.
const MOST_LINES: u64 = 1024 * 1024;

/// Rules as they are typed.
fn flags(rules: Rules) -> String {
    let words = [(rules.exposes, "--expose"), (rules.keeps_ports, "--loopback-only"), (rules.isolates, "--isolated")];
    words.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect::<Vec<_>>().join(" ")
}

fn ran(ended: Result<Ended, StartError>, name: &str) -> Result<Ran, Failure> {
    match ended {
        Ok(Ended::Code(code)) => Ok(Ran { code: Some(code), ..Ran::default() }),
        Ok(Ended::Signal(signal)) => Ok(Ran { signal: Some(signal), ..Ran::default() }),
        Err(error) => Err(told(&error, name)),
    }
}

fn told(error: &StartError, name: &str) -> Failure {
    let failure = match error {
        StartError::Program { source, .. } => {
            Failure::not_started(format!("{} could not be started: {source}.", Text::from(name)))
        }
        StartError::Session(sentence) => Failure::not_started(sentence.clone()),
        other => Failure::not_started(format!("{}.", portward_model::capitalised(&other.to_string()))),
    };
    match error {
        StartError::Program { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            failure.hint(hint!("command -v {}    says whether the shell finds it", name))
        }
        StartError::Nested | StartError::Filter { .. } | StartError::Refused(_) => {
            failure.hint("portward run --port-only CMD    gives it a port of its own, and guards nothing")
        }
        _ => failure,
    }
}
