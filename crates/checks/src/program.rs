//! The programs that Portward knows, one entry each: by which names a process is known, what it is, how it is told where to listen.
//!
//! Whatever asks about a program by its name asks here. An entry is a file of its own and its name in the list below, or, where
//! there is nothing but a name and a kind, a row in the table of its kind. What protocols are is known in `portward_wire`.

mod authors;
mod compares;
mod inside;
mod names;
mod told;
mod tunnel;
mod usual;

use portward_model::{CommandLine, Process, Text};
use portward_wire::protocol::{self, HTTP, Protocol};

pub(crate) use self::{
    authors::author,
    names::named,
    tunnel::{Line, kubectl_to, socat_to},
};
pub use self::{
    docker_proxy::{DockerProxy, docker_proxy},
    inside::{Asked, At, Inside, inside, inside_process, is_noted_inside},
    tunnel::tunnel,
};
pub use compares::compares;
pub use told::{Arranged, arrange, flags};
pub use usual::is_known_socket;
pub(crate) use usual::{on_port, port_of};

macro_rules! programs {
    ($($name:ident,)*) => {
        $(mod $name;)*

        /// Every program, by kind.
        const PROGRAMS: &[&[Program]] = &[$($name::PROGRAMS),*];
    };
}

programs! {
    vite,
    next,
    webpack,
    django,
    http_server,
    php,
    gunicorn,
    uvicorn,
    postgres,
    redis,
    mysql,
    docker_proxy,
    netcat,
    socat,
    servers,
    clients,
    accounts,
    runtimes,
    runners,
    keepers,
    editors,
    seekers,
    shells,
    debuggers,
}

/// What is to be known of a program by its arguments.
type ByArguments = fn(&[Text]) -> Option<Inside>;

/// What is known of one program.
#[derive(Clone, Copy)]
pub(crate) struct Program {
    /// The names that its process or its script goes by, parted by spaces; one with a star at its end begins such names. Programs
    /// of which nothing more is known share an entry.
    names: &'static str,
    /// As people call it; empty where that is its first name.
    title: &'static str,
    /// What it is.
    pub(crate) kind: Kind,
    /// The name of the one protocol that it speaks; empty where it may speak any.
    speaks: &'static str,
    /// True where programs that speak something else go by its name, too.
    shares_its_name: bool,
    /// Its TCP ports, the usual one first, with what people find there.
    ports: &'static [(u16, &'static str)],
    /// How it is told its port.
    told: Way,
    /// How it is told the address to listen on, with `HOST` in it; empty where it has no such option.
    pub(crate) address: &'static str,
    /// How it is let listen on TCP, where it can do without; empty where it cannot.
    pub(crate) tcp: &'static str,
    /// The setting that lists the host names it answers to, with `HOST` in it; empty where it answers to all.
    pub(crate) allows: &'static str,
    /// Beginnings of the names of its configuration files.
    pub(crate) files: &'static [&'static str],
    /// Parts of the names of its Unix sockets.
    sockets: &'static [&'static str],
    /// Words of its arguments that make it start its program again when a file changes.
    again: &'static [&'static str],
    /// Words of its arguments that tell it where its name does not: an editor's server is a runtime by name.
    pub(crate) marks: &'static [&'static str],
    /// True where it takes any port but the one that it asked for as one in use.
    compares: bool,
    /// What of its arguments names a script or a tool, where it runs such.
    pub(crate) runner: Option<Runner>,
    /// True where it makes many connections at once, to see how a server bears them.
    pub(crate) loads: bool,
    /// True when these arguments make it take one client and end.
    one_shot: fn(&[Text]) -> bool,
    /// What it does by these arguments with whatever it is sent, after its name, where that is more than to answer.
    keeps: fn(&[Text]) -> Option<&'static str>,
    /// What is to be known of it in a session, by these arguments.
    inside: Option<ByArguments>,
    /// Real command lines, as `ps` shows them, with what each becomes when it is told port 20300, where that changes it.
    #[cfg_attr(not(test), expect(dead_code, reason = "the loops read it"))]
    seen: &'static [(&'static str, &'static str)],
}

