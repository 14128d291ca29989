//! Questions that a person at a terminal is asked, and what comes of both answers.

use portward_testkit::{Outcome, until};

use crate::run::Stage;

/// Runs words on a terminal, types the first word for every question, and prints all that came to it. Once a server says that it is
/// ready, the program is told to end. A program is busy (error 26) while a child of another test, which has yet to execute its own, holds it
/// open for writing.
const TERMINAL: &str = "import os, pty, signal, sys\n\
    pid, terminal = pty.fork()\n\
    while not pid:\n    \
        try: os.execvp(sys.argv[2], sys.argv[2:])\n    \
        except OSError as error:\n        \
            if error.errno != 26: raise\n\
    said, asked, ended = b'', 0, False\n\
    while True:\n    \
        try: chunk = os.read(terminal, 4096)\n    \
        except OSError: break\n    \
        if not chunk: break\n    \
        said += chunk\n    \
        while said.count(b'[y/N] ') > asked: asked += 1; os.write(terminal, sys.argv[1].encode() + b'\\n')\n    \
        if not ended and b'READY' in said: ended = True; os.kill(pid, signal.SIGTERM)\n\
    os.waitpid(pid, 0); sys.stdout.write(said.decode())";

impl Stage {
    /// What comes to a terminal in a folder where this is typed, and this to each question.
    pub(crate) fn typed(&self, folder: &std::path::Path, answer: &str, words: &[&str]) -> Outcome {
        let portward = self.world.portward_path().to_str().unwrap();
        let command = [&["python3", "-c", TERMINAL, answer, portward][..], words].concat();
        self.inside(folder).run(&command).expect(0)
    }
}

#[test]
fn whoever_starts_the_same_again_is_asked_whether_the_first_is_to_be_stopped() {
    let Some(stage) = Stage::new() else { return };
    let mut first = stage.server(&stage.one, &[], "one", &["tcp", "127.0.0.1", "3000"]);
    let port = stage.port(&stage.one, "3000");
    let same = ["run", "--", "python3", stage.server_path(), "one", "tcp", "127.0.0.1", "3000"];
    for answer in ["n", ""] {
        let said = stage.typed(&stage.one, answer, &same).stdout;
        assert!(said.contains("one already serves 3000: ") && said.contains(&format!("localhost:{port}")), "{said}");
        assert_eq!(said.matches("Stop that one first?").count(), 1, "{said}");
        assert!(said.contains("was refused it.") && !said.contains("READY"), "it meets the first: {said}");
        assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 3000"), "one");
    }
    let said = stage.typed(&stage.one, "y", &same).stdout;
    assert!(said.contains("Stop that one first?") && said.contains("READY") && !said.contains("refused"), "{said}");
    assert!(!first.end().success(), "the first was stopped");
    // Where nobody can answer nobody is asked, and another command is no second start of this one.
    let _again = stage.server(&stage.one, &[], "one", &["tcp", "127.0.0.1", "3000"]);
    let script = stage.portward(&stage.one, &same);
    assert!(!script.stderr.contains("Stop that one first?") && script.stderr.contains("was refused it."), "{script}");
    let other = stage.typed(&stage.one, "y", &["run", "--", "python3", stage.server_path(), "one", "tcp", "127.0.0.1", "3001"]);
    assert!(!other.stdout.contains("[y/N]") && other.stdout.contains("READY"), "{other}");
}

#[test]
fn whoever_frees_a_port_that_is_lent_is_asked_whether_the_front_is_given_back() {
    let Some(stage) = Stage::new() else { return };
    let _web = stage.server(&stage.one, &[], "one", &["tcp", "::", "3000"]);
    let _ = stage.world.portward(&["front", "one"]).expect(0);
    let home = stage.world.path().join("home");
    let question = "The port is lent to one. Give it back, with all that is lent (portward front --off)? [y/N]";
    let flowing = |said: &str| said.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = flowing(&stage.typed(&home, "n", &["free", "3000"]).stdout);
    assert!(said.contains(question), "{said}");
    assert_eq!(stage.heard("127.0.0.1 3000"), "one");
    let said = flowing(&stage.typed(&home, "y", &["free", "3000"]).stdout);
    assert!(said.contains(question) && said.contains("Nobody has the front; one had it until now."), "{said}");
    until("the real port to be free", || (stage.heard("127.0.0.1 3000") == "ConnectionRefusedError").then_some(()));
    assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 3000"), "one", "the service goes on");
}
