//! Which listeners must not be connected to: debuggers, one-shot and activated listeners, logins that wait for their callback, and
//! ports that store what they are sent.

mod callback;

use portward_model::{Process, Seen, Sentence, Socket, Via};
use portward_wire::protocol::{self, HTTP, SINK};

use crate::{
    case::{
        Case,
        debuggee::debugger,
        kin::{contains, names_port},
        talk, words,
    },
    program::{self, Kind},
    via,
};

pub(in crate::doctor) use callback::may_be_errands;
use callback::waits_for_one;

/// That a listener is not connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spared {
    /// Why not.
    pub(super) because: Sentence,
    /// True where a person may ask for it all the same: what it costs is theirs to say.
    pub(super) on_demand: bool,
}

/// Why a listener must not be connected to; `None` when a connection is harmless.
pub(super) fn why_not(case: &Case<'_>, index: usize, socket: &Socket) -> Option<Spared> {
    if let Some(because) = is_answer_enough(case, index, socket) {
        return Some(Spared { because: because.into(), on_demand: false });
    }
    cost(case, index, socket).map(|because| Spared { because: because.into(), on_demand: true })
}

/// What was seen already says what a connection would meet.
fn is_answer_enough(case: &Case<'_>, index: usize, socket: &Socket) -> Option<String> {
    let holders = case.holders(index);
    // One holder that goes on may be the worker that serves, or its parent that does not: a connection tells.
    let frozen = |process: &Process| case.vitals(process.id.pid).is_some_and(|vitals| vitals.frozen == Some(true));
    let disturbed = holders.iter().any(|process| debugger(process, case.asked.port).is_some());
    if let Some(first) = holders.first().filter(|_| !disturbed)
        && holders.iter().all(|process| Case::is_halted(process) || frozen(process))
    {
        let how = if frozen(first) { "frozen" } else { "stopped" };
        return Some(format!("{} is {how}, which is answer enough", words::named(first)));
    }
    let full = socket.queue.limit > 1 && socket.queue.used > socket.queue.limit;
    full.then(|| "its accept queue is full, which is answer enough".to_owned())
}

/// What a connection would cost.
fn cost(case: &Case<'_>, index: usize, socket: &Socket) -> Option<String> {
    if case.is_owner_unread(index) {
        return Some("who holds it could not be read, and it may be what a connection harms".to_owned());
    }
    let holders = case.holders(index);
    // Where its owner is hidden, the programs of its user that name the port may be the owner: arguments are not hidden.
    let likely = if holders.is_empty() { callback::may_hold(case, socket) } else { holders.clone() };
    for process in &likely {
        if let Some(debugger) = debugger(process, case.asked.port) {
            return Some(format!("{} {debugger}; a connection could end or disturb its session", words::named(process)));
        }
    }
    if socket.queue.limit <= 1 && !socket.transport.is_unix() {
        let limit = socket.queue.limit;
        return Some(format!(
            "its backlog is {limit}, as one-shot listeners and debuggers ask for; a connection could use it up"
        ));
    }
    if let Some(process) = likely.iter().find(|process| program::is_one_shot(process)) {
        return Some(format!("{} serves one connection and ends; this one would use it up", words::named(process)));
    }
    if activated(case, index, &holders) {
        return Some("a supervisor holds the socket for a service that is not running; a connection would start it".to_owned());
    }
    if let Some(because) = ingests(case, &likely)
        .or_else(|| likely.iter().find_map(|process| Some(format!("{} {}", words::named(process), program::keeps(process)?))))
    {
        return Some(because);
    }
    if let Some(process) = holders.iter().find(|process| is_rendezvous(case, process)) {
        return Some(format!(
            "the system chose the port for {}, as for a debugger's or a build tool's rendezvous; a connection could use it up",
            words::named(process)
        ));
    }
    if let Some(because) = waits_for_one(case, socket, &holders, &likely) {
        return Some(because);
    }
    if let Some((process, event)) = holders.iter().find_map(|process| Some((process, program::protocol_of(process)?.event?))) {
        return Some(format!("{} {event}", words::named(process)));
    }
    if holders.is_empty()
        && !socket.transport.is_unix()
        && (is_given_out(case, case.asked.port)
            || protocol::of_port(case.asked.port).is_some_and(|(known, _)| known.event.is_some() && !is_shared(case)))
    {
        return Some("its owner is hidden, and on such a port it may be a debugger or count connections".to_owned());
    }
    None
}

