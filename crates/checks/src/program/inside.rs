//! What a person should know of a program that runs in a session: that it has a server outside start something, that it looks at
//! the ports of the whole machine, or that it tells its clients the port that it asked for.

#![expect(clippy::unnecessary_wraps, reason = "what entries know has one shape, whether it depends on arguments or not")]

use portward_model::{Process, Text};

use super::{Kind, Program, all, arguments, named};

/// What a program does that a private localhost does not carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inside {
    /// What it is told to start is started by another process, which may run outside.
    Asks(Asked),
    /// It looks among the sockets of the whole machine, for this port where it names one.
    Seeks(Option<u16>),
    /// What it serves names the port that it asked for, and this makes it name its own place.
    Names(&'static str),
}

/// A server that starts programs for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// As people call it.
    pub server: &'static str,
    /// Which of its servers, by the words of the command line that choose one: `-L shop`. Servers of other words are others.
    pub at: At,
    /// What keeps the program inside, where there is such a thing.
    pub helps: Option<&'static str>,
}

/// Where such a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Always outside.
    Outside,
    /// Wherever the first client was that needed it: it has this beginning of a name.
    Whoever(&'static str),
}

/// What is to be known in a session of a process that goes by these names, with the program that it is.
pub fn inside(names: &[&str], arguments: &[Text]) -> Option<(&'static str, Inside)> {
    let mut known = all().filter_map(|known| Some((known, names.iter().find(|name| known.goes_by(name))?)));
    let told = known.find_map(|(known, name)| Some((known.called(name), known.inside?(arguments)?)));
    told.or_else(|| Some(("Java", management(arguments)?)))
}

/// The same of a process that can be read.
pub fn inside_process(process: &Process) -> Option<(&'static str, Inside)> {
    let (title, own) = (process.title(), process.name.shown());
    inside(&[&title, &own], arguments(process))
}

/// True for the name of a program that may be told of as it begins: one that is no server, whose listeners say enough.
pub fn is_noted_inside(name: &[u8]) -> bool {
    let Ok(name) = std::str::from_utf8(name) else { return false };
    named(name).is_some_and(|known| known.inside.is_some() && !matches!(known.kind, Kind::DevServer | Kind::Server))
}

/// The words behind the program's own.
fn words(arguments: &[Text]) -> impl Iterator<Item = &[u8]> {
    arguments.iter().skip(1).map(Text::raw)
}

/// tmux, where its command starts a program; its server is chosen by `-L` or `-S` (tmux(1)).
pub(super) fn tmux(arguments: &[Text]) -> Option<Inside> {
    const STARTS: &[&str] = &[
        "new-session",
        "new",
        "new-window",
        "neww",
        "split-window",
        "splitw",
        "respawn-pane",
        "respawn-window",
        "run-shell",
        "run",
        "send-keys",
        "send",
        "attach-session",
        "attach",
        "a",
        "start-server",
        "start",
        "display-popup",
        "popup",
        "source-file",
    ];
    let mut words = words(arguments);
    let mut verb = None;
    while let Some(word) = words.next() {
        match word {
            b"-L" | b"-S" | b"-f" | b"-c" | b"-T" => drop(words.next()),
            word if word.starts_with(b"-") => {}
            word => {
                verb = Some(word);
                break;
            }
        }
    }
    let starts = verb.is_none_or(|verb| STARTS.iter().any(|known| known.as_bytes() == verb));
    let helps = Some("tmux -L NAME    starts a server of its own inside");
    starts.then_some(Inside::Asks(Asked { server: "tmux", at: At::Whoever("tmux: server"), helps }))
}

/// screen, where it speaks to one that runs (`-x`, `-r`, `-X`); alone it starts its own (screen(1)).
pub(super) fn screen(arguments: &[Text]) -> Option<Inside> {
    let speaks = words(arguments).any(|word| matches!(word, b"-x" | b"-X" | b"-r" | b"-R" | b"-RR"));
    let helps = Some("screen -S NAME    starts a screen of its own inside");
    speaks.then_some(Inside::Asks(Asked { server: "screen", at: At::Whoever("SCREEN"), helps }))
}

