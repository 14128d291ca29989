cause! {
    "role-or-database-missing": "the server answers and knows no such user or database",
    Dialogue, Event(run) if talk::text_may_stand,
    what: "\
The connection works. The server looks for the user or the database that the client names, and has none: PostgreSQL 28000 (`role
does not exist`) and 3D000 (`database does not exist`), MySQL 1049 (`Unknown database`). Often another server answers than the one
that was meant: one of the machine where one of a container was, or a new one with empty data.",
    evidence: "The server's words in the text. Without the client's own user nobody can ask again, so it is never certain.",
    fix: "List what this server has, and look whether it is the server that was meant; then make the user or database, or name the
right one.",
}

use portward_wire::protocol::{MYSQL, POSTGRES};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(paste) = case.paste.filter(|_| case.says(CAUSE.code)) else { return Ruling::Silent };
    let mut evidence = vec![words::text_line(paste)];
    evidence
        .extend(talk::exchanges(case).into_iter().find(|(_, e)| !e.heard.raw().is_empty()).map(|(_, e)| talk::heard_words(e)));
    let who = case.served().first().map_or_else(|| "The server".to_owned(), |(index, socket)| words::who(case, *index, socket));
    let missing = missing(paste.line.raw()).map_or("such user or database".to_owned(), |(what, name)| format!("{what} {name}"));
    let tongue = talk::server(case).map(|(tongue, _)| tongue).or_else(|| talk::client(case).map(|client| client.tongue));
    let tongue = tongue.filter(|tongue| **tongue == POSTGRES || **tongue == MYSQL);
    let title = "See what the server that answers has";
    let mut fixes: Vec<Remedy> = tongue
        .filter(|_| case.asked.port != 0)
        .map(|tongue| Remedy::look(title, tongue.client_for(&talk::host(case), case.asked.port)))
        .into_iter()
        .collect();
    if case.asked.port != 0 {
        fixes.push(offer::explain("See whether it is the server that was meant", words::target(case)));
    }
    let summary = format!("{who} answers and knows no {missing}; the connection is well.");
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

/// What is missing, and its name as the server writes it.
fn missing(line: &[u8]) -> Option<(&'static str, Text)> {
    [("role", b"role \"" as &[u8]), ("database", b"database \""), ("database", b"database '")].into_iter().find_map(
        |(what, before)| {
            let at = line.windows(before.len()).position(|window| window.eq_ignore_ascii_case(before))?;
            let rest = line.get(at + before.len()..)?;
            let name = rest.split(|byte| matches!(byte, b'"' | b'\'')).next()?;
            (!name.is_empty() && name.len() < 64).then(|| (what, Text::new(name)))
        },
    )
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Ended, Said};

    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener},
    };

    pub(crate) fn cases() -> Cases {
        let line = "psql: error: FATAL:  role \"admin\" does not exist";
        let on = |port: u16| Scene::on(held(listener("127.0.0.1", port)), &format!("127.0.0.1:{port}"));
        let told = |scene: Scene| scene.said(Symptom::AuthenticationFailed, Some("role-or-database-missing"), line);
        let welcome = b"R\x00\x00\x00\x08\x00\x00\x00\x03";
        Cases {
            fires: vec![
                told(on(5432)),
                told(on(5432)).talked(Said::Greeting, welcome, Ended::Enough),
                on(3306).said(
                    Symptom::AuthenticationFailed,
                    Some("role-or-database-missing"),
                    "ERROR 1049 (42000): Unknown database 'shop'",
                ),
            ],
            silent: vec![
                on(5432).talked(Said::Greeting, welcome, Ended::Enough),
                on(5432).said(Symptom::AuthenticationFailed, Some("auth-not-connection"), "password authentication failed"),
            ],
        }
    }
}