fn activated(case: &Case<'_>, index: usize, holders: &[&Process]) -> bool {
    let told = via(case.snapshot, index);
    let served = told.iter().any(|(_, how)| *how == Seen::Known(Via::Activated));
    // systemfd holds sockets, too, and starts its program again.
    let keeper = |known: &program::Program| known.kind == Kind::Activator || known.goes_by("systemfd");
    !served && !holders.is_empty() && holders.iter().all(|process| program::find(process, keeper).is_some())
}

/// True for ports that nobody names: the kernel's range, and that of RFC 6335 section 6, from which tools that choose for
/// themselves take theirs.
fn is_given_out(case: &Case<'_>, port: u16) -> bool {
    port >= 49152 || case.snapshot.rules.as_ref().is_some_and(|rules| rules.is_ephemeral(port))
}

/// True for a Java program on a port that no argument names and that the system gives out: build tools and
/// environments wait so for one program that they start.
fn is_rendezvous(case: &Case<'_>, process: &Process) -> bool {
    let port = case.asked.port;
    let given_out = is_given_out(case, port);
    let Some(argv) = process.argv.known().map(portward_model::CommandLine::arguments) else { return false };
    given_out && process.name.raw() == b"java" && !argv.iter().any(|argument| names_port(argument.raw(), port))
}

/// True on a port that exporters of metrics and web servers have as often as what stores, where the client speaks HTTP there.
fn is_shared(case: &Case<'_>) -> bool {
    let client = talk::client(case).filter(|client| client.told);
    SHARED.contains(&case.asked.port) && client.is_some_and(|client| *client.tongue == HTTP)
}

/// Why what is sent there would be stored, by the port's usual service or the program's name.
fn ingests(case: &Case<'_>, holders: &[&Process]) -> Option<String> {
    let exports = holders.iter().any(|process| process.title().to_ascii_lowercase().contains("exporter"));
    let port = case.asked.port;
    if let Some((_, usual)) = protocol::of_port(port).filter(|(known, _)| **known == SINK && !exports && !is_shared(case)) {
        return Some(format!("the port is {}'s, which keeps whatever it is sent", usual.words));
    }
    let named = holders.iter().find(|process| {
        let title = process.title().to_ascii_lowercase();
        let argv = process.argv.known().map(portward_model::CommandLine::arguments).unwrap_or_default();
        INGEST_WORDS.split(' ').any(|word| {
            title.contains(word)
                || argv.iter().take(4).any(|argument| contains(&argument.raw().to_ascii_lowercase(), word.as_bytes()))
        })
    })?;
    Some(format!("{} by its name keeps whatever it is sent", words::named(named)))
}

/// Ports of raw printers and of `OpenTSDB` that are at least as usual for HTTP: exporters of Prometheus begin at 9100.
const SHARED: &[u16] = &[9100, 4242];
/// Words in the names of programs that store what they are sent.
const INGEST_WORDS: &str = "ingest syslog statsd graphite carbon collectd collector fluentd fluent-bit logstash graylog telegraf vector filebeat \
     loki recorder raw_sink raw-sink sink spool gelf fluent logserver log-server log_server logger";

#[cfg(test)]
mod tests {
    use super::why_not;
    use crate::{
        case::scene::{Scene, well},
        doctor::{Verdict, diagnose, plan::plan},
        fixture::{holding, listener, process, world},
    };
    use portward_model::{Gap, Lack, Met, Need};

    /// A process with these arguments that listens on this port and has the usual backlog.
    fn serving(argv: &[&str], port: u16) -> Scene {
        let mut socket = listener("127.0.0.1", port);
        socket.queue.limit = 128;
        let snapshot = world(vec![socket], vec![process(4121, 4000, argv, 60)], vec![holding(0, 4121, 3)]);
        Scene::on(snapshot, &format!("127.0.0.1:{port}"))
    }