/// systemd-run, which starts a unit; with `--scope` the program stays its own child (systemd-run(1)).
pub(super) fn systemd_run(arguments: &[Text]) -> Option<Inside> {
    let stays = words(arguments).any(|word| word == b"--scope");
    let helps = Some("systemd-run --scope    keeps it inside");
    (!stays).then_some(Inside::Asks(Asked { server: "systemd", at: At::Outside, helps }))
}

/// at and batch, unless they only list, show or remove (at(1)).
pub(super) fn at(arguments: &[Text]) -> Option<Inside> {
    let looks = words(arguments).any(|word| matches!(word, b"-l" | b"-c" | b"-r" | b"-d" | b"-V"));
    (!looks).then_some(Inside::Asks(Asked { server: "atd", at: At::Outside, helps: None }))
}

/// docker and docker-compose, where they start containers whose ports are the machine's (docker(1)).
pub(super) fn docker(arguments: &[Text]) -> Option<Inside> {
    // docker-compose may be a script: what runs it stands before its own words.
    let compose = |word: &Text| word.raw().ends_with(b"docker-compose");
    let own = arguments.iter().take(3).position(compose);
    let mut words = arguments.iter().skip(own.map_or(1, |own| own + 1)).map(Text::raw);
    let mut composes = own.is_some();
    let mut verb = verb_of(&mut words, if composes { COMPOSE } else { DOCKER });
    // As a plugin it is told once more what it is.
    while let Some(group @ (b"compose" | b"container")) = verb {
        composes |= group == b"compose";
        verb = verb_of(&mut words, if composes { COMPOSE } else { DOCKER });
    }
    let starts = match verb? {
        b"up" | b"watch" => composes,
        b"run" | b"create" if !composes => words.any(publishes) || shares_network(arguments),
        b"run" | b"start" | b"restart" => true,
        b"stack" | b"service" => words.any(|word| matches!(word, b"deploy" | b"create" | b"up")),
        _ => false,
    };
    let helps = if composes {
        "WEB=$(portward port 8080) docker compose up    with ports: ['${WEB}:80'] publishes at the session's own port"
    } else {
        "docker run -p $(portward port 8080):80    publishes at the session's own port"
    };
    starts.then_some(Inside::Asks(Asked { server: "Docker", at: At::Outside, helps: Some(helps) }))
}

/// The first word that is no option, behind those of these that take a word.
fn verb_of<'a>(words: &mut impl Iterator<Item = &'a [u8]>, taking: &[&str]) -> Option<&'a [u8]> {
    while let Some(word) = words.next() {
        if !word.starts_with(b"-") {
            return Some(word);
        }
        if taking.iter().any(|option| option.as_bytes() == word) {
            words.next();
        }
    }
    None
}

/// True for an option that publishes ports, or shares the machine's network: `-p 80:80`, `-dp80:80`, `--network=host`.
fn publishes(word: &[u8]) -> bool {
    let short = word.strip_prefix(b"-").filter(|rest| !rest.starts_with(b"-")).unwrap_or_default();
    // Letters before it take no word; behind one that does, its word stands.
    let short = short.iter().find(|letter| !b"dit".contains(letter));
    short.is_some_and(|letter| matches!(letter, b'p' | b'P'))
        || word.starts_with(b"--publish")
        || matches!(word, b"--network=host" | b"--net=host")
}

/// True for a network that is named in a word of its own: `--network host`.
fn shares_network(arguments: &[Text]) -> bool {
    let is = |pair: &[Text]| matches!(pair, [option, host] if matches!(option.raw(), b"--network" | b"--net") && host.raw() == b"host");
    arguments.windows(2).any(is)
}

/// Options of docker before its verb that take a word, and those of its compose.
const DOCKER: &[&str] =
    &["-c", "--context", "-H", "--host", "-l", "--log-level", "--config", "--tlscacert", "--tlscert", "--tlskey"];
const COMPOSE: &[&str] = &[
    "-f",
    "--file",
    "-p",
    "--project-name",
    "--profile",
    "--env-file",
    "--project-directory",
    "--ansi",
    "--progress",
    "--parallel",
    "-H",
    "--host",
    "-c",
    "--context",
    "--log-level",
];

