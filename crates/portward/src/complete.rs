//! Completion: a script for each shell, which asks this program for the words that fit, live ports and
//! process names among them.

mod quoting;

use std::{
    ffi::{OsStr, OsString},
    io::{self, Write},
    process::ExitCode,
};

use clap::Command;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use portward_model::{SocketState, inert};
use portward_ops::{Look, Store};
use portward_sys::{StateFolder, SystemClock, this_caller};

use self::quoting::{Shell, is_bare, words_of};
use crate::cli::{Trouble, command};

/// The shells that have a script.
pub(crate) const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "nushell", "powershell"];

/// Prints the script of a shell.
pub(crate) fn script(shell: &str) -> Result<ExitCode, Trouble> {
    io::stdout().lock().write_all(script_of(shell).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The script of a shell. Each hands the words typed so far to `portward complete --shell NAME` and offers what comes back: one
/// candidate per line, as that shell inserts it, a tab, and its description.
pub(crate) fn script_of(shell: &str) -> &'static str {
    match shell {
        "bash" => include_str!("complete/portward.bash"),
        "zsh" => include_str!("complete/portward.zsh"),
        "fish" => include_str!("complete/portward.fish"),
        "nushell" => include_str!("complete/portward.nu"),
        _ => include_str!("complete/portward.ps1"),
    }
}

/// Answers a shell: `arguments` are those after `complete`.
pub(crate) fn answer(arguments: &[OsString]) -> Result<ExitCode, Trouble> {
    let asked = Asked::of(arguments);
    let first = asked.words.first().and_then(|word| word.to_str()).unwrap_or_default();
    // Without a command the words are those of `list`.
    let is_command = command().get_subcommands().any(|known| known.get_name() == first);
    let top = asked.words.len() == 1;
    let mut line = vec![OsString::from("portward")];
    if !is_command && !top {
        line.push("list".into());
    }
    line.extend(asked.words.iter().cloned());
    let mut candidates = candidates(with_live_values(command()), line);
    if top {
        let list = vec!["portward".into(), "list".into(), asked.words.first().cloned().unwrap_or_default()];
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
        let Some(value) = value
            .to_str()
            .and_then(|value| asked.inserted(value, candidate.get_tag().is_some_and(|tag| tag.to_string() == FOREIGN)))
        else {
            continue;
        };
        let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        let help: String = inert(help.lines().next().unwrap_or_default()).chars().take(LONGEST_HELP).collect();
        writeln!(out, "{value}\t{help}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a shell asks.
struct Asked {
    shell: Shell,
    /// The words so far, as they are meant; the last one is being typed.
    words: Vec<OsString>,
    /// The last one as it was typed.
    typed: String,
    /// Where the shell cuts a word: it replaces what stands behind the last of these.
    breaks: String,
}

impl Asked {
    /// `--shell NAME` and then the words behind `--`, or the line so far as `--line TEXT` with its `--breaks CHARACTERS`.
    fn of(arguments: &[OsString]) -> Self {
        let mut asked = Self { shell: Shell::Unnamed, words: Vec::new(), typed: String::new(), breaks: String::new() };
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            let mut value = || rest.next().map(|value| value.to_string_lossy().into_owned()).unwrap_or_default();
            match word.to_str() {
                Some("--shell") => asked.shell = Shell::named(&value()),
                Some("--breaks") => asked.breaks = value(),
                Some("--line") => {
                    let (words, typed) = words_of(&value());
                    (asked.words, asked.typed) = (words.into_iter().map(OsString::from).collect(), typed);
                }
                Some("--") => {
                    asked.words = rest.by_ref().cloned().collect();
                    asked.typed = asked.words.last().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
                }
                _ => {
                    asked.typed = word.to_string_lossy().into_owned();
                    asked.words.push(word.clone());
                }
            }
        }
        asked.words.retain(|word| *word != "--");
        if asked.words.is_empty() {
            asked.words.push(OsString::new());
        }
        asked
    }

    /// What is inserted for a value. One that somebody else named and that needs quotes is offered to nobody.
    fn inserted(&self, value: &str, is_foreign: bool) -> Option<String> {
        if is_foreign && !is_bare(value) {
            return None;
        }
        let kept = self.typed.rfind(|c| self.breaks.contains(c)).filter(|_| is_bare(&self.typed));
        let start = kept.and_then(|at| self.typed.get(..=at)).unwrap_or_default();
        self.shell.inserted(value.strip_prefix(start)?, self.typed.strip_prefix(start)?)
    }
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
        let name = project.name.plain().filter(|name| is_value(name) && name.starts_with(typed))?;
        Some(CompletionCandidate::new(name).help(project.root.map(|root| root.shown().into())))
    });
    fits.collect()
}

/// Live endpoints: every served port with the program behind it, and the names of those programs.
fn endpoints(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(host) = portward_sys::this_machine() else { return Vec::new() };
    let view = Look { clients: false, interfaces: false, ..Look::serving() }.take(host.as_ref());
    let own = view.snapshot.host.uid;
    let typed = typed.to_str().unwrap_or_default();
    let mut found: Vec<(String, String, bool)> = Vec::new();
    for (index, socket) in view.snapshot.sockets.iter().enumerate() {
        let owner = portward_ops::holder_words(&view, index);
        match (socket.port(), socket.path()) {
            (Some(port), _) => found.push((port.to_string(), owner, false)),
            (None, Some(path)) if socket.state == SocketState::Listen && typed.starts_with('/') => {
                found.extend(path.plain().map(|path| (path.to_owned(), owner, socket.uid != own)));
            }
            _ => {}
        }
        let process = view.first_owner(index).and_then(|pid| view.snapshot.process(pid));
        // As it is; a name that cannot be typed is no name to ask for.
        let named = process.map(|process| (process.title(), process.uid != own));
        found.extend(
            named
                .filter(|(name, _)| !name.contains([' ', '\\']))
                .map(|(name, is_foreign)| (name, "a program that serves".to_owned(), is_foreign)),
        );
    }
    found.sort();
    found.dedup_by(|a, b| a.0 == b.0);
    found.retain(|(value, ..)| is_value(value) && value.starts_with(typed));
    let offered = found.into_iter().map(|(value, help, is_foreign)| {
        CompletionCandidate::new(value).help(Some(help.into())).tag(is_foreign.then(|| FOREIGN.into()))
    });
    offered.collect()
}

/// True for what the program that is started takes for a value: what begins with a dash would be an option of its own.
fn is_value(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('-')
}

/// The tag of what another user named.
const FOREIGN: &str = "of another user";
/// Of a description.
const LONGEST_HELP: usize = 120;
