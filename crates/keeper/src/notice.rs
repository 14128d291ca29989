//! What is told once of a recognised program: that what it starts runs outside, that it looks at other ports than the session's, or
//! that it names a port at which nobody outside finds it.

use std::net::SocketAddr;

use portward_checks::{Asked, At, Inside, inside, inside_process};
use portward_model::{CommandLine, Hint, Process, Text, hint};
use portward_sys::Look;

use crate::{bidden::Found, runs::process_at};

/// Where a session is: its machine, and the process that all of it stands below.
pub(crate) struct Place<'a> {
    pub(crate) host: &'a dyn Look,
    pub(crate) supervisor: u32,
}

/// A sentence, and what helps.
pub(crate) type Said = (String, Option<Hint>);

/// What has been told, and what listens: asked ports with their own.
#[derive(Default)]
pub(crate) struct Notices {
    told: Vec<&'static str>,
    served: Vec<(u16, u16)>,
}

/// True for a name, as the kernel has it, of a program that may be told of as it begins.
pub(crate) fn noted(name: &[u8]) -> bool {
    portward_checks::is_noted_inside(name)
}

impl Notices {
    /// A program that begins, by its name and its command line.
    pub(crate) fn of_program(&mut self, place: &Place<'_>, pid: u32, name: &Text, arguments: &[Text]) -> Option<Said> {
        let (_, what) = inside(&[&name.shown()], arguments)?;
        let who = shown(&name.shown(), pid);
        match what {
            Inside::Asks(Asked { server, at, helps }) => {
                if self.told.contains(&server) {
                    return None;
                }
                let runs = match at {
                    At::Outside => format!("{server}, which runs outside this session"),
                    At::Whoever(beginning) => {
                        let other = other_outside(place, pid, arguments, beginning)?;
                        format!("{server} (pid {other}), which runs outside this session")
                    }
                };
                self.told.push(server);
                let sentence =
                    format!("{who} asks {runs}: what that starts is not of the session, and serves at the machine's own ports.");
                Some((sentence, Some(helps.map_or_else(|| "portward list    shows what serves there".into(), Hint::from))))
            }
            Inside::Seeks(port) => {
                // One line for all of them: what helps is the same.
                if self.told.contains(&SEEKS) {
                    return None;
                }
                self.told.push(SEEKS);
                Some(self.seeks(&who, port))
            }
            // Its listener is told of.
            Inside::Names(_) => None,
        }
    }

    /// What a server outside has started in this project, unless that it was asked has been told.
    pub(crate) fn of_bidden(&mut self, found: &Found, root: &Text) -> Option<Said> {
        let server = found.kind.map_or(BIDDEN, |kind| kind.server);
        if self.told.contains(&server) {
            return None;
        }
        self.told.push(server);
        let Found { process, socket, server, client, kind } = found;
        let (who, port) = (shown(&process.title(), process.id.pid), socket.port()?);
        let sentence = format!(
            "{who} works in {root} and serves localhost:{port} outside this session: {server} started it, which runs outside and was \
             asked by {client}."
        );
        let helps = kind.and_then(|kind| kind.helps).unwrap_or("portward run CMD    in place of CMD has it serve in a session");
        Some((sentence, Some(helps.into())))
    }

    fn seeks(&self, who: &str, port: Option<u16>) -> Said {
        let Some(port) = port else {
            let sentence =
                format!("{who} looks at the ports of the whole machine, where those of this session have other numbers.");
            return (sentence, Some("portward ps    shows what was asked for and where it serves".into()));
        };
        let own = self.served.iter().find(|(asked, _)| *asked == port).map(|(_, serves)| *serves);
        let own = own.map_or_else(
            || format!("what asks for {port} in this session gets another port"),
            |serves| format!("this session's {port} is {serves}"),
        );
        let sentence =
            format!("{who} looks for {port} among the ports of the whole machine; {own}, and what has {port} is not of it.");
        (sentence, Some(hint!("portward free {}    frees this session's own", port)))
    }

    /// A listener of a process, which may be one of the programs that it stands below: a framework starts its server.
    pub(crate) fn of_listener(
        &mut self,
        place: &Place<'_>,
        pid: u32,
        asked: Option<SocketAddr>,
        serves: SocketAddr,
    ) -> Option<Said> {
        let (asked, serves) = (asked?.port(), serves.port());
        if asked == serves || asked == 0 || self.told.len() + self.served.len() > MOST {
            return None;
        }
        if !self.served.contains(&(asked, serves)) {
            self.served.push((asked, serves));
        }
        let mut at = process_at(place.host, pid);
        while let Some(process) = at.filter(|process| process.id.pid != place.supervisor) {
            if let Some((title, Inside::Names(helps))) = inside_process(&process) {
                if self.told.contains(&title) {
                    return None;
                }
                self.told.push(title);
                let sentence = format!(
                    "{} names {asked} to its clients and serves at {serves}: those outside this session look for it at {asked}.",
                    shown(&process.title(), process.id.pid)
                );
                return Some((sentence, Some(helps.into())));
            }
            at = process_at(place.host, process.parent);
        }
        None
    }
}

/// The server that a client speaks to, where that runs and is not of the session: its own user's, of this beginning of a name, chosen
/// by the same words.
fn other_outside(place: &Place<'_>, client: u32, arguments: &[Text], beginning: &str) -> Option<u32> {
    let all = place.host.every_process().ok()?;
    let of = |pid: u32| all.iter().find(|process| process.id.pid == pid);
    let is_ours = |process: &Process| {
        let mut above = std::iter::successors(Some(process.id.pid), |pid| Some(of(*pid)?.parent)).take(MOST_LEVELS);
        above.any(|pid| pid == place.supervisor)
    };
    let user = of(place.supervisor)?.uid;
    let wanted = chosen(arguments);
    // Some rename themselves, some their arguments.
    let begins = |name: &Text| name.raw().starts_with(beginning.as_bytes());
    let first = |process: &Process| process.argv.known().and_then(|argv| argv.arguments().first()).is_some_and(begins);
    let mut servers = all.iter().filter(|process| begins(&process.name) || first(process));
    let found = servers.find(|server| {
        let words = server.argv.known().map(CommandLine::arguments).unwrap_or_default();
        server.uid == user && server.id.pid != client && chosen(words) == wanted && !is_ours(server)
    })?;
    Some(found.id.pid)
}

/// The words of a command line that choose among the servers of its program: `-L shop`, `-S /run/shop.sock`.
fn chosen(words: &[Text]) -> Option<&[u8]> {
    let at = words.iter().position(|word| matches!(word.raw(), b"-L" | b"-S"))?;
    words.get(at.saturating_add(1)).map(Text::raw)
}

fn shown(name: &str, pid: u32) -> String {
    format!("{} (pid {pid})", Text::from_shown(name))
}

/// Told of once, whichever of them it is.
const SEEKS: &str = "seeks";
/// Told of once, whichever server that is not known has started it.
const BIDDEN: &str = "bidden";
/// So many listeners and programs are remembered; what comes after them is not told of.
const MOST: usize = 200;
/// Parents that are looked at above a process.
const MOST_LEVELS: usize = 64;
