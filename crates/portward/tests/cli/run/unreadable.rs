//! Processes that forbid to be looked into, and programs that would gain rights: run by somebody without privilege.

use super::Stage;

/// How such a process comes to sockets. What it says are the error numbers of bind and listen on a Unix socket.
const WAYS: &[(&str, &str, &str)] = &[
    ("it never had another", "P(4, 0, 0, 0, 0); print(unix('a'))", "(0, 0)"),
    ("it has one that it made before", "k = socket.socket(); P(4, 0, 0, 0, 0); print(unix('a'))", "(13, 13)"),
    ("it has one for datagrams", "k = socket.socket(10, 2); P(4, 0, 0, 0, 0); print(unix('a'))", "(13, 13)"),
    ("it has closed the one that it made", "k = socket.socket(); k.close(); P(4, 0, 0, 0, 0); print(unix('a'))", "(0, 0)"),
    ("it makes one later", "P(4, 0, 0, 0, 0); print(unix('a')); k = socket.socket(); print(unix('b'))", "(0, 0)\n(13, 13)"),
    (
        "a thread of it makes one and ends",
        "P(4, 0, 0, 0, 0); t = threading.Thread(target=lambda: globals().update(k=socket.socket())); t.start(); t.join(); print(unix('a'))",
        "(13, 13)",
    ),
    (
        "its child has none either",
        "P(4, 0, 0, 0, 0); pid = os.fork()\nif pid: os.wait()\nelse: print(unix('a'), flush=True); os._exit(0)",
        "(0, 0)",
    ),
    (
        "its parent made one before the fork",
        "k = socket.socket(); pid = os.fork()\nif pid: os.wait()\nelse: P(4, 0, 0, 0, 0); print(unix('a'), flush=True); os._exit(0)",
        "(13, 13)",
    ),
    (
        "its parent made one while nobody could look",
        "P(4, 0, 0, 0, 0); k = socket.socket(); pid = os.fork()\nif pid: os.wait()\nelse: print(unix('a'), flush=True); os._exit(0)",
        "(13, 13)",
    ),
    (
        "it inherits one through exec",
        "k = socket.socket(); os.set_inheritable(k.fileno(), True)\n\
         code = 'import ctypes, socket; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); s = socket.socket(1)\\ntry: s.bind(\"a\"); print(0)\\n\
         except OSError as e: print(e.errno)'\n\
         os.execvp('python3', ['python3', '-c', code])",
        "13",
    ),
    (
        "what its starter had was closed by exec",
        "k = socket.socket()\n\
         code = 'import ctypes, socket; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); s = socket.socket(1)\\ntry: s.bind(\"a\"); print(0)\\n\
         except OSError as e: print(e.errno)'\n\
         os.execvp('python3', ['python3', '-c', code])",
        "0",
    ),
    (
        "it lets itself be looked into again",
        "P(4, 0, 0, 0, 0); P(4, 1, 0, 0, 0); k = socket.socket(); print(number(lambda: k.bind(('', 3000))), number(lambda: k.listen()), device(k))",
        "0 0 lo",
    ),
];

const UNIX: &str = "P = ctypes.CDLL(None).prctl\ndef unix(name):\n    s = socket.socket(1)\n    \
                    return number(lambda: s.bind(name)), number(lambda: s.listen())\n";

#[test]
fn unix_sockets_are_theirs_who_have_no_other() {
    for (way, code, wanted) in WAYS {
        let Some(stage) = Stage::new() else { return };
        let (stdout, stderr) = stage.said(&format!("os.chdir(os.environ['XDG_STATE_HOME'])\n{UNIX}{code}"));
        assert_eq!(stdout, *wanted, "{way}: {stderr}");
        assert_eq!(stderr.contains("forbids to be traced"), wanted.contains("13"), "{way}: {stderr}");
    }
}

#[test]
fn what_serves_others_is_refused_to_them_whatever_they_did_before() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, stderr) = stage.said(&format!(
        "os.chdir(os.environ['XDG_STATE_HOME'])\n{UNIX}P(4, 0, 0, 0, 0); print(unix('a'))\n\
         s = socket.socket(); print(number(lambda: s.bind(('0.0.0.0', 3000))), number(lambda: s.listen()))\n\
         u = socket.socket(10, 2); print(number(lambda: u.bind(('::', 3000))))"
    ));
    assert_eq!(stdout, "(0, 0)\n13 13\n13");
    assert!(stderr.contains("was refused its bind") && stderr.contains("was refused its listen"), "{stderr}");
}

