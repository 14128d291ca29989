//! Completion: a script for each shell, which asks this program for the words that fit, live ports and
//! process names among them.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Write},
    process::ExitCode,
};

use clap::Command;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use portward_model::SocketState;
use portward_ops::{Look, Store};
use portward_sys::{StateFolder, SystemClock, this_caller};

use crate::cli::{Trouble, command};

/// The shells that have a script.
pub(crate) const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "nushell", "powershell"];

/// Prints the script of a shell.
pub(crate) fn script(shell: &str) -> Result<ExitCode, Trouble> {
    io::stdout().lock().write_all(script_of(shell).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The script of a shell. Each hands the words typed so far to `portward complete` and offers what comes back:
/// one candidate per line, a tab, and its description.
pub(crate) fn script_of(shell: &str) -> &'static str {
    match shell {
        "bash" => include_str!("complete/portward.bash"),
        "zsh" => include_str!("complete/portward.zsh"),
        "fish" => include_str!("complete/portward.fish"),
        "nushell" => include_str!("complete/portward.nu"),
        _ => include_str!("complete/portward.ps1"),
    }
}

/// Answers a shell: `words` are those after the program's name, the last one being typed.
pub(crate) fn answer(words: &[OsString]) -> Result<ExitCode, Trouble> {
    let mut words: Vec<OsString> = words.iter().filter(|word| *word != "--").cloned().collect();
    if words.is_empty() {
        words.push(OsString::new());
    }
    // Without a command the words are those of `list`.
    let first = words.first().and_then(|word| word.to_str()).unwrap_or_default();
    let is_command = command().get_subcommands().any(|known| known.get_name() == first);
    let top = words.len() == 1;
    let mut line = vec![OsString::from("portward")];
    if !is_command && !top {
        line.push("list".into());
    }
    line.extend(words.iter().cloned());
    let mut candidates = candidates(with_live_values(command()), line);
    if top {
        let list = vec!["portward".into(), "list".into(), words.first().cloned().unwrap_or_default()];
        candidates.extend(self::candidates(with_live_values(command()), list));
    }
    let mut out = io::stdout().lock();
    let mut said: Vec<OsString> = Vec::new();
    for candidate in candidates.iter().filter(|candidate| !candidate.is_hide_set()) {
        let value = candidate.get_value();
        if said.iter().any(|known| known == value) {
            continue;
        }
        said.push(value.to_os_string());
        let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        let help = portward_model::Text::from(help.lines().next().unwrap_or_default());
        writeln!(out, "{}\t{help}", portward_model::Text::new(value.as_encoded_bytes()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn candidates(mut command: Command, line: Vec<OsString>) -> Vec<CompletionCandidate> {
    let last = line.len() - 1;
    clap_complete::engine::complete(&mut command, line, last, None).unwrap_or_default()
}

/// Lets arguments that name an endpoint offer those that there are.
fn with_live_values(command: Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |sub| {
            let live: Vec<String> = sub
                .get_arguments()
                .map(|argument| argument.get_id().to_string())
                .filter(|id| matches!(id.as_str(), "endpoint" | "endpoints" | "filters"))
                .collect();
            let sub = if sub.get_name() == "front" {
                sub.mut_arg("project", |argument| argument.add(ArgValueCompleter::new(projects)))
            } else {
                sub
            };
            live.into_iter().fold(sub, |sub, id| sub.mut_arg(id, |argument| argument.add(ArgValueCompleter::new(endpoints))))
        })
    })
}

/// Projects that have ports, with their roots.
fn projects(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(host) = portward_sys::this_machine() else { return Vec::new() };
    let store = Store::reading_in(host.as_ref(), &SystemClock, StateFolder::find(&this_caller()));
    let known = store.ok().flatten().and_then(|store| store.projects().ok()).unwrap_or_default();
    let typed = typed.to_str().unwrap_or_default();
    let fits = known.into_iter().filter_map(|project| {
        let name = project.name.plain().filter(|name| !name.is_empty() && name.starts_with(typed))?;
        Some(CompletionCandidate::new(name).help(project.root.map(|root| root.shown().into())))
    });
    fits.collect()
}

/// Live endpoints: every served port with the program behind it, and the names of those programs.
fn endpoints(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(host) = portward_sys::this_machine() else { return Vec::new() };
    let view = Look { clients: false, interfaces: false, ..Look::serving() }.take(host.as_ref());
    let typed = typed.to_str().unwrap_or_default();
    let mut found: Vec<(String, String)> = Vec::new();
    for (index, socket) in view.snapshot.sockets.iter().enumerate() {
        let owner = portward_ops::holder_words(&view, index);
        match (socket.port(), socket.path()) {
            (Some(port), _) => found.push((port.to_string(), owner)),
            (None, Some(path)) if socket.state == SocketState::Listen && typed.starts_with('/') => {
                found.extend(path.plain().map(|path| (path.to_owned(), owner)));
            }
            _ => {}
        }
        let name = view.first_owner(index).and_then(|pid| view.snapshot.process(pid)).map(portward_model::Process::title);
        found.extend(name.filter(|name| !name.contains(' ')).map(|name| (name, "a program that serves".to_owned())));
    }
    found.sort();
    found.dedup_by(|a, b| a.0 == b.0);
    found.retain(|(value, _)| value.starts_with(typed));
    found.into_iter().map(|(value, help)| CompletionCandidate::new(value).help(Some(help.into()))).collect()
}
