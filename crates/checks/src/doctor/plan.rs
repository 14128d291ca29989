//! Which connections to try, and which never to.
//!
//! A connection is an event for some listeners: a debugger's rendezvous gives up after one that says nothing, a
//! one-shot server is used up, a socket unit starts its service, an ingest port stores what it is sent. So the doctor
//! looks first, declines where a connection could harm, and otherwise says the least that tells.

use std::net::SocketAddr;

use portward_model::{Declined, DialTarget, Ended, Process, Said, Seen, Socket, SocketState, Text, Transport, Via};

use super::{Asking, Case, words};
use crate::{usual_service, via};

/// What to try and what not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Connections to try, in order.
    pub dials: Vec<PlannedDial>,
    /// Connections that would be wanted and are not made.
    pub declined: Vec<Declined>,
}

/// A connection to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDial {
    /// Where to.
    pub at: DialTarget,
    /// What to say; `None` connects and closes.
    pub speech: Option<Speech>,
    /// How long a handshake may take, in milliseconds.
    pub patience_ms: u64,
    /// What it is for, in words.
    pub purpose: &'static str,
}

/// What to say on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speech {
    /// Which kind of words.
    pub said: Said,
    /// The protocol, as the greetings of `portward_wire` name it.
    pub protocol: &'static str,
    /// How long to listen before speaking, in milliseconds.
    pub listen_first_ms: u64,
    /// How long an answer may take, in milliseconds.
    pub patience_ms: u64,
    /// True when the whole answer matters, not its head alone: a `GET` instead of a `HEAD`.
    pub with_body: bool,
}

impl Speech {
    fn new(said: Said, protocol: &'static str) -> Self {
        Self { said, protocol, listen_first_ms: 0, patience_ms: ANSWER_MS, with_body: false }
    }
}

/// Which connections to try for a case whose snapshot and vitals were read.
pub fn plan(case: &Case<'_>) -> Plan {
    let mut plan = Plan::default();
    if case.asked.asking == Asking::Listen {
        return plan;
    }
    if let Some(path) = &case.asked.path {
        unix(case, path, &mut plan);
        return plan;
    }
    if case.asked.transport != Transport::Tcp {
        if !case.served().is_empty() {
            plan.declined.push(Declined {
                what: format!("a datagram to {}", case.asked.text),
                because: "a datagram is data to whoever receives it, and no answer would prove nothing".to_owned(),
            });
        }
        return plan;
    }
    let mut spoken_to: Vec<usize> = Vec::new();
    for address in &case.asked.addresses {
        let at = SocketAddr::new(*address, case.asked.port);
        let takers = case.takers(*address);
        let Some((index, socket)) = takers.first() else {
            let far = !case.is_own_address(*address);
            let purpose = if far { "whether the other machine answers" } else { "what a client meets where nothing listens" };
            let patience_ms = if far { FAR_MS } else { NEAR_MS };
            plan.dials.push(PlannedDial { at: DialTarget::Inet(at), speech: None, patience_ms, purpose });
            continue;
        };
        if spoken_to.contains(index) {
            continue;
        }
        spoken_to.push(*index);
        dial_listener(case, at, *index, socket, "what a client meets", &mut plan);
    }
    neighbours(case, &spoken_to, &mut plan);
    plan
}

