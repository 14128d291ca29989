//! What was typed and makes no sense, in the words of this program.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use portward_model::{Hint, hint};
use portward_ops::Failure;

/// What clap says in a paragraph, as one sentence and a hint. What was typed may be long, or act on a terminal.
pub(crate) fn misread(error: &clap::Error) -> Failure {
    use std::error::Error as _;
    if let Some(source) = error.source()
        && let Some(endpoint) = source.downcast_ref::<portward_model::EndpointError>()
    {
        return endpoint.clone().into();
    }
    let own = error.to_string();
    let said = error.source().map_or_else(|| first_sentence(&own), ToString::to_string);
    let said = said.strip_prefix("error: ").unwrap_or(&said);
    let (said, near) = match said.split_once("; did you mean `") {
        Some((said, near)) => (said, Some(hint!("did you mean {} ?", near.trim_end_matches(['`', '?', '.'])))),
        None => (said, None),
    };
    let mut short: String = said.chars().take(LONGEST_SENTENCE).collect();
    if short.len() < said.len() {
        short.push('…');
    }
    let sentence = portward_model::Text::from_shown(&short).shown();
    let sentence = portward_model::capitalised(&sentence);
    let lines = || own.lines().map(str::trim);
    let values = lines()
        .find_map(|line| line.strip_prefix("[possible values: ")?.strip_suffix(']'))
        .map(|values| Hint::listing("one of ", values.split(", ")));
    let tip = || lines().find_map(|line| line.strip_prefix("tip: ")).map(Hint::told);
    let unknown = (error.kind() == ErrorKind::UnknownArgument).then(|| unknown(error));
    let hint = near.or(values).or(unknown).or_else(tip).unwrap_or_else(|| HELP.into());
    Failure::usage(format!("{}.", sentence.trim_end_matches('.'))).hint(hint)
}

/// What to do about an option that the command does not have. What clap says of it, that it may be passed as a value, is rarely meant.
fn unknown(error: &clap::Error) -> Hint {
    let said = |kind| match error.get(kind) {
        Some(ContextValue::String(said)) => Some(said.as_str()),
        Some(ContextValue::Strings(said)) => said.first().map(String::as_str),
        _ => None,
    };
    let is_elsewhere = |option: &str| ["--from", "--host"].contains(&option.split('=').next().unwrap_or_default());
    match (said(ContextKind::InvalidArg), said(ContextKind::SuggestedArg)) {
        (Some(option), _) if is_elsewhere(option) => {
            "--from and --host go with commands that only read, such as portward list".into()
        }
        (_, Some(near)) => hint!("did you mean {} ?", near),
        _ => HELP.into(),
    }
}

const HELP: &str = "the same command with --help";

/// The first line, with the list that stands below it where it ends in a colon.
fn first_sentence(said: &str) -> String {
    let mut lines = said.lines();
    let first = lines.next().unwrap_or_default();
    if !first.ends_with(':') {
        return first.to_owned();
    }
    let list: Vec<&str> = lines.take_while(|line| line.starts_with("  ")).map(str::trim).collect();
    format!("{first} {}", list.join(", "))
}

/// Sentences are cut here: one may quote what was typed.
const LONGEST_SENTENCE: usize = 300;
