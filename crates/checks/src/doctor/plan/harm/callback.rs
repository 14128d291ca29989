//! Programs that listen for one client and end with it: a login that waits for its redirect, an example that serves once.
//!
//! The first request is what they wait for, whatever it says: a `HEAD` ends the login. What tells them is weighed, for a server that
//! stays has some of it too. A program's own text is proof; so are the arguments of a login. A port that logins are known to use, a
//! name, a port that the system chose, a short queue are signs, and count only where nothing shows a server that stays.

use portward_model::{CommandLine, Process, ProcessState, Socket, SocketState, Text, Via};
use portward_wire::mention::once_line;

use super::is_given_out;
use crate::{
    Symptom,
    case::{
        Case,
        debuggee::debuggee,
        kin::{self, contains, names_port},
        words,
    },
    program::{self, Kind},
    via,
};

/// Why a listener looks like one that waits for a single client; `None` where nothing says so, or it is seen to stay.
pub(super) fn waits_for_one(case: &Case<'_>, socket: &Socket, holders: &[&Process], likely: &[&Process]) -> Option<String> {
    if socket.transport.is_unix() {
        return None;
    }
    for process in likely {
        if let Some(proof) = errand(case, process) {
            return Some(format!("{} serves one client and ends ({proof}); this connection would be it", words::named(process)));
        }
        if let Some(verb) = logs_in(process) {
            return Some(format!(
                "{} waits for a login to come back ({verb}); this connection would be taken for it",
                words::named(process)
            ));
        }
    }
    let port = case.asked.port;
    let open_to_others = !socket.address().is_some_and(|address| portward_model::unmap(address).is_loopback());
    // A redirect comes from a browser of this machine, and a client that was answered already was not the first.
    if open_to_others || was_answered(case) || is_in_use(case, socket) || likely.iter().any(|process| stays(case, process)) {
        return None;
    }
    if let Some(who) = callback_of(port) {
        return Some(format!("on such a port {who} waits for a login to come back; this connection would be taken for it"));
    }
    if let Some(process) = likely.iter().find(|process| is_named_so(process)) {
        return Some(format!(
            "{} waits for a login by its name; this connection would be taken for its callback",
            words::named(process)
        ));
    }
    let told = |process: &&Process| arguments(process).iter().any(|argument| names_port(argument.raw(), port));
    if let Some(process) = holders.first().filter(|process| is_given_out(case, port) && !told(process)) {
        return Some(format!(
            "the system chose the port for {} a moment ago, as for the callback of a login; a connection could use it up",
            words::named(process)
        ));
    }
    if !holders.is_empty() {
        return None;
    }
    // `socketserver` of Python asks for five, in most of what waits for a callback, and in small servers, too.
    let short = socket.queue.limit == 5;
    if let Some(process) =
        likely.iter().find(|process| kin::is_script(process) && process.cwd.known().is_none() && is_relative(process))
        && (short || case.asked.scheme.is_none())
    {
        return Some(format!(
            "{} may be its owner, whose script cannot be read, and may serve one client only",
            words::named(process)
        ));
    }
    (short && case.asked.scheme.is_none())
        .then(|| "its owner is hidden, and with a backlog of 5 it may wait for the one callback of a login".to_owned())
}

/// True for a script that is named from the folder that its process works in.
fn is_relative(process: &Process) -> bool {
    arguments(process)
        .iter()
        .skip(1)
        .find(|argument| !argument.raw().starts_with(b"-"))
        .is_some_and(|path| !path.raw().starts_with(b"/"))
}

/// The processes that may hold a listener whose owner is hidden: those that were told the port, debug there, or log in.
pub(super) fn may_hold<'a>(case: &Case<'a>, socket: &Socket) -> Vec<&'a Process> {
    let port = case.asked.port;
    let for_logins = is_given_out(case, port) || callback_of(port).is_some();
    let fits = |process: &&Process| {
        let debugs = || debuggee(process).is_some_and(|found| found.listens && found.port == Some(port));
        process.uid == socket.uid
            && process.state != ProcessState::Exited
            && !kin::is_reader(case, process)
            && (debugs() || (for_logins && logs_in(process).is_some()))
    };
    if port == 0 {
        return Vec::new();
    }
    let mut found = kin::may_hold(case, socket);
    found.extend(case.processes().filter(fits));
    found.dedup_by(|one, other| one.id == other.id);
    found
}

