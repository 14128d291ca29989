//! Everything that is written from the declarations: reference pages, schemas, man pages, completion scripts.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Arg, Command};
use portward_checks::{
    Cause,
    engine::{Copying, ENGINES, Site},
    every_cause,
    lint::{RULES, Rule},
};
use portward_model::capitalised;
use portward_ops::{Effect, Failure, Home, OPS, project_file};
use portward_wire::source::KINDS;

use crate::{
    cli::{FACES, Face, Trouble, command},
    complete, schema, words,
};

/// Writes all of it below a directory, the same bytes every time.
pub(crate) fn all(directory: Option<&Path>) -> Result<ExitCode, Trouble> {
    let directory = directory.ok_or_else(|| Failure::usage("A directory is needed to write to."))?;
    for (path, text) in files() {
        let path = directory.join(path);
        #[expect(clippy::disallowed_methods, reason = "it writes the generated files")]
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, text));
        written.map_err(|error: io::Error| Failure::system(format!("{} cannot be written: {error}.", path.display())))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn files() -> Vec<(PathBuf, String)> {
    let mut files = vec![(PathBuf::from("docs/reference/README.md"), index())];
    for face in FACES {
        let name = face.name();
        files.push((format!("docs/reference/{name}.md").into(), page(face, &face.command())));
        if let Some(entry) = OPS.iter().find(|entry| entry.noun() == name) {
            files.push((format!("schema/{name}.json").into(), schema::text(&schema::of(entry)) + "\n"));
        }
    }
    for Cause { code, summary, doc, .. } in causes() {
        let text = format!("{MARK}# {code}\n\n{summary}\n\n{}\n", doc.trim());
        files.push((format!("docs/reference/causes/{code}.md").into(), text));
    }
    for (name, text) in pages_of_files() {
        files.push((format!("docs/reference/files/{name}.md").into(), text));
    }
    files.push(("docs/reference/portward.toml.md".into(), keys()));
    files.push(("docs/reference/engines.md".into(), engines()));
    files.push((format!("schema/{}.json", project_file::NAME).into(), schema::text(&project_file::schema()) + "\n"));
    files.extend(man_pages());
    for shell in complete::SHELLS {
        files.push((format!("completions/portward.{shell}").into(), complete::script_of(shell).to_owned()));
    }
    files
}

/// Every cause, in the order of its name.
fn causes() -> Vec<&'static Cause> {
    let mut all: Vec<&Cause> = every_cause().collect();
    all.sort_unstable_by_key(|cause| cause.code);
    all
}

/// A page for each kind of file that `check` and `init` read, with the rules that read it.
fn pages_of_files() -> Vec<(&'static str, String)> {
    let own = (
        "portward",
        "portward.toml",
        "`portward.toml`".to_owned(),
        "The project's own declaration, compared with the files that its services are started by.",
    );
    let kinds = KINDS.iter().map(|kind| {
        let names: Vec<String> = kind.patterns.iter().map(|pattern| format!("`{pattern}`")).collect();
        (kind.name, kind.title, names.join(", "), kind.reads)
    });
    let page = |(name, title, names, reads): (&'static str, &str, String, &str)| {
        let mut text = format!("{MARK}# {title}\n\nNames: {names}.\n\n{reads}\n");
        let rules: Vec<&Rule> = RULES.iter().filter(|rule| rule.kinds.contains(&name)).collect();
        if !rules.is_empty() {
            text.push_str("\n## What `portward check` finds in it\n");
        }
        for rule in rules {
            let severity =
                serde_json::to_value(rule.severity).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default();
            let _ = write!(
                text,
                "\n### {}\n\n{}. Severity: {severity}.\n\n**Why.** {}\n\n**Fix.** {}\n",
                rule.code,
                capitalised(rule.summary),
                rule.reason,
                rule.fix
            );
        }
        (name, text)
    };
    [own].into_iter().chain(kinds).map(page).collect()
}

fn index() -> String {
    let mut text = format!("{MARK}# Reference\n\n## Commands\n\n| command | what it does | effect |\n|---|---|---|\n");
    for face in FACES {
        for verb in face.verbs {
            let about = (verb.arguments)().get_about().map(ToString::to_string).unwrap_or_default();
            let words = words::words(face, verb);
            let _ = writeln!(text, "| [{words}]({}.md) | {about} | {} |", face.name(), effect(verb.effect));
        }
    }
    let _ = writeln!(
        text,
        "\n## Files\n\n| file | what it declares |\n|---|---|\n| [{0}]({0}.md) | a project: its services, ports and variables |",
        project_file::NAME
    );
    text.push_str("\n## Causes\n\n| code | what was found |\n|---|---|\n");
    for Cause { code, summary, .. } in causes() {
        let _ = writeln!(text, "| [{code}](causes/{code}.md) | {summary} |");
    }
    text.push_str("\n## Files that `check` and `init` read\n\n| file | rules |\n|---|---|\n");
    for (name, page) in pages_of_files() {
        let title = page.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or(name);
        let rules: Vec<&str> = RULES.iter().filter(|rule| rule.kinds.contains(&name)).map(|rule| rule.code).collect();
        let _ = writeln!(text, "| [{title}](files/{name}.md) | {} |", rules.join(", "));
    }
    text
}

