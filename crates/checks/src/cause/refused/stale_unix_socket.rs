cause! {
    "stale-unix-socket": "a file stands at the Unix path and no server has it",
    Absence, Both(run, refuse),
    what: "A server that was killed leaves the file of its Unix socket behind. The file looks alive; a client that connects is
refused, and the next server may fail to bind (EADDRINUSE, unix(7)) until the file is gone.",
    evidence: "The file is a socket (stat(2)), no listening socket has its name (unix_diag), and a connection is refused. A server
may have bound it by another name for the same file, which a connection would show.",
    fix: "Start the server; where it complains about the file, remove it first.",
}

use portward_model::{FileKind, shell};

use crate::{bind::BindHost, cause::prelude::*};

fn refuse(view: &View<'_>) -> Option<Finding> {
    let BindHost::Path(path) = &view.question.host else { return None };
    if view.question.file_exists != Some(true) || path.raw().starts_with(b"@") {
        return None;
    }
    if view.snapshot.sockets.iter().any(|socket| socket.path() == Some(path)) {
        return None;
    }
    let mut fixes = vec![offer::list_unix("See every Unix socket that is served")];
    fixes.extend(shell!("rm -- {}", path).typeable().map(|command| Remedy::end("Remove the file", command)));
    let summary =
        format!("{path} exists, and no socket that was seen has that name: it is likely left from a server that ended.");
    let evidence = vec![Evidence::new("stat(2)", format!("{path} exists")), Evidence::new("sock_diag", "no socket of that name")];
    Some(Finding::new(CAUSE.code, Likelihood::Certain, summary, evidence, fixes))
}

fn run(case: &Case<'_>) -> Ruling {
    let Some(path) = case.asked.path.as_ref().filter(|path| case.connects() && !path.raw().starts_with(b"@")) else {
        return Ruling::Silent;
    };
    let kind = case.exam.path(path).and_then(|facts| facts.kind);
    let tried = case.exam.attempts.iter().find(|attempt| case.is_target(&attempt.at));
    let refused = tried.is_some_and(|attempt| attempt.met == Met::Failed(111));
    if let Some((index, socket)) = case.listeners().next() {
        return if kind.is_some() { Ruling::out(words::seen(case, index, socket).fact) } else { Ruling::Silent };
    }
    if kind.is_none() || (tried.is_some() && !refused) {
        return Ruling::Silent;
    }
    let mut evidence = Vec::new();
    let mut fixes = Vec::new();
    if let Some((index, socket)) = case.in_state(SocketState::Closed).chain(case.in_state(SocketState::Bound)).next() {
        evidence.push(words::seen(case, index, socket));
    }
    let what = match kind {
        Some(FileKind::Socket) | None => "is a socket's file that no server listens on",
        Some(FileKind::File) => "is an ordinary file, not a socket",
        Some(FileKind::Folder) => "is a folder, not a socket",
        Some(FileKind::Other) => "is not a socket",
    };
    evidence.push(Evidence::new("stat(2)", format!("{path} {what}")));
    evidence.push(Evidence::new("sock_diag", format!("no socket listens by the name {path}")));
    evidence.extend(tried.map(words::tried));
    if let Some(command) = shell!("rm -- {}", path).typeable().filter(|_| kind == Some(FileKind::Socket)) {
        fixes.push(Remedy::end("Remove the file, then start the server", command));
    }
    fixes.push(offer::wait("Start the server, and know when it listens", words::target(case)));
    let likelihood = if refused || kind != Some(FileKind::Socket) { Likelihood::Certain } else { Likelihood::Likely };
    words::found(CAUSE.code, likelihood, format!("{path} {what}."), evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{FileKind, Met, SocketState, Text};

    use crate::{
        BindQuestion,
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
            ],
            silent: vec![
                Scene::unix(served, path).stands(Some(FileKind::Socket), 0o777, true).tried(Met::Connected),
                left(FileKind::Socket).tried(Met::Connected),
                left(FileKind::Socket).tried(Met::Failed(13)),
                Scene::unix(machine(), path).stands(None, 0, false).tried(Met::Failed(2)),
            ],
        }
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
