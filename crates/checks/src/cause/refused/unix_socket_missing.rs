cause! {
    "unix-socket-missing": "nothing stands at the path of the Unix socket",
    Absence, Endpoint(run),
    what: "A client of a Unix socket opens a file. The file is not there: the server has not run, puts its socket elsewhere,
ran in another mount namespace, or somebody removed the file under a server that still listens. A name that begins
with @ has no file; nobody has bound it.",
    evidence: "The path does not exist (stat(2), ENOENT), or no socket has the abstract name (unix_diag).",
    fix: "Start the server, or give the client the path that the server uses.",
}

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(path) = case.asked.path.as_ref().filter(|_| case.connects()) else { return Ruling::Silent };
    if matches!(case.standing(), Standing::Connected(_)) {
        return Ruling::Silent;
    }
    if path.raw().starts_with(b"@") {
        return nameless(case, path);
    }
    let facts = case.exam.path(path).filter(|facts| !facts.closed);
    if let Some(kind) = facts.and_then(|facts| facts.kind) {
        return Ruling::out(format!("{path} exists ({kind:?})").to_lowercase());
    }
    let missing = case.exam.attempts.iter().find(|attempt| case.is_target(&attempt.at) && attempt.met == Met::Failed(ENOENT));
    if facts.is_none() && missing.is_none() || denied(case) {
        return Ruling::Silent;
    }
    let mut evidence = Vec::new();
    if let Some(facts) = facts {
        let folder = facts.stops_at.as_ref().map(|folder| format!("; {folder} is not there")).unwrap_or_default();
        evidence.push(Evidence::new("stat(2)", format!("{path} does not exist{folder}")));
    }
    evidence.extend(missing.map(words::tried));
    let mut fixes = Vec::new();
    // Nothing stands there, so a socket that has the name was bound to another file, or to one that is gone.
    let named = case.namesakes();
    let known = named.iter().find(|(.., elsewhere)| *elsewhere == Elsewhere::Removed).or_else(|| named.first());
    if let Some((index, socket, elsewhere)) = known.copied() {
        evidence.push(words::seen(case, index, socket));
        let who = words::who(case, index, socket);
        let (likelihood, summary) = match elsewhere {
            Elsewhere::InItsRoot => {
                evidence.push(Evidence::new("openat2(2)", format!("{path} is its socket's file below its own root")));
                let summary = format!("{path} does not exist here: {who} serves it in another mount namespace.");
                (Likelihood::Certain, summary)
            }
            Elsewhere::Removed | Elsewhere::Replaced => {
                evidence.push(Evidence::new("openat2(2)", format!("below its own root {path} is gone, too")));
                let summary = format!("{path} was removed or renamed while {who} still listens on it.");
                (Likelihood::Certain, summary)
            }
            Elsewhere::Unknown => {
                let summary = format!("{path} was removed, or never was here, while {who} listens by that name.");
                (Likelihood::Likely, summary)
            }
        };
        let restart = case.holder(index).filter(|_| elsewhere != Elsewhere::InItsRoot).map(|process| {
            let title = "End the server, then start it again: it makes the file anew";
            offer::free(title, format!("pid:{}", process.id.pid)).behind(words::sudo(case, process.uid))
        });
        fixes.extend(restart);
        fixes.push(offer::list_unix("See every Unix socket that is served, and by whom"));
        return words::found(CAUSE.code, likelihood, summary, evidence, fixes);
    }
    for near in facts.map(|facts| facts.nearby.as_slice()).unwrap_or_default().iter().take(3) {
        evidence.push(Evidence::new("readdir(3)", format!("{near} is a socket in the same folder")));
        if near.plain().is_some() {
            fixes.push(offer::explain("Use the socket that is there", words::unix(near)));
        }
    }
    fixes.push(offer::wait("Start the server, and know when it listens", words::target(case)));
    words::found(CAUSE.code, Likelihood::Certain, format!("{path} does not exist, so no server is there."), evidence, fixes)
}

fn nameless(case: &Case<'_>, path: &Text) -> Ruling {
    if case.here().next().is_some() {
        return Ruling::Silent;
    }
    let mut evidence = vec![Evidence::new("sock_diag", format!("no Unix socket of this namespace has the name {path}"))];
    evidence.extend(case.exam.attempts.iter().take(1).map(words::tried));
    let fixes = vec![offer::list_unix("Start the server; see which names are served")];
    let summary = format!("{path} is the name of no socket in this network namespace.");
    words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes)
}

/// True when a folder on the way may not be searched, so that nothing is known of the path.
fn denied(case: &Case<'_>) -> bool {
    matches!(case.standing(), Standing::Failed(13, _))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{FileKind, Means, Met, Remedy, SocketState, Text};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, machine, unix},
    };

    pub(crate) fn cases() -> Cases {
        let path = "/run/x.sock";
        let served = || held(unix(Some(path), SocketState::Listen));
        let gone = || Scene::unix(machine(), path).stands(None, 0, false);
        Cases {
            fires: vec![
                gone().tried(Met::Failed(2)),
                gone(),
                Scene::unix(machine(), path).tried(Met::Failed(2)),
                Scene::unix(served(), path).stands(None, 0, false).tried(Met::Failed(2)),
                Scene::unix(machine(), "@x").tried(Met::Failed(111)),
            ],
            silent: vec![
                Scene::unix(served(), path).stands(Some(FileKind::Socket), 0o777, true).tried(Met::Connected),
                gone().tried(Met::Failed(13)),
                Scene::unix(machine(), path).stands(Some(FileKind::Socket), 0o777, true).tried(Met::Failed(111)),
                Scene::unix(held(unix(Some("@x"), SocketState::Listen)), "@x").tried(Met::Connected),
                Scene::connect("127.0.0.1:3000").tried(Met::Failed(111)),
            ],
        }
    }

    #[test]
    fn a_neighbour_is_called_by_its_own_name() {
        let mut scene = Scene::unix(machine(), "/run/x.sock").stands(None, 0, false);
        let path = &mut scene.exam.paths[0];
        path.nearby = vec![Text::from(r"/run/my \x2d app.sock"), Text::from("/run/\u{1b}[1m.sock")];
        let told = super::run(&scene.case()).found().unwrap();
        let called: Vec<_> = told.remedies.iter().filter(|remedy| remedy.title.starts_with("Use the socket")).collect();
        let [Remedy { means: Means::Operation { input, command, .. }, .. }] = called[..] else { panic!("{called:?}") };
        assert_eq!(input["endpoint"], r"unix:/run/my \x2d app.sock");
        assert_eq!(command, r"portward explain 'unix:/run/my '\\'x2d app.sock'");
    }
}
