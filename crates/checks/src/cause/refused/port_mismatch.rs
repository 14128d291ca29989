cause! {
    "port-mismatch": "the service listens on another port",
    Reading, Endpoint(run) if Case::is_deserted,
    what: "A development server that finds its port taken slides to the next one; a variable is ignored; a digit is mistyped.
The service runs, a few numbers away from where the client looks for it.",
    evidence: "Nothing listens on the port, and a listener on another one belongs to a program that was told this port, whose
project's files name it, or which works in the reader's own project with a number near it.",
    fix: "Use the port that it listens on; or give it the port, and let it fail when that is taken (`strictPort`).",
}

use crate::{case::kin::names_port, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    let readers = kin::readers_project(case);
    let mut all: Vec<(Relation<'_>, usize, &Socket)> = kin::tcp_listeners(case)
        .filter_map(|(index, socket)| Some((relation(case, readers.as_ref(), index, socket)?, index, socket)))
        .collect();
    all.sort_by_key(|(relation, _, socket)| (relation.rank(), socket.port().map(|port| port.abs_diff(case.asked.port))));
    let Some((relation, index, socket)) = all.first() else { return Ruling::Silent };
    let (port, asked) = (socket.port().unwrap_or_default(), case.asked.port);
    let mut evidence = vec![
        Evidence::new("sock_diag", format!("no socket of this machine listens on port {asked}")),
        words::seen(case, *index, socket),
    ];
    let mut fixes = vec![offer::explain("Use the port that it listens on", port.to_string())];
    let likelihood = match relation {
        Relation::Told(process) => {
            evidence.push(match kin::told_elsewhere(case, process) {
                Some(told) if !kin::is_told_to_serve(process, asked) => words::told(told),
                _ => {
                    let fact = format!("the arguments of {} name port {asked}", words::named(process));
                    Evidence::new(format!("/proc/{}/cmdline", process.id.pid), fact)
                }
            });
            Likelihood::Likely
        }
        Relation::Mentioned(mention) => {
            evidence.push(words::mentioned(mention));
            fixes.extend(renumbered(case, mention, port));
            Likelihood::Likely
        }
        Relation::Project(process) => {
            let fact = format!("{} works in the reader's own project", words::named(process));
            evidence.push(Evidence::new(format!("/proc/{}/cwd", process.id.pid), fact));
            fixes.extend(kin::mentioned_beside(case, process).and_then(|mention| renumbered(case, mention, port)));
            Likelihood::Likely
        }
        Relation::Near => Likelihood::Possible,
    };
    evidence.extend(case.exam.attempts.iter().take(1).map(words::tried));
    let others = all.iter().skip(1).filter_map(|(_, _, socket)| socket.port()).filter(|other| *other != port);
    evidence.extend(others.take(2).map(|other| Evidence::new("sock_diag", format!("port {other} has a listener, too"))));
    let setting = format!("set its port to {asked}, and let it fail when that is taken (vite: strictPort)");
    fixes.push(Remedy::advice("Or give it the port", setting, Effect::Change));
    let who = words::who(case, *index, socket);
    let listens = words::endpoint(case.snapshot, socket);
    let summary = format!("{who} listens on {listens}, and the client came to port {asked}, where nothing listens.");
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// The file's line with the port that is served.
fn renumbered(case: &Case<'_>, mention: &Mention, port: u16) -> Option<Remedy> {
    let title = "Or let the file name the port that is served";
    edits::in_line(case, mention, &case.asked.port.to_string(), &port.to_string(), title)
}

/// What a listener on another port has to do with the asked one.
enum Relation<'a> {
    /// Its program was told the asked port, and not the one that it has.
    Told(&'a Process),
    /// A file of its program's project names the asked port.
    Mentioned(&'a Mention),
    /// It works in the reader's project, and the numbers are alike.
    Project(&'a Process),
    /// The numbers are alike, and it is the reader's own.
    Near,
}

impl Relation<'_> {
    fn rank(&self) -> u8 {
        match self {
            Self::Told(_) => 0,
            Self::Mentioned(_) => 1,
            Self::Project(_) => 2,
            Self::Near => 3,
        }
    }
}

fn relation<'a>(case: &Case<'a>, readers: Option<&Text>, index: usize, socket: &Socket) -> Option<Relation<'a>> {
    let port = socket.port()?;
    let alike = is_alike(port, case.asked.port);
    let Some(process) = case.holder(index) else {
        return (alike && socket.uid == case.snapshot.host.uid).then_some(Relation::Near);
    };
    let argv = process.argv.known().map(CommandLine::arguments).unwrap_or_default();
    // A program that names its own port, too, names the other for another reason: a backend, a metrics port.
    let names_own = argv.iter().skip(1).any(|argument| names_port(argument.raw(), port));
    let told = kin::is_told_to_serve(process, case.asked.port) || kin::told_elsewhere(case, process).is_some();
    if !names_own && told {
        return Some(Relation::Told(process));
    }
    if !names_own
        && let Some(mention) = kin::mentioned_beside(case, process)
        && !case.exam.mentions.iter().any(|other| other.port == port)
    {
        return Some(Relation::Mentioned(mention));
    }
    if !alike {
        return None;
    }
    if readers.is_some() && kin::project(case, process).as_ref() == readers {
        return Some(Relation::Project(process));
    }
    (process.uid == case.snapshot.host.uid).then_some(Relation::Near)
}

/// True for the next few numbers, and for one digit missed, doubled, mistaken or swapped.
fn is_alike(port: u16, asked: u16) -> bool {
    if port > asked && port - asked <= 10 {
        return true;
    }
    let (a, b) = (port.to_string().into_bytes(), asked.to_string().into_bytes());
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    if long.len() == short.len() {
        let differ: Vec<usize> = (0..long.len()).filter(|at| long.get(*at) != short.get(*at)).collect();
        return match differ.as_slice() {
            [_] => true,
            [x, y] => y - x == 1 && long.get(*x) == short.get(*y) && long.get(*y) == short.get(*x),
            _ => false,
        };
    }
    long.len() - short.len() == 1
        && (0..long.len()).any(|skip| {
            let rest: Vec<u8> = long.iter().enumerate().filter(|(at, _)| *at != skip).map(|(_, byte)| *byte).collect();
            rest == *short
        })
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{MentionKind, Met, Snapshot};

    use super::is_alike;
    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{holding, listener, process, world},
    };

    fn serving(argv: &[&str], port: u16) -> Snapshot {
        world(
            vec![listener("127.0.0.1", port)],
            vec![process(300, 200, argv, 900), process(200, 1, &["zsh"], 9000)],
            vec![holding(0, 300, 5)],
        )
    }

    pub(crate) fn cases() -> Cases {
        let on = |snapshot: Snapshot| Scene::on(snapshot, "127.0.0.1:5173").tried(Met::Failed(111));
        let vite = ["node", "/w/node_modules/.bin/vite"];
        let mut same_project = on(serving(&vite, 5174));
        same_project.snapshot.host.pid = 200;
        let env = |scene: Scene| scene.mention(MentionKind::Environment, "/home/ana/shop/.env", 3, "PORT=5173", 5173);
        Cases {
            fires: vec![
                on(serving(&["node", "/w/node_modules/.bin/vite", "--port", "5173"], 5174)),
                env(on(serving(&vite, 8000))),
                same_project,
            ],
            silent: vec![
                on(serving(&vite, 8000)),
                on(serving(&["node", "gateway.js", "--port", "8000", "--to", "5173"], 8000)),
                on(serving(&["node", "gateway.js", "--backend", "127.0.0.1:5173"], 8000)),
                env(on(serving(&vite, 5173))),
                Scene::on(serving(&vite, 5173), "127.0.0.1:5173").tried(Met::Connected),
            ],
        }
    }

    #[test]
    fn numbers_that_are_easily_mistaken() {
        for (port, asked) in [(5174, 5173), (3010, 3000), (8008, 8080), (300, 3000), (30000, 3000), (3001, 3000), (5342, 5432)] {
            assert!(is_alike(port, asked), "{port} {asked}");
        }
        for (port, asked) in [(5432, 3000), (3011, 3000), (22, 8080), (8443, 3000)] {
            assert!(!is_alike(port, asked), "{port} {asked}");
        }
    }
}
