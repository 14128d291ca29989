//! Programs that run while the test goes on, read line by line.

use std::{
    ffi::OsString,
    fs,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::until::{DEADLINE, PAUSE, until};

/// A running program: its lines, its stdin, its end. Killed when dropped.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
    stderr: Arc<Mutex<String>>,
    what: String,
}

impl Running {
    pub(crate) fn start(mut command: Command, argv: &[OsString]) -> Self {
        let what = argv.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {what}: {error}"));
        let (send, lines) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().expect("a pipe was asked for"));
        thread::spawn(move || {
            for line in stdout.split(b'\n').map_while(Result::ok) {
                if send.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
            }
        });
        let stderr = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&stderr);
        let mut talk = child.stderr.take().expect("a pipe was asked for");
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = talk.read(&mut piece) {
                kept.lock().expect("nobody panics while holding it").push_str(&String::from_utf8_lossy(&piece[..read]));
            }
        });
        let stdin = child.stdin.take();
        Self { child, stdin, lines, stderr, what }
    }

    /// The next line of stdout; panics with the program's stderr when it ends or stays silent instead.
    #[track_caller]
    pub fn line(&self) -> String {
        self.lines.recv_timeout(DEADLINE).unwrap_or_else(|error| {
            panic!("no line from `{}` ({error}); its stderr:\n{}", self.what, self.stderr());
        })
    }

    /// The next line of stdout if it comes soon; for tests that do something again until it is noticed.
    pub fn line_soon(&self) -> Option<String> {
        self.lines.recv_timeout(SOON).ok()
    }

    /// The next line of stdout that `wanted` accepts; the others are passed over.
    #[track_caller]
    pub fn line_where(&self, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let line = self.line();
            if wanted(&line) {
                return line;
            }
            assert!(Instant::now() < deadline, "`{}` never said what was waited for", self.what);
        }
    }

    /// The next line of stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("`{}` said {line:?}: {error}", self.what))
    }

    /// The next JSON line that `wanted` accepts; the others are passed over.
    #[track_caller]
    pub fn json_where(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let line = self.line_where(|line| serde_json::from_str(line).is_ok_and(|value| wanted(&value)));
        serde_json::from_str(&line).expect("it was parsed just now")
    }

    /// What it has said on stderr so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().expect("nobody panics while holding it").clone()
    }

    /// Writes a line to its stdin.
    #[track_caller]
    pub fn tell(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("its stdin is open");
        writeln!(stdin, "{line}").and_then(|()| stdin.flush()).unwrap_or_else(|error| panic!("`{}`: {error}", self.what));
    }

    /// Closes its stdin.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Stops reading its stdout, so that its next write meets a broken pipe.
    pub fn stop_reading(&mut self) {
        let (_, nothing) = mpsc::channel();
        self.lines = nothing;
    }

    /// True while it runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(&mut self) -> ExitStatus {
        let child = &mut self.child;
        until(&format!("the end of `{}`", self.what), || {
            wake_outer(child.id());
            child.try_wait().expect("a child can be waited for")
        })
    }

    /// Its outer pid: that of the process which entered the world for it.
    pub fn outer_pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        while self.child.try_wait().is_ok_and(|end| end.is_none()) {
            kill_tree(self.child.id());
            wake_outer(self.child.id());
            thread::sleep(PAUSE);
        }
    }
}

/// Kills what a child of this test runs inside a world, or the child itself where it runs nothing.
///
/// The inner process first: its outer half then sees its end, reaps it and ends by itself. The other way
/// round, the inner one would wait for the machine's own first process to reap it. The child has not been
/// waited for, so that its pid is still its own.
pub(crate) fn kill_tree(child: u32) {
    let killed = inner(child).filter(|pid| kill_process(*pid, Signal::KILL).is_ok()).count();
    if let (0, Some(outer)) = (killed, Pid::from_raw(child.cast_signed())) {
        // It fails only when it has ended already.
        let _ = kill_process(outer, Signal::KILL);
    }
}

