//! What is said to people: commands are laid out of words, and the terminal is written to at few places.

use super::{File, Tree};

/// Command lines come from `shell!`, `hint!` and `ShellLine` alone, which quote the names in them. A `format!` that begins like one
/// is a name in a shell, unquoted.
pub(super) fn commands(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for file in product(tree) {
        for (at, line) in file.text.lines().enumerate().take_while(|(_, line)| !line.starts_with("#[cfg(test)]")) {
            let Some((_, text)) = line.split_once("format!(\"") else { continue };
            let text = text.strip_prefix("hint: ").or_else(|| text.strip_prefix("try: ")).unwrap_or(text);
            let literal = text.split('"').next().unwrap_or_default();
            if SENTENCES.iter().any(|sentence| literal.starts_with(sentence)) {
                continue;
            }
            let has_hole = literal.replace("{{", "").contains('{');
            if has_hole && PROGRAMS.iter().any(|program| literal.strip_prefix(program).is_some_and(|rest| rest.starts_with(' ')))
            {
                breaches.push(format!("{}:{} formats a command; `shell!` quotes what stands in it.", file.path, at + 1));
            }
        }
    }
    breaches
}

/// Whatever goes to a terminal goes through the screen, which lets nothing act on it, or is named here with its reason.
pub(super) fn terminals(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for file in product(tree).filter(|file| !WRITERS.iter().any(|(path, _)| file.path == *path)) {
        for (at, line) in file.code.lines().enumerate().take_while(|(_, line)| !line.starts_with("#[cfg(test)]")) {
            if SPOKEN.iter().any(|call| line.contains(call)) {
                breaches.push(format!("{}:{} writes to the terminal past `screen.rs`.", file.path, at + 1));
            }
        }
    }
    breaches
}

/// The product's own files, without its tests.
fn product(tree: &Tree) -> impl Iterator<Item = &File> {
    let is_test = |path: &str| path.contains("/tests/") || path.ends_with("tests.rs") || path.starts_with("crates/testkit/");
    tree.rust("crates/").filter(move |file| !is_test(&file.path) && !file.path.ends_with("build.rs"))
}

/// What begins a command line that people are told.
const PROGRAMS: [&str; 24] = [
    "sudo",
    "portward",
    "kill",
    "docker",
    "podman",
    "systemctl",
    "journalctl",
    "psql",
    "mysql",
    "redis-cli",
    "ssh",
    "curl",
    "ip",
    "nft",
    "rm",
    "ls",
    "ss",
    "nsenter",
    "apt",
    "ps",
    "iptables",
    "setfacl",
    "openssl",
    "fuser",
];

/// What begins like a command and is a sentence; the last is a name for clap.
const SENTENCES: [&str; 3] = ["ssh cannot ", "portward ps will not ", "portward {}"];

/// How a terminal is written to.
const SPOKEN: [&str; 6] = ["println!", "eprintln!", "print!(", "eprint!(", "io::stdout()", "io::stderr()"];

/// Files that write to standard output or error themselves, each with its reason.
const WRITERS: [(&str, &str); 19] = [
    ("crates/portward/src/screen.rs", "it is the door"),
    ("crates/session/src/linux/front.rs", "it asks a terminal for its modes, and writes nothing"),
    ("crates/portward/src/beside.rs", "the screen writes through it"),
    ("crates/portward/src/cli.rs", "failures, made inert there"),
    ("crates/portward/src/prompt.rs", "questions, made inert there"),
    ("crates/portward/src/complete.rs", "words of which none acts, for a shell"),
    ("crates/portward/src/schema.rs", "schemas, which are this program's own text"),
    ("crates/lab/src/linux.rs", "failures of a lab's parts, made inert there"),
    ("crates/lab/src/linux/inside.rs", "JSON between a lab's parts"),
    ("crates/lab/src/linux/role.rs", "lines between a lab's parts"),
    ("crates/lab/src/linux/role/runs.rs", "a lab's server, which is a program of its own"),
    ("crates/sys/src/linux/observe.rs", "what the reader's own client prints, passed on"),
    ("crates/sys/src/linux/reader.rs", "answers to the process that asked, which is this program"),
    ("crates/ops/src/hands.rs", "the same, between root and the user"),
    ("crates/session/src/linux/tree.rs", "closes them"),
    ("crates/sys/src/linux/works.rs", "a service's log: passes on what a program prints for it"),
    ("crates/keeper/src/grounds.rs", "an engine that cannot be made, whose standard error is the service's log"),
    (
        "crates/keeper/src/services/compose/follower.rs",
        "a container that cannot be started, where standard error is the service's log",
    ),
    ("crates/keeper/src/start.rs", "a service's supervisor, whose standard error is the service's log"),
];

#[cfg(test)]
mod tests {
    use super::{commands, terminals};
    use crate::tidy::tests::tree;

    #[test]
    fn commands_are_not_formatted() {
        let found = |line: &str| commands(&tree(&[("crates/x/src/a.rs", line)])).len();
        assert_eq!(found("let x = format!(\"sudo kill {pid}\");"), 1);
        assert_eq!(found("hint(format!(\"try: ssh {server} true\"))"), 1);
        assert_eq!(found("let x = shell!(\"sudo kill {}\", pid);"), 0);
        assert_eq!(found("let x = format!(\"killed {pid}\");"), 0);
        assert_eq!(found("let x = format!(\"ssh cannot be started\");"), 0);
        assert_eq!(found("#[cfg(test)]\nlet x = format!(\"sudo kill {pid}\");"), 0);
    }

    #[test]
    fn the_terminal_has_its_doors() {
        let found = |path: &str, line: &str| terminals(&tree(&[(path, line)])).len();
        assert_eq!(found("crates/x/src/a.rs", "eprintln!(\"{name}\");"), 1);
        assert_eq!(found("crates/x/src/a.rs", "let mut out = io::stdout();"), 1);
        assert_eq!(found("crates/x/src/a.rs", "// println!(1)"), 0);
        assert_eq!(found("crates/portward/src/screen.rs", "io::stderr().lock()"), 0);
    }
}
