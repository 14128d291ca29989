//! The person at the terminal.

use std::{
    io::{self, BufRead, IsTerminal, Read, Write},
    process::{Command, Stdio},
};

use portward_model::inert;
use portward_ops::Prompt;

/// Asks and tells on the terminal. Talk goes to standard error, which leaves the answer clean.
pub(crate) struct Terminal;

impl Prompt for Terminal {
    fn confirm(&self, question: &str) -> Option<bool> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return None;
        }
        let mut talk = io::stderr();
        let lines: Vec<_> = question.split('\n').map(inert).collect();
        write!(talk, "{} [y/N] ", lines.join("\n")).and_then(|()| talk.flush()).ok()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).ok()?;
        Some(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    fn progress(&self, text: &str) {
        if io::stderr().is_terminal() {
            let _ = writeln!(io::stderr(), "{}", inert(text));
        }
    }

    fn pasted(&self) -> io::Result<Vec<u8>> {
        bounded(&mut io::stdin().lock())
    }

    fn turn(&self) -> bool {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return true;
        }
        let mut talk = io::stderr();
        let _ = write!(talk, "ENTER goes on, q ends  ").and_then(|()| talk.flush());
        let mut answer = String::new();
        matches!(io::stdin().lock().read_line(&mut answer), Ok(1..)) && !answer.trim().eq_ignore_ascii_case("q")
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
        // What follows `--` is text whatever it begins with. A desktop reads the body as markup.
        let markup = inert(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        start(Command::new("notify-send").args(["--app-name=portward", "--", &inert(title), &markup]))
    }
}

/// The first and the last megabytes of a text of any length: an error stands at its end, or right at its beginning.
fn bounded(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    input.by_ref().take(HEAD as u64).read_to_end(&mut text)?;
    let mut tail: Vec<u8> = Vec::new();
    let mut chunk = vec![0u8; 64 * 1024];
    loop {
        let read = match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        tail.extend_from_slice(chunk.get(..read).unwrap_or_default());
        if tail.len() > 2 * TAIL {
            tail.drain(..tail.len() - TAIL);
        }
    }
    if tail.len() > TAIL {
        tail.drain(..tail.len() - TAIL);
        text.push(b'\n');
    }
    text.append(&mut tail);
    Ok(text)
}

/// Bytes that are kept from the beginning.
const HEAD: usize = 1024 * 1024;
/// Bytes that are kept from the end.
const TAIL: usize = 3 * 1024 * 1024;

fn start(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_ok()
}
