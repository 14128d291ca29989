//! `portward forward`

mod at;
mod cause;
mod document;
mod spelling;
mod target;

use std::time::UNIX_EPOCH;

use clap::Args;
use portward_keeper::{ForwardJob, PassEnd, PassEvent, Spot, end_forward, forget_forward, forward, forward_apart, forwards};
use portward_model::{FileKind, Moment, Sentence, Text, Transport, hint};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Acts, Context, Exit, Failure, Never, Noun, Op, Sink, Span, document::Gap, document::When};

use cause::Causes;
pub use document::{ForwardEnd, ForwardHappened, ForwardLine, ForwardRow};
use target::Aim;

/// Pass on what arrives at one place to another: TCP, UDP and Unix sockets, to each other
///
/// TARGET is an endpoint (`3000`, `udp/53`, `[::1]:5432`, `/run/x.sock`, `@name`), a service or project by its name, or a port of a
/// container (`container:db:5432`). AT is where it
/// listens: a port, an address of the loopback with a port, or a Unix path; both in one word are `8080:3000`, as ssh -L has it. Without AT
/// it is a port that this project has leased for that target, the same one every time; for a container, a namespace or another host the
/// port's own number, where that is free.
///
/// Nothing but this machine reaches what listens: it is on both loopback addresses and pinned to `lo`, and a Unix socket is its user's
/// alone. Both loopback addresses of a target are dialled. The end of one direction goes on alone, a reset goes on as a reset, and who
/// does not read makes the other side wait. Each connection is one line, until Ctrl-C; with --detach a process of its own does it.
#[derive(Args)]
pub struct Forward {}

/// Pass on what arrives at AT to TARGET
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// What to forward to: an endpoint, a service or a project; `8080:3000` is AT and TARGET in one word
    #[arg(value_name = "TARGET", required = true)]
    pub target: String,
    /// Where to listen: a port, an address of the loopback with a port, or a Unix path; a leased port of the project without it
    #[arg(value_name = "AT")]
    #[serde(default)]
    pub at: Option<String>,
    /// End after one connection
    #[arg(long)]
    #[serde(default)]
    pub once: bool,
    /// Leave it to a process of its own, which `forward list` shows and `forward remove` ends
    #[arg(long, conflicts_with = "once")]
    #[serde(default)]
    pub detach: bool,
    /// Dial TARGET in this network namespace: its name, or a process in it; that takes `CAP_SYS_ADMIN` over it
    #[arg(long, value_name = "PID|NAME")]
    #[serde(default)]
    pub netns: Option<String>,
    /// Listen in this network namespace instead of this one: its name, or a process in it; that takes `CAP_SYS_ADMIN` over it
    #[arg(long, value_name = "PID|NAME")]
    #[serde(default)]
    pub at_netns: Option<String>,
    /// Let only the processes of this user connect: a name or a number
    #[arg(long, value_name = "USER")]
    #[serde(default)]
    pub allow_uid: Option<String>,
    /// Who may connect to a Unix socket that it listens at, as chmod has it; 0600 is its user alone
    #[arg(long, value_name = "MODE", value_parser = mode)]
    #[serde(default)]
    pub mode: Option<u32>,
    /// Forget a client of UDP for whom nothing was sent for this long; 60s without it
    #[arg(long, value_name = "TIME")]
    #[serde(default)]
    pub idle: Option<Span>,
    /// End after this time
    #[arg(long, value_name = "TIME")]
    #[serde(default)]
    pub timeout: Option<Span>,
}

/// List your forwards, and name those that ended without a word
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct List {}

/// End a forward
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Remove {
    /// Which: where it listens, what it forwards to, or its pid
    #[arg(value_name = "WHAT")]
    pub target: Option<String>,
    /// All of them
    #[arg(long, conflicts_with = "target")]
    pub all: bool,
}

/// What was passed on until it ended; with --detach how it began.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Forwarded {
    /// What it was.
    pub forward: ForwardRow,
    /// True for one that goes on in a process of its own.
    pub detached: bool,
    /// Connections that were not passed on to their end: refused, unanswered or turned away.
    pub failed: u64,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Noun for Forwarded {
    fn exit(&self) -> Exit {
        if self.failed > 0 { Exit::Found } else { Exit::Fine }
    }
}