/// The keys of a project's file.
fn keys() -> String {
    let mut text = format!(
        "{MARK}# {}\n\nEvery key, as the reader and the schema of editors have it ([the chapter](../project.md)).\n",
        project_file::NAME
    );
    for (table, keys) in project_file::keys::told() {
        let title = if table.is_empty() { "The file".to_owned() } else { format!("`[{table}]`") };
        let _ = write!(text, "\n## {title}\n\n| key | what it holds | what it is for | example |\n|---|---|---|---|\n");
        for key in keys {
            let cells = [key.holds, key.about, &format!("`{} = {}`", key.name, key.example)].map(|cell| cell.replace('|', "\\|"));
            let _ = writeln!(text, "| `{}` | {} |", key.name, cells.join(" | "));
        }
    }
    text
}

/// The engines that a service can use, as the program knows them.
fn engines() -> String {
    let mut text = format!(
        "{MARK}# Engines\n\nWhat `use = \"NAME\"` in portward.toml can name ([the chapter](../engines.md)).\n\n\
         | name | engine | ports | programs are told | what it holds is saved | brought by |\n|---|---|---|---|---|---|\n"
    );
    for engine in ENGINES {
        let site = Site { asked: vec![0; engine.ports.len()], serves: vec![0; engine.ports.len()], ..Site::default() };
        let names = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        let ports: Vec<String> = engine
            .ports
            .iter()
            .map(|(name, port)| if name.is_empty() { port.to_string() } else { format!("{port} ({name})") })
            .collect();
        let told: Vec<&str> = (engine.tells)(&site).into_iter().map(|(name, _)| name).collect();
        let saved = match engine.copy {
            Copying::Dump { .. } => "by its own dump, while it runs",
            Copying::Stopped => "as a copy of its files, while it does not run",
            Copying::Nothing => "not at all: it forgets",
        };
        let called: Vec<&str> = [engine.name].into_iter().chain(engine.aliases.iter().copied()).collect();
        let cells = [
            names(&called),
            engine.title.to_owned(),
            ports.join(", "),
            names(&told),
            saved.to_owned(),
            engine.package.to_owned(),
        ];
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Read => "reads",
        Effect::Change => "changes",
        Effect::Destroy => "stops or removes",
    }
}

fn home(home: Home) -> &'static str {
    match home {
        Home::Anywhere => "It reads this machine, a snapshot (`--from`), or another machine (`--host`).",
        Home::Machine => "It works on this machine.",
        Home::Caller => "It works in the process and at the terminal of who calls it.",
    }
}

fn page(face: &Face, command: &Command) -> String {
    let long = command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string).unwrap_or_default();
    let mut text = format!("{MARK}# portward {}\n\n{long}\n\n", face.name());
    if let [verb] = face.verbs {
        let _ = writeln!(text, "Effect: {}. {}\n", effect(verb.effect), home(verb.home));
    } else {
        text.push_str("## Operations\n\n| typed | operation | what it does | effect | where |\n|---|---|---|---|---|\n");
        for verb in face.verbs {
            let about = (verb.arguments)().get_about().map(ToString::to_string).unwrap_or_default();
            let (typed, effect, home) = (words::words(face, verb), effect(verb.effect), home(verb.home));
            let _ = writeln!(text, "| `portward {typed}` | `{}` | {about} | {effect} | {home} |", verb.name);
        }
        text.push('\n');
    }
    text.push_str("## Arguments\n\n| argument | meaning | default |\n|---|---|---|\n");
    for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let defaults: Vec<String> =
            argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
        let values: Vec<String> = argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        let values = if values.is_empty() || !argument.get_action().takes_values() {
            String::new()
        } else {
            format!(" ({})", values.join(", "))
        };
        let default = if argument.get_action().takes_values() { defaults.join(", ") } else { String::new() };
        let _ =
            writeln!(text, "| `{}` | {}{values} | {default} |", usage_of(argument).replace('|', "\\|"), help.replace('|', "\\|"));
    }
    text.push_str("\n## Examples\n\n");
    for (line, answer) in face.verbs.iter().flat_map(|verb| verb.examples) {
        let _ = writeln!(text, "- `{line}`: {answer}");
    }
    let _ = writeln!(
        text,
        "\n## Answer\n\nText for people; with `--json` one document as [its schema](../../schema/{}.json) says.",
        face.name()
    );
    text
}

fn usage_of(argument: &Arg) -> String {
    let value = argument
        .get_value_names()
        .filter(|_| argument.get_action().takes_values())
        .map(|names| names.join(" "))
        .unwrap_or_default();
    match (argument.get_short(), argument.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long} {value}").trim_end().to_owned(),
        (None, Some(long)) => format!("--{long} {value}").trim_end().to_owned(),
        (Some(short), None) => format!("-{short} {value}").trim_end().to_owned(),
        (None, None) => value,
    }
}

fn man_pages() -> Vec<(PathBuf, String)> {
    let mut pages = Vec::new();
    let mut whole = Vec::new();
    let date = concat!("portward ", env!("CARGO_PKG_VERSION"));
    if clap_mangen::Man::new(command().disable_help_subcommand(true)).source(date).render(&mut whole).is_ok() {
        pages.push((PathBuf::from("man/portward.1"), String::from_utf8_lossy(&whole).into_owned()));
    }
    for face in FACES {
        let mut bytes = Vec::new();
        let name = format!("portward-{}", face.name());
        let command = face.command().version(env!("CARGO_PKG_VERSION"));
        if clap_mangen::Man::new(command).title(name.clone()).source(date).render(&mut bytes).is_ok() {
            pages.push((format!("man/{name}.1").into(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    pages
}

/// The first line of every generated page.
const MARK: &str = "<!-- Generated by `cargo xtask gen` from the declarations; edit those. -->\n\n";
