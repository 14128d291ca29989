//! `main.go` beside its `go.mod`: a server where its text says that it listens.

use super::{Fact, Findings, Kind, Source, Start, What, number::place, program};

pub(super) const KIND: Kind = Kind {
    beside: &["go.mod"],
    reads: "Where it says that it listens: `ListenAndServe(\":8080\")`, `Run(\":8080\")`, `Start(\":8080\")`, and `8080` for a variable `PORT` that is empty. It can be started then: `go run .`.",
    ..Kind::of("go", "main.go", &["main.go"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    if !source.lines().any(|(_, line)| line.trim() == "package main") {
        return;
    }
    program::listeners(source, found);
    // The port where the variable is empty.
    if found.facts.is_empty() && source.text.contains("Getenv(\"PORT\")") {
        let default = source.lines().find_map(|(number, line)| {
            let value = line.trim().strip_prefix("port")?.trim_start().trim_start_matches(':').strip_prefix('=')?.trim();
            let inside = value.trim_matches('"');
            Some((number, line.find(inside)?, place(inside)?.1))
        });
        if let Some((number, at, port)) = default {
            let reason = "the port of a program where its variable is empty";
            let column = u32::try_from(at + 1).unwrap_or(1);
            let mut fact = Fact::new(port, What::Asked { host: None }, reason, number, column);
            fact.variable = Some("PORT".to_owned());
            found.facts.push(fact);
        }
    }
    started(source.folder(), "go run .", found);
}

/// A program that listens can be started.
pub(super) fn started(folder: &str, line: &str, found: &mut Findings) {
    let Some(first) = found.facts.first().map(|fact| fact.line) else { return };
    let name = folder.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("web").to_owned();
    // One program, and the first place at which it says so.
    found.facts.truncate(1);
    found.facts.iter_mut().for_each(|fact| fact.service = Some(name.clone()));
    found.starts.push(Start { name, command: Some(line.to_owned()), folder: folder.to_owned(), line: first, ..Start::default() });
}
