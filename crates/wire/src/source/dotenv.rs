//! `.env` and its kin: variables, one a line.

use super::{
    Fact, Findings, Kind, Setting, Source, What,
    number::{is_port_variable, port},
};

pub(super) const KIND: Kind = Kind {
    personal: true,
    reads: "Variables that servers read their port from (`PORT`, `WEB_PORT`), ports of databases (`DB_PORT`, `PGPORT`), and URLs of this machine: those to which a login returns, those of pages that are let in, and those that are dialled. Git may ignore the file; programs read it all the same. What else stands in it is never shown.",
    ..Kind::of("dotenv", ".env files", &[".env", ".env.*"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    for (number, line) in source.lines() {
        let trimmed = line.trim_start();
        let trimmed = trimmed.strip_prefix("export ").unwrap_or(trimmed).trim_start();
        let Some((name, rest)) = trimmed.split_once('=') else { continue };
        let name = name.trim_end();
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            continue;
        }
        let value = unquoted(rest.trim());
        let before = line.find(value).map_or(0, |at| line.get(..at).map_or(0, |before| before.chars().count()));
        let column = u32::try_from(before + 1).unwrap_or(1);
        variable(name, value, number, column, None, found);
    }
    elsewhere(found);
}

/// Takes away ports that stand beside a host which is another machine, or a container: nothing of them is here.
fn elsewhere(found: &mut Findings) {
    let host = |name: &str| {
        let start = name.strip_suffix("PORT")?;
        ["HOST", "HOSTNAME", "SERVER"].iter().find_map(|end| {
            let wanted = format!("{start}{end}");
            found.settings.iter().find(|setting| setting.name == wanted && name != "PORT").map(|setting| setting.value.clone())
        })
    };
    let is_here = |host: &str| {
        let host = host.rsplit("://").next().unwrap_or(host);
        let host = host.trim_matches(['[', ']']);
        let any = matches!(host, "" | "0.0.0.0" | "::" | "*" | "null" | "host.docker.internal");
        any || host.starts_with('$') || super::Url { scheme: None, host: host.to_owned(), port: 0, written: true }.is_here()
    };
    let away: Vec<u32> = found
        .facts
        .iter()
        .filter(|fact| fact.service.as_deref().and_then(host).is_some_and(|host| !is_here(&host)))
        .map(|fact| fact.line)
        .collect();
    found.facts.retain(|fact| !away.contains(&fact.line));
}

/// What a variable says, wherever it is set.
pub(super) fn variable(name: &str, value: &str, line: u32, column: u32, service: Option<&str>, found: &mut Findings) {
    let setting = Setting { name: name.to_owned(), value: value.to_owned(), service: service.map(str::to_owned), line };
    found.settings.push(setting);
    if let Some(port) = port(value) {
        let upper = name.to_ascii_uppercase();
        if is_port_variable(name) {
            let fact = Fact::new(port, What::Asked { host: None }, "a variable that servers read their port from", line, column);
            found.facts.push(fact.of(name));
        } else if upper.ends_with("_PORT")
            && !["REPORT", "SUPPORT", "TRANSPORT", "IMPORT", "EXPORT", "PASSPORT"].iter().any(|no| upper.ends_with(no))
            || upper == "PGPORT"
        {
            let url = super::Url { scheme: scheme_of(&upper), host: "localhost".to_owned(), port, written: true };
            found
                .facts
                .push(Fact::new(port, What::Dialled(url), "a variable that clients read a port from", line, column).of(name));
        }
        return;
    }
    found.urls(value, line, column, Some(name));
}

/// The scheme that a variable of a client speaks of.
fn scheme_of(name: &str) -> Option<String> {
    let known = [
        ("PG", "postgres"),
        ("POSTGRES", "postgres"),
        ("MYSQL", "mysql"),
        ("MARIADB", "mysql"),
        ("REDIS", "redis"),
        ("MONGO", "mongodb"),
        ("RABBIT", "amqp"),
        ("AMQP", "amqp"),
        ("SMTP", "smtp"),
        ("MAIL", "smtp"),
        ("EMAIL", "smtp"),
    ];
    known.iter().find(|(start, _)| name.starts_with(start)).map(|(_, scheme)| (*scheme).to_owned())
}

/// A value without its quotes, or without the comment behind it.
fn unquoted(value: &str) -> &str {
    for quote in ['"', '\'', '`'] {
        if let Some(inside) = value.strip_prefix(quote) {
            return inside.find(quote).and_then(|end| inside.get(..end)).unwrap_or(inside);
        }
    }
    value.find(" #").and_then(|end| value.get(..end)).unwrap_or(value).trim_end()
}
