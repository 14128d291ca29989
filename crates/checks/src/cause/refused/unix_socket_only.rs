cause! {
    "unix-socket-only": "the server listens on a Unix socket only",
    Process, Endpoint(run) if Case::is_deserted,
    what: "Databases and application servers can listen on a Unix socket and on no TCP port: PostgreSQL with listen_addresses =
'', MySQL with skip-networking, Redis with port 0. A client that dials TCP is refused although the server runs.",
    evidence: "A listening Unix socket whose name holds the port or the product that uses it (unix_diag), and no TCP listener with
the port.",
    fix: "Let the client use the socket, or let the server listen on TCP too.",
}

use portward_wire::protocol::{self, Protocol};

use crate::{case::kin::names_port, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    let port = case.asked.port;
    let all = case.snapshot.sockets.iter().enumerate();
    let mut listening = all
        .filter(|(_, socket)| socket.transport == Transport::Unix && socket.state == SocketState::Listen && case.is_own(socket));
    let Some((index, socket)) = listening.find(|(index, socket)| fits(case, *index, socket)) else { return Ruling::Silent };
    let mut evidence = vec![words::seen(case, index, socket)];
    evidence.extend(case.exam.attempts.iter().take(1).map(words::tried));
    let Some(path) = socket.path() else { return Ruling::Silent };
    let by_path = || protocol::PROTOCOLS.iter().find(|known| known.is_path(path.raw()));
    let known = case.holder(index).and_then(program::protocol_of).or_else(by_path).filter(|known| !known.by_path.is_empty());
    let title = "Let the client use the socket";
    // What no shell's word can name is in no command.
    let command = known.and_then(|known| known.client_by(path, port));
    let client = command.map_or_else(|| offer::explain(title, words::unix(path)), |command| Remedy::look(title, command));
    let program =
        known.and_then(|known| program::all().find(|program| program.protocol() == Some(known) && !program.tcp.is_empty()));
    let setting = program.map_or("give the server a TCP address to listen on", |program| program.tcp);
    let fixes = vec![client, Remedy::advice("Or let the server listen on TCP too", setting, Effect::Change)];
    let who = words::who(case, index, socket);
    let summary = format!("{who} listens on the Unix socket {path} only, and the client came to TCP port {port}.");
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

/// True when the socket's name holds the number, or the product whose port it is.
fn fits(case: &Case<'_>, index: usize, socket: &Socket) -> bool {
    let Some(path) = socket.path() else { return false };
    let name = path.raw().rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    if names_port(name, case.asked.port) {
        return true;
    }
    let port = case.asked.port;
    // Where the port is a part of the name, the name has told.
    let has_plain_name = |known: &&Protocol| !known.sockets.is_empty() && !known.by_path.contains("PORT");
    let usual = protocol::of_port(port).map(|(known, _)| known).filter(has_plain_name);
    let named =
        usual.is_some_and(|known| known.is_path(name)) || program::all().any(|known| known.is_on(port) && known.is_path(name));
    // A socket of a client's library, such as an agent's, may bear the name too: its holder has to be the product.
    let is_product = |process: &Process| {
        (usual.is_some() && program::protocol_of(process) == usual) || program::find(process, |known| known.is_on(port)).is_some()
    };
    match case.holder(index) {
        // A product that was told this very port and listens by no other means has its socket under any name.
        Some(process) => is_product(process) && (named || is_its_only(case, index)),
        None => named,
    }
}

/// True when the holder of a Unix socket listens on no TCP port.
fn is_its_only(case: &Case<'_>, index: usize) -> bool {
    case.holder(index).is_some_and(|process| kin::ports_of(case, process.id.pid).is_empty())
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, SocketState};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, holding, listener, process, unix, world},
    };

    pub(crate) fn cases() -> Cases {
        let on = |path: &str, program: &str| {
            world(vec![unix(Some(path), SocketState::Listen)], vec![process(600, 1, &[program], 900)], vec![holding(0, 600, 5)])
        };
        let pg = || on("/var/run/postgresql/.s.PGSQL.5432", "postgres");
        let mut both = pg();
        both.sockets.push(listener("127.0.0.1", 5432));
        let named = held(unix(Some("/run/gunicorn-8000.sock"), SocketState::Listen));
        Cases {
            fires: vec![
                Scene::on(pg(), "127.0.0.1:5432").tried(Met::Failed(111)),
                Scene::on(on("/run/mysqld/mysqld.sock", "mysqld"), "127.0.0.1:3306"),
                Scene::on(named, "127.0.0.1:8000").tried(Met::Failed(111)),
                Scene::on(on("/srv/db/main.sock", "mariadbd"), "127.0.0.1:3306").tried(Met::Failed(111)),
            ],
            silent: vec![
                Scene::on(both, "127.0.0.1:5432").tried(Met::Connected),
                Scene::on(pg(), "127.0.0.1:5433").tried(Met::Failed(111)),
                Scene::on(on("/tmp/mysql-agent", "agent"), "127.0.0.1:3306").tried(Met::Failed(111)),
                Scene::on(on("/run/app.sock", "app"), "127.0.0.1:8000").tried(Met::Failed(111)),
            ],
        }
    }

    #[test]
    fn no_path_is_more_than_a_word() {
        let line = |path: &str, program: &str, port: u16| {
            let server = world(
                vec![unix(Some(path), SocketState::Listen)],
                vec![process(600, 1, &[program], 900)],
                vec![holding(0, 600, 5)],
            );
            let scene = Scene::on(server, &format!("127.0.0.1:{port}")).tried(Met::Failed(111));
            super::run(&scene.case()).found().unwrap().remedies[0].line().to_owned()
        };
        assert_eq!(line("/srv/$(id)/.s.PGSQL.5432", "postgres", 5432), "psql -h '/srv/$(id)' -p 5432");
        assert_eq!(line("/srv/a b/redis.sock", "redis-server", 6379), "redis-cli -s '/srv/a b/redis.sock'");
        assert_eq!(line("/srv/a\n/redis.sock", "redis-server", 6379), "portward list --unix");
    }
}
