//! Why a service has failed: as the doctor reads its last lines, or as these name what is missing.

use portward_model::{Hint, Means, Remedy, Sentence, Text, hint};

use super::Service;
use crate::{Acts, Context, Op, Sink, op::doctor::Ask};

/// Adds the cause and the first repair, where the last lines, or the kernel's signal, tell of one; and leaves of the lines those that are
/// shown.
pub(super) fn explain(cx: &Context<'_, Acts>, service: &mut Service) {
    if let Some((cause, hint)) = asked(cx, service).or_else(|| missing(&service.lines)).or_else(|| killed(service.signal)) {
        service.cause = Some(cause);
        service.hint = hint;
    }
    service.lines = telling(std::mem::take(&mut service.lines));
}

/// The doctor's, of what speaks of a port.
fn asked(cx: &Context<'_, Acts>, service: &Service) -> Option<(Sentence, Option<Hint>)> {
    let text: Vec<u8> = in_order(&service.lines).flat_map(|line| [line.raw(), b"\n"]).flatten().copied().collect();
    portward_checks::read_paste(&text)?;
    let ask = Ask { text: Some(String::from_utf8_lossy(&text).into_owned()), ..Ask::default() };
    let examined = ask.run(&cx.dials(), &mut Sink::new(&mut |_| true)).ok()?;
    let cause = examined.causes.first()?;
    Some((cause.summary.clone(), cause.remedies.first().map(step)))
}

/// What the session remarks stands after what its program says of the same: either may be written first, and the remark explains.
fn in_order(lines: &[Text]) -> impl Iterator<Item = &Text> {
    let is_ours = |line: &&Text| line.raw().starts_with(b"portward: ");
    lines.iter().filter(move |line| !is_ours(line)).chain(lines.iter().filter(is_ours))
}

/// A repair as the next step: the line to type, and what it does.
fn step(remedy: &Remedy) -> Hint {
    match &remedy.means {
        Means::Operation { command, .. } | Means::Edit { command, .. } | Means::Command { command } => {
            Hint::told(&format!("{}    {}", command.line(), uncapitalised(&remedy.title)))
        }
        Means::Advice { words } => Hint::told(&format!("{}: {words}", remedy.title)),
    }
}

fn uncapitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// What the last lines name as missing: a package, a module, a program, a right, memory.
fn missing(lines: &[Text]) -> Option<(Sentence, Option<Hint>)> {
    lines.iter().rev().find_map(|line| {
        let line = String::from_utf8_lossy(line.raw());
        let named = |before: &str, end: &[char]| {
            let rest = line.get(line.find(before)? + before.len()..)?;
            let name = rest.split(end).next().unwrap_or(rest).trim();
            (!name.is_empty()).then(|| Text::from(name))
        };
        if let Some(name) = named("Cannot find module '", &['\'']).or_else(|| named("Cannot find package '", &['\''])) {
            if matches!(name.raw().first(), Some(b'.' | b'/')) {
                return Some((format!("Node does not find the file {name}.").into(), None));
            }
            let hint = "npm install    brings the packages that package.json names";
            return Some((format!("Node does not find the package {name}.").into(), Some(hint.into())));
        }
        if let Some(name) = named("No module named '", &['\'']).or_else(|| named("No module named ", &[' '])) {
            let hint = "pip install -r requirements.txt    or portward up in the environment that has it";
            return Some((format!("Python does not find the module {name}.").into(), Some(hint.into())));
        }
        if let Some(name) = by_shell(&line) {
            let by_npm = lines.iter().any(|line| line.raw().starts_with(b"> "));
            let hint: Hint = if by_npm {
                "npm install    brings the programs that package.json names".into()
            } else {
                hint!("command -v {}    says whether the shell finds it", name)
            };
            return Some((format!("The shell does not find the program {name}.").into(), Some(hint)));
        }
        if let Some(path) = named("EACCES: permission denied, open '", &['\'']) {
            return Some((format!("It may not open {path}.").into(), Some(hint!("ls -l {}", path))));
        }
        let memory = ["JavaScript heap out of memory", "java.lang.OutOfMemoryError"];
        let is_memory = memory.iter().any(|words| line.contains(words)) || line.trim() == "MemoryError";
        is_memory.then(|| ("Its memory was not enough for it: its own runtime set the limit.".into(), None))
    })
}

