//! What starts a program again when it ends, by its own command.

use portward_model::{CommandLine, Process, Text};

use crate::why;

/// True for a shell that a person types into.
pub fn is_typed_into(process: &Process) -> bool {
    why::is_interactive_shell(process)
}

/// True for a shell whose command is an endless loop: `sh -c 'while true; do npm start; done'`.
pub fn is_loop(process: &Process) -> bool {
    let shell = matches!(process.name.raw(), b"sh" | b"bash" | b"dash" | b"zsh" | b"ash" | b"busybox" | b"ksh");
    let argv = process.argv.known().map(CommandLine::arguments).unwrap_or_default();
    let script = argv.iter().skip_while(|argument| !is_command(argument)).nth(1);
    shell
        && script.is_some_and(|script| {
            let script = script.lossy();
            let words: Vec<&str> = script.split(|c: char| c.is_whitespace() || c == ';').collect();
            words.iter().any(|word| matches!(*word, "while" | "until")) && words.contains(&"do")
        })
}

/// `-c`, alone or among other letters.
fn is_command(argument: &Text) -> bool {
    let raw = argument.raw();
    raw.starts_with(b"-") && !raw.starts_with(b"--") && raw.ends_with(b"c")
}

#[cfg(test)]
mod tests {
    use super::is_loop;
    use crate::fixture::process;

    #[test]
    fn loops_of_shells() {
        let is = |argv: &[&str]| is_loop(&process(7, 1, argv, 60));
        assert!(is(&["sh", "-c", "while true; do node server.js; done"]));
        assert!(is(&["bash", "-lc", "until false\ndo\n  python3 -m http.server\n  sleep 1\ndone"]));
        assert!(is(&["zsh", "-c", "while :;do vite;done"]));
        assert!(!is(&["sh", "-c", "node server.js"]) && !is(&["sh", "loop.sh"]) && !is(&["node", "-c", "while true do"]));
    }
}