/// The processes whose scripts tell whether they serve one client: those that hold the listeners, or may.
pub(in crate::doctor) fn may_be_errands<'a>(case: &Case<'a>) -> Vec<&'a Process> {
    let mut found: Vec<&Process> = Vec::new();
    for (index, socket) in case.served().into_iter().chain(case.listeners()) {
        let holders = case.holders(index);
        let likely = if holders.is_empty() { may_hold(case, socket) } else { holders };
        for process in likely.into_iter().filter(|process| kin::is_script(process)) {
            if !found.iter().any(|known| known.id == process.id) {
                found.push(process);
            }
        }
    }
    found.truncate(MOST);
    found
}

/// Who waits for the redirect of a login on this port.
fn callback_of(port: u16) -> Option<&'static str> {
    CALLBACK_PORTS.iter().find(|(first, last, _)| (*first..=*last).contains(&port)).map(|(.., who)| *who)
}

/// What says that a program serves one client: the line of its script, or what stands in its arguments.
fn errand(case: &Case<'_>, process: &Process) -> Option<String> {
    if let Some(errand) = case.exam.errands.iter().find(|errand| errand.pid == process.id.pid) {
        return Some(format!("{}: {}", errand.source, errand.text));
    }
    let text = |argument: &&Text| argument.raw().iter().any(|b| matches!(b, b';' | b'\n' | b'('));
    let script = kin::is_script(process).then(|| arguments(process).iter().skip(1).filter(text)).into_iter().flatten();
    script.filter_map(|argument| once_line(&apart(argument.raw()))).map(|(_, line)| line.shown()).next()
}

/// A script of one line, with its statements in lines of their own.
fn apart(script: &[u8]) -> Vec<u8> {
    script.iter().flat_map(|b| if *b == b';' { vec![b';', b'\n'] } else { vec![*b] }).collect()
}

/// The argument by which a program logs somebody in: `auth login`, `authorize`; for a client of a service elsewhere, that it
/// listens at all without having been told to serve.
fn logs_in(process: &Process) -> Option<String> {
    let argv = arguments(process);
    let word = |words: &str| {
        let is = |argument: &&Text| words.split(' ').any(|word| argument.raw() == word.as_bytes());
        argv.iter().skip(1).take(MOST_ARGUMENTS).find(is)
    };
    let account = program::find(process, |known| known.kind == Kind::Account).is_some();
    let serves = word(SERVING).is_some();
    let known =
        program::find(process, |known| matches!(known.kind, Kind::Server | Kind::Master | Kind::Proxy | Kind::Login)).is_some();
    if let Some(verb) = word(VERBS).filter(|_| !serves && !known) {
        return Some(format!("its arguments say `{verb}`"));
    }
    (account && !serves).then(|| "it is a client of a service elsewhere".to_owned())
}

/// True for a program whose own name says that it logs in: `oauth_callback.py`, `get-token`.
fn is_named_so(process: &Process) -> bool {
    let script = arguments(process).get(1).filter(|_| kin::is_script(process)).map(Text::shown).unwrap_or_default();
    [process.title(), script.rsplit('/').next().unwrap_or_default().to_owned()].iter().any(|name| {
        let name = name.to_ascii_lowercase();
        let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        words.iter().any(|word| NAMES.split(' ').any(|known| known == *word))
            && !words.iter().any(|word| LASTING.split(' ').any(|known| known == *word))
    })
}

/// True where the text tells that a client of its own was answered: what waits for the first one has had it.
fn was_answered(case: &Case<'_>) -> bool {
    matches!(
        case.symptom(),
        Some(
            Symptom::HttpStatus
                | Symptom::EmptyReply
                | Symptom::Reset
                | Symptom::NoAnswer
                | Symptom::WrongProtocol
                | Symptom::TlsExpected
                | Symptom::TlsUnexpected
                | Symptom::CertificateUntrusted
                | Symptom::HostBlocked
                | Symptom::CrossOrigin
                | Symptom::AuthenticationFailed
                | Symptom::TooManyConnections
                | Symptom::UpstreamFailed
        )
    )
}

/// True where the tables hold server's ends of connections that were taken before.
fn is_in_use(case: &Case<'_>, listener: &Socket) -> bool {
    case.here().any(|(_, socket)| {
        socket.remote().is_some()
            && socket.port() == listener.port()
            && !matches!(socket.state, SocketState::SynSent | SocketState::Bound)
    })
}