/// The question that the last answer calls for; `None` when there is none.
pub fn follow_up(case: &Case<'_>) -> Option<PlannedDial> {
    let last = case.exam.attempts.iter().rev().find(|attempt| attempt.exchange.is_some())?;
    let exchange = last.exchange.as_ref()?;
    let asked = |said: Said| {
        case.exam.attempts.iter().filter(|attempt| attempt.exchange.as_ref().is_some_and(|told| told.said == said)).count()
    };
    let heard = exchange.heard.raw();
    let ask = |speech: Speech, purpose: &'static str| {
        Some(PlannedDial { at: last.at.clone(), speech: Some(speech), patience_ms: NEAR_MS, purpose })
    };
    match exchange.said {
        Said::Http => {
            let status = heard.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
            let refused = matches!(status, Some(b"400" | b"403" | b"421" | b"426"));
            let closed = heard.is_empty() && exchange.ended != Ended::Silence;
            let alert = heard.starts_with(b"\x15\x03");
            if (closed || alert || refused) && asked(Said::Tls) == 0 {
                return ask(Speech { patience_ms: SECOND_MS, ..Speech::new(Said::Tls, "tls") }, "whether it speaks TLS");
            }
            None
        }
        Said::Tls => {
            let tls = heard.first() == Some(&0x16);
            let status = case.exam.attempts.iter().filter_map(|attempt| attempt.exchange.as_ref());
            let refusals = status.filter(|told| {
                told.said == Said::Http && matches!(told.heard.raw().get(9..12), Some(b"400" | b"403" | b"421" | b"426"))
            });
            if !tls && refusals.count() == 1 && asked(Said::Http) == 1 {
                // What a refusal says of its reason stands in its body.
                let speech = Speech { with_body: true, patience_ms: SECOND_MS, ..Speech::new(Said::Http, "http") };
                return ask(speech, "what the refusal says");
            }
            if !tls && asked(Said::Http) == 0 {
                return ask(Speech { patience_ms: SECOND_MS, ..Speech::new(Said::Http, "http") }, "whether it speaks plainly");
            }
            None
        }
        Said::Nothing | Said::Greeting => None,
    }
}

/// A listener of the same port at another loopback address: that it answers proves the difference.
fn neighbours(case: &Case<'_>, spoken_to: &[usize], plan: &mut Plan) {
    if !spoken_to.is_empty() {
        return;
    }
    let near = case.listeners().filter(|(_, socket)| {
        socket.address().is_some_and(|address| portward_model::unmap(address).is_loopback() || address.is_unspecified())
    });
    for (index, socket) in near.take(2) {
        let Some(address) = socket.address() else { continue };
        let address = match address {
            std::net::IpAddr::V4(v4) if v4.is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::IpAddr::V6(v6) if v6.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
            other => portward_model::unmap(other),
        };
        if why_not(case, index, socket).is_none() {
            let at = DialTarget::Inet(SocketAddr::new(address, case.asked.port));
            let purpose = "whether the listener beside it answers";
            plan.dials.push(PlannedDial { at, speech: None, patience_ms: NEAR_MS, purpose });
        }
    }
}

fn dial_listener(case: &Case<'_>, at: SocketAddr, index: usize, socket: &Socket, purpose: &'static str, plan: &mut Plan) {
    if let Some(because) = why_not(case, index, socket) {
        plan.declined.push(Declined { what: format!("a connection to {at}"), because });
        return;
    }
    plan.dials.push(PlannedDial { at: DialTarget::Inet(at), speech: speech(case, index), patience_ms: NEAR_MS, purpose });
}

fn unix(case: &Case<'_>, path: &Text, plan: &mut Plan) {
    let listening = case.listeners().find(|(_, socket)| socket.transport == Transport::Unix);
    let refused = listening.and_then(|(index, socket)| why_not(case, index, socket));
    if let Some(because) = refused {
        plan.declined.push(Declined { what: format!("a connection to {path}"), because });
        return;
    }
    let stream = listening.is_some() || case.listeners().next().is_none();
    if stream {
        let at = DialTarget::Unix(path.clone());
        plan.dials.push(PlannedDial { at, speech: None, patience_ms: NEAR_MS, purpose: "what a client meets" });
    }
}