/// What a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Serves what is being developed.
    DevServer,
    /// Serves.
    Server,
    /// Serves by workers, which it starts again when they end.
    Master,
    /// Passes on what comes to a port.
    Proxy,
    /// Takes a port as the place to go to.
    Client,
    /// Does its work elsewhere, and waits for a browser while a person logs in.
    Account,
    /// Runs programs of a language.
    Runtime,
    /// Runs scripts, builds and tools.
    Runner,
    /// Keeps other programs running.
    Keeper {
        /// The command that stops one for good; `NAME` is the name that the keeper knows it by. Without one the keeper is ended.
        stop: Option<&'static str>,
    },
    /// Listens for others, and starts them at the first connection.
    Activator,
    /// Edits files, and runs terminals, tasks and debuggers.
    Editor {
        /// True when it listens for what it debugs.
        debugs: bool,
    },
    /// Reads commands.
    Shell,
    /// Shows a shell.
    Terminal,
    /// Lets people in from another machine.
    Login,
    /// Holds a program for a debugger.
    Debugger,
}

/// What of a runner's arguments names a script, or a tool.
#[derive(Clone, Copy)]
pub(crate) struct Runner {
    /// First words that make it a script; none means that any use is one.
    pub(crate) runs: &'static [&'static str],
    /// First words that make it the execution of one tool; `*` for any.
    pub(crate) executes: &'static [&'static str],
}

/// How a program is told its port.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// By its environment, by a file, or not at all.
    Unknown,
    /// These words at the end; `{}` is the port. Not where one of the command's own words is the first of them already.
    Flags(&'static [&'static str]),
    /// One word at the end, where the last word is this one.
    Last(&'static str, &'static str),
    /// The word after this one.
    After(&'static str, &'static str),
    /// By a socket, with these words at the end.
    Socket(&'static [&'static str]),
}

impl Program {
    /// A program of which nothing is known but its names and its kind; entries begin with it.
    const fn named(names: &'static str, kind: Kind) -> Self {
        Self {
            names,
            title: "",
            kind,
            speaks: "",
            shares_its_name: false,
            ports: &[],
            told: Way::Unknown,
            address: "",
            tcp: "",
            allows: "",
            files: &[],
            sockets: &[],
            again: &[],
            marks: &[],
            compares: false,
            runner: None,
            loads: false,
            one_shot: |_| false,
            keeps: |_| None,
            inside: None,
            seen: &[],
        }
    }

    const fn speaks(self, speaks: &'static str) -> Self {
        Self { speaks, ..self }
    }

    const fn on(self, ports: &'static [(u16, &'static str)]) -> Self {
        Self { ports, ..self }
    }

    const fn known_as(self, title: &'static str) -> Self {
        Self { title, ..self }
    }

    /// As people call it; where that is the name that it goes by, the one that fits.
    pub(crate) fn called(&self, text: &str) -> &'static str {
        let names = || self.names.split(' ');
        let own = || names().find(|name| is_it(name, text)).or_else(|| names().next()).unwrap_or_default();
        if self.title.is_empty() { own().trim_end_matches('*') } else { self.title }
    }

    /// The one protocol that it speaks.
    pub(crate) fn protocol(&self) -> Option<&'static Protocol> {
        protocol::named(self.speaks)
    }

    /// True where it is usual on this TCP port.
    pub(crate) fn is_on(&self, port: u16) -> bool {
        self.ports.iter().any(|(number, _)| *number == port)
    }

    /// True when a path is that of one of its sockets.
    pub(crate) fn is_path(&self, path: &[u8]) -> bool {
        self.sockets.iter().any(|part| path.windows(part.len()).any(|window| window == part.as_bytes()))
    }

    /// True for one of its names, alone or with what a process that renamed itself adds to it: `nginx: master process`.
    pub(crate) fn goes_by(&self, text: &str) -> bool {
        self.names.split(' ').any(|name| is_it(name, text))
    }

    /// True for a process that goes by one of its names.
    pub(crate) fn is(&self, process: &Process) -> bool {
        self.goes_by(&process.title()) || self.goes_by(&process.name.shown())
    }

    /// True when one of its words stands among the arguments of its process: it starts its program again when a file changes.
    pub(crate) fn is_told_to_watch(&self, process: &Process) -> bool {
        arguments(process).iter().skip(1).any(|argument| self.again.iter().any(|word| argument.raw() == word.as_bytes()))
    }

    /// What is shown of a script or tool that it runs by this first word; `None` where it runs none.
    pub(crate) fn runs(&self, verb: Option<&str>) -> Option<Run> {
        let Runner { runs, executes } = self.runner?;
        if executes.contains(&"*") || verb.is_some_and(|verb| executes.contains(&verb)) {
            return Some(Run::Tool);
        }
        (runs.is_empty() || verb.is_some_and(|verb| runs.contains(&verb))).then_some(Run::Script)
    }
}

