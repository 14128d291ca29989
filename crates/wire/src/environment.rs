//! Variables as shells, files of variables and CI systems read them.
//!
//! A value is written so that whoever reads it has the very same bytes again. What a form cannot carry is refused in words, never
//! written as something else.

use std::fmt::Write;

use serde_json::{Map, Value, json};

/// Who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// POSIX shells: sh, dash, bash, zsh.
    Sh,
    /// fish.
    Fish,
    /// Nushell.
    Nu,
    /// `PowerShell`.
    PowerShell,
    /// A `.env` file, as python-dotenv, Node and Docker read it.
    Dotenv,
    /// One flat object.
    Json,
    /// The file that `$GITHUB_ENV` names, in a step of GitHub Actions.
    Github,
    /// An `EnvironmentFile=` of systemd.
    Systemd,
}

/// Why something cannot be written: of which variable, and the rest of the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The variable; empty where it is about all of them.
    pub name: String,
    /// Why, after the name.
    pub why: &'static str,
}

/// Variables with what they are, to be set.
///
/// # Errors
///
/// The first that the form cannot carry.
pub fn set(form: Form, variables: &[(String, String)]) -> Result<String, Refused> {
    if form == Form::Json {
        let fields: Map<String, Value> = variables.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        return Ok(serde_json::to_string_pretty(&Value::Object(fields)).unwrap_or_default() + "\n");
    }
    let mut text = String::new();
    for (name, value) in variables {
        let line = line(form, name, value).map_err(|why| Refused { name: name.clone(), why })?;
        text.push_str(&line);
        text.push('\n');
    }
    Ok(text)
}

/// Variables that are to be there no more.
///
/// # Errors
///
/// Where the form knows no such thing.
pub fn unset(form: Form, names: &[String]) -> Result<String, Refused> {
    let line = |name: &String| match form {
        Form::Sh => Some(format!("unset {name}\n")),
        Form::Fish => Some(format!("set -e {name}\n")),
        Form::Nu => Some(format!("hide-env -i {name}\n")),
        Form::PowerShell => Some(format!("Remove-Item -ErrorAction SilentlyContinue Env:{name}\n")),
        Form::Dotenv | Form::Json | Form::Github | Form::Systemd => None,
    };
    if form == Form::Json {
        let fields: Map<String, Value> = names.iter().map(|name| (name.clone(), Value::Null)).collect();
        return Ok(serde_json::to_string_pretty(&Value::Object(fields)).unwrap_or_default() + "\n");
    }
    let lines: Option<Vec<String>> = names.iter().map(line).collect();
    let why = "a file of variables cannot take one away";
    lines.map(|lines| lines.concat()).ok_or(Refused { name: String::new(), why })
}

fn line(form: Form, name: &str, value: &str) -> Result<String, &'static str> {
    if value.contains('\0') {
        return Err("holds a zero byte, which no variable can");
    }
    match form {
        Form::Sh => Ok(format!("export {name}={}", sh(value))),
        Form::Fish => Ok(format!("set -gx {name} '{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))),
        Form::Nu => Ok(format!("$env.{name} = {}", nu(value))),
        Form::PowerShell if value.is_empty() => Err("is empty, and an empty variable is none to PowerShell before 7.5"),
        Form::PowerShell => Ok(format!("$env:{name} = {}", power(value))),
        Form::Dotenv => dotenv(value).map(|value| format!("{name}={value}")),
        Form::Github => github(name, value),
        Form::Systemd => systemd(value).map(|value| format!("{name}={value}")),
        Form::Json => Ok(json!({ name: value }).to_string()),
    }
}

/// In single quotes nothing means anything to a POSIX shell but the quote itself (POSIX.1-2024, Shell Command Language 2.2.2).
pub fn sh(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}

/// A double-quoted string of Nushell.
pub fn nu(value: &str) -> String {
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

/// A verbatim string of `PowerShell`, to which five characters are single quotes (`about_Quoting_Rules`).
pub fn power(value: &str) -> String {
    let mut text = String::from("'");
    for c in value.chars() {
        text.push(c);
        if matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}') {
            text.push(c);
        }
    }
    text.push('\'');
    text
}

/// What all readers of `.env` files take for the same: bare where nothing could mean something, in single quotes, which all take as
/// they are, or in double quotes where a single one is in it.
fn dotenv(value: &str) -> Result<String, &'static str> {
    let bare = |b: u8| b.is_ascii_alphanumeric() || b"_-./:@%+,=?&~".contains(&b);
    if value.bytes().all(bare) {
        return Ok(value.to_owned());
    }
    if value.contains('\r') {
        return Err("holds a carriage return, which readers of .env files drop");
    }
    if value.contains("${") {
        return Err("holds `${`, which readers of .env files fill in, even in single quotes");
    }
    // Before a quote, before another and at the end some take a backslash for an escape.
    let escapes = value.contains("\\\\") || value.contains("\\'") || value.ends_with('\\');
    if !value.contains('\'') && !escapes {
        return Ok(format!("'{value}'"));
    }
    if !value.contains(['"', '\\', '$', '`']) {
        return Ok(format!("\"{value}\""));
    }
    Err("holds quotes or backslashes that readers of .env files take for different things")
}