#[test]
fn the_agents_of_ssh_and_gnupg() {
    let Some(stage) = Stage::new() else { return };
    let home = stage.one.join("state");
    let run = |script: &str| {
        let entry = stage.inside(&stage.one).stranger().env("XDG_STATE_HOME", home.to_str().unwrap());
        entry.portward(&["run", "sh", "-c", script])
    };
    if portward_testkit::program("ssh-agent").is_some() {
        let ran = run("cd \"$XDG_STATE_HOME\"; ssh-agent -a ssh.sock sh -c 'ssh-add -l'");
        assert!(ran.stdout.contains("no identities") && ran.stderr.is_empty(), "{ran}");
    }
    if portward_testkit::program("gpg-agent").is_some() {
        let ran = run("mkdir -p -m 700 \"$XDG_STATE_HOME/gpg\"; cd \"$XDG_STATE_HOME/gpg\"; \
                       gpg-agent --homedir \"$PWD\" --daemon sh -c 'ls S.gpg-agent'");
        assert!(ran.stdout.contains("S.gpg-agent") && !ran.stderr.contains("refused"), "{ran}");
    }
}

#[test]
fn a_program_whose_file_nobody_may_read() {
    let Some(stage) = Stage::new() else { return };
    let Some(python) = portward_testkit::program("python3") else { return };
    let python = std::fs::canonicalize(python).unwrap();
    let file = stage.world.file("bin/closed", std::fs::read(python).unwrap());
    let _ = stage.world.run(&["chmod", "0711", file.to_str().unwrap()]).expect(0);
    let home = stage.one.join("state");
    let run = |code: &str| {
        let entry = stage.inside(&stage.one).stranger().env("XDG_STATE_HOME", home.to_str().unwrap());
        let code = format!("{}os.chdir(os.environ['XDG_STATE_HOME'])\n{UNIX}{code}", super::calls::BEFORE);
        entry.portward(&["run", file.to_str().unwrap(), "-c", &code])
    };
    // Its own user may read it in a world of nobody's.
    let can_read = stage.inside(&stage.one).stranger().run(&["test", "-r", file.to_str().unwrap()]).code == Some(0);
    if can_read {
        portward_testkit::skip("a user whose file another may not read");
        return;
    }
    assert_eq!(run("print(unix('a'))").expect(0).stdout, "(0, 0)\n");
    let refused = run("s = socket.socket(); print(unix('b'), number(lambda: s.bind(('', 3000))))").expect(0);
    assert_eq!(refused.stdout, "(13, 13) 13\n", "{refused}");
}

#[test]
fn a_program_that_gains_no_rights_is_told_once() {
    let Some(stage) = Stage::new() else { return };
    let Some(cat) = portward_testkit::program("cat") else { return };
    let home = stage.one.join("state");
    let file = stage.world.file("bin/helper", std::fs::read(std::fs::canonicalize(cat).unwrap()).unwrap());
    let helper = file.to_str().unwrap();
    let run = |stranger: bool, script: &str| {
        let entry = stage.inside(&stage.one).env("XDG_STATE_HOME", home.join(stranger.to_string()).to_str().unwrap());
        let words = ["run", "sh", "-c", script];
        if stranger { entry.stranger().portward(&words).stderr } else { entry.portward(&words).stderr }
    };
    let twice = format!("{helper} /dev/null; {helper} /dev/null; true");
    for (mode, is_told) in [("4755", true), ("2755", false), ("755", false), ("4711", true)] {
        let _ = stage.world.run(&["chmod", mode, helper]).expect(0);
        // One whose file may not be read goes by its name.
        let folder = file.parent().unwrap().to_str().unwrap();
        let said = run(true, &format!("PATH={folder}:$PATH; {twice}"));
        let is_seen = mode != "4711" || stage.inside(&stage.one).stranger().run(&["test", "-r", helper]).code == Some(0);
        if is_seen {
            assert_eq!(said.matches(&format!("{helper} (pid ")).count(), usize::from(is_told), "{mode}: {said}");
            assert_eq!(
                said.matches("is set-user-id, and a supervised program gains no rights").count(),
                usize::from(is_told),
                "{said}"
            );
        }
        assert_eq!(said.contains("hint: ") && said.contains("in a shell outside the session"), is_told && is_seen, "{said}");
        // Root's programs lose nothing.
        if stage.world.kind() == portward_testkit::WorldKind::Root {
            assert!(!run(false, &twice).contains("gains no rights"));
        }
    }
}
