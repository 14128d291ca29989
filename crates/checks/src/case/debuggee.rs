//! Programs that were started to be debugged, by their own arguments.

use portward_model::{CommandLine, Process, Text};

use super::kin::contains;
use crate::program::{self, Kind};

/// What the arguments of a program say of its debugger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Debuggee {
    /// Whose protocol it is: `JDWP`, `inspector`, `debugpy`, `delve`, `gdbserver`, `rdbg`.
    pub(crate) protocol: &'static str,
    /// True when it listens for the debugger, false when it connects to one.
    pub(crate) listens: bool,
    /// True when it runs nothing of its own before the debugger says so.
    pub(crate) waits: bool,
    /// The debug port, where the arguments name one.
    pub(crate) port: Option<u16>,
    /// The argument that says so.
    pub(crate) argument: Text,
}

impl Debuggee {
    pub(crate) fn is_jdwp(&self) -> bool {
        self.protocol == "JDWP"
    }
}

/// How a program is debugged; `None` where its arguments do not say that it is, or cannot be read.
pub(crate) fn debuggee(process: &Process) -> Option<Debuggee> {
    let argv = process.argv.known().map(CommandLine::arguments)?;
    jdwp(argv).or_else(|| inspector(argv)).or_else(|| debugpy(argv)).or_else(|| server(argv))
}

/// `-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=*:5005`; `server` is n and `suspend` is y by default.
fn jdwp(argv: &[Text]) -> Option<Debuggee> {
    argv.iter().find_map(|argument| {
        let text = std::str::from_utf8(argument.raw()).ok()?;
        let options = text.strip_prefix("-agentlib:jdwp=").or_else(|| text.strip_prefix("-Xrunjdwp:"))?;
        let option = |name: &str| options.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        Some(Debuggee {
            protocol: "JDWP",
            listens: option("server") == Some("y"),
            waits: option("suspend") != Some("n"),
            port: option("address").and_then(port_of),
            argument: argument.clone(),
        })
    })
}

/// `--inspect`, `--inspect-brk=0.0.0.0:9230`, `--inspect-wait`; the port is 9229 by default.
fn inspector(argv: &[Text]) -> Option<Debuggee> {
    argv.iter().find_map(|argument| {
        let text = std::str::from_utf8(argument.raw()).ok()?;
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        let waits = match name {
            "--inspect" => false,
            "--inspect-brk" | "--inspect-wait" | "--debug-brk" => true,
            _ => return None,
        };
        let port = value.and_then(port_of).or(Some(9229)).filter(|port| *port != 0);
        Some(Debuggee { protocol: "inspector", listens: true, waits, port, argument: argument.clone() })
    })
}

/// `python -m debugpy --listen 5678 --wait-for-client app.py`
fn debugpy(argv: &[Text]) -> Option<Debuggee> {
    if !argv.iter().any(|argument| argument.raw().windows(7).any(|part| part == b"debugpy")) {
        return None;
    }
    let after = |name: &str| value_after(argv, name);
    let waiting = argv.iter().find(|argument| argument.raw() == b"--wait-for-client");
    let (listens, port) = match (after("--listen"), after("--connect")) {
        (Some(value), _) => (true, port_of(value)),
        (None, Some(value)) => (false, port_of(value)),
        (None, None) => return None,
    };
    let argument = waiting.cloned().unwrap_or_else(|| Text::from(if listens { "--listen" } else { "--connect" }));
    Some(Debuggee { protocol: "debugpy", listens, waits: waiting.is_some(), port, argument })
}

/// Debug servers that start the program themselves: delve, gdbserver, rdbg.
fn server(argv: &[Text]) -> Option<Debuggee> {
    let has = |name: &str| argv.iter().any(|argument| argument.raw() == name.as_bytes());
    let program = |argument: &Text| argument.raw().rsplit(|byte| *byte == b'/').next().map(<[u8]>::to_vec).unwrap_or_default();
    let named = |name: &str| argv.iter().take(2).find(|argument| program(argument) == name.as_bytes());
    if let Some(argument) = named("dlv").filter(|_| has("--headless") || has("--headless=true")) {
        let port = value_after(argv, "--listen").or_else(|| value_after(argv, "-l")).and_then(port_of);
        return Some(Debuggee { protocol: "delve", listens: true, waits: !has("--continue"), port, argument: argument.clone() });
    }
    if let Some(argument) = named("gdbserver") {
        let address = argv.iter().skip(1).filter_map(|argument| std::str::from_utf8(argument.raw()).ok());
        let port = address.filter(|text| text.contains(':')).find_map(port_of);
        let waits = !has("--multi") && !has("--attach");
        return Some(Debuggee { protocol: "gdbserver", listens: true, waits, port, argument: argument.clone() });
    }
    let argument = named("rdbg").filter(|_| has("--open") || has("-O"))?;
    let port = value_after(argv, "--port").and_then(port_of);
    let waits = !has("-n") && !has("--nonstop");
    Some(Debuggee { protocol: "rdbg", listens: true, waits, port, argument: argument.clone() })
}

