cause! {
    "stale-unix-socket": "a file stands at the Unix path and no server has it",
    Absence, Both(run, refuse),
    what: "A server that was killed leaves the file of its Unix socket behind. The file looks alive; a client that connects is
refused, and the next server may fail to bind (EADDRINUSE, unix(7)) until the file is gone. A path is no proof of either: a
server may have bound the same file by another name, and one of the same name may have another file.",
    evidence: "The file is a socket (stat(2)) and no socket of any network namespace is bound to it: a datagram socket that
connects to it is refused with ECONNREFUSED, where a live server's would be for its type (EPROTOTYPE). Or a connection is refused.",
    fix: "Start the server; where it complains about the file, remove it first.",
}

use portward_model::{FileKind, shell};

use crate::{bind::BindHost, cause::prelude::*};

fn refuse(view: &View<'_>) -> Option<Finding> {
    let BindHost::Path(path) = &view.question.host else { return None };
    let unix = view.unix().filter(|unix| !unix.is_abstract())?;
    let kind = view.question.standing.as_ref().map(|facts| facts.kind);
    let exists = kind.map_or(view.question.file_exists == Some(true), |kind| kind.is_some());
    if !exists || unix.is_bound() == Some(true) || !unix.behind(view.snapshot).sockets.is_empty() {
        return None;
    }
    let evidence =
        |proof: &'static str| vec![Evidence::new("stat(2)", format!("{path} exists")), Evidence::new("sock_diag", proof)];
    let look = offer::list_unix("See every Unix socket that is served");
    let (summary, evidence, fixes) = match (what(kind.flatten()), unix.is_bound()) {
        (Some(what), _) => {
            let summary = format!("{path} {what}: a bind fails while it is there.");
            (summary, vec![Evidence::new("stat(2)", format!("{path} {what}"))], Vec::new())
        }
        (None, Some(_)) => {
            let mut evidence = evidence("no socket of that file");
            evidence.push(nobody());
            let remove = shell!("rm -- {}", path).typeable().map(|command| Remedy::end("Remove the file", command));
            let summary = format!("{path} is left from a server that ended: no socket is bound to it any more.");
            (summary, evidence, vec![remove.unwrap_or(look)])
        }
        (None, None) => {
            let summary = format!(
                "{path} exists, and whether a socket is bound to it could not be asked: none that was seen has that name."
            );
            (summary, evidence("no socket of that name"), vec![look])
        }
    };
    Some(Finding::new(CAUSE.code, Likelihood::Certain, summary, evidence, fixes))
}

fn run(case: &Case<'_>) -> Ruling {
    let Some(unix) = case.unix().filter(|unix| case.connects() && !unix.is_abstract()) else { return Ruling::Silent };
    let path = unix.path;
    let kind = unix.facts.and_then(|facts| facts.kind);
    let tried = case.exam.attempts.iter().find(|attempt| case.is_target(&attempt.at));
    let refused = tried.is_some_and(|attempt| attempt.met == Met::Failed(ECONNREFUSED));
    if let Some((index, socket)) = case.listeners().next() {
        return if kind.is_some() { Ruling::out(words::seen(case, index, socket).fact) } else { Ruling::Silent };
    }
    if kind.is_none() || (tried.is_some() && !refused) {
        return Ruling::Silent;
    }
    if unix.is_bound() == Some(true) {
        return Ruling::out(format!("a socket is bound to the file at {path}"));
    }
    let mut evidence = Vec::new();
    let mut fixes = Vec::new();
    let closed = case.in_state(SocketState::Closed).chain(case.in_state(SocketState::Bound)).next();
    evidence.extend(closed.map(|(index, socket)| words::seen(case, index, socket)));
    let what = what(kind).unwrap_or("is a socket's file that no server listens on");
    evidence.push(Evidence::new("stat(2)", format!("{path} {what}")));
    let is_socket = kind == Some(FileKind::Socket);
    if is_socket && unix.is_bound() == Some(false) {
        evidence.push(nobody());
    } else {
        evidence.push(Evidence::new("sock_diag", format!("no socket listens by the name {path}")));
    }
    // Who has the name and another file is worth a word: people look for the name.
    for (index, socket, elsewhere) in case.namesakes().into_iter().take(2) {
        let whose = match elsewhere {
            Elsewhere::InItsRoot => "in another mount namespace",
            Elsewhere::Replaced | Elsewhere::Removed => "whose file was replaced",
            Elsewhere::Unknown => "that is bound to another file",
        };
        let who = words::whom(case, index, socket);
        evidence.push(Evidence::new("unix_diag", format!("{who} has a socket of that name {whose}")));
    }
    let proven = refused || unix.is_bound() == Some(false);
    if let Some(command) = shell!("rm -- {}", path).typeable().filter(|_| is_socket && proven) {
        fixes.push(Remedy::end("Remove the file, then start the server", command));
    }
    evidence.extend(tried.map(words::tried));
    fixes.push(offer::wait("Start the server, and know when it listens", words::target(case)));
    let likelihood = if proven || !is_socket { Likelihood::Certain } else { Likelihood::Likely };
    words::found(CAUSE.code, likelihood, format!("{path} {what}."), evidence, fixes)
}

