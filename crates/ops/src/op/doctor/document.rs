//! The answer of the doctor, as machines read it.

use std::time::Duration;

use portward_checks::{
    Call, Cause, Family, Paste, Request, Symptom, Vantage,
    doctor::{Asking, Diagnosis, Inquiry, PlannedDial, Verdict},
    every_cause,
};
use portward_model::{
    Attempt, Declined, Effect, Ended, Endpoint, Evidence, Finding, Hint, Met, Said, Sentence, Text, masked_line, shell,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Exit, Meant, Noun, document::Gap};

/// What became of a question.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Examined {
    /// The endpoint that was examined; `null` where none was named.
    pub target: Option<String>,
    /// What was asked.
    pub question: Asking,
    /// What was read from the text; `null` where there was none.
    pub read: Option<Read>,
    /// What became of it.
    pub verdict: Verdict,
    /// The answer in one sentence.
    pub summary: Sentence,
    /// The causes, best first; empty where nothing is wrong.
    pub causes: Vec<Finding>,
    /// What was looked for and is not it.
    pub ruled_out: Vec<Finding>,
    /// The readings that show health, where nothing is wrong.
    pub healthy: Vec<Evidence>,
    /// The connections that were made, in order; with --explain-probes those that would be.
    pub probes: Vec<Probe>,
    /// The connections that were not made, and why.
    pub declined: Vec<Declined>,
    /// Where no address is known: the causes that such an error has.
    pub kin: Vec<Kin>,
    /// Where something is missing to say more: what to add.
    pub add: Option<String>,
    /// The same with the command that says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addition: Option<Addition>,
    /// How the question was understood, where that needs words.
    pub notes: Vec<Sentence>,
    /// Where a bare number meant a project's own port: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meant: Option<Meant>,
    /// Other errors of the same text, as they were read.
    pub others: Vec<Read>,
    /// With --fix: what was done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<Fixed>,
    /// With --all: the listeners that are in trouble.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrong: Vec<Wrong>,
    /// With --all: how many listeners were examined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub examined: Option<u32>,
    /// With --watch: when this was seen, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// How long it took.
    pub took_ms: u64,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// What was read from a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Read {
    /// The program whose wording it is.
    pub program: Option<String>,
    /// The host, as written.
    pub host: Option<String>,
    /// The port, as written.
    pub port: Option<u32>,
    /// The path of a Unix socket.
    pub path: Option<String>,
    /// The addresses at which it was met, where the text tells them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<std::net::IpAddr>,
    /// What was spoken, where the text tells it: `tcp`, `udp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// What was asked of the server, where the text tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// Where it happened, where that is not here: in a container, in a pod, at the far end of a tunnel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vantage: Option<Vantage>,
    /// The processes that the text names by number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pids: Vec<u32>,
    /// The pid and lock files that the text names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// What the program was doing.
    pub syscall: Option<Call>,
    /// The error number, as Linux counts them.
    pub errno: Option<i32>,
    /// What went wrong.
    pub symptom: Symptom,
    /// The line that says so.
    pub text: String,
    /// Its number, from 1.
    pub line: u32,
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Probe {
    /// Where to.
    pub to: String,
    /// What was said after connecting; `null` for a connection that was closed at once.
    pub said: Option<Said>,
    /// What it met, in words; `null` where it was not made.
    pub met: Option<String>,
    /// The time until then.
    pub took_us: Option<u64>,
    /// What it is for, where it was only planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Sentence>,
}

/// What would have to be added to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Addition {
    /// What is missing.
    pub what: String,
    /// How it is said.
    pub command: Hint,
}

/// A cause that such an error has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kin {
    /// Its code.
    pub code: String,
    /// What it is, in a line.
    pub summary: Sentence,
}

/// One fix that was agreed to, or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fixed {
    /// What it does.
    pub title: String,
    /// The command.
    pub command: String,
    /// What it does to the world.
    pub effect: Effect,
    /// What became of it.
    pub became: Became,
    /// Why, where it was not done.
    pub because: Option<Sentence>,
}

/// What became of a fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It was done.
    Done,
    /// It was tried, and failed.
    Failed,
    /// Nobody agreed to it.
    Declined,
    /// Portward does not do it itself.
    Yours,
}

/// A listener that is in trouble.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Wrong {
    /// The endpoint.
    pub target: String,
    /// Who serves it.
    pub owner: String,
    /// The causes, best first.
    pub causes: Vec<Finding>,
}

impl Noun for Examined {
    fn exit(&self) -> Exit {
        if self.verdict == Verdict::Healthy { Exit::Fine } else { Exit::Found }
    }
}

impl Examined {
    pub(super) fn of(inquiry: &Inquiry, diagnosis: Diagnosis, took: Duration) -> Self {
        let paste = inquiry.paste();
        let nowhere = inquiry.asked().is_nowhere();
        if let Some(paste) = paste.filter(|_| nowhere && diagnosis.causes.is_empty()) {
            let (notes, gaps) = (inquiry.notes().to_vec(), inquiry.snapshot().gaps.clone());
            return Self { notes, gaps, ..Self::without_address(paste, took) };
        }
        let mut notes = inquiry.notes().to_vec();
        if diagnosis.verdict == Verdict::Healthy
            && let Some(paste) = paste
        {
            notes.push(format!("the text says {}, and that is not so now", paste.symptom.words()).into());
        }
        if inquiry.exam().samples.len() > 1
            && let Some(last) = inquiry.exam().samples.last()
        {
            notes.push(format!("watched for {} ms", last.at_ms).into());
        }
        // What is left alone is a person's to disturb.
        let spared = diagnosis.causes.is_empty() && inquiry.exam().declined.iter().any(|declined| declined.on_demand);
        let addition = spared.then(|| Addition {
            what: "--connect, which connects whatever that costs".to_owned(),
            command: shell!("portward doctor {} --connect", inquiry.asked().target()).into(),
        });
        Self {
            add: addition.as_ref().map(Addition::sentence),
            addition,
            target: Some(inquiry.asked().text.clone()).filter(|_| !nowhere),
            question: inquiry.asked().asking,
            read: paste.map(Read::of),
            verdict: diagnosis.verdict,
            summary: diagnosis.summary,
            causes: diagnosis.causes,
            ruled_out: diagnosis.ruled_out,
            healthy: diagnosis.healthy,
            probes: inquiry.exam().attempts.iter().map(Probe::made).collect(),
            declined: inquiry.exam().declined.clone(),
            notes,
            others: paste.map(|paste| paste.others.iter().map(Read::of).collect()).unwrap_or_default(),
            took_ms: milliseconds(took),
            gaps: inquiry.snapshot().gaps.clone(),
            ..Self::default()
        }
    }