/// An editor's command, which opens in the window that is there.
pub(super) fn editor(arguments: &[Text]) -> Option<Inside> {
    // Its own processes have long options; a person names a folder or a file.
    let asks = words(arguments).all(|word| !word.starts_with(b"--type=")) && words(arguments).next().is_some();
    asks.then_some(Inside::Asks(Asked { server: "the editor", at: At::Whoever("code"), helps: None }))
}

/// lsof, fuser, ss, netstat, kill-port and their like.
pub(super) fn seeks(arguments: &[Text]) -> Option<Inside> {
    let own = arguments.first().map(Text::raw).unwrap_or_default();
    // kill-port is a script: what runs it stands before its own words.
    let behind = usize::from(own.ends_with(b"node") || own.ends_with(b"bun"));
    let base = own.rsplit(|byte| *byte == b'/').next().unwrap_or(own);
    let all: Vec<&[u8]> = words(arguments).skip(behind).collect();
    // fuser names files as well, lsof everything that is open.
    let asks = match base {
        b"lsof" => all.iter().any(|word| word.starts_with(b"-") && !word.starts_with(b"--") && word.contains(&b'i')),
        b"fuser" => all.iter().any(|word| word.ends_with(b"/tcp") || word.ends_with(b"/udp") || matches!(*word, b"tcp" | b"udp")),
        _ => true,
    };
    asks.then(|| Inside::Seeks(all.iter().find_map(|word| port_in(word))))
}

/// The port that a word of such a command names: `3000`, `:3000`, `-ti:3000`, `tcp:3000`, `3000/tcp`, `@127.0.0.1:3000`.
fn port_in(word: &[u8]) -> Option<u16> {
    let word = std::str::from_utf8(word).ok()?;
    let word = word.strip_suffix("/tcp").or(word.strip_suffix("/udp")).unwrap_or(word);
    // Filters of ss stand in one word, or in several.
    let last = word.split_whitespace().next_back()?;
    let number = last.rsplit(':').next()?;
    number.parse().ok().filter(|port| *port > 0)
}

/// webpack's development server, whose pages dial the port of its settings (`client.webSocketURL`). What webpack listens for is that: it
/// renames itself, and its arguments are lost.
pub(super) fn webpack(_: &[Text]) -> Option<Inside> {
    Some(Inside::Names("devServer.client.webSocketURL: 'auto://0.0.0.0:0/ws' has its pages dial where they came from"))
}

/// Create React App, which has the same from its environment.
pub(super) fn react_scripts(_: &[Text]) -> Option<Inside> {
    Some(Inside::Names("WDS_SOCKET_PORT=0 in its environment has its pages dial where they came from"))
}

/// Vue CLI, which has the same in its own file.
pub(super) fn vue_cli(_: &[Text]) -> Option<Inside> {
    Some(Inside::Names(
        "devServer.client.webSocketURL: 'auto://0.0.0.0:0/ws' in vue.config.js has its pages dial where they came from",
    ))
}

/// Kafka, which tells clients where its brokers are.
pub(super) fn kafka(_: &[Text]) -> Option<Inside> {
    Some(Inside::Names("advertised.listeners=PLAINTEXT://localhost:$(portward port 9092) is what clients outside are to be told"))
}

/// FTP servers, which tell clients the port of a passive transfer.
pub(super) fn ftp(_: &[Text]) -> Option<Inside> {
    Some(Inside::Names("clients outside transfer in active mode: curl --ftp-port - ftp://localhost:$(portward port 21)/"))
}

/// JMX names the port that it asked for to whoever asks its registry.
fn management(arguments: &[Text]) -> Option<Inside> {
    let named = words(arguments).any(|word| word.starts_with(b"-Dcom.sun.management.jmxremote.port="));
    named.then_some(Inside::Names(
        "-Dcom.sun.management.jmxremote.port=$(portward port PORT), and rmi.port likewise, is right on both sides",
    ))
}

