//! `Procfile`: a process on each line, `web: bundle exec puma -p 3000`.

use super::{
    Fact, Findings, Kind, Source, Start, What, command,
    number::{port, variable},
};

pub(super) const KIND: Kind = Kind {
    reads: "A process on each line, with the ports of its command; one that is told `$PORT` has the port that foreman gives it, 5000 for the first process, 5100 for the second. All of them are started together.",
    ..Kind::of("procfile", "Procfile", &["Procfile", "Procfile.dev"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let mut given = FIRST;
    for (number, line) in source.lines() {
        let Some((name, text)) = line.split_once(':') else { continue };
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if !is_name || text.trim().is_empty() {
            continue;
        }
        let blanks = text.len() - text.trim_start().len();
        let column = u32::try_from(name.len() + 2 + blanks).unwrap_or(1);
        let before = found.facts.len();
        command::read(text.trim(), command::At { line: number, column, service: name }, found);
        let told = found.facts.get(before..).unwrap_or_default().iter().any(|fact| matches!(fact.what, What::Asked { .. }));
        let otherwise = text.find("${PORT").and_then(|at| text.get(at..=at + text.get(at..)?.find('}')?)).and_then(variable);
        let takes = otherwise.is_some() || ["$PORT", "${PORT}"].iter().any(|name| ends_there(text, name));
        if !told && takes {
            // The one that its program has otherwise is not asked for.
            found.facts.retain(|fact| fact.line != number || fact.what != What::Usual);
            let (own, reason) = match otherwise.as_ref().and_then(|(_, default)| port(default)) {
                Some(own) => (own, "the port of a process where nothing tells it another"),
                None => (given, "the port that foreman gives a process"),
            };
            found.facts.push(Fact::new(own, What::Usual, reason, number, column).of(name));
        }
        given = given.saturating_add(BETWEEN);
        found.starts.push(Start {
            name: name.to_owned(),
            command: Some(text.trim().to_owned()),
            folder: source.folder().to_owned(),
            line: number,
            ..Start::default()
        });
    }
}

/// True where a variable stands in a line, and not the beginning of another one.
fn ends_there(text: &str, name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| !text.get(at + name.len()..).is_some_and(|rest| rest.starts_with(is_letter)))
}

/// What foreman gives the first process, and how far the ports of two are apart (foreman(1), `--port`).
const FIRST: u16 = 5000;
const BETWEEN: u16 = 100;
