//! What a run says of its listeners, where nobody reads it.

use portward_testkit::until;

use super::Stage;

#[test]
fn a_stderr_that_nobody_reads_keeps_no_call_waiting() {
    let Some(stage) = Stage::new() else { return };
    let portward = stage.world.portward_path().to_str().unwrap();
    for words in ["run", "run --json"] {
        let program = "import socket, sys\n\
            def serve():\n    s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); return s\n\
            for _ in range(20): serve().close()\n\
            last = serve(); print(last.getsockname()[1], flush=True)\n\
            sys.stdin.readline(); serve(); sys.stdin.readline()";
        let around = "import fcntl, os, subprocess, sys\n\
            r, w = os.pipe(); fcntl.fcntl(w, 1031, 4096); os.write(w, b'x' * 4096)\n\
            p = subprocess.Popen(sys.argv[1:], stderr=w, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True); os.close(w)\n\
            print(p.stdout.readline(), end='', flush=True)\n\
            sys.stdin.readline(); os.read(r, 4096); p.stdin.write('again\\n'); p.stdin.flush()\n\
            said = os.fdopen(r)\n\
            for line in said:\n    if 'lines of this run' in line: print(line, end='', flush=True); break\n\
            p.stdin.write('end\\n'); p.stdin.close(); [None for _ in said]; print(p.wait(), flush=True)";
        let mut command = vec!["python3", "-c", around, portward];
        command.extend(words.split(' '));
        command.extend(["python3", "-c", program]);
        let mut running = stage.inside(&stage.one).start(&command);
        let port = format!(":{}", running.line());
        // It is told after the calls were answered.
        let told = || stage.portward(&stage.one, &["ps"]).expect(0).stdout.contains(&port).then_some(());
        until("the last of them is recorded", told);
        running.tell("read");
        let line = running.line();
        assert!(line.contains("lines of this run"), "{line}");
        assert_eq!(running.line(), "0");
    }
}

/// Runs words on a terminal of 80 columns, types nothing, and prints all that came to it, with the moments at which the program says
/// something marked by what it says.
const TERMINAL: &str = "import os, pty, sys\n\
    pid, terminal = pty.fork()\n\
    if not pid: os.execvp(sys.argv[1], sys.argv[1:])\n\
    said = b''\n\
    while True:\n    \
        try: chunk = os.read(terminal, 4096)\n    \
        except OSError: break\n    \
        if not chunk: break\n    \
        said += chunk\n\
    os.waitpid(pid, 0); sys.stdout.write(said.decode())";

/// A program that reads single keys in the way that is given, listens, waits until its session knows of it, and gives the terminal back.
const FULL_SCREEN: &str = "import curses, socket, sys, termios, time, tty\n\
    def serve(port):\n    \
        s = socket.socket(); s.bind(('127.0.0.1', port)); s.listen(); time.sleep(0.4); return s\n\
    before = termios.tcgetattr(0)\n\
    if sys.argv[1] == 'curses':\n    \
        def draw(w): w.addstr(1, 1, 'BEGIN'); w.refresh(); draw.s = serve(3000); w.addstr(2, 1, 'END'); w.refresh()\n    \
        curses.wrapper(draw)\n\
    else:\n    \
        {'cbreak': tty.setcbreak, 'raw': tty.setraw, 'lines': lambda _: None}[sys.argv[1]](0)\n    \
        print('BEGIN', flush=True); s = serve(3000); print('END', flush=True)\n    \
        termios.tcsetattr(0, termios.TCSANOW, before)\n\
    print('BACK', flush=True); time.sleep(0.3); print('LAST', flush=True)";

#[test]
fn a_program_that_has_the_terminal_to_itself_is_not_torn() {
    let Some(stage) = Stage::new() else { return };
    let portward = stage.world.portward_path().to_str().unwrap();
    for (way, waits) in [("curses", true), ("cbreak", true), ("raw", true), ("lines", false)] {
        let command = ["python3", "-c", TERMINAL, portward, "run", "python3", "-c", FULL_SCREEN, way];
        let said = stage.inside(&stage.one).env("TERM", "xterm").run(&command).expect(0).stdout;
        let at = |words: &str| said.find(words).unwrap_or_else(|| panic!("{way}: no {words} in {said:?}"));
        let told = at("asked 127.0.0.1:3000");
        assert_eq!(told > at("END"), waits, "{way}: {said:?}");
        assert!(told < at("LAST") && said.matches("asked").count() == 1, "{way}: {said:?}");
    }
}

#[test]
fn a_program_that_ends_at_once_is_told_of_all_the_same() {
    let Some(stage) = Stage::new() else { return };
    let portward = stage.world.portward_path().to_str().unwrap();
    let code = "import socket, tty; tty.setraw(0); s = socket.socket(); s.bind(('', 3000)); s.listen()";
    let command = ["python3", "-c", TERMINAL, portward, "run", "python3", "-c", code];
    let said = stage.inside(&stage.one).run(&command).expect(0).stdout;
    assert!(said.contains("asked 0.0.0.0:3000"), "{said:?}");
}

