//! The end of a run: exit code, stdout, stderr, and the checks that every JSON answer passes.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    io::Write,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::{entry::hermetic, reading::Reading, running::kill_tree, schema};

/// What a program said and how it ended.
#[must_use = "a run whose outcome nobody looks at proves nothing"]
pub struct Outcome {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it answered. Output that is not UTF-8 fails the test.
    pub stdout: String,
    /// What it said besides.
    pub stderr: String,
    argv: Vec<OsString>,
    portward: PathBuf,
}

impl Outcome {
    pub(crate) fn of(mut command: Command, input: Option<Vec<u8>>, argv: Vec<OsString>, portward: &Path) -> Self {
        let what = shown(&argv);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {what}: {error}"));
        if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
            // A program may end without reading all of it.
            thread::spawn(move || stdin.write_all(&input));
        }
        let outer = child.id();
        let (send, ended) = mpsc::channel();
        thread::spawn(move || send.send(child.wait_with_output()));
        let output = ended.recv_timeout(LONGEST_RUN).unwrap_or_else(|_| {
            kill_tree(outer);
            panic!("`{what}` still ran after {} s", LONGEST_RUN.as_secs());
        });
        let output = output.unwrap_or_else(|error| panic!("cannot wait for {what}: {error}"));
        let text = |bytes: Vec<u8>, name: &str| {
            String::from_utf8(bytes).unwrap_or_else(|error| panic!("{name} of `{what}` is no UTF-8: {error}"))
        };
        Self {
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: text(output.stdout, "stdout"),
            stderr: text(output.stderr, "stderr"),
            argv,
            portward: portward.to_owned(),
        }
    }

    /// Runs portward on the machine itself, outside every world, in the hermetic environment.
    pub fn on_this_machine<S: AsRef<OsStr>>(portward: impl AsRef<Path>, arguments: &[S]) -> Self {
        let mut argv = vec![portward.as_ref().into()];
        argv.extend(arguments.iter().map(|word| word.as_ref().to_owned()));
        Self::of(outside(&argv), None, argv, portward.as_ref())
    }

    /// Runs another program on the machine itself, in the hermetic environment.
    pub fn of_program<S: AsRef<OsStr>>(argv: &[S]) -> Self {
        let argv: Vec<OsString> = argv.iter().map(|word| word.as_ref().to_owned()).collect();
        Self::of(outside(&argv), None, argv, Path::new("portward"))
    }

    /// The same outcome, if the exit code is this one; otherwise the test fails and shows everything.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code of {self}");
        self
    }

    /// The answer as JSON, after the checks that hold for every document: it is one, `schema_version` is 1,
    /// `gaps` is a list of `{what, need, effect}`, and it is what `portward schema NAME` says it is.
    #[track_caller]
    pub fn json(&self) -> Value {
        let document: Value =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("stdout is not one JSON document: {error}\n{self}"));
        self.check(&document);
        document
    }

    /// The answer as one JSON document per line, each checked as by [`Outcome::json`].
    #[track_caller]
    pub fn lines_json(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?} is no JSON: {error}\n{self}"));
        self.stdout.lines().map(parse).collect()
    }

    /// The answer of a `--json` run that lists sockets.
    #[track_caller]
    pub fn reading(&self) -> Reading {
        Reading::new(self.json())
    }

    #[track_caller]
    fn check(&self, document: &Value) {
        assert_eq!(document["schema_version"], 1, "schema_version of {self}");
        let gaps = document["gaps"].as_array().unwrap_or_else(|| panic!("no list of gaps in {self}"));
        for gap in gaps {
            for name in ["what", "need", "effect"] {
                assert!(gap[name].is_string(), "a gap says its {name}: {gap}");
            }
        }
        let wrong = schema::faults(&self.portward, self.operation(), document);
        assert!(wrong.is_empty(), "not as `portward schema {}` says:\n{}\n{self}", self.operation(), wrong.join("\n"));
    }

    /// The operation that was asked for: its first argument that names one, `list` where none does.
    fn operation(&self) -> &str {
        let words = self.argv.iter().skip(1).filter_map(|word| word.to_str());
        words.into_iter().find(|word| OPERATIONS.contains(word)).unwrap_or("list")
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match (self.code, self.signal) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("ended by signal {signal}"),
            (None, None) => "ended in an unknown way".to_owned(),
        };
        write!(f, "`{}`\n--- {end}\n--- stdout\n{}\n--- stderr\n{}", shown(&self.argv), self.stdout, self.stderr)
    }
}

/// A command that runs where the test runs, with a home that does not exist.
fn outside(argv: &[OsString]) -> Command {
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).env_clear().envs(hermetic(Path::new("/nonexistent"))).env_remove("TMPDIR").stdin(Stdio::null());
    command
}

fn shown(argv: &[OsString]) -> String {
    argv.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ").chars().take(400).collect()
}

/// How long a run may take before it counts as hung: far beyond what any run needs.
const LONGEST_RUN: Duration = Duration::from_mins(4);

const OPERATIONS: &[&str] = &[
    "allow",
    "env",
    "exec",
    "hook",
    "ports",
    "list",
    "doctor",
    "init",
    "check",
    "resume",
    "explain",
    "free",
    "wait",
    "watch",
    "graph",
    "guard",
    "next",
    "serve",
    "open",
    "snapshot",
    "lab",
    "lease",
    "port",
    "url",
    "run",
    "ps",
    "stop",
    "front",
    "forward",
    "up",
    "down",
    "restart",
    "logs",
    "service",
    "trust",
    "schema",
    "completions",
    "help",
];