/// Forwards.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ForwardList {
    /// Those that run, oldest first; after `remove` those that were ended.
    pub forwards: Vec<ForwardRow>,
    /// Those that ended without a word, as killed ones do; each is named once.
    pub lost: Vec<ForwardRow>,
    /// True where they were ended.
    pub removed: bool,
    /// Those that were asked to end and go on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<ForwardRow>,
    /// What no forward is called by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Noun for ForwardList {
    fn exit(&self) -> Exit {
        if self.unknown.is_some() || !self.refused.is_empty() { Exit::Found } else { Exit::Fine }
    }
}

impl Op for Start {
    declare! { "forward.start", Change at Machine with Acts, emits ForwardLine, answers Forwarded;
    "portward forward 3000" => "a leased port of this project leads to localhost:3000, one line for each connection",
    "portward forward 3000 8080" => "localhost:8080 leads to localhost:3000",
    "portward forward 8080:localhost:3000" => "the same, as ssh -L has it",
    "portward forward /run/postgresql/.s.PGSQL.5432 5432" => "a Unix socket by TCP",
    "portward forward 5432 ./db.sock" => "TCP by a Unix socket that only you may use",
    "portward forward udp/53 5353" => "datagrams, with a socket for each client",
    "portward forward container:db:5432" => "a port of a container, published or not",
    "sudo portward forward 5432 --netns 4121" => "in the network namespace of a process",
    "portward forward web 8080 --detach" => "a service by its name, in a process of its own" }

    const ENDS_IN_ORDER: bool = true;

    fn run(self, cx: &Context<'_, Acts>, out: &mut Sink<'_, ForwardLine>) -> Result<Forwarded, Failure> {
        let spelt = spelling::of(&self.target, self.at.as_deref())?;
        let aim = Aim::of(cx, &spelt, self.netns.as_deref())?;
        let only = self.allow_uid.as_deref().map(|word| user(cx, word)).transpose()?;
        let is_datagram = matches!(aim.transport, Transport::Udp | Transport::UnixDatagram);
        if only.is_some() && is_datagram && spelt.at.as_ref().is_some_and(|at| at.transport.is_unix()) {
            return Err(Failure::usage(
                "A datagram over a Unix socket does not say whose it is, so --allow-uid cannot hold there.",
            )
            .hint("the socket's file is for its user alone, or for whom --mode says"));
        }
        let stood = at::stand(cx, &aim, (spelt.at.as_ref(), self.at_netns.as_deref()), self.mode)?;
        let job = ForwardJob {
            at: stood.places.iter().map(Spot::from).collect(),
            target: aim.words.clone(),
            targets: aim.places.iter().map(Spot::from).collect(),
            transport: aim.transport,
            netns: aim.netns.clone(),
            only,
            once: self.once,
            idle_ms: self.idle.map_or(IDLE_MS, |idle| milliseconds(idle).max(1)),
            timeout_ms: self.timeout.map(milliseconds),
        };
        let line = ForwardLine { notes: aim.notes(cx, &job), ..ForwardLine::listening(now(cx), &job) };
        if self.detach {
            let begun = forward_apart(cx, &job, &stood.sockets)?;
            let line = ForwardLine { pid: Some(begun.process.pid), ..line };
            let _ = out.emit(line);
            return Ok(Forwarded { forward: ForwardRow::of(&begun), detached: true, failed: 0, gaps: Vec::new() });
        }
        if !out.emit(ForwardLine { pid: Some(cx.caller.process.pid), ..line }) {
            return Err(Failure::cancelled());
        }
        let mut causes = Causes::of(&aim);
        let mut failed = 0;
        let told = |event: &PassEvent| matches!(event, PassEvent::Ended { how: PassEnd::Connection(how), .. } if document::is_failure(*how));
        let ended = forward(cx, job, stood.sockets, &mut |at, event, left_out| {
            if told(&event) || matches!(event, PassEvent::NotAdmitted { .. } | PassEvent::NoRoom { .. }) {
                failed += 1;
            }
            if left_out > 0 && !out.emit(ForwardLine::left_out(When(at), left_out)) {
                return false;
            }
            let line = ForwardLine::of(When(at), event, &mut |how| causes.because(cx, how));
            out.emit(line)
        })?;
        if cx.cancel.is_cancelled() {
            return Err(Failure::cancelled());
        }
        // A server that was not there is no failure of a forward that waits for the next client.
        let failed = if self.once { failed } else { 0 };
        Ok(Forwarded { forward: ForwardRow::of(&ended), detached: false, failed, gaps: Vec::new() })
    }
}

