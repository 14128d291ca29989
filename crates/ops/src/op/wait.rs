//! `portward wait`

mod ask;
mod expect;
mod goal;
mod places;
mod plan;
mod then;
mod watch;
mod words;

use std::time::Duration;

use clap::Args;
use portward_keeper::Question;
use portward_model::{Process, ProcessId, Sentence};
use portward_wire::protocol;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use expect::{Field, Statuses};
pub use goal::Goal;
pub use then::{During, Then};

use crate::{Context, Dials, Exit, Failure, Meant, Never, Noun, Op, Sink, Span, document::Gap};
use places::Places;
use watch::{Rules, Watched};

/// Wait until something listens, answers, or has let go of a port
///
/// An endpoint (`3000`, `db:5432`, `unix:/run/app.sock`) is waited for until somebody listens, and nothing is connected to. A URL is
/// asked as it is: http, https and ws by a request, of which 2xx and 3xx are ready; grpc and grpcs by a health check; redis, postgres
/// and others in their protocol. With --ready an endpoint is asked, too: tcp connects, a protocol greets the server and waits for a
/// sound answer. With --free it waits until the port can be bound. In a project a bare 3000 is the project's, wherever its session
/// serves it, and localhost:3000 the real one.
///
/// What peers take is understood as well: `tcp:host:port`, `http-get://`, `http://unix:/path:/x`, `socket:/path`, `file:/path`.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// Endpoints and URLs; all of them must be ready
    #[arg(value_name = "ENDPOINT", required = true, index = 1)]
    pub endpoints: Vec<Goal>,
    /// Wait until the port can be bound
    #[arg(long, conflicts_with = "ready")]
    #[serde(default)]
    pub free: bool,
    /// How to ask: tcp connects; http, tls, grpc, postgres, mysql, redis and others speak the protocol
    #[arg(long, value_name = "tcp|PROTOCOL")]
    #[serde(default)]
    pub ready: Option<String>,
    /// Statuses of HTTP that are ready: 200, 2xx, 200-299, any; commas between several
    #[arg(long, value_name = "STATUS", alias = "status-codes")]
    #[serde(default)]
    pub status: Option<Statuses>,
    /// A text that must stand in the answer's body
    #[arg(long, value_name = "TEXT")]
    #[serde(default)]
    pub body: Option<String>,
    /// A header that the answer must have, with this value where one is given
    #[arg(long, value_name = "NAME[: VALUE]")]
    #[serde(default)]
    pub expect_header: Vec<Field>,
    /// A header to send with the request
    #[arg(long, short = 'H', value_name = "NAME: VALUE")]
    #[serde(default)]
    pub header: Vec<Field>,
    /// Take any certificate
    #[arg(long, short = 'k', conflicts_with = "ca")]
    #[serde(default)]
    pub insecure: bool,
    /// Trust the certificates of this file, too (PEM)
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    #[serde(default)]
    pub ca: Option<String>,
    /// How long it must be ready without a break
    #[arg(long, value_name = "TIME", default_value = "0s")]
    #[serde(default = "at_once")]
    pub stable: Span,
    /// How long one try may take; otherwise as long as the wait
    #[arg(long = "try", id = "try", value_name = "TIME")]
    #[serde(default, rename = "try")]
    pub each: Option<Span>,
    /// Give up as soon as this process ends
    #[arg(long, value_name = "PID")]
    #[serde(default)]
    pub pid: Vec<u32>,
    /// The project whose ports are meant: its name, or its folder; otherwise the one that this is typed in
    #[arg(long, value_name = "PROJECT")]
    #[serde(default)]
    pub project: Option<String>,
    /// Give up after this time; 0 waits for ever
    #[arg(long, short, value_name = "TIME", default_value = "60s")]
    #[serde(default = "a_minute")]
    pub timeout: Span,
}

fn a_minute() -> Span {
    Span(Duration::from_mins(1))
}

fn at_once() -> Span {
    Span(Duration::ZERO)
}

/// Whether everything became ready, and how long that took.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Waited {
    /// True when every endpoint was ready in time.
    pub ready: bool,
    /// How long it took, in milliseconds.
    pub waited_ms: u64,
    /// Each endpoint.
    pub endpoints: Vec<Awaited>,
    /// What should have stayed and has ended, so that nobody waited any longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Sentence>,
    /// The command that was to run then and could not be started, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_started: Option<Sentence>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// One endpoint that was waited for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Awaited {
    /// As it was understood.
    pub endpoint: String,
    /// True when it was ready.
    pub ready: bool,
    /// What was seen last.
    pub saw: Sentence,
    /// Where a bare number meant a project's own port: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meant: Option<Meant>,
}

impl Noun for Waited {
    fn exit(&self) -> Exit {
        match (&self.not_started, self.ready) {
            (Some(_), _) => Exit::Program(NOT_STARTED),
            (None, true) => Exit::Fine,
            (None, false) => Exit::Found,
        }
    }
}

