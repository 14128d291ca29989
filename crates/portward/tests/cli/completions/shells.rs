//! TAB in real shells on a real terminal, with names that were chosen so that a command of somebody else's runs.

use std::path::{Path, PathBuf};

use portward_testkit::{World, hex, skip};
use serde_json::{Value, json};

use crate::world;

/// The person at the terminal.
const TERMINAL: &str = include_str!("terminal.py");

/// Names of sockets. `owned` is a program that leaves a mark.
const NAMES: [&[u8]; 26] = [
    b"a;owned;#",
    b"$(owned)",
    b"`owned`",
    b"a b",
    b"';owned;'",
    b"\";owned;\"",
    b"a'b\"c",
    b"a&&owned",
    b"a|owned",
    b"a>x",
    b"\\';owned;\\'",
    b"a\\",
    b"!owned",
    b"!!",
    b"*",
    b"a[b-c]?",
    b"{owned,x}",
    b"(owned)",
    b"-rf",
    b"~",
    b"=owned",
    b"#owned",
    b"%self$HOME",
    "gr\u{f6}\u{df}e \u{65e5}\u{672c}".as_bytes(),
    b"a:b;owned",
    b"a^owned^@x",
];

/// What no line of a shell can show, and what is offered to none therefore.
const UNTYPED: [&[u8]; 5] = [b"a\nowned\n", b"a\x1b[2Jb", b"a\rowned", b"\xff;owned", "a\u{202e};owned".as_bytes()];

/// Names that programs gave themselves, in their fifteen bytes; each begins like no other.
const PROCESSES: [&[u8]; 6] = [b"pwa;owned;#", b"pwb$(owned)", b"pwc`owned`", b"pwd|owned", b"pwe'\";owned", b"pwf&owned&"];

struct Shell {
    name: &'static str,
    program: PathBuf,
}

/// The shell, and a world to use it in; a loud skip where one is missing.
fn shell(name: &'static str) -> Option<(World, Shell)> {
    let world = world()?;
    let program = match name {
        "nushell" => world.npm_package("@nushell/linux-x64")?.join("bin/nu"),
        "powershell" => portward_testkit::program("pwsh")?,
        name => portward_testkit::program(name)?,
    };
    if portward_testkit::program("python3").is_none() {
        skip("the program python3");
        return None;
    }
    Some((world, Shell { name, program }))
}

/// What became of each line.
fn typed(world: &World, shell: &Shell, cases: &[Value]) -> Vec<Value> {
    let script = world.portward(&["completions", shell.name]).expect(0).stdout;
    // What a shell sources is known by the end of its name.
    let end = match shell.name {
        "nushell" => "nu",
        "powershell" => "ps1",
        name => name,
    };
    let script = world.file(&format!("home/complete.{end}"), script);
    // Names of Unix sockets are short.
    let folder = tempfile::Builder::new().prefix("t").tempdir_in("/tmp").unwrap();
    world.give(folder.path());
    let portward = world.portward_path();
    let words =
        [Path::new(shell.name), &shell.program, &script, portward, folder.path()].map(|word| word.to_str().unwrap().to_owned());
    let cases = serde_json::to_string(cases).unwrap();
    let line: Vec<&str> =
        ["python3", "-c", TERMINAL].into_iter().chain(words.iter().map(String::as_str)).chain([cases.as_str()]).collect();
    let outcome = world.run(&line).expect(0);
    serde_json::from_str(outcome.stdout.lines().last().unwrap()).unwrap()
}

/// The arguments that arrived, where one line was run.
fn arguments(told: &Value) -> Vec<Vec<u8>> {
    let lines = told["arrived"].as_array().unwrap();
    assert!(lines.len() <= 1, "{told:#}");
    let bytes = |word: &Value| {
        let digits = word.as_str().unwrap().as_bytes();
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    };
    lines.first().map(|words| words.as_array().unwrap().iter().map(bytes).collect()).unwrap_or_default()
}

fn nothing_else_ran(told: &Value) {
    assert_eq!(told["asked"], true, "no completion was asked for: {told:#}");
    assert_eq!((told["owned"].as_bool(), &told["left"]), (Some(false), &json!([])), "{told:#}");
}

fn complete(name: &'static str) {
    let Some((world, shell)) = shell(name) else { return };
    let socket = |name: &[u8], typed: &str| json!({ "kind": "socket", "name": hex(name), "typed": typed });
    let mut cases: Vec<Value> = NAMES.into_iter().map(|name| socket(name, "portward explain PLACE/")).collect();
    cases.extend(UNTYPED.into_iter().map(|name| socket(name, "portward explain PLACE/")));
    // Within quotes of the person's own, what is offered either fits or is not offered.
    for begun in ["portward explain 'PLACE/", "portward explain \"PLACE/"] {
        cases.extend([&b"a;owned;#"[..], b"$(owned)", b"`owned`", b"';owned;'", b"\";owned;\""].map(|name| socket(name, begun)));
    }
    cases.extend(PROCESSES.map(|name| {
        let typed = format!("portward explain {}", String::from_utf8_lossy(&name[..3]));
        json!({ "kind": "process", "name": hex(name), "typed": typed })
    }));
    let all = typed(&world, &shell, &cases);
    assert_eq!(all.len(), cases.len());
    for (told, name) in all.iter().zip(NAMES) {
        nothing_else_ran(told);
        let whole = [told["place"].as_str().unwrap().as_bytes(), b"/", name].concat();
        let shown = String::from_utf8_lossy(name);
        assert_eq!(arguments(told), [b"explain".to_vec(), whole], "{shown}: {told:#}");
    }
    for (told, name) in all.iter().skip(NAMES.len()).zip(UNTYPED) {
        nothing_else_ran(told);
        let screen = told["screen"].as_str().unwrap();
        assert!(!screen.contains("owned") && !screen.contains("\u{1b}[2Jb"), "{:?}: {screen:?}", String::from_utf8_lossy(name));
    }
    for told in all.iter().skip(NAMES.len() + UNTYPED.len()) {
        nothing_else_ran(told);
        let arrived = arguments(told);
        assert!(arrived.len() <= 2, "{told:#}");
    }
    // Names of programs are offered as well, as one word.
    for (told, name) in all.iter().rev().zip(PROCESSES.into_iter().rev()) {
        assert_eq!(arguments(told), [b"explain".to_vec(), name.to_vec()], "{told:#}");
    }
}

#[test]
fn bash() {
    complete("bash");
}

#[test]
fn zsh() {
    complete("zsh");
}

#[test]
fn fish() {
    complete("fish");
}

#[test]
fn nushell() {
    complete("nushell");
}

#[test]
fn powershell() {
    complete("powershell");
}