/// True for a name, or for what begins with it where it has a star.
fn is_it(name: &str, text: &str) -> bool {
    // A login shell has a dash before its name.
    let text = text.strip_prefix('-').unwrap_or(text);
    let beginning = name.strip_suffix('*');
    let name = beginning.unwrap_or(name);
    let Some((start, rest)) = text.split_at_checked(name.len()).filter(|_| !name.is_empty()) else { return false };
    start.eq_ignore_ascii_case(name) && (beginning.is_some() || rest.is_empty() || rest.starts_with([':', ' ']))
}

/// What a runner runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// A named script or target.
    Script,
    /// One tool.
    Tool,
}

/// Every program.
pub(crate) fn all() -> impl Iterator<Item = &'static Program> {
    PROGRAMS.iter().copied().flatten()
}

/// The program of this sort that a process is.
pub(crate) fn find(process: &Process, sort: impl Fn(&Program) -> bool) -> Option<&'static Program> {
    let (title, own) = (process.title(), process.name.shown());
    all().filter(|known| sort(known)).find(|known| known.goes_by(&title) || known.goes_by(&own))
}

/// The protocol in which a process most likely serves, by its program: a client's listener, such as a tunnel's, may speak any.
pub(crate) fn protocol_of(process: &Process) -> Option<&'static Protocol> {
    find(process, |known| known.kind != Kind::Client && !known.speaks.is_empty())?.protocol()
}

/// The same, where nothing else goes by the program's name and the protocol carries no other.
pub(crate) fn only_protocol_of(process: &Process) -> Option<&'static Protocol> {
    let is_shared = find(process, |known| known.shares_its_name).is_some();
    protocol_of(process).filter(|spoken| !is_shared && **spoken != HTTP)
}

/// The protocol that a process serves by its program, which may be one that only ever serves pages.
pub(crate) fn serves(process: &Process) -> Option<&'static Protocol> {
    protocol_of(process).or_else(|| find(process, |known| known.kind == Kind::DevServer).map(|_| &HTTP))
}

/// The protocol of the program that is usual on a TCP port.
pub(crate) fn spoken_on(port: u16) -> Option<&'static Protocol> {
    let known = all().find(|known| known.is_on(port))?;
    known.protocol().or_else(|| (known.kind == Kind::DevServer).then_some(&HTTP))
}

/// True for a program that takes one client by its arguments, and ends.
pub(crate) fn is_one_shot(process: &Process) -> bool {
    all().any(|known| (known.one_shot)(arguments(process)) && known.goes_by(&process.name.shown()))
}

/// What a process does with whatever it is sent, after its name, where that is more than to answer.
pub(crate) fn keeps(process: &Process) -> Option<&'static str> {
    all().filter(|known| known.goes_by(&process.name.shown())).find_map(|known| (known.keeps)(arguments(process)))
}