impl Program {
    /// The same program, with what is to be known of it in a session.
    pub(super) const fn inside(self, inside: fn(&[Text]) -> Option<Inside>) -> Self {
        Self { inside: Some(inside), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, At, Inside, inside_process};
    use crate::fixture::process;

    fn of(line: &str) -> Option<Inside> {
        let words: Vec<&str> = line.split(' ').collect();
        Some(inside_process(&process(7, 1, &words, 60))?.1)
    }

    fn asks(line: &str) -> Option<&'static str> {
        match of(line)? {
            Inside::Asks(Asked { server, .. }) => Some(server),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn clients_of_servers_that_start_programs() {
        for (line, server) in [
            ("tmux new-session -d vite", Some("tmux")),
            ("tmux -L shop neww", Some("tmux")),
            ("tmux", Some("tmux")),
            ("tmux -L new-session ls", None),
            ("tmux kill-server", None),
            ("screen -x", Some("screen")),
            ("screen -dmS shop vite", None),
            ("systemd-run --user vite", Some("systemd")),
            ("systemd-run --user --scope vite", None),
            ("at now", Some("atd")),
            ("at -l", None),
            ("docker run -p 8080:80 nginx", Some("Docker")),
            ("docker run --rm busybox true", None),
            ("docker compose up -d", Some("Docker")),
            ("docker-compose up", Some("Docker")),
            ("docker ps", None),
            ("docker run -dp80:80 nginx", Some("Docker")),
            ("docker run --network host nginx", Some("Docker")),
            ("docker run -e A=-p busybox true", None),
            ("docker run --rm busybox start", None),
            ("docker --context work container start web", Some("Docker")),
            ("docker compose -f up.yaml down", None),
            ("docker compose -f a.yaml -p shop up -d", Some("Docker")),
            ("docker compose run --rm web sh", Some("Docker")),
            ("docker compose exec web up", None),
            ("docker compose ps", None),
            ("/usr/libexec/docker/cli-plugins/docker-compose compose up", Some("Docker")),
            ("/usr/bin/python3 /usr/bin/docker-compose up", Some("Docker")),
            ("/usr/bin/python3 /usr/bin/docker-compose ps", None),
            ("docker-compose -f a.yaml up", Some("Docker")),
            ("docker stack deploy -c a.yaml shop", Some("Docker")),
            ("code .", Some("the editor")),
        ] {
            assert_eq!(asks(line), server, "{line}");
        }
        let Some(Inside::Asks(Asked { at, .. })) = of("tmux new") else { panic!("it asks") };
        assert_eq!(at, At::Whoever("tmux: server"));
    }

    #[test]
    fn programs_that_look_for_a_port() {
        for (line, port) in [
            ("lsof -ti:3000", Some(Some(3000))),
            ("lsof -t -i tcp:3000", Some(Some(3000))),
            ("lsof -iTCP:3000 -sTCP:LISTEN", Some(Some(3000))),
            ("lsof -nP -i", Some(None)),
            ("lsof /tmp/file", None),
            ("fuser -k 3000/tcp", Some(Some(3000))),
            ("fuser -n tcp 3000", Some(Some(3000))),
            ("fuser /tmp/file", None),
            ("ss -ltnp sport = :3000", Some(Some(3000))),
            ("netstat -tlnp", Some(None)),
            ("node /w/node_modules/.bin/kill-port 3000", Some(Some(3000))),
            ("curl http://localhost:3000", None),
        ] {
            let found = of(line).map(|found| if let Inside::Seeks(port) = found { port } else { panic!("{line}: {found:?}") });
            assert_eq!(found, port, "{line}");
        }
    }

    #[test]
    fn servers_that_name_their_port() {
        for line in [
            "node /w/node_modules/.bin/webpack serve",
            "webpack",
            "node /w/node_modules/react-scripts/bin/react-scripts.js start",
            "node /w/node_modules/.bin/vue-cli-service serve",
            "vsftpd",
            "java kafka.Kafka server.properties",
            "java -Dcom.sun.management.jmxremote.port=9010 Shop",
        ] {
            assert!(matches!(of(line), Some(Inside::Names(_))), "{line}: {:?}", of(line));
        }
        assert_eq!(of("node server.js"), None);
    }
}
