//! Django's settings: databases that are dialled, origins that are let in. They are a program, and are read by their words.

use super::{Fact, Findings, Kind, Source, Url, What, number};

pub(super) const KIND: Kind = Kind {
    reads: "`PORT` in `DATABASES`, the URLs of caches and brokers, and the origins of `CORS_ALLOWED_ORIGINS` and `CSRF_TRUSTED_ORIGINS`.",
    ..Kind::of("django", "settings.py", &["settings.py", "settings/*.py"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let mut name = String::new();
    let mut engine = None;
    for (number, raw) in source.lines() {
        let line = without_comment(raw);
        if let Some((left, _)) = line.split_once('=').filter(|_| !line.starts_with([' ', '\t'])) {
            let left = left.trim();
            if !left.is_empty() && left.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit()) {
                left.clone_into(&mut name);
            }
        }
        if name == "DATABASES" {
            if line.contains("ENGINE") {
                engine = ["postgresql", "mysql"].into_iter().find(|engine| line.contains(*engine));
            }
            if let Some((at, port)) = keyed(line) {
                let url = Url { scheme: engine.map(str::to_owned), host: "localhost".to_owned(), port, written: true };
                let fact = Fact::new(port, What::Dialled(url), "the port of a database in `DATABASES`", number, at);
                found.facts.push(fact.of("DATABASES"));
            }
        }
        found.urls(line, number, 1, Some(&name));
    }
}

/// `'PORT': '5432',` and where the number stands.
fn keyed(line: &str) -> Option<(u32, u16)> {
    let at = ["'PORT'", "\"PORT\""].iter().find_map(|key| line.find(key).map(|at| at + key.len()))?;
    let rest = line.get(at..)?;
    let value = rest.trim_start().strip_prefix(':')?.trim();
    let port = number::port(value.trim_end_matches([',', '}', ' ']).trim_matches(['\'', '"']))?;
    let before = line.get(..line.rfind(&port.to_string())?)?;
    Some((u32::try_from(before.chars().count() + 1).ok()?, port))
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('#') { "" } else { line.find(" #").and_then(|at| line.get(..at)).unwrap_or(line) }
}
