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