/// True for a program that is known to serve many, that a supervisor keeps, or that is older than any login lasts.
fn stays(case: &Case<'_>, process: &Process) -> bool {
    let serves =
        |kind: Kind| matches!(kind, Kind::DevServer | Kind::Server | Kind::Master | Kind::Proxy | Kind::Activator | Kind::Login);
    let known = program::find(process, |known| serves(known.kind)).is_some();
    let old = process.started_at.seconds_until(case.snapshot.host.now) > LONGEST_LOGIN_S;
    let kept =
        process.cgroup.known().is_some_and(|group| group.raw().ends_with(b".service") && !contains(group.raw(), b"/user@"));
    let module = arguments(process)
        .windows(2)
        .any(|pair| matches!(pair, [m, module] if m.raw() == b"-m" && module.raw() == b"http.server"));
    known || old || kept || module || is_handed(case, process)
}

/// True where a supervisor opened the socket for it.
fn is_handed(case: &Case<'_>, process: &Process) -> bool {
    case.served().iter().any(|(index, _)| {
        via(case.snapshot, *index)
            .iter()
            .any(|(holding, how)| holding.pid == process.id.pid && *how == portward_model::Seen::Known(Via::Activated))
    })
}

fn arguments(process: &Process) -> &[Text] {
    process.argv.known().map(CommandLine::arguments).unwrap_or_default()
}

/// Ports on which programs wait for the redirect of a login, by their own documentation or source, and who.
const CALLBACK_PORTS: &[(u16, u16, &str)] = &[
    (1410, 1410, "httr (R)"),
    (1455, 1455, "Codex"),
    (1717, 1717, "the Salesforce CLI"),
    (3118, 3118, "an MCP client"),
    (3334, 3334, "mcp-remote"),
    (3456, 3456, "the Shopify CLI"),
    (5588, 5588, "librespot"),
    (7777, 7777, "a music client"),
    (8020, 8020, "the Databricks CLI"),
    (8065, 8070, "the Bitwarden CLI"),
    (8085, 8085, "gcloud"),
    (8250, 8250, "Vault"),
    (8400, 8400, "the Azure CLI"),
    (8976, 8976, "Wrangler"),
    (8989, 8989, "a music client"),
    (9005, 9005, "the Firebase CLI"),
    (10000, 10010, "Terraform"),
    (18000, 18000, "kubelogin"),
    (19876, 19876, "OpenCode"),
    (26635, 26635, "the Confluent CLI"),
    (27097, 27097, "mongosh"),
    (35001, 35001, "the AWS VPN client"),
    (53682, 53682, "rclone"),
    (54545, 54545, "Claude Code"),
];
/// Arguments that log in.
const VERBS: &str = "login log-in signin sign-in authorize authenticate reauth auth oauth sso oidc-login get-token reconnect";
/// Arguments of such programs that serve.
const SERVING: &str = "serve server rcd rc dev start run daemon proxy emulators:start emulators functions pages tunnel listen preview \
     port-forward watch app-server mcp-server web runserver";
/// Words in the names of programs that wait for a callback.
const NAMES: &str = "login oauth oauth2 callback authorize authenticate signin sso oneshot once";
/// Words in names that make them servers all the same.
const LASTING: &str = "server service proxy api gateway provider app web worker d daemon backend mock";
/// No login lasts longer, in seconds.
const LONGEST_LOGIN_S: u64 = 30 * 60;
/// Words among which a verb stands.
const MOST_ARGUMENTS: usize = 8;
/// Scripts that are read.
const MOST: usize = 8;

#[cfg(test)]
mod tests {
    use portward_model::{Errand, Text};

    use super::super::why_not;
    use crate::{
        Symptom,
        case::scene::Scene,
        fixture::{holding, listener, process, world},
    };

    /// A program of this age that listens with this backlog.
    fn waiting(argv: &[&str], port: u16, backlog: u32, age: i64) -> Scene {
        let mut socket = listener("127.0.0.1", port);
        socket.queue.limit = backlog;
        let snapshot = world(vec![socket], vec![process(4121, 4000, argv, age)], vec![holding(0, 4121, 3)]);
        Scene::on(snapshot, &format!("127.0.0.1:{port}"))
    }

    fn reason(scene: &Scene) -> String {
        why_not(&scene.case(), 0, &scene.snapshot.sockets[0]).map(|spared| spared.because.to_string()).unwrap_or_default()
    }

