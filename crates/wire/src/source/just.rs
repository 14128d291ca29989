//! `justfile`: the commands of its recipes, with the variables that it sets.

use super::{Fact, Findings, Kind, Source, Start, command, number};

pub(super) const KIND: Kind = Kind {
    by_folder: true,
    reads: "The ports of each recipe's commands, with variables of the file and defaults of its parameters put in. A recipe that listens can be started.",
    ..Kind::of("just", "justfile", &["justfile", "Justfile", ".justfile"], read)
};

struct Recipe {
    name: String,
    line: u32,
    /// Its parameters that have a default, with that.
    given: Vec<(String, String)>,
    /// It is not started by its name alone.
    wants: bool,
}

fn read(source: &Source<'_>, found: &mut Findings) {
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut recipe: Option<Recipe> = None;
    for (number, line) in source.lines() {
        if line.starts_with([' ', '\t']) {
            let Some(recipe) = &recipe else { continue };
            let text = line.trim_start().trim_start_matches(['@', '-']);
            let filled = filled(text, recipe.given.iter().chain(variables.iter().rev()));
            let column = if filled == text { number::column(line, line.len() - text.len()) } else { 0 };
            let before = found.facts.len();
            command::read(&filled, command::At { line: number, column, service: &recipe.name }, found);
            let listens = found.facts.get(before..).unwrap_or_default().iter().any(Fact::listens);
            if listens && !recipe.wants && !found.starts.iter().any(|start| start.name == recipe.name) {
                found.starts.push(Start {
                    name: recipe.name.clone(),
                    command: Some(format!("just {}", recipe.name)),
                    runs: Some(filled),
                    folder: source.folder().to_owned(),
                    line: recipe.line,
                    ..Start::default()
                });
            }
            continue;
        }
        if line.is_empty() || line.starts_with(['#', '[']) {
            continue;
        }
        recipe = None;
        if let Some((name, value)) = line.split_once(":=") {
            variables.push((name.trim().trim_start_matches("export ").to_owned(), literal(value.trim())));
        } else {
            recipe = head(line, number);
            // A default may be a variable of the file.
            for (_, value) in recipe.iter_mut().flat_map(|recipe| &mut recipe.given) {
                if let Some((_, set)) = variables.iter().rfind(|(name, _)| name == value) {
                    value.clone_from(set);
                }
            }
        }
    }
}

/// `serve port="3000" +rest: build`
fn head(line: &str, number: u32) -> Option<Recipe> {
    let mut quote = None;
    let end = line.char_indices().find_map(|(at, letter)| {
        match (quote, letter) {
            (None, '"' | '\'') => quote = Some(letter),
            (Some(mark), _) if mark == letter => quote = None,
            (None, ':') => return Some(at),
            _ => {}
        }
        None
    })?;
    let mut words = line.get(..end)?.trim_start_matches('@').split_whitespace();
    let name = words.next()?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if !is_name || matches!(name, "set" | "alias" | "import" | "mod" | "export") {
        return None;
    }
    // One whose name begins so is for other recipes alone.
    let mut recipe = Recipe { name: name.to_owned(), line: number, given: Vec::new(), wants: name.starts_with('_') };
    for word in words {
        match word.split_once('=') {
            Some((name, value)) => recipe.given.push((name.trim_start_matches(['+', '*', '$']).to_owned(), literal(value))),
            None => recipe.wants |= !word.starts_with('*'),
        }
    }
    Some(recipe)
}

/// The text between quotes; what is computed is left as it stands.
fn literal(value: &str) -> String {
    let quoted = |mark: char| value.strip_prefix(mark)?.strip_suffix(mark);
    quoted('"').or_else(|| quoted('\'')).unwrap_or(value).to_owned()
}

/// A line with variables put in, once; what is given to a recipe goes before what its file sets.
fn filled<'v>(text: &str, variables: impl Iterator<Item = &'v (String, String)>) -> String {
    let mut text = text.to_owned();
    for (name, value) in variables {
        if text.contains("{{") && text.len() < LONGEST {
            text = text.replace(&format!("{{{{{name}}}}}"), value).replace(&format!("{{{{ {name} }}}}"), value);
        }
    }
    text
}

const LONGEST: usize = 8_000;
