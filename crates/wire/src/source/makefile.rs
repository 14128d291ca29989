//! `Makefile`: the commands of its targets, with the variables that it sets.

use super::{Fact, Findings, Kind, Source, Start, command};

pub(super) const KIND: Kind = Kind {
    by_folder: true,
    reads: "The ports of each target's commands, with variables of the file put in. A target that listens can be started.",
    ..Kind::of("makefile", "Makefile", &["Makefile", "makefile", "GNUmakefile"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let mut variables: Vec<(&str, &str)> = Vec::new();
    let mut target: Option<(String, u32)> = None;
    for (number, line) in source.lines() {
        if let Some(recipe) = line.strip_prefix('\t') {
            let Some((name, at)) = &target else { continue };
            let text = recipe.trim_start().trim_start_matches(['@', '-', '+']);
            let filled = filled(text, &variables);
            let column = if filled == text { u32::try_from(line.len() - text.len() + 1).unwrap_or(0) } else { 0 };
            let before = found.facts.len();
            command::read(&filled, command::At { line: number, column, service: name }, found);
            let listens = found.facts.get(before..).unwrap_or_default().iter().any(Fact::listens);
            if listens && !found.starts.iter().any(|start| start.name == *name) {
                found.starts.push(Start {
                    name: name.clone(),
                    command: Some(format!("make {name}")),
                    runs: Some(filled),
                    folder: source.folder().to_owned(),
                    line: *at,
                    ..Start::default()
                });
            }
            continue;
        }
        if let Some((name, value)) = line.split_once('=').filter(|(name, _)| !name.contains('#')) {
            variables.push((name.trim_end_matches([':', '?', '+', '!']).trim(), value.trim()));
            target = None;
        } else if let Some((name, _)) = line.split_once(':') {
            let is_plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
            target = is_plain.then(|| (name.to_owned(), number));
        }
    }
}

/// A line with the file's own variables put in, once.
fn filled(text: &str, variables: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (name, value) in variables.iter().rev().filter(|(name, _)| !name.is_empty()) {
        if text.contains('$') && text.len() < LONGEST {
            text = text.replace(&format!("$({name})"), value).replace(&format!("${{{name}}}"), value);
        }
    }
    text
}

const LONGEST: usize = 8_000;
