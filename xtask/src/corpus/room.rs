//! Where one program fails: an empty folder, the other side of its connection, and what it printed.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::{
    expected::Fault,
    programs::{npm, place, venv},
};
use crate::{
    command,
    failure::{Failure, on_path},
    places,
};

/// A folder for everything that a program leaves.
pub(super) struct Room {
    folder: tempfile::TempDir,
}

impl Room {
    pub(super) fn new() -> Result<Self, Failure> {
        let made = tempfile::Builder::new().prefix("corpus").tempdir();
        made.map(|folder| Self { folder })
            .map_err(|error| Failure::new(format!("A temporary folder could not be made: {error}.")))
    }

    /// What a command prints, both its outputs in their order, told in words that are the same on every machine.
    pub(super) fn printed(&self, line: &str, may_bind: bool) -> Result<String, Failure> {
        let inside = tempfile::Builder::new().prefix("run").tempdir_in(self.folder.path());
        let inside = inside.map_err(|error| on_path("made", self.folder.path(), &error))?;
        // A program may give up its rights and still has to find its files.
        for folder in [self.folder.path(), inside.path()] {
            let open = fs::Permissions::from_mode(0o777);
            fs::set_permissions(folder, open).map_err(|error| on_path("opened", folder, &error))?;
        }
        let mut task = command::program("timeout", ["--kill-after=1", "25"]);
        if !may_bind {
            task.args(["setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"]);
        }
        task.args(["sh", "-c", &format!("exec 2>&1; {line}")]);
        surroundings(&mut task, inside.path());
        let mut child = task
            .current_dir(inside.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Failure::new(format!("`{line}` could not be started: {error}.")))?;
        let mut heard = Vec::new();
        if let Some(out) = child.stdout.take() {
            // What it has printed until it is ended counts; a broken pipe is an end.
            let _ = out.take(LONGEST).read_to_end(&mut heard);
        }
        let _ = child.wait();
        Ok(told(&String::from_utf8_lossy(&heard), inside.path()))
    }

    /// What stands at the port meanwhile.
    pub(super) fn counterpart(&self, fault: Fault, port: u16) -> Result<Option<Counterpart>, Failure> {
        let Some(role) = fault.role() else { return Ok(None) };
        let mut task = command::program("python3", [place("counterpart.py").as_os_str()]);
        task.args([role, &port.to_string()]).stdin(Stdio::null()).stdout(Stdio::piped()).current_dir(self.folder.path());
        let mut child = task.spawn().map_err(|error| Failure::new(format!("The counterpart could not be started: {error}.")))?;
        let mut ready = String::new();
        let out = child.stdout.take().ok_or_else(|| Failure::new("The counterpart has no output."))?;
        let heard = BufReader::new(out).read_line(&mut ready);
        let counterpart = Counterpart(child);
        match heard {
            Ok(_) if ready.trim() == "READY" => Ok(Some(counterpart)),
            _ => Err(Failure::new(format!("The counterpart could not have port {port}."))),
        }
    }
}

/// A process that ends with us.
pub(super) struct Counterpart(Child);

impl Drop for Counterpart {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a program finds around it: our own installations, and nothing of whoever records.
fn surroundings(task: &mut Command, home: &Path) {
    let path = std::env::var("PATH").unwrap_or_default();
    let ours = [venv().join("bin"), npm().join("node_modules/.bin")].map(|folder| folder.display().to_string());
    task.env_clear()
        .env("PATH", format!("{}:{path}:/usr/sbin:/sbin", ours.join(":")))
        .env("NODE_PATH", npm().join("node_modules"))
        .env("HOME", home)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("LC_ALL", "C.UTF-8")
        .env("TERM", "dumb")
        .env("NO_COLOR", "1")
        .env("CI", "1");
}

/// The text with Python's own library where a distribution has it, wherever it is here.
fn installed(text: &str) -> String {
    let word = |word: &str| {
        let library = word.find("/lib/python3").and_then(|at| word.get(at..)).filter(|_| word.starts_with('/'));
        library.map_or_else(|| word.to_owned(), |library| format!("/usr{library}"))
    };
    text.split_inclusive([' ', '"', '\'', '\n', '(']).map(word).collect()
}

/// The text without control characters, without what names this machine, and without the middle of a long one.
fn told(text: &str, inside: &Path) -> String {
    let mut plain = uncoloured(text);
    plain.retain(|c| c == '\n' || c == '\t' || !c.is_control());
    let mut plain = plain.trim_end().to_owned();
    let root = places::root();
    for (folder, name) in
        [(inside.to_path_buf(), "/w"), (venv(), "/venv"), (npm(), "/npm"), (place(""), "/corpus/"), (root, "/portward")]
    {
        plain = plain.replace(&folder.display().to_string(), name);
    }
    plain = installed(&plain);
    if let Ok(host) = fs::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned())
        && host.len() > 3
    {
        plain = plain.replace(&host, "box");
    }
    let lines: Vec<&str> = plain.lines().collect();
    let kept: Vec<&str> = if lines.len() > 2 * HALF {
        lines.iter().take(HALF).chain(lines.iter().skip(lines.len() - HALF)).copied().collect()
    } else {
        lines
    };
    // The marks of a fixture begin no line of a text.
    let marked = |line: &str| line.starts_with("$ ") || line.starts_with("== ") || line.starts_with("# ");
    let kept = kept.into_iter().map(|line| if marked(line) { format!(" {line}") } else { line.to_owned() });
    kept.collect::<Vec<_>>().join("\n")
}

/// The text without the sequences that colour it, of programs that colour a pipe as well.
fn uncoloured(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let shown = piece.find(|c: char| ('@'..='~').contains(&c)).and_then(|end| piece.get(end + 1..));
        plain.push_str(shown.unwrap_or(piece));
    }
    plain
}

/// Bytes of an output that are read.
const LONGEST: u64 = 1 << 20;

/// Lines that are kept of each end of a long text.
const HALF: usize = 24;

/// The compiled client and server in Go.
pub(super) fn go_program() -> PathBuf {
    places::programs().join("corpus/net")
}