impl Op for List {
    declare! { "forward.list", Change at Machine with Acts, emits Never, answers ForwardList;
    "portward forward list" => "what is passed on, where to, and how many connections are open" }

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<ForwardList, Failure> {
        let found = forwards(cx.machine, cx.caller);
        let lost = swept(cx, &found.lost);
        Ok(ForwardList { forwards: found.live.iter().map(ForwardRow::of).collect(), lost, ..ForwardList::default() })
    }
}

impl Op for Remove {
    declare! { "forward.remove", Destroy at Machine with Acts, emits Never, answers ForwardList;
    "portward forward remove 8080" => "the one that listens there; its connections are cut off",
    "portward forward remove --all" => "every one" }

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<ForwardList, Failure> {
        let word = match (&self.target, self.all) {
            (None, false) => {
                return Err(Failure::usage("Which forward is to end is not said.")
                    .hint("portward forward remove --all    ends every one; portward forward list names them"));
            }
            (word, _) => word.as_deref(),
        };
        let found = forwards(cx.machine, cx.caller);
        let lost = swept(cx, &found.lost);
        let wanted: Vec<_> = found.live.iter().filter(|live| word.is_none_or(|word| document::is_called(live, word))).collect();
        let mut answer = ForwardList { lost, removed: true, ..ForwardList::default() };
        if let Some(word) =
            word.filter(|word| wanted.is_empty() && !found.lost.iter().any(|lost| document::is_called(lost, word)))
        {
            answer.unknown = Some(word.to_owned());
        }
        for live in wanted {
            let told = end_forward(cx.machine, cx.caller, live.process).unwrap_or_else(|| live.clone());
            let end = cx.now() + ENDING;
            while portward_keeper::is_alive(cx.machine, live.process) && cx.now() < end {
                cx.sleep(PACE)?;
            }
            let row = ForwardRow::of(&told);
            if portward_keeper::is_alive(cx.machine, live.process) { answer.refused.push(row) } else { answer.forwards.push(row) }
        }
        Ok(answer)
    }
}

/// Takes away what forwards left behind that ended without a word, and gives them.
fn swept(cx: &Context<'_, Acts>, lost: &[portward_keeper::Forward]) -> Vec<ForwardRow> {
    for forward in lost {
        for spot in &forward.job.at {
            let Spot::Unix(path) = spot else { continue };
            let facts =
                cx.machine.path(path).ok().filter(|facts| facts.kind == Some(FileKind::Socket) && facts.bound == Some(false));
            if let Some(file) = facts.and_then(|facts| facts.file) {
                let _ = cx.machine.remove_socket(path, file);
            }
        }
        forget_forward(cx.caller, forward.process);
    }
    lost.iter().map(ForwardRow::of).collect()
}

/// A user by name or number.
fn user(cx: &Context<'_, Acts>, word: &str) -> Result<u32, Failure> {
    let by_name = || {
        let users = cx.machine.users().unwrap_or_default();
        users.iter().find(|(_, name)| name.raw() == word.as_bytes()).map(|(uid, _)| *uid)
    };
    word.parse().ok().or_else(by_name).ok_or_else(|| {
        Failure::usage(format!("This machine knows no user `{}`.", Text::from(word))).hint(hint!("--allow-uid {}", cx.caller.uid))
    })
}

/// A file's mode as it is typed.
fn mode(word: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(word, 8).ok().filter(|mode| *mode <= 0o777);
    mode.ok_or_else(|| format!("`{}` is no mode; it takes three octal digits such as 0600 or 0660", Text::from(word)))
}

fn milliseconds(span: Span) -> u64 {
    u64::try_from(span.0.as_millis()).unwrap_or(u64::MAX)
}

fn now(cx: &Context<'_, Acts>) -> When {
    let since = cx.clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
    When(Moment(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

/// What is said of a forward beside its lines.
pub type Notes = Vec<Sentence>;

/// How long a client of datagrams is remembered.
const IDLE_MS: u64 = 60_000;
/// How long one that was asked to end may take.
const ENDING: std::time::Duration = std::time::Duration::from_secs(5);
/// Between two looks whether it has.
const PACE: std::time::Duration = std::time::Duration::from_millis(10);
