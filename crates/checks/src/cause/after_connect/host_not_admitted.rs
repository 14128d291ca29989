cause! {
    "host-not-admitted": "the server answers and does not admit clients from this address",
    Dialogue, Event(run) if talk::text_may_stand,
    what: "\
The connection works. The server looks at the address that the client comes from before it asks who it is, and refuses: PostgreSQL has no
line of `pg_hba.conf` for it, or one that rejects it; MySQL has no account for that host (1130), or blocks it after many broken
handshakes (1129); Redis in protected mode serves loopback alone. Through a container's published port a client comes from the address
of the bridge.",
    evidence: "The server's words in the text. The address in them is the client's, not the server's.",
    fix: "\
Admit the address: a line of `pg_hba.conf` and a reload, an account for the host, `FLUSH HOSTS` where it is blocked, a password for
Redis. Admit no more than that.",
}

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(paste) = case.paste.filter(|_| case.says(CAUSE.code)) else { return Ruling::Silent };
    let mut evidence = vec![words::text_line(paste)];
    evidence
        .extend(talk::exchanges(case).into_iter().find(|(_, e)| !e.heard.raw().is_empty()).map(|(_, e)| talk::heard_words(e)));
    let who = case.served().first().map_or_else(|| "The server".to_owned(), |(index, socket)| words::who(case, *index, socket));
    let client = client(paste.line.raw());
    let from = client.as_ref().map_or_else(|| "this address".to_owned(), ToString::to_string);
    let summary = format!("{who} answers and does not admit clients from {from}; the connection is well.");
    let fixes = vec![admit(case, client.as_ref())];
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

/// How the server's kind admits an address.
fn admit(case: &Case<'_>, client: Option<&Text>) -> Remedy {
    let from = client.map_or_else(|| "ADDRESS".to_owned(), ToString::to_string);
    let width = client.and_then(Text::plain).and_then(|text| text.parse::<IpAddr>().ok());
    let width = width.map_or("", |address| if address.is_ipv4() { "/32" } else { "/128" });
    if talk::text_has(case, "pg_hba.conf") {
        let line = format!("host DATABASE USER {from}{width} scram-sha-256");
        return Remedy::advice("Admit it in pg_hba.conf, and reload the server", line, Effect::Change);
    }
    if talk::text_has(case, "protected mode") {
        let line = "requirepass PASSWORD".to_owned();
        return Remedy::advice("Give Redis a password, in redis.conf", line, Effect::Change);
    }
    if talk::text_has(case, "many connection errors") {
        return Remedy::advice("Let the server forget the errors of the host", "FLUSH HOSTS".to_owned(), Effect::Change);
    }
    let line = format!("CREATE USER 'USER'@'{from}' IDENTIFIED BY 'PASSWORD'");
    Remedy::advice("Make an account for that host, on the server", line, Effect::Change)
}

/// The client as the server names it: after `host "` or `Host '`.
fn client(line: &[u8]) -> Option<Text> {
    [b"host \"" as &[u8], b"host '"].into_iter().find_map(|before| {
        let at = line.windows(before.len()).position(|window| window.eq_ignore_ascii_case(before))?;
        let name = line.get(at + before.len()..)?.split(|byte| matches!(byte, b'"' | b'\'')).next()?;
        (!name.is_empty() && name.len() < 256).then(|| Text::new(name))
    })
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
        let on = |port: u16| Scene::on(held(listener("127.0.0.1", port)), &format!("127.0.0.1:{port}"));
        let told = |scene: Scene, line| scene.said(Symptom::AuthenticationFailed, Some("host-not-admitted"), line);
        let entry = "FATAL:  no pg_hba.conf entry for host \"172.17.0.1\", user \"ana\", database \"shop\", no encryption";
        let denied = "DENIED Redis is running in protected mode because protected mode is enabled";
        Cases {
            fires: vec![
                told(on(5432), entry),
                told(on(3306), "ERROR 1130 (HY000): Host '172.17.0.43' is not allowed to connect to this MariaDB server"),
                told(on(3306), "ERROR 1129 (HY000): Host '10.0.0.5' is blocked because of many connection errors"),
                told(on(6379), denied),
            ],
            silent: vec![
                on(3306).talked(Said::Nothing, b"J\x00\x00\x00\x0a5.5.5-10.11\x00", Ended::Enough),
                on(5432).said(Symptom::AuthenticationFailed, Some("auth-not-connection"), "password authentication failed"),
            ],
        }
    }
}
