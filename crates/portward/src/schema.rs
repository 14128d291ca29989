//! `portward schema`: the JSON schema of every answer.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use portward_model::Text;
use portward_ops::{Entry, Failure, OPS};
use serde_json::{Value, json};

use crate::cli::Trouble;

/// Prints the schema of one command's answer, or the names of all.
pub(crate) fn print(name: Option<&str>) -> Result<ExitCode, Trouble> {
    let mut out = io::stdout().lock();
    let Some(name) = name else {
        for entry in OPS {
            writeln!(out, "{}", entry.name)?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let Some(entry) = OPS.iter().find(|entry| entry.name == name) else {
        let names: Vec<&str> = OPS.iter().map(|entry| entry.name).collect();
        return Err(Failure::usage(format!(
            "`{}` is no command with a schema.",
            Text::from(name.chars().take(40).collect::<String>().as_str())
        ))
        .hint(format!("one of {}", names.join(", ")))
        .into());
    };
    writeln!(out, "{}", text(&of(entry)))?;
    Ok(ExitCode::SUCCESS)
}

/// The schema of what `NAME --json` prints: an item of the stream where it streams, otherwise the answer.
pub(crate) fn of(entry: &Entry) -> Value {
    let mut schema = match (entry.item)() {
        // A look that is repeated has the same shape as a single one.
        Some(item) if entry.name != "list" => item,
        _ => (entry.output)(),
    };
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("$id".to_owned(), json!(format!("portward:{}", entry.name)));
    }
    schema
}

/// A schema as it is committed and printed.
pub(crate) fn text(schema: &Value) -> String {
    serde_json::to_string_pretty(schema).unwrap_or_default()
}
