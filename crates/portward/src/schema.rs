//! `portward schema`: the JSON schema of every answer.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use portward_model::{Hint, Text};
use portward_ops::{Entry, Failure, OPS, project_file};
use serde_json::{Value, json};

use crate::cli::Trouble;

/// Prints the schema of one command's answer, or the names of all commands and operations.
pub(crate) fn print(name: Option<&str>) -> Result<ExitCode, Trouble> {
    let mut out = io::stdout().lock();
    let Some(name) = name else {
        let mut before = "";
        for entry in OPS {
            if entry.noun() != before && entry.noun() != entry.name {
                writeln!(out, "{}", entry.noun())?;
            }
            before = entry.noun();
            writeln!(out, "{}", entry.name)?;
        }
        writeln!(out, "{}", project_file::NAME)?;
        return Ok(ExitCode::SUCCESS);
    };
    if name == project_file::NAME {
        writeln!(out, "{}", text(&project_file::schema()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(entry) = OPS.iter().find(|entry| entry.name == name || entry.noun() == name) else {
        let mut nouns: Vec<&str> = OPS.iter().map(Entry::noun).collect();
        nouns.dedup();
        return Err(Failure::usage(format!(
            "`{}` is no command with a schema.",
            Text::from(name.chars().take(40).collect::<String>().as_str())
        ))
        .hint(Hint::listing("one of ", &nouns))
        .into());
    };
    writeln!(out, "{}", text(&of(entry)))?;
    Ok(ExitCode::SUCCESS)
}

/// The schema of what `NOUN --json` prints, whatever the verb: an item of the stream where it streams, otherwise the answer.
pub(crate) fn of(entry: &Entry) -> Value {
    let mut schema = match (entry.item)() {
        // A look that is repeated has the same shape as a single one.
        Some(item) if entry.name != "list" => item,
        _ => (entry.output)(),
    };
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("$id".to_owned(), json!(format!("portward:{}", entry.noun())));
    }
    schema
}

/// A schema as it is committed and printed.
pub(crate) fn text(schema: &Value) -> String {
    serde_json::to_string_pretty(schema).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use portward_ops::{Entry, OPS};

    #[test]
    fn the_verbs_of_a_noun_answer_alike() {
        for entry in OPS {
            // One that streams among others that do not has lines of its own: `up`, and `up --detach`.
            let alike = |other: &&Entry| other.noun() == entry.noun() && (other.item)().is_some() == (entry.item)().is_some();
            let first = OPS.iter().find(alike).unwrap();
            assert_eq!(super::of(first), super::of(entry), "{}", entry.name);
        }
    }
}
