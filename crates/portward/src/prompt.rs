//! The person at the terminal.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    process::{Command, Stdio},
};

use portward_ops::Prompt;

/// Asks and tells on the terminal. Talk goes to standard error, which leaves the answer clean.
pub(crate) struct Terminal;

impl Prompt for Terminal {
    fn confirm(&self, question: &str) -> Option<bool> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return None;
        }
        let mut talk = io::stderr();
        write!(talk, "{question} [y/N] ").and_then(|()| talk.flush()).ok()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).ok()?;
        Some(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    fn progress(&self, text: &str) {
        if io::stderr().is_terminal() {
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    fn open_url(&self, url: &str) -> bool {
        let browser = std::env::var_os("BROWSER").filter(|browser| !browser.is_empty());
        let programs = browser.into_iter().chain(["xdg-open", "gio", "wslview", "open"].map(Into::into));
        programs.into_iter().any(|program| {
            let mut command = Command::new(&program);
            if program == "gio" {
                command.arg("open");
            }
            start(command.arg(url))
        })
    }

    fn notify(&self, title: &str, text: &str) -> bool {
        // What follows `--` is text whatever it begins with.
        start(Command::new("notify-send").args(["--app-name=portward", "--", title, text]))
    }
}

fn start(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_ok()
}