    fn reason(argv: &[&str], port: u16) -> Option<String> {
        let scene = serving(argv, port);
        why_not(&scene.case(), 0, &scene.snapshot.sockets[0]).map(|spared| spared.because.to_string())
    }

    #[test]
    fn what_a_connection_would_harm_is_left_alone() {
        for (argv, port, word) in [
            (&["java", "-agentlib:jdwp=transport=dt_socket,server=y,address=*:5005", "Shop"][..], 5005, "JDWP"),
            (&["jdb", "-listen", "62893"], 62893, "is a debugger"),
            (&["java", "-cp", "/w/tool.jar", "Main"], 45123, "rendezvous"),
            (&["python3", "-m", "debugpy", "--listen", "5678", "shop.py"], 5678, "Python debugger"),
            (&["node", "--inspect-brk", "shop.js"], 9229, "inspector"),
            (&["gdbserver", ":2345", "shop"], 2345, "debug server"),
            (&["nc", "-l", "8080"], 8080, "one connection"),
            (&["nc", "-k", "-l", "8080"], 8080, "whatever it is sent"),
            (&["socat", "TCP-LISTEN:8080", "STDIO"], 8080, "one connection"),
            (&["socat", "-u", "TCP-LISTEN:8080,fork", "OPEN:/var/log/all,append"], 8080, "whatever it is sent"),
            (&["socat", "TCP-LISTEN:8080,fork", "EXEC:/usr/bin/backup"], 8080, "starts a program"),
            (&["systemd-socket-activate", "--listen=8080", "/usr/bin/shop"], 8080, "start it"),
            (&["/usr/bin/log-collector"], 8080, "keeps whatever"),
            (&["shop"], 5170, "Fluent Bit"),
        ] {
            let told = reason(argv, port).unwrap_or_default();
            assert!(told.contains(word), "{argv:?} on {port}: {told:?}");
        }
    }

    #[test]
    fn what_serves_anybody_may_be_dialled() {
        for (argv, port) in [
            (&["java", "-agentlib:jdwp=transport=dt_socket,server=y,address=*:5005", "Shop"][..], 8080),
            (&["java", "-jar", "shop.jar", "--server.port=45123"], 45123),
            (&["node", "--inspect", "shop.js"], 3000),
            (&["socat", "TCP-LISTEN:8080,fork", "TCP:127.0.0.1:3000"], 8080),
            (&["python3", "-m", "http.server", "8000"], 8000),
        ] {
            assert_eq!(reason(argv, port), None, "{argv:?}");
        }
        // The first process of a container is a server as any other.
        let snapshot = world(vec![listener("0.0.0.0", 8080)], vec![process(1, 0, &["shop"], 60)], vec![holding(0, 1, 3)]);
        let mut scene = Scene::on(snapshot, "127.0.0.1:8080");
        scene.snapshot.sockets[0].queue.limit = 128;
        assert_eq!(why_not(&scene.case(), 0, &scene.snapshot.sockets[0]), None);
    }

    #[test]
    fn nobody_is_dialled_whose_holder_could_not_be_read() {
        let mut scene = serving(&["python3", "-m", "http.server", "8000"], 8000);
        for (lack, spared) in [(Lack::UserNames, false), (Lack::AllOwners, true)] {
            let gap = Gap { lack: lack.clone(), need: Need::Platform, error: None };
            scene.snapshot.gaps = vec![gap];
            assert_eq!(why_not(&scene.case(), 0, &scene.snapshot.sockets[0]).is_some(), spared, "{lack:?}");
        }
    }

    #[test]
    fn a_spared_listener_of_a_name_is_not_called_absent() {
        let mut scene = serving(&["jdb", "-listen", "62893"], 62893).named("localhost", &["::1", "127.0.0.1"]);
        scene.exam.declined = plan(&scene.case(), false).declined;
        let scene = scene.tried(Met::Failed(111)).vitals(well(4121));
        let diagnosis = diagnose(&scene.case());
        assert_eq!((diagnosis.verdict, diagnosis.causes), (Verdict::Healthy, Vec::new()));
    }
}