    fn without_address(paste: &Paste, took: Duration) -> Self {
        let listens = paste.symptom.asks_to_listen(paste.call);
        let family = if listens { Family::InUse } else { family(paste.symptom) };
        // Of a bind first what the kernel's own rules say.
        let refuses = |cause: &&Cause| listens && cause.refuses_binds();
        let kin = every_cause().filter(refuses).chain(family.causes().filter(|cause| !refuses(cause)));
        let kin = kin
            .filter(|_| paste.symptom != Symptom::Other)
            .map(|cause| Kin { code: cause.code.to_owned(), summary: cause.summary.into() })
            .collect();
        let program = paste.program.unwrap_or("the program");
        let summary = format!("{program} reports {}, and the text names no address or port.", paste.symptom.words());
        let addition = Addition {
            what: "the port or address that the program uses".to_owned(),
            command: "portward doctor 127.0.0.1:PORT --text '...'".into(),
        };
        Self {
            question: if listens { Asking::Listen } else { Asking::Connect },
            read: Some(Read::of(paste)),
            verdict: Verdict::Unknown,
            summary: summary.into(),
            kin,
            add: Some(addition.sentence()),
            addition: Some(addition),
            others: paste.others.iter().map(Read::of).collect(),
            took_ms: milliseconds(took),
            ..Self::default()
        }
    }
}

/// The kind of causes that such a symptom has.
fn family(symptom: Symptom) -> Family {
    match symptom {
        Symptom::Refused | Symptom::NoSuchPath | Symptom::DebuggerFailed | Symptom::DebuggerEnded | Symptom::Other => {
            Family::Refused
        }
        Symptom::NoHandshake | Symptom::NoAnswer | Symptom::TooManyFiles => Family::Hangs,
        Symptom::InUse => Family::InUse,
        Symptom::AddressNotAvailable
        | Symptom::PermissionDenied
        | Symptom::NotPermitted
        | Symptom::Unreachable
        | Symptom::NameUnknown
        | Symptom::PortOutOfRange
        | Symptom::UnsafePort
        | Symptom::NoBuffer
        | Symptom::ProxyFailed => Family::Denied,
        _ => Family::AfterConnect,
    }
}

impl Addition {
    fn sentence(&self) -> String {
        format!("{}: {}", self.what, self.command)
    }
}

impl Read {
    fn of(paste: &Paste) -> Self {
        Self {
            program: paste.program.map(str::to_owned),
            host: paste.host.clone(),
            port: paste.port,
            path: paste.path.as_ref().map(Text::shown),
            addresses: paste.addresses.clone(),
            transport: paste.transport.map(|transport| transport.name().to_owned()),
            request: paste.request.as_ref().map(repeatable),
            vantage: paste.vantage.clone(),
            pids: paste.pids.clone(),
            files: paste.files.iter().map(Text::shown).collect(),
            syscall: paste.call,
            errno: paste.errno,
            symptom: paste.symptom,
            text: paste.line.shown(),
            line: paste.line_number,
        }
    }
}

/// A request as it may be told again: without its secrets, and harmless to whoever prints it.
fn repeatable(request: &Request) -> Request {
    let told = |part: &Option<String>| part.as_ref().map(|part| masked_line(part.as_bytes()).shown());
    let Request { method, resource, host, origin, upgrade, protocols } = request;
    Request {
        method: told(method),
        resource: told(resource),
        host: told(host),
        origin: told(origin),
        upgrade: *upgrade,
        protocols: told(protocols),
    }
}

impl Probe {
    pub(super) fn planned(dial: &PlannedDial) -> Self {
        Self {
            to: Endpoint::from(&dial.at).to_string(),
            said: dial.speech.map(|speech| speech.said),
            met: None,
            took_us: None,
            purpose: Some(dial.purpose.into()),
        }
    }

    fn made(attempt: &Attempt) -> Self {
        let met = match (attempt.met, &attempt.exchange) {
            (Met::Failed(111), _) => "refused".to_owned(),
            (Met::Failed(errno), _) => format!("error {errno}"),
            (Met::Silence, _) => "no answer".to_owned(),
            (Met::Connected, None) => "accepted".to_owned(),
            (Met::Connected, Some(exchange)) => match (exchange.heard.raw().len(), exchange.ended) {
                (0, Ended::Closed) => "accepted, then closed".to_owned(),
                (0, Ended::Reset) => "accepted, then reset".to_owned(),
                (0, Ended::Silence | Ended::Enough) => "accepted, then silence".to_owned(),
                (_, _) => "answered".to_owned(),
            },
        };
        Self {
            to: Endpoint::from(&attempt.at).to_string(),
            said: attempt.exchange.as_ref().map(|exchange| exchange.said),
            met: Some(met),
            took_us: Some(attempt.took_us),
            purpose: None,
        }
    }
}

pub(super) fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