/// Why a listener must not be connected to; `None` when a connection is harmless.
fn why_not(case: &Case<'_>, index: usize, socket: &Socket) -> Option<String> {
    let holders = case.holders(index);
    for process in &holders {
        if let Some(debugger) = debugger(process, case.asked.port) {
            return Some(format!("{} {debugger}; a connection could end or disturb its session", words::named(process)));
        }
        if Case::is_halted(process) {
            return Some(format!("{} is stopped, which is answer enough", words::named(process)));
        }
        if case.vitals(process.id.pid).is_some_and(|vitals| vitals.frozen == Some(true)) {
            return Some(format!("{} is frozen, which is answer enough", words::named(process)));
        }
    }
    if socket.queue.limit <= 1 && !socket.transport.is_unix() {
        let limit = socket.queue.limit;
        return Some(format!(
            "its backlog is {limit}, as one-shot listeners and debuggers ask for; a connection could use it up"
        ));
    }
    if socket.queue.used > socket.queue.limit {
        return Some("its accept queue is full, which is answer enough".to_owned());
    }
    if let Some(process) = holders.iter().find(|process| is_one_shot(process)) {
        return Some(format!("{} serves one connection and ends; this one would use it up", words::named(process)));
    }
    if activated(case, index, &holders) {
        return Some("a supervisor holds the socket for a service that is not running; a connection would start it".to_owned());
    }
    if let Some(because) = ingests(case.asked.port, &holders) {
        return Some(because);
    }
    if let Some(process) = holders.iter().find(|process| is_mysql(process)) {
        return Some(format!(
            "{} counts connections that say nothing against their host (max_connect_errors)",
            words::named(process)
        ));
    }
    let ephemeral = case.snapshot.rules.as_ref().is_some_and(|rules| rules.is_ephemeral(case.asked.port));
    if holders.is_empty() && !socket.transport.is_unix() && (ephemeral || matches!(case.asked.port, 3306 | 5005 | 9229 | 5678)) {
        return Some("its owner is hidden, and on such a port it may be a debugger or count connections".to_owned());
    }
    None
}

/// How a process has to do with debugging on this port, as the end of a sentence; `None` when it has not.
pub(crate) fn debugger(process: &Process, port: u16) -> Option<&'static str> {
    let argv = process.argv.known().map(portward_model::CommandLine::arguments).unwrap_or_default();
    let has = |needle: &str| argv.iter().any(|argument| contains(argument.raw(), needle.as_bytes()));
    let names_port = || argv.iter().any(|argument| names_port(argument.raw(), port));
    let name = process.name.raw();
    let is = |names: &[&str]| {
        let title = process.title();
        names.iter().any(|known| name == known.as_bytes() || title == *known)
    };
    if (has("-agentlib:jdwp") || has("-Xrunjdwp") || has("-Xdebug")) && names_port() {
        return Some("waits for a debugger there (JDWP)");
    }
    if has("-agentlib:jdwp") && argv.iter().any(|a| contains(a.raw(), b"jdwp") && !contains(a.raw(), b"address=")) {
        return Some("waits for a debugger on a port of its choice (JDWP)");
    }
    if has("com.sun.tools.example.debug") || is(&["jdb"]) {
        return Some("is a debugger");
    }
    if is(IDES) || has("com.intellij.") || has("org.eclipse.equinox.launcher") {
        return Some("is a development environment, which listens for what it debugs");
    }
    if is(&["gdbserver", "lldb-server", "dlv", "rdbg", "rdebug-ide", "debugserver", "adb", "vsdbg", "netcoredbg"]) || has("/dlv")
    {
        return Some("is a debug server");
    }
    if has("debugpy") || has("pydevd") || has("ptvsd") {
        return Some("is a Python debugger's end");
    }
    if has("--inspect") || has("--debug-brk") {
        let own = argv.iter().any(|argument| {
            let raw = argument.raw();
            raw.starts_with(b"--inspect") && (names_port_or_default(raw, port))
        });
        if own {
            return Some("waits for a debugger there (inspector)");
        }
    }
    None
}

/// Programs that are development environments, by process name or title.
const IDES: &[&str] = &[
    "idea",
    "idea64",
    "java-idea",
    "pycharm",
    "webstorm",
    "goland",
    "rider",
    "clion",
    "phpstorm",
    "rubymine",
    "rustrover",
    "datagrip",
    "studio",
    "eclipse",
    "netbeans",
    "fleet",
    "code",
    "code-insiders",
    "cursor",
    "codium",
    "zed",
    "devenv",
];