/// The program that a shell has not found: `sh: 1: vite: not found`, `bash: line 1: vite: command not found`.
fn by_shell(line: &str) -> Option<Text> {
    let words = line.strip_suffix(": not found").or_else(|| line.strip_suffix(": command not found"))?;
    let (shell, name) = words.rsplit_once(": ")?;
    let is_shell = ["sh", "bash", "/bin/sh", "dash", "zsh"].contains(&shell.split(':').next().unwrap_or_default());
    (is_shell && !name.is_empty()).then(|| Text::from(name))
}

/// A kill that came from outside.
fn killed(signal: Option<i32>) -> Option<(Sentence, Option<Hint>)> {
    let words = "SIGKILL came from outside: from somebody who may, or from the kernel, where memory runs out.";
    (signal == Some(SIGKILL)).then(|| (words.into(), Some("journalctl -k --grep oom    says whether it was the kernel".into())))
}

/// The lines that are shown: the last ones, and before them the one that names the error, where a long trace stands behind it.
fn telling(lines: Vec<Text>) -> Vec<Text> {
    let Some(cut) = lines.len().checked_sub(SHOWN).filter(|cut| *cut > 0) else { return lines };
    let tells = |line: &Text| {
        let line = String::from_utf8_lossy(line.raw());
        let first = line.split([':', ' ']).next().unwrap_or_default();
        first.ends_with("Error") || first.ends_with("Exception") || line.starts_with("panic:") || line.contains("panicked at")
    };
    let is_told = lines.iter().skip(cut).any(tells);
    let named = lines.iter().take(cut).rposition(tells).filter(|_| !is_told);
    let from = if named.is_some() { cut + 1 } else { cut };
    let named = named.and_then(|at| lines.get(at)).cloned();
    named.into_iter().chain(lines.into_iter().skip(from)).collect()
}

/// Lines that are shown of a service that has failed.
const SHOWN: usize = 12;
/// signal(7)
const SIGKILL: i32 = 9;

#[cfg(test)]
mod tests {
    use portward_model::Text;

    use super::{in_order, killed, missing, telling};

    fn lines(text: &str) -> Vec<Text> {
        text.lines().map(Text::from).collect()
    }

    #[test]
    fn what_is_missing_is_named_with_the_next_step() {
        for (text, cause, step) in [
            ("Error: Cannot find module 'express'\nRequire stack:", "Node does not find the package express.", "npm install"),
            ("ModuleNotFoundError: No module named 'flask'", "Python does not find the module flask.", "pip install"),
            ("> dev\n> vite\n\nsh: 1: vite: not found", "The shell does not find the program vite.", "npm install"),
            ("bash: line 1: foreman: command not found", "The shell does not find the program foreman.", "command -v foreman"),
            ("Error: EACCES: permission denied, open '/root/x'", "It may not open /root/x.", "ls -l /root/x"),
        ] {
            let (said, hint) = missing(&lines(text)).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(said.to_string(), cause);
            assert!(hint.is_some_and(|hint| hint.words().starts_with(step)), "{text}");
        }
        for text in ["GET /a 404: not found", "404: page: not found", "listening", ""] {
            assert!(missing(&lines(text)).is_none(), "{text}");
        }
        assert!(killed(Some(9)).is_some() && killed(Some(15)).is_none() && killed(None).is_none());
    }

    #[test]
    fn a_remark_of_the_session_explains_what_its_program_says_before_or_after() {
        let remark = "portward: shop already serves 8000: http.server (pid 27) -> localhost:24200.";
        for text in
            [format!("starts\nin use\n{remark}"), format!("{remark}\nstarts\nin use"), format!("starts\n{remark}\nin use")]
        {
            let shown: Vec<String> = in_order(&lines(&text)).map(Text::shown).collect();
            assert_eq!(shown, ["starts", "in use", remark]);
        }
    }

    #[test]
    fn the_line_that_names_the_error_is_shown_before_a_long_trace() {
        let trace = "    at f (x.js:1)\n".repeat(20);
        let shown = telling(lines(&format!("starts\nTypeError: x is not a function\n{trace}")));
        assert_eq!((shown.len(), shown[0].shown().as_str()), (12, "TypeError: x is not a function"));
        assert_eq!(telling(lines("a\nb")).len(), 2);
        assert_eq!(telling(lines(&trace)).len(), 12);
    }
}
