//! Whether a service is ready, asked in a thread of its own until it is or nobody wants to know any more.

use std::{net::SocketAddr, sync::mpsc::Sender, time::Duration};

use portward_model::{Failure, Sentence, Transport, plan::Ready};
use portward_session::{Ended, Program};
use portward_sys::{Cancel, Context, Dials, StateFolder, path_of};

use super::{
    ComposeStack, InCompose,
    logs::Log,
    process::{Cx, Event},
    unit::program_of,
};
use crate::{
    ending::{self, Root},
    record::KeptAs,
    runs::process_at,
    services::Job,
    start::Start,
};

/// What a service is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Where it serves.
    pub at: SocketAddr,
    /// What it speaks, by the name of a protocol.
    pub protocol: String,
    /// The path of an HTTP request that must be answered.
    pub path: Option<String>,
}

/// Asks a service, and waits for about a second: nothing where it is ready, and otherwise what was seen. Who knows protocols hands it to
/// the keeper.
pub type Answers = fn(&Context<'_, Dials>, &Question) -> Result<Option<Sentence>, Failure>;

/// Asks until the answer is right.
pub(super) fn ask(
    cx: Cx,
    answers: Answers,
    question: &Question,
    (name, attempt): (String, u32),
    cancel: &Cancel,
    tell: &Sender<Event>,
) {
    let cx = Context { cancel, ..*cx }.dials();
    loop {
        let seen = answers(&cx, question);
        if cancel.is_cancelled() {
            return;
        }
        let seen = match seen {
            Ok(seen) => seen,
            Err(failure) => Some(failure.message.into()),
        };
        let is_ready = seen.is_none();
        if tell.send(Event::Looked { name: name.clone(), attempt, seen }).is_err() || is_ready {
            return;
        }
        if cx.sleep(BETWEEN).is_err() {
            return;
        }
    }
}

/// Asks until a container runs, is well by its own healthcheck where it has one, and otherwise answers as it should.
pub(super) fn contained(
    cx: Cx,
    answers: Answers,
    job: &Job,
    (name, attempt): (String, u32),
    cancel: &Cancel,
    tell: &Sender<Event>,
) {
    let Some(own) = &job.compose else { return };
    let cx = Context { cancel, ..*cx }.dials();
    loop {
        let seen = look_into(&cx, answers, job, own);
        if cancel.is_cancelled() {
            return;
        }
        let is_ready = seen.is_none();
        if tell.send(Event::Looked { name: name.clone(), attempt, seen }).is_err() || is_ready {
            return;
        }
        if cx.sleep(BETWEEN_CONTAINERS).is_err() {
            return;
        }
    }
}

fn look_into(cx: &Context<'_, Dials>, answers: Answers, job: &Job, own: &InCompose) -> Option<Sentence> {
    let stack = match ComposeStack::at(StateFolder::at(path_of(&own.folder), cx.caller.uid)) {
        Ok(Some(stack)) => stack,
        Ok(None) => return Some("it is not written down how Compose is called".into()),
        Err(failure) => return Some(failure.message.into()),
    };
    let containers = match stack.containers(Some(&own.service)) {
        Ok(containers) => containers,
        Err(why) => return Some(why),
    };
    if containers.is_empty() {
        return Some("its container is not made yet".into());
    }
    if let Some(other) = containers.iter().find(|container| container.state != "running") {
        return Some(format!("its container is {}", other.state).into());
    }
    let path = match &job.ready {
        Ready::Path(path) => Some(path.clone()),
        _ => None,
    };
    if path.is_none() && containers.iter().all(|container| !container.health.is_empty()) {
        let ill = containers.iter().find(|container| container.health != "healthy");
        return ill.map(|ill| format!("its healthcheck says {}", ill.health).into());
    }
    let port = job.port().filter(|port| port.transport == Transport::Tcp)?;
    let place = own.places.iter().find(|place| (place.asked, place.transport) == (port.asked, port.transport))?;
    let protocol = job.protocol.clone().or_else(|| path.is_some().then(|| "http".to_owned())).unwrap_or_default();
    let at = SocketAddr::from(([127, 0, 0, 1], place.at));
    match answers(cx, &Question { at, protocol, path }) {
        Ok(seen) => seen,
        Err(failure) => Some(failure.message.into()),
    }
}

/// Runs a line in the service's own environment until it ends with 0.
pub(super) fn run(
    cx: Cx,
    (job, environment): (Job, Vec<(std::ffi::OsString, std::ffi::OsString)>),
    (line, start, log): (String, Start, Log),
    attempt: u32,
    cancel: &Cancel,
    tell: &Sender<Event>,
) {
    let program = Program { name: "sh".into(), arguments: vec!["-c".into(), line.into()], ..program_of(&job, environment) };
    let start =
        Start { kept: Some(KeptAs { service: job.name.clone(), is_question: true, is_container: false }), name: None, ..start };
    while !cancel.is_cancelled() {
        let seen = once(cx, &start, &program, &job, &log, cancel);
        let is_ready = seen.is_none();
        if cancel.is_cancelled() || tell.send(Event::Looked { name: job.name.clone(), attempt, seen }).is_err() || is_ready {
            return;
        }
        cx.clock.pass(BETWEEN);
    }
}

fn once(cx: Cx, start: &Start, program: &Program, job: &Job, log: &Log, cancel: &Cancel) -> Option<Sentence> {
    let (file, from) = match log.begin_anew() {
        Ok(opened) => opened,
        Err(error) => return Some(format!("its readiness cannot be asked: {error}").into()),
    };
    let alone = match start.alone(program, &path_of(&job.folder), file) {
        Ok(alone) => alone,
        Err(error) => return Some(super::say::not_started(&error).into()),
    };
    let supervisor = process_at(cx.machine, alone.pid()).map(|process| process.id);
    let over = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| alone.follow());
        let end = cx.now() + LONGEST;
        while !waiting.is_finished() && cx.now() < end && !cancel.is_cancelled() {
            cx.clock.pass(STEP);
        }
        let late = !waiting.is_finished();
        if late && let Some(supervisor) = supervisor {
            let roots = [Root { process: supervisor, name: None }];
            let _ = ending::end(cx, &roots, &[supervisor], &|| true);
        }
        (late, waiting.join())
    });
    alone.gone();
    let last = || log.last(1, Some(from)).pop().map(|line| format!(": {line}")).unwrap_or_default();
    match over {
        (true, _) => Some(format!("its command has not ended after {} s{}", LONGEST.as_secs(), last()).into()),
        (false, Ok(Ok(Ended::Code(0)))) => None,
        (false, Ok(Ok(how))) => Some(format!("of its command, {}{}", super::say::ending(how), last()).into()),
        (false, Ok(Err(error))) => Some(super::say::not_started(&error).into()),
        (false, Err(_)) => Some("its command could not be followed".into()),
    }
}

/// Between two questions.
const BETWEEN: Duration = Duration::from_millis(100);
/// Between two looks at containers: each starts a program.
const BETWEEN_CONTAINERS: Duration = Duration::from_millis(300);
/// Between two looks whether a command has ended.
const STEP: Duration = Duration::from_millis(5);
/// How long a command may take.
const LONGEST: Duration = Duration::from_secs(30);