/// `NAME=value`, or a block between two lines that are not in it (GitHub Actions, "Setting an environment variable").
fn github(name: &str, value: &str) -> Result<String, &'static str> {
    if name == "NODE_OPTIONS" || name.starts_with("GITHUB_") || name.starts_with("RUNNER_") {
        return Err("is a variable that GitHub Actions lets nobody set");
    }
    if value.contains('\r') {
        return Err("holds a carriage return, which GitHub Actions takes for the end of a line");
    }
    if !value.contains('\n') {
        return Ok(format!("{name}={value}"));
    }
    let mut end = "PORTWARD_END".to_owned();
    while value.lines().any(|line| line == end) {
        end.push('_');
    }
    Ok(format!("{name}<<{end}\n{value}\n{end}"))
}

/// In double quotes, with a backslash before what would mean something (`src/basic/env-file.c`, `SHELL_NEED_ESCAPE`).
fn systemd(value: &str) -> Result<String, &'static str> {
    if value.contains(['\n', '\r']) {
        return Err("has several lines, which an EnvironmentFile does not carry reliably");
    }
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err("holds a control character, and systemd drops such a variable");
    }
    let mut text = String::from("\"");
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '`' | '$') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{Form, set, unset};

    fn one(form: Form, value: &str) -> Result<String, &'static str> {
        set(form, &[("X".to_owned(), value.to_owned())]).map_err(|refused| refused.why)
    }

    #[test]
    fn each_form_is_written_as_its_reader_reads() {
        for (form, value, line) in [
            (Form::Sh, "it's $HOME", "export X='it'\\''s $HOME'\n"),
            (Form::Fish, "it's \\n", "set -gx X 'it\\'s \\\\n'\n"),
            (Form::Nu, "a\"b\\c\n\u{1b}", "$env.X = \"a\\\"b\\\\c\\n\\u{1b}\"\n"),
            (Form::PowerShell, "it's \u{2019}", "$env:X = 'it''s \u{2019}\u{2019}'\n"),
            (Form::Dotenv, "postgres://app@localhost:1/x", "X=postgres://app@localhost:1/x\n"),
            (Form::Dotenv, "a $b #c", "X='a $b #c'\n"),
            (Form::Dotenv, "it's", "X=\"it's\"\n"),
            (Form::Github, "a\nb", "X<<PORTWARD_END\na\nb\nPORTWARD_END\n"),
            (Form::Github, "a\nPORTWARD_END", "X<<PORTWARD_END_\na\nPORTWARD_END\nPORTWARD_END_\n"),
            (Form::Systemd, "a \"$b\" \\", "X=\"a \\\"\\$b\\\" \\\\\"\n"),
            (Form::Json, "a\"\n", "{\n  \"X\": \"a\\\"\\n\"\n}\n"),
        ] {
            assert_eq!(one(form, value).as_deref(), Ok(line), "{form:?}");
        }
    }

    #[test]
    fn what_a_form_cannot_carry_is_refused() {
        for (form, value) in [
            (Form::Systemd, "a\nb"),
            (Form::Systemd, "\u{7}"),
            (Form::Dotenv, "a\r"),
            (Form::Dotenv, "it's \"so\""),
            (Form::Dotenv, "a\\\\ b"),
            (Form::Dotenv, "ends \\"),
            (Form::Dotenv, "${HOME}"),
            (Form::Github, "a\rb"),
            (Form::PowerShell, ""),
            (Form::Sh, "\0"),
        ] {
            assert!(one(form, value).is_err(), "{form:?} {value:?}");
        }
        assert!(set(Form::Github, &[("GITHUB_SHA".to_owned(), "x".to_owned())]).is_err());
    }

    #[test]
    fn what_was_set_is_taken_away() {
        let names = ["A".to_owned(), "B".to_owned()];
        assert_eq!(unset(Form::Sh, &names).unwrap(), "unset A\nunset B\n");
        assert_eq!(unset(Form::Json, &names).unwrap(), "{\n  \"A\": null,\n  \"B\": null\n}\n");
        assert!([Form::Dotenv, Form::Github, Form::Systemd].into_iter().all(|form| unset(form, &names).is_err()));
    }
}
