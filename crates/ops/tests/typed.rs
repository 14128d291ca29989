//! What is offered is typed: every command line of every cause, on a machine whose names somebody has chosen, through real shells.
//! What arrives is what was meant, and nothing else runs.

#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // Tests make the machine that they look at.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use portward_checks::offered_among;
use portward_model::{Means, ShellLine, shell};

/// What people chose who wanted a command of theirs to run: `owned` is one that writes a file.
const NAMES: [&str; 22] = [
    ";owned;#",
    "$(owned)",
    "`owned`",
    "a b",
    "'; owned; '",
    "\"; owned; \"",
    "&& owned",
    "| owned",
    "\\'; owned; \\'",
    "\\",
    "!owned",
    "!!",
    "*?[a-z]{x,y}",
    "~root",
    "$HOME ${HOME} %self",
    "-rf --modprobe=owned",
    "<(owned) >owned",
    "=owned",
    "größe 日本",
    "(owned)",
    "{owned,x}",
    "#x ^owned^x",
];

/// The shells, each with what lets it read a line and nothing else.
const SHELLS: [&[&str]; 4] = [&["sh"], &["bash", "--norc", "--noprofile"], &["zsh", "-f"], &["fish", "--no-config"]];

fn shells() -> Vec<&'static [&'static str]> {
    SHELLS.into_iter().filter(|shell| portward_testkit::program(shell[0]).is_some()).collect()
}

/// What a shell hands to a program for each of these lines: the arguments, by line.
fn arriving(shell: &[&str], lines: &[&ShellLine]) -> Vec<Vec<String>> {
    // A builtin of all four, which writes its arguments as they are; a line of its own tells where one ends.
    let each = |script: String, line: &&ShellLine| script + "printf '%s\\0' " + line.line() + "\nprintf '\\001\\0'\n";
    let script = lines.iter().fold(String::new(), each);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("script");
    fs::write(&file, script).unwrap();
    let mut run = Command::new(shell[0]);
    let run = run.args(&shell[1..]).arg(&file).current_dir(folder.path()).stdin(Stdio::null()).output().unwrap();
    assert!(run.status.success(), "{shell:?}: {}", String::from_utf8_lossy(&run.stderr));
    assert!(run.stderr.is_empty(), "{shell:?}: {}", String::from_utf8_lossy(&run.stderr));
    let told = String::from_utf8(run.stdout).unwrap();
    let mut arrived = vec![Vec::new()];
    for word in told.split_terminator('\0') {
        match word {
            "\u{1}" => arrived.push(Vec::new()),
            word => arrived.last_mut().unwrap().push(word.to_owned()),
        }
    }
    arrived.pop();
    arrived
}

/// Every line that is offered among names, with what offers it.
fn lines() -> Vec<(&'static str, ShellLine)> {
    let mut lines = Vec::new();
    for name in NAMES {
        for (code, remedy) in offered_among(name) {
            match remedy.means {
                Means::Operation { command, .. } | Means::Edit { command, .. } | Means::Command { command } => {
                    lines.push((code, command));
                }
                Means::Advice { .. } => {}
            }
        }
    }
    let mut known = BTreeSet::new();
    lines.retain(|(_, line)| known.insert(line.to_string()));
    lines
}

#[test]
fn what_is_typed_arrives_in_every_shell() {
    let lines = lines();
    let single: Vec<&(&str, ShellLine)> = lines.iter().filter(|(_, line)| !line.argv().is_empty()).collect();
    let named = |name: &str| single.iter().filter(|(_, line)| line.argv().iter().any(|word| word.contains(name))).count();
    for name in NAMES {
        assert!(named(name) >= 12, "{name} is in {} lines only", named(name));
    }
    for shell in shells() {
        let arrived = arriving(shell, &single.iter().map(|(_, line)| line).collect::<Vec<_>>());
        assert_eq!(arrived.len(), single.len(), "{shell:?}");
        for ((code, line), arrived) in single.iter().zip(&arrived) {
            assert_eq!(arrived, line.argv(), "{shell:?}: {code}: {line}");
        }
    }
}

/// Programs by these names that do nothing, and one that writes a file.
fn stubs(folder: &Path, names: &BTreeSet<String>) {
    for name in names.iter().map(String::as_str).chain(["owned"]) {
        let script = if name == "owned" { "#!/bin/sh\n: > \"$OWNED\"\n" } else { "#!/bin/sh\nexit 0\n" };
        let file = folder.join(name);
        fs::write(&file, script).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn lines_of_several_commands_run_no_other() {
    let several: Vec<(&str, ShellLine)> = lines().into_iter().filter(|(_, line)| line.argv().is_empty()).collect();
    assert!(several.len() > 20, "{}", several.len());
    let folder = tempfile::tempdir().unwrap();
    // Every word that could be a program's name.
    let words = several.iter().flat_map(|(_, line)| line.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))));
    let is_program = |word: &&str| word.len() > 1 && word.starts_with(|c: char| c.is_ascii_alphabetic());
    stubs(folder.path(), &words.filter(is_program).map(str::to_owned).collect());
    let owned = folder.path().join("it-was-owned");
    // The trap works.
    let trap = |shell: &[&str], line: &str| {
        let mut run = Command::new(portward_testkit::program(shell[0]).unwrap());
        run.args(&shell[1..]).args(["-c", line]).env_clear().env("PATH", folder.path()).env("OWNED", &owned);
        let _ = run.env("HOME", folder.path()).current_dir(folder.path()).stdin(Stdio::null()).output().unwrap();
        owned.exists()
    };
    for shell in shells() {
        assert!(trap(shell, "true x$(owned)"), "{shell:?}");
        fs::remove_file(&owned).unwrap();
        for (code, line) in &several {
            assert!(!trap(shell, line), "{shell:?}: {code}: {line}");
        }
    }
}

/// Any text that can be typed at all, in every place of a line where a word may stand.
#[test]
fn any_word_arrives_in_every_shell() {
    let letters: Vec<char> = (' '..='~').chain("äß日\u{a0}\u{2019}".chars()).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
    };
    let mut words: Vec<String> = letters.iter().map(char::to_string).collect();
    words.push(String::new());
    words.extend((0..3000).map(|_| (0..next(9)).map(|_| *letters.get(next(letters.len())).unwrap()).collect::<String>()));
    let lines: Vec<ShellLine> =
        words.iter().map(|word| shell!("x {} u:{}:rw 'a {} b'", word, word, word).then("--").operand(word)).collect();
    for shell in shells() {
        let arrived = arriving(shell, &lines.iter().collect::<Vec<_>>());
        assert_eq!(arrived.len(), lines.len(), "{shell:?}");
        for ((line, word), arrived) in lines.iter().zip(&words).zip(&arrived) {
            assert_eq!(arrived, line.argv(), "{shell:?}: {line}");
            assert!(arrived.contains(word) && arrived.contains(&format!("u:{word}:rw")), "{shell:?}: {line}");
        }
    }
}