    fn is_hidden(mut scene: Scene) -> Scene {
        scene.snapshot.holdings.clear();
        scene
    }

    #[test]
    fn logins_that_wait_for_their_callback_are_left_alone() {
        for (argv, port, backlog) in [
            (&["/usr/bin/python3", "/usr/lib/google-cloud-sdk/lib/gcloud.py", "auth", "login"][..], 8086, 5),
            (&["rclone", "authorize", "drive"], 53682, 4096),
            (&["rclone", "config"], 40123, 4096),
            (&["python3", "-m", "azure.cli", "login"], 41001, 5),
            (&["gh", "auth", "login", "--web"], 45011, 4096),
            (&["node", "/usr/bin/wrangler", "login"], 8976, 511),
            (&["mycli", "sso", "login"], 9123, 4096),
            (&["python3", "oauth_callback.py"], 8765, 5),
            (&["./shopctl"], 8085, 4096),
            (&["./shopctl"], 51234, 4096),
            (
                &[
                    "python3",
                    "-c",
                    "import http.server as h; h.HTTPServer(('', 8080), h.BaseHTTPRequestHandler).handle_request()",
                ],
                8080,
                5,
            ),
            (&["node", "-e", "const s = http.createServer((q, r) => { r.end('ok'); s.close(); }).listen(9000)"], 9000, 511),
        ] {
            assert!(!reason(&waiting(argv, port, backlog, 20)).is_empty(), "{argv:?} on {port}");
        }
    }

    #[test]
    fn servers_that_stay_are_asked() {
        for (argv, port, backlog, age) in [
            (&["nginx"][..], 8085, 511, 20),
            (&["./shopctl"], 8085, 4096, 90_000),
            (&["python3", "-m", "http.server", "8085"], 8085, 5, 20),
            (&["rclone", "serve", "http", "remote:"], 8080, 4096, 20),
            (&["rclone", "rcd"], 5572, 4096, 20),
            (&["node", "/usr/bin/wrangler", "dev"], 8787, 511, 20),
            (&["node", "auth-server.js"], 3000, 511, 20),
            (&["python3", "login_service.py"], 3000, 128, 20),
            (&["oauth2-proxy"], 4180, 4096, 20),
            (&["./shop", "--port", "51234"], 51234, 4096, 20),
            (&["python3", "shop.py"], 8000, 5, 20),
        ] {
            assert_eq!(reason(&waiting(argv, port, backlog, age)), "", "{argv:?} on {port}");
        }
    }

    #[test]
    fn a_script_says_it_by_itself() {
        let scene = waiting(&["python3", "a.py"], 8123, 5, 90_000).but(|scene| {
            let (source, text) = (Text::from("/w/a.py:9"), Text::from("s.handle_request()"));
            scene.exam.errands.push(Errand { pid: 4121, source, text });
        });
        assert!(reason(&scene).contains("/w/a.py:9: s.handle_request()"), "{}", reason(&scene));
    }

    #[test]
    fn an_owner_that_is_hidden_is_known_by_what_is_not() {
        let hidden = |argv: &[&str], port, backlog| reason(&is_hidden(waiting(argv, port, backlog, 20)));
        assert!(hidden(&["rclone", "authorize", "drive"], 40321, 4096).contains("login"));
        assert_eq!(hidden(&["rclone", "authorize", "drive"], 9321, 4096), "", "any port may be another's");
        assert!(hidden(&["node", "--inspect-brk=127.0.0.1:9333", "a.js"], 9333, 511).contains("inspector"));
        assert!(hidden(&["java", "-agentlib:jdwp=transport=dt_socket,server=y,address=7001", "Shop"], 7001, 50).contains("JDWP"));
        assert!(hidden(&["x"], 8085, 4096).contains("gcloud"));
        assert!(hidden(&["x"], 8765, 5).contains("backlog of 5"));
        assert_eq!(hidden(&["x"], 8765, 128), "");
    }

    #[test]
    fn a_client_that_was_answered_was_not_the_first() {
        let told = is_hidden(waiting(&["x"], 8085, 4096, 20)).said(Symptom::HttpStatus, None, "HTTP 500");
        assert_eq!(reason(&told), "");
        let refused = is_hidden(waiting(&["x"], 8085, 4096, 20)).said(Symptom::Refused, None, "refused");
        assert!(!reason(&refused).is_empty());
    }
}