/// What else stands there than a socket's file.
fn what(kind: Option<FileKind>) -> Option<&'static str> {
    match kind {
        Some(FileKind::Socket) | None => None,
        Some(FileKind::File) => Some("is an ordinary file, not a socket"),
        Some(FileKind::Folder) => Some("is a folder, not a socket"),
        Some(FileKind::Other) => Some("is not a socket"),
    }
}

fn nobody() -> Evidence {
    Evidence::new("connect(2)", "a datagram socket is refused (ECONNREFUSED): no socket of any namespace is bound to the file")
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{FileKind, Met, PathFacts, Snapshot, Socket, SocketFile, SocketName, SocketState, Text};

    use crate::{
        BindQuestion,
        bind::View,
        case::scene::Scene,
        cause::{Binds, Cases},
        fixture::{held, machine, unix},
    };

    pub(crate) fn cases() -> Cases {
        let path = "/run/x.sock";
        let left = |kind| Scene::unix(machine(), path).stands(Some(kind), 0o777, true);
        let served = held(unix(Some(path), SocketState::Listen));
        Cases {
            fires: vec![
                left(FileKind::Socket).tried(Met::Failed(111)),
                left(FileKind::Socket),
                left(FileKind::File).tried(Met::Failed(111)),
                Scene::unix(bound(path, 9), path).stands(Some(FileKind::Socket), 0o777, true).but(|scene| {
                    (scene.exam.paths[0].file, scene.exam.paths[0].bound) = (Some(file(10)), Some(false));
                }),
            ],
            silent: vec![
                left(FileKind::Socket).but(|scene| scene.exam.paths[0].bound = Some(true)),
                Scene::unix(bound("/var/run/x.sock", 10), path)
                    .stands(Some(FileKind::Socket), 0o777, true)
                    .but(|scene| scene.exam.paths[0].file = Some(file(10))),
                Scene::unix(served, path).stands(Some(FileKind::Socket), 0o777, true).tried(Met::Connected),
                left(FileKind::Socket).tried(Met::Connected),
                left(FileKind::Socket).tried(Met::Failed(13)),
                Scene::unix(machine(), path).stands(None, 0, false).tried(Met::Failed(2)),
            ],
        }
    }

    fn file(inode: u32) -> SocketFile {
        SocketFile { device: 8, inode }
    }

    /// A server that is bound to this file by this name.
    fn bound(path: &str, inode: u32) -> Snapshot {
        let name = SocketName::Unix { path: Some(Box::new(Text::from(path))), peer: 0, file: Some(file(inode)) };
        held(Socket { name, ..unix(Some(path), SocketState::Listen) })
    }

    #[test]
    fn only_what_nobody_is_bound_to_is_removed() {
        let removes = |bound, tried: Option<Met>| {
            let scene = Scene::unix(machine(), "/run/x.sock").stands(Some(FileKind::Socket), 0o777, true);
            let scene = scene.but(|scene| scene.exam.paths[0].bound = bound);
            let scene = tried.into_iter().fold(scene, Scene::tried);
            super::run(&scene.case()).found().map(|told| told.remedies.iter().any(|remedy| remedy.line().starts_with("rm ")))
        };
        assert_eq!(removes(Some(false), None), Some(true));
        assert_eq!(removes(None, Some(Met::Failed(111))), Some(true));
        assert_eq!(removes(None, None), Some(false), "nobody asked");
        assert_eq!(removes(Some(true), Some(Met::Failed(111))), None, "bound, and not listening");
        let plain = |kind, bound| {
            let standing = PathFacts { kind: Some(kind), bound, ..PathFacts::default() };
            let question = BindQuestion { standing: Some(standing), ..BindQuestion::path("/run/x.sock".into(), None) };
            let told = super::refuse(&View::new(&machine(), &question))?;
            Some(told.remedies.iter().any(|remedy| remedy.line().starts_with("rm ")))
        };
        assert_eq!(plain(FileKind::File, None), Some(false), "an ordinary file is somebody's");
        assert_eq!((plain(FileKind::Socket, None), plain(FileKind::Socket, Some(false))), (Some(false), Some(true)));
        assert_eq!(plain(FileKind::Socket, Some(true)), None);
    }

    pub(crate) fn binds() -> Binds {
        let path = "/run/x.sock";
        let asks = |path: &str, file| BindQuestion::path(Text::from(path), file);
        Cases {
            fires: vec![(machine(), asks(path, Some(true)))],
            silent: vec![
                (machine(), asks(path, None)),
                (machine(), asks(path, Some(false))),
                (machine(), asks("@x", Some(true))),
                (held(unix(Some(path), SocketState::Listen)), asks(path, Some(true))),
            ],
        }
    }
}
