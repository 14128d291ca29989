//! What one program may take of what all share: so much, and it is said once.

use super::Stage;

#[test]
fn a_program_that_binds_every_port_leaves_the_others_theirs() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, stderr) = stage.said(
        "def bind(port):\n    s = socket.socket(); return number(lambda: s.bind(('127.0.0.1', port)))\n\
         seen = [bind(port) for port in range(1024, 4024)]\n\
         print(seen.count(0), set(seen), seen.index(105), bind(1024), bind(1523))",
    );
    // ENOBUFS; what is leased stays.
    assert_eq!(stdout, "500 {0, 105} 500 0 0", "{stderr}");
    assert_eq!(stderr.matches("500 leased ports").count(), 1, "{stderr}");
    assert!(stderr.contains("portward lease release"), "{stderr}");
    let home = stage.one.join("state");
    let of = |project| stage.inside(project).stranger().env("XDG_STATE_HOME", home.to_str().unwrap());
    let port = of(&stage.two).portward(&["port", "3000"]).expect(0).stdout;
    assert!(port.trim_end().ends_with("00"), "the other project has its own: {port}");
    let refused = of(&stage.one).portward(&["port", "9000"]).expect(2);
    assert!(refused.stderr.contains("500 leased ports") && refused.stderr.contains("lease release"), "{refused}");
    let _ = of(&stage.one).portward(&["lease", "release", "1024"]).expect(0);
    let (stdout, _) = stage.said("s = socket.socket(); print(number(lambda: s.bind(('127.0.0.1', 9000))))");
    assert_eq!(stdout, "0", "what was given back can be had");
}

#[test]
fn listeners_without_end_are_served_and_told_of_to_a_limit() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, stderr) = stage.said(
        "for n in range(1100):\n    s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); last = device(s); s.close()\nprint(last)",
    );
    assert_eq!(stdout, "lo");
    let lines = stderr.lines().filter(|line| line.contains("serves http://")).count();
    assert!(lines <= 1000, "{lines}");
    assert_eq!(stderr.matches("More than 1000 sockets").count(), 1, "{}", stderr.lines().last().unwrap_or_default());
}

#[test]
fn clients_that_wait_take_so_many_threads_of_the_supervisor_and_no_more() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, stderr) = stage.said(
        "s = socket.socket(); s.bind(('127.0.0.1', 3000)); s.listen(0); seen = []\n\
         full = [socket.socket() for _ in range(4)]\n\
         for c in full: c.setblocking(False); c.connect_ex(('127.0.0.1', 3000))\n\
         refused = threading.Event()\n\
         def dial():\n    if number(lambda: socket.socket().connect(('127.0.0.1', 3000))) == 11: refused.set()\n\
         for _ in range(300): threading.Thread(target=dial, daemon=True).start()\n\
         refused.wait(); o = socket.socket(); o.bind(('127.0.0.1', 4000)); o.listen()\n\
         print('refused, and others go on', flush=True); import time; time.sleep(0.5); os._exit(0)",
    );
    assert_eq!(stdout, "refused, and others go on");
    assert_eq!(stderr.matches("256 connections to servers").count(), 1, "{stderr}");
}