pub(super) fn contains(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len().max(1)).any(|window| window == needle)
}

/// True when the number stands in the text with no digit beside it.
pub(super) fn names_port(text: &[u8], port: u16) -> bool {
    let digits = port.to_string();
    let digits = digits.as_bytes();
    let at = |index: usize| text.get(index).copied();
    text.windows(digits.len()).enumerate().any(|(start, window)| {
        let before = start.checked_sub(1).and_then(at).is_some_and(|byte| byte.is_ascii_digit());
        let after = at(start + digits.len()).is_some_and(|byte| byte.is_ascii_digit());
        window == digits && !before && !after
    })
}

/// `--inspect` and `--inspect-brk` mean 9229 where they name no port; `=0` lets the system choose.
fn names_port_or_default(argument: &[u8], port: u16) -> bool {
    match argument.iter().position(|byte| *byte == b'=') {
        None => port == 9229,
        Some(_) if argument.ends_with(b"=0") || argument.ends_with(b":0") => true,
        Some(_) => names_port(argument, port) || (port == 9229 && !argument.iter().any(u8::is_ascii_digit)),
    }
}

/// `nc -l`, `socat TCP-LISTEN` without `fork`: one client, then gone.
fn is_one_shot(process: &Process) -> bool {
    let argv = process.argv.known().map(portward_model::CommandLine::arguments).unwrap_or_default();
    let name = process.name.raw();
    let flag = |letter: u8| {
        argv.iter().skip(1).any(|argument| {
            let raw = argument.raw();
            raw.starts_with(b"-") && !raw.starts_with(b"--") && raw.contains(&letter)
        })
    };
    let long = |option: &str| argv.iter().any(|argument| argument.raw() == option.as_bytes());
    if name == b"nc" || name.starts_with(b"nc.") || name == b"ncat" || name == b"netcat" {
        return !flag(b'k') && !long("--keep-open");
    }
    if name == b"socat" {
        return !argv.iter().any(|argument| contains(argument.raw(), b"LISTEN") && contains(argument.raw(), b"fork"));
    }
    false
}

fn activated(case: &Case<'_>, index: usize, holders: &[&Process]) -> bool {
    let told = via(case.snapshot, index);
    let served = told.iter().any(|(_, how)| *how == Seen::Known(Via::Activated));
    let keeper = |process: &&Process| {
        process.id.pid == 1 || matches!(process.name.raw(), b"systemd" | b"inetd" | b"xinetd" | b"launchd" | b"systemfd")
    };
    !served && !holders.is_empty() && holders.iter().all(keeper)
}

/// Why what is sent there would be stored, by the port's usual service or the program's name.
fn ingests(port: u16, holders: &[&Process]) -> Option<String> {
    let by_port = INGEST_PORTS.iter().find(|(known, _)| *known == port).map(|(_, service)| *service);
    if let Some(service) = by_port {
        return Some(format!("the port is {service}'s, which keeps whatever it is sent"));
    }
    let named = holders.iter().find(|process| {
        let title = process.title().to_ascii_lowercase();
        let argv = process.argv.known().map(portward_model::CommandLine::arguments).unwrap_or_default();
        INGEST_WORDS.iter().any(|word| {
            title.contains(word)
                || argv.iter().take(4).any(|argument| contains(&argument.raw().to_ascii_lowercase(), word.as_bytes()))
        })
    })?;
    Some(format!("{} by its name keeps whatever it is sent", words::named(named)))
}

/// Ports whose services store raw bytes or lines.
const INGEST_PORTS: &[(u16, &str)] = &[
    (514, "syslog"),
    (601, "syslog"),
    (1514, "syslog"),
    (2003, "Graphite"),
    (2004, "Graphite"),
    (4242, "OpenTSDB"),
    (5044, "Logstash"),
    (5140, "syslog"),
    (5170, "Fluent Bit"),
    (6514, "syslog"),
    (8094, "Telegraf"),
    (8125, "StatsD"),
    (9100, "a raw printer"),
    (12201, "Graylog"),
    (24224, "Fluentd"),
];