/// The value of `--name value` or `--name=value`.
fn value_after<'a>(argv: &'a [Text], name: &str) -> Option<&'a str> {
    let mut rest = argv.iter().filter_map(|argument| std::str::from_utf8(argument.raw()).ok());
    while let Some(argument) = rest.next() {
        if argument == name {
            return rest.next();
        }
        if let Some(value) = argument.strip_prefix(name).and_then(|value| value.strip_prefix('=')) {
            return Some(value);
        }
    }
    None
}

/// The number at the end of `5005`, `*:5005`, `[::1]:5005`.
fn port_of(address: &str) -> Option<u16> {
    address.rsplit(':').next()?.parse().ok()
}

/// How a process has to do with debugging on this port, as the end of a sentence; `None` when it has not.
pub(crate) fn debugger(process: &Process, port: u16) -> Option<&'static str> {
    let argv = process.argv.known().map(CommandLine::arguments).unwrap_or_default();
    let has = |needle: &str| argv.iter().any(|argument| contains(argument.raw(), needle.as_bytes()));
    let is = |kind: Kind| program::find(process, |known| known.kind == kind);
    let own = debuggee(process).filter(|found| found.port.is_none_or(|own| own == port));
    match own.map(|found| (found.protocol, found.port)) {
        Some(("JDWP", Some(_))) => return Some("waits for a debugger there (JDWP)"),
        Some(("JDWP", None)) => return Some("waits for a debugger on a port of its choice (JDWP)"),
        Some(("inspector", _)) => return Some("waits for a debugger there (inspector)"),
        _ => {}
    }
    if has("com.sun.tools.example.debug") || has("jdk.jdi") || is(Kind::Debugger).is_some_and(|known| known.goes_by("jdb")) {
        return Some("is a debugger");
    }
    let ide = Kind::Editor { debugs: true };
    if is(ide).is_some() || program::all().any(|known| known.kind == ide && known.marks.iter().any(|mark| has(mark))) {
        return Some("is a development environment, which listens for what it debugs");
    }
    if is(Kind::Debugger).is_some() || has("/dlv") {
        return Some("is a debug server");
    }
    (has("debugpy") || has("pydevd") || has("ptvsd")).then_some("is a Python debugger's end")
}

#[cfg(test)]
mod tests {
    use super::debuggee;
    use crate::fixture::process;

    fn read(argv: &[&str]) -> Option<(&'static str, bool, bool, Option<u16>)> {
        debuggee(&process(7, 1, argv, 10)).map(|found| (found.protocol, found.listens, found.waits, found.port))
    }

    #[test]
    fn what_the_arguments_say_is_read_with_its_defaults() {
        for (argv, wanted) in [
            (&["java", "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=*:5005"][..], ("JDWP", true, false, 5005)),
            (&["java", "-agentlib:jdwp=transport=dt_socket,address=127.0.0.1:62893"], ("JDWP", false, true, 62893)),
            (&["node", "--inspect-brk", "app.js"], ("inspector", true, true, 9229)),
            (&["node", "--inspect=0.0.0.0:9230", "app.js"], ("inspector", true, false, 9230)),
            (&["python3", "-m", "debugpy", "--listen", "5678", "--wait-for-client", "a.py"], ("debugpy", true, true, 5678)),
            (&["python3", "-m", "debugpy", "--connect", "127.0.0.1:5678", "a.py"], ("debugpy", false, false, 5678)),
            (&["dlv", "debug", "--headless", "--listen=:2345"], ("delve", true, true, 2345)),
            (&["gdbserver", ":1234", "./a"], ("gdbserver", true, true, 1234)),
        ] {
            assert_eq!(read(argv), Some((wanted.0, wanted.1, wanted.2, Some(wanted.3))), "{argv:?}");
        }
        assert_eq!(read(&["node", "--inspect-brk=0", "a.js"]), Some(("inspector", true, true, None)));
        assert_eq!(read(&["java", "-jar", "shop.jar"]), None);
        assert_eq!(read(&["node", "server.js", "--port", "3000"]), None);
    }
}