impl Op for Wait {
    declare! { "wait", Read at Machine with Dials, emits Never, answers Waited;
    "portward wait 3000 && open http://localhost:3000" => "until something listens on 3000",
    "portward wait http://localhost:8080/health" => "until that page is answered with 2xx or 3xx",
    "portward wait https://localhost:8443/ready --ca ca.pem --status 200 --body ok" => "until it says so, proven by that certificate",
    "portward wait grpc://localhost:50051" => "until the server's health check says that it serves",
    "portward wait 5432 --ready postgres --timeout 30s" => "until PostgreSQL accepts sessions",
    "portward wait http://localhost:3000 --pid $! --stable 2s" => "until it has been well for two seconds; at once no more when it dies",
    "portward wait 3000 --free" => "until the port can be bound again",
    "portward wait 3000 8080 unix:/run/app.sock" => "for several at once" }

    fn run(self, cx: &Context<'_, Dials>, _: &mut Sink<'_, Never>) -> Result<Waited, Failure> {
        self.wait(cx, &mut || Ok(None))
    }
}

impl Wait {
    /// Waits; `gone` says what else has ended that should have stayed.
    fn wait(
        &self,
        cx: &Context<'_, Dials>,
        gone: &mut dyn FnMut() -> Result<Option<Sentence>, Failure>,
    ) -> Result<Waited, Failure> {
        let goals = self.goals(cx)?;
        let mut needed = Needed::of(&self.pid, cx)?;
        // What sessions tell may take long where one of them is silent: that is not the time that what is waited for has.
        let places = Places::of(cx, self.project.as_deref())?;
        let began = cx.now();
        let rules = Rules {
            end: (!self.timeout.0.is_zero()).then(|| began + self.timeout.0),
            longest_try: self.each.map_or(Duration::MAX, |each| each.0),
            stable: self.stable.0,
        };
        let watched = watch::all(cx, &goals, &places, rules, &mut || match needed.ended(cx)? {
            None => gone(),
            some => Ok(some),
        })?;
        let waited_ms = u64::try_from(cx.now().saturating_duration_since(began).as_millis()).unwrap_or(u64::MAX);
        let ready = watched.gone.is_none() && watched.endpoints.iter().all(|one| one.ready);
        let Watched { endpoints, gone } = watched;
        Ok(Waited { ready, waited_ms, endpoints, gone, not_started: None, gaps: Vec::new() })
    }
}

/// Asks a service whether it is ready, for about a second, in its protocol: nothing where it is, and otherwise what was seen.
pub(crate) fn answers(cx: &Context<'_, Dials>, question: &Question) -> Result<Option<Sentence>, Failure> {
    let Question { at, protocol, path } = question;
    let (url, named) = match (protocol.as_str(), path) {
        ("https", path) => (format!("https://{at}{}", path.as_deref().unwrap_or("/")), Some("http")),
        ("http", None) => (at.to_string(), Some("http")),
        (_, Some(path)) => (format!("http://{at}{path}"), Some("http")),
        ("grpc", None) => (at.to_string(), Some("grpc")),
        // What is never greeted is ready where it listens.
        (other, None) => (at.to_string(), protocol::named(other).and_then(|known| known.greeting.map(|_| known.name))),
    };
    let goal = url.parse().map_err(|error| Failure::usage(format!("{url} cannot be asked: {error}.")))?;
    let wait = Wait {
        endpoints: vec![goal],
        free: false,
        ready: named.map(str::to_owned),
        status: None,
        body: None,
        expect_header: Vec::new(),
        header: Vec::new(),
        insecure: true,
        ca: None,
        stable: at_once(),
        each: None,
        pid: Vec::new(),
        project: None,
        timeout: Span(Duration::from_secs(1)),
    };
    let waited = wait.wait(cx, &mut || Ok(None))?;
    Ok(if waited.ready { None } else { waited.endpoints.into_iter().next().map(|one| one.saw).or_else(at_least) })
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of or_else")]
fn at_least() -> Option<Sentence> {
    Some("nothing was seen".into())
}

/// The processes that must stay.
struct Needed {
    /// What is said of each when it has ended, with its identity where it ever ran.
    all: Vec<(Option<ProcessId>, Sentence)>,
}

impl Needed {
    fn of(pids: &[u32], cx: &Context<'_, Dials>) -> Result<Self, Failure> {
        let read: Vec<Process> = if pids.is_empty() { Vec::new() } else { cx.look().processes(pids)? };
        let all = pids.iter().map(|pid| match read.iter().find(|process| process.id.pid == *pid) {
            Some(process) => (Some(process.id), format!("process {pid} ({}) has ended", process.name).into()),
            None => (None, format!("process {pid} does not run").into()),
        });
        Ok(Self { all: all.collect() })
    }

    /// What has ended, if anything has.
    fn ended(&mut self, cx: &Context<'_, Dials>) -> Result<Option<Sentence>, Failure> {
        let running: Vec<ProcessId> = self.all.iter().filter_map(|(process, _)| *process).collect();
        let left = if running.is_empty() { running } else { cx.look().wait_for_exit(&running, Duration::ZERO)? };
        let gone = self.all.iter().find(|(process, _)| process.is_none_or(|process| !left.contains(&process)));
        Ok(gone.map(|(_, words)| words.clone()))
    }
}

/// The exit code when the command could not be started.
const NOT_STARTED: u8 = 125;