/// Words in the names of programs that store what they are sent.
const INGEST_WORDS: &[&str] = &[
    "ingest",
    "syslog",
    "statsd",
    "graphite",
    "carbon",
    "collectd",
    "collector",
    "fluentd",
    "fluent-bit",
    "logstash",
    "graylog",
    "telegraf",
    "vector",
    "filebeat",
    "loki",
    "recorder",
    "raw_sink",
    "raw-sink",
];

fn is_mysql(process: &Process) -> bool {
    matches!(process.name.raw(), b"mysqld" | b"mariadbd")
}

/// What to say to the listener, by its scheme, its program and its port.
fn speech(case: &Case<'_>, index: usize) -> Option<Speech> {
    let scheme = case.asked.scheme.as_deref().or_else(|| case.paste.and_then(|paste| paste.url_scheme.as_deref()));
    let greeting = |protocol: &'static str| Some(Speech::new(Said::Greeting, protocol));
    let http = |listen_first_ms| Some(Speech { listen_first_ms, ..Speech::new(Said::Http, "http") });
    let holder = case.holder(index);
    let title = holder.map(Process::title).unwrap_or_default().to_ascii_lowercase();
    let by_program = PROGRAMS.iter().find(|(name, _)| title.starts_with(name)).map(|(_, protocol)| *protocol);
    if let Some(protocol) = by_program {
        return if protocol == "http" { http(0) } else { greeting(protocol) };
    }
    match scheme {
        Some("http" | "ws") => return http(0),
        Some("https" | "wss") => {
            return Some(Speech::new(Said::Tls, "tls"));
        }
        _ => {}
    }
    if holder.is_none()
        && let Some(protocol) = usual_service(Transport::Tcp, case.asked.port).and_then(protocol_of_service)
    {
        return greeting(protocol);
    }
    http(BANNER_MS)
}

fn protocol_of_service(service: &str) -> Option<&'static str> {
    let service = service.to_ascii_lowercase();
    PROGRAMS.iter().find(|(name, protocol)| *protocol != "http" && service.starts_with(name)).map(|(_, protocol)| *protocol)
}

/// Programs by the beginning of their names, with the protocol that they speak.
const PROGRAMS: &[(&str, &str)] = &[
    ("postgres", "postgres"),
    ("pgbouncer", "postgres"),
    ("redis", "redis"),
    ("valkey", "redis"),
    ("keydb", "redis"),
    ("memcached", "memcached"),
    ("mongod", "mongodb"),
    ("mongos", "mongodb"),
    ("beam.smp", "amqp"),
    ("rabbitmq", "amqp"),
    ("mosquitto", "mqtt"),
    ("nats", "nats"),
    ("master", "smtp"),
    ("exim", "smtp"),
    ("sshd", "ssh"),
    ("dropbear", "ssh"),
    ("nginx", "http"),
    ("apache", "http"),
    ("httpd", "http"),
    ("caddy", "http"),
    ("vite", "http"),
];

/// The processes whose health matters to a case: holders of what stands at the port, at most 48.
pub fn suspects(case: &Case<'_>) -> Vec<u32> {
    let mut pids: Vec<u32> = Vec::new();
    let listeners = case.here().filter(|(_, socket)| socket.state == SocketState::Listen || socket.state == SocketState::Bound);
    for (index, _) in listeners.chain(case.here()) {
        for holding in case.snapshot.holders(index) {
            if !pids.contains(&holding.pid) && pids.len() < 48 {
                pids.push(holding.pid);
            }
        }
    }
    pids
}

/// On loopback a handshake takes well under a millisecond; the first SYN is sent again after a second.
const NEAR_MS: u64 = 250;
/// Another machine may be a continent away.
const FAR_MS: u64 = 1500;
/// How long a server that speaks first may take to do so.
const BANNER_MS: u64 = 25;
/// How long an answer may take before the server counts as silent.
const ANSWER_MS: u64 = 2500;
/// How long an answer to a second question may take.
const SECOND_MS: u64 = 800;