#[test]
fn an_endpoint_is_told_once() {
    let Some(stage) = Stage::new() else { return };
    // One of UDP that goes at once was a client's.
    let code = "import os, socket, time\n\
        def listen(place, kind=1):\n    \
            s = socket.socket(2, kind); s.setsockopt(1, 2, 1); s.bind(place)\n    \
            s.listen() if kind == 1 else time.sleep(0.5)\n    \
            s.close()\n\
        for _ in range(300): listen(('', 3000))\n\
        for _ in range(3): listen(('127.0.0.1', 4000), 2)\n\
        for _ in range(20):\n    \
            pid = os.fork()\n    \
            if not pid: listen(('', 3000)); os._exit(0)\n    \
            os.waitpid(pid, 0)\n\
        listen(('127.0.0.1', 3000))";
    let ran = stage.portward(&stage.one, &["run", "python3", "-c", code]).expect(0);
    let count = |words: &str| ran.stderr.matches(words).count();
    assert_eq!([count("0.0.0.0:3000"), count("127.0.0.1:4000"), count("127.0.0.1:3000")], [1, 1, 1], "{ran}");
    assert_eq!(ran.stderr.lines().count(), 3, "{ran}");
}

#[test]
fn lines_go_where_they_are_wanted() {
    let Some(stage) = Stage::new() else { return };
    let home = stage.one.join("state");
    let code = "import socket; s = socket.socket(); s.bind(('', 3000)); s.listen()";
    let run = |words: &[&str]| {
        let words = [&["run"], words, &["--", "python3", "-c", code]].concat();
        stage.inside(&stage.one).stranger().env("XDG_STATE_HOME", home.to_str().unwrap()).portward(&words).expect(0)
    };
    let line = "python3   asked 0.0.0.0:3000   serves http://localhost:";
    assert!(run(&[]).stderr.starts_with(line) && run(&["--lines", "stderr"]).stderr.starts_with(line));
    for words in [&["--quiet"][..], &["--lines", "none"], &["--lines", "none", "--port-only"]] {
        let ran = run(words);
        assert!(ran.stderr.is_empty(), "{ran}");
    }
    for times in 1..3 {
        let ran = run(&["--lines", "file"]);
        assert!(!ran.stderr.contains("asked"), "{ran}");
        let folder = std::fs::read_dir(home.join("portward")).unwrap().flatten().map(|entry| entry.path());
        let files: Vec<_> = folder.filter(|path| path.extension().is_some_and(|end| end == "log")).collect();
        let [file] = &files[..] else { panic!("{files:?}") };
        let said = std::fs::read_to_string(file).unwrap();
        assert_eq!((said.matches(line).count(), said.lines().count()), (times, times), "{said}");
    }
    let both = stage.portward(&stage.one, &["run", "--quiet", "--lines", "file", "true"]).expect(125);
    assert!(both.stderr.contains("--quiet"), "{both}");
    // Where it ended is the answer, and is no line.
    let document = stage.portward(&stage.one, &["run", "--quiet", "--json", "true"]).expect(0);
    assert_eq!((document.stdout.as_str(), document.stderr.lines().count()), ("", 1), "{document}");
}

#[test]
fn a_url_stands_where_it_is_known_what_is_spoken() {
    let Some(stage) = Stage::new() else { return };
    let code = "import socket\n\
        for port in 3000, 5432, 1883, 22, 445, 20322, 8443: s = socket.socket(); s.bind(('', port)); s.listen()\n\
        s = socket.socket(); s.bind(('127.0.0.2', 3000)); s.listen(); s = socket.socket(); s.listen()\n\
        s = socket.socket(2, 2); s.bind(('', 53)); import time; time.sleep(0.5)";
    let said = stage.portward(&stage.one, &["run", "--json", "python3", "-c", code]).expect(0).stderr;
    let documents = said.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let listeners: Vec<_> =
        documents.map(|document| document["listener"].clone()).filter(|listener| !listener.is_null()).collect();
    let of = |asked: &str| listeners.iter().find(|listener| listener["asked"] == asked).unwrap();
    let url = |asked: &str| of(asked)["url"].as_str().map(|url| url.rsplit_once(':').unwrap().0.to_owned());
    let told = |url: &str| Some(url.to_owned());
    assert_eq!([url("0.0.0.0:3000"), url("0.0.0.0:8443")], [told("http://localhost"), told("https://localhost")]);
    assert_eq!([url("0.0.0.0:5432"), url("0.0.0.0:1883")], [told("postgresql://localhost"), told("mqtt://localhost")]);
    assert_eq!([url("0.0.0.0:22"), url("127.0.0.2:3000")], [told("ssh://localhost"), told("http://127.0.0.2")]);
    assert_eq!([url("0.0.0.0:445"), url("0.0.0.0:20322"), url("0.0.0.0:53")], [None, None, None]);
    assert_eq!((of("0.0.0.0:53")["transport"].as_str(), of("0.0.0.0:445")["transport"].as_str()), (Some("udp"), Some("tcp")));
    let text = stage.portward(&stage.one, &["run", "python3", "-c", code]).expect(0).stderr;
    let ends = |asked: &str, begin: &str| text.lines().any(|line| line.contains(&format!("asked {asked}   serves {begin}")));
    assert!(
        ends("0.0.0.0:445", "localhost:") && ends("0.0.0.0:53", "udp/localhost:") && text.contains("   serves localhost:"),
        "{text}"
    );
}