/// Lets the outer half see the end of the inner one: when that was stopped, the outer half stopped itself too.
fn wake_outer(child: u32) {
    let still_runs = |pid: &Pid| {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
        let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().next());
        !matches!(state, Some("Z" | "X") | None)
    };
    if let (None, Some(outer)) = (inner(child).find(still_runs), Pid::from_raw(child.cast_signed())) {
        // It fails only when it has ended already.
        let _ = kill_process(outer, Signal::CONT);
    }
}

/// The children of a process that this test started and has not waited for.
fn inner(child: u32) -> impl Iterator<Item = Pid> {
    let listed = fs::read_to_string(format!("/proc/{child}/task/{child}/children")).unwrap_or_default();
    let pids: Vec<i32> = listed.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    pids.into_iter().filter_map(Pid::from_raw)
}

/// How long [`Running::line_soon`] waits.
const SOON: Duration = Duration::from_millis(200);

/// A member of the cast: its pid and what it said of itself when it was ready.
pub struct Actor {
    /// What it said with `READY`: pids, sockets, inodes, as `cast/roles.md` lists them.
    pub facts: Value,
    running: Running,
}

impl Actor {
    #[track_caller]
    pub(crate) fn from_running(running: Running) -> Self {
        let facts = spoken(&running, "READY");
        Self { facts, running }
    }

    /// Its pid inside the world.
    pub fn pid(&self) -> u64 {
        self.number("pid")
    }

    /// A number that it said with `READY`.
    #[track_caller]
    pub fn number(&self, name: &str) -> u64 {
        self.facts[name].as_u64().unwrap_or_else(|| panic!("the actor said no number {name}: {}", self.facts))
    }

    /// A list of numbers that it said with `READY`.
    #[track_caller]
    pub fn numbers(&self, name: &str) -> Vec<u64> {
        let list = self.facts[name].as_array().unwrap_or_else(|| panic!("the actor said no list {name}: {}", self.facts));
        list.iter().map(|value| value.as_u64().expect("a number")).collect()
    }

    /// The port of the socket it opened first.
    #[track_caller]
    pub fn port(&self) -> u16 {
        u16::try_from(self.facts["sockets"][0]["port"].as_u64().expect("the first socket has a port")).expect("a port")
    }

    /// The inode of the socket it opened first.
    #[track_caller]
    pub fn inode(&self) -> u64 {
        self.facts["sockets"][0]["inode"].as_u64().expect("the first socket has an inode")
    }

    /// Gives it a command and waits for its answer, whose first word is `answer`.
    #[track_caller]
    pub fn ask(&mut self, command: &str, answer: &str) -> Value {
        self.running.tell(command);
        spoken(&self.running, answer)
    }

    /// Gives it a command that has no answer.
    #[track_caller]
    pub fn tell(&mut self, command: &str) {
        self.running.tell(command);
    }

    /// Waits for a line that it says by itself, whose first word is `word`.
    #[track_caller]
    pub fn hear(&self, word: &str) -> Value {
        spoken(&self.running, word)
    }

    /// True while it runs.
    pub fn is_alive(&mut self) -> bool {
        self.running.is_alive()
    }

    /// Waits for its end, and says the signal that ended it, if one did.
    #[track_caller]
    pub fn ended_by(&mut self) -> Option<i32> {
        use std::os::unix::process::ExitStatusExt;
        self.running.end().signal()
    }
}

#[track_caller]
fn spoken(running: &Running, word: &str) -> Value {
    let line = running.line_where(|line| line.split(' ').next() == Some(word));
    let facts = line.strip_prefix(word).unwrap_or_default().trim();
    if facts.is_empty() {
        return Value::Null;
    }
    serde_json::from_str(facts).unwrap_or_else(|error| panic!("an actor said {line:?}: {error}"))
}