fn arguments(process: &Process) -> &[Text] {
    process.argv.known().map(CommandLine::arguments).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use portward_model::Process;

    use super::{Kind, Program, Way, all, arrange, find, is_known_socket, named, on_port, port_of, protocol_of, told};
    use crate::fixture::process;

    /// Every name, with its program.
    fn names() -> impl Iterator<Item = (&'static Program, &'static str)> {
        all().flat_map(|known| known.names.split(' ').filter(|name| !name.is_empty()).map(move |name| (known, name)))
    }

    /// The process of a command line; a title that a process gave itself is one word.
    fn running(line: &str) -> Process {
        let words: Vec<&str> = if line.contains(": ") { vec![line] } else { line.split(' ').collect() };
        process(7, 1, &words, 60)
    }

    #[test]
    fn names_and_ports_are_of_one_program_each() {
        let mut names: Vec<String> = names().map(|(_, name)| name.to_ascii_lowercase()).collect();
        names.sort_unstable();
        assert!(names.is_sorted_by(|a, b| a < b), "{:?}", names.windows(2).find(|pair| pair[0] == pair[1]));
        let mut ports: Vec<u16> = all().flat_map(|known| known.ports).map(|(port, _)| *port).collect();
        ports.extend(portward_wire::protocol::PROTOCOLS.iter().flat_map(|known| known.ports).map(|usual| usual.port));
        ports.sort_unstable();
        assert!(ports.is_sorted_by(|a, b| a < b), "{ports:?}");
        for known in all() {
            assert!(!known.names.is_empty() || !known.marks.is_empty());
            assert!(
                known.speaks.is_empty() || known.protocol().is_some_and(|spoken| spoken.name == known.speaks),
                "{}",
                known.speaks
            );
            assert!(known.files.iter().all(|file| is_read(file)), "{} has a file that nobody reads", known.names);
        }
    }

    fn is_read(file: &str) -> bool {
        let whole = if file.ends_with('.') { format!("{file}ts") } else { file.to_owned() };
        portward_wire::mention::kind_of_file(whole.as_bytes()).is_some()
    }

    #[test]
    fn a_real_command_line_is_recognised_and_told_its_port() {
        for known in all() {
            // A row of names has no line of its own: the name is one.
            let rows = names().filter(|(own, _)| std::ptr::eq(*own, known) && known.seen.is_empty());
            let rows = rows.map(|(_, name)| (name.trim_end_matches('*'), ""));
            for (line, becomes) in rows.chain(known.seen.iter().copied()) {
                let command: Vec<String> = line.split(' ').map(str::to_owned).collect();
                // What starts it is a process of its own.
                let at = told::tool(&command).map_or(0, |(at, _)| at);
                let own = command.iter().skip(at).cloned().collect::<Vec<_>>().join(" ");
                let kind = std::mem::discriminant(&known.kind);
                let found = [line, &own].map(|line| find(&running(line), |other| std::mem::discriminant(&other.kind) == kind));
                assert!(found.iter().flatten().any(|found| std::ptr::eq(*found, known)), "{line}");
                if line.contains(": ") {
                    continue;
                }
                let arranged = arrange(&command, 20300);
                let becomes = if becomes.is_empty() { line } else { becomes };
                let socket = if arranged.takes_socket { " [socket]" } else { "" };
                assert_eq!(arranged.command.join(" ") + socket, becomes);
            }
            let is_told = matches!(known.told, Way::Unknown) || known.seen.iter().any(|(_, told)| !told.is_empty());
            assert!(is_told, "{} has a way and no command line that is told by it", known.names);
        }
    }

    #[test]
    fn a_clients_own_listener_may_speak_anything() {
        let serves = |argv: &[&str]| protocol_of(&process(7, 1, argv, 60)).map(|known| known.name);
        assert_eq!(serves(&["ssh", "-N", "-L", "8080:localhost:80", "box"]), None);
        assert_eq!((serves(&["sshd"]), serves(&["redis-server *:6379"])), (Some("ssh"), Some("redis")));
    }

    #[test]
    fn programs_are_found_by_name_port_and_socket() {
        assert_eq!((port_of("vite"), port_of("sshd"), port_of("shop")), (Some(5173), Some(22), None));
        assert_eq!(on_port(5173), Some("Vite development server"));
        assert!(named("PM2 v5.3.0: God Daemon").is_some_and(|known| matches!(known.kind, Kind::Keeper { stop: Some(_) })));
        assert!(is_known_socket(b"/run/php/php8.2-fpm.sock") && is_known_socket(b"/run/postgresql/.s.PGSQL.5432"));
        assert!(!is_known_socket(b"/tmp/shop.sock"));
        let chosen = find(&process(7, 1, &["node", "/w/node_modules/.bin/vite"], 60), |known| known.kind == Kind::DevServer);
        assert_eq!(chosen.map(|known| known.called("vite")), Some("vite"));
    }
}
