cause! {
    "unix-socket-expected": "the client went for a Unix socket, and the server listens on TCP",
    Reading, Endpoint(run),
    what: "To the clients of MySQL and PostgreSQL the host \"localhost\", or none, means a Unix socket in a folder that was fixed
when they were built. A server in a container, or of another build, listens on TCP and puts its socket elsewhere or
nowhere.",
    evidence: "Nothing serves the path; a TCP listener has the port that the path names or that its product uses (sock_diag).",
    fix: "Name the host 127.0.0.1 instead of localhost, which chooses TCP.",
}

use portward_wire::protocol::{self, Protocol};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(path) = case.asked.path.as_ref().filter(|_| case.connects()) else { return Ruling::Silent };
    if matches!(case.standing(), Standing::Connected(_)) || case.listeners().next().is_some() {
        return Ruling::Silent;
    }
    let nobody = case.exam.path(path).is_some_and(|facts| facts.kind.is_none())
        || matches!(case.standing(), Standing::Refused(_) | Standing::Failed(2, _));
    let Some((port, known)) = product(path).filter(|_| nobody) else { return Ruling::Silent };
    let Some((index, socket)) = kin::tcp_listeners(case).find(|(_, socket)| socket.port() == Some(port)) else {
        return Ruling::Silent;
    };
    let mut evidence = vec![Evidence::new("stat(2)", format!("nothing serves {path}")), words::seen(case, index, socket)];
    evidence.extend(case.exam.attempts.iter().take(1).map(words::tried));
    let host = if socket.serves_ipv4() { "127.0.0.1" } else { "::1" };
    let fixes = vec![Remedy::look("Let the client use TCP", known.client_for(host, port))];
    let who = words::who(case, index, socket);
    let listens = words::endpoint(case.snapshot, socket);
    let summary = format!("{who} listens on {listens} by TCP, and the client went for the Unix socket {path}.");
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

/// The TCP port of the product whose socket has this name, and its client's way to say so.
fn product(path: &Text) -> Option<(u16, &'static Protocol)> {
    let name = path.raw().rsplit(|byte| *byte == b'/').next()?;
    let known = protocol::PROTOCOLS.iter().find(|known| known.is_path(name) && !known.client.is_empty())?;
    // PostgreSQL's has its port in it.
    let number = name.rsplit(|byte| *byte == b'.').next().and_then(|number| std::str::from_utf8(number).ok()?.parse().ok());
    Some((number.or(known.ports.first().map(|usual| usual.port))?, known))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{FileKind, Met, SocketState};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener, machine, unix},
    };

    pub(crate) fn cases() -> Cases {
        let pg = "/var/run/postgresql/.s.PGSQL.5433";
        let my = "/var/run/mysqld/mysqld.sock";
        let gone = |port, path| Scene::unix(held(listener("127.0.0.1", port)), path).stands(None, 0, false).tried(Met::Failed(2));
        Cases {
            fires: vec![
                gone(5433, pg),
                gone(3306, my),
                Scene::unix(held(listener("0.0.0.0", 3306)), my)
                    .stands(Some(FileKind::Socket), 0o777, true)
                    .tried(Met::Failed(111)),
            ],
            silent: vec![
                gone(5432, pg),
                Scene::unix(held(unix(Some(pg), SocketState::Listen)), pg).tried(Met::Connected),
                Scene::unix(machine(), pg).stands(None, 0, false).tried(Met::Failed(2)),
                gone(3000, "/run/app.sock"),
            ],
        }
    }
}
