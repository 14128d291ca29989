//! What one program may take of what all share: so much, and it is said once.

use super::Stage;

/// The asked ports that the user has leased.
fn leased(stage: &Stage) -> Vec<u64> {
    let home = stage.one.join("state");
    let of = stage.inside(&stage.one).stranger().env("XDG_STATE_HOME", home.to_str().unwrap());
    let document = of.portward(&["lease", "--json"]).expect(0).json();
    document["leases"].as_array().unwrap().iter().filter_map(|lease| lease["asked"].as_u64()).collect()
}

#[test]
fn a_program_that_binds_at_random_is_refused_nothing_and_leaves_nothing_behind() {
    let Some(stage) = Stage::new() else { return };
    // Probes, which nobody ever serves.
    let (stdout, stderr) = stage.said(
        "def bind(port, kind):\n    s = socket.socket(socket.AF_INET, kind); return number(lambda: s.bind(('127.0.0.1', port)))\n\
         print({bind(port, socket.SOCK_STREAM) for port in range(7000, 9000)})",
    );
    assert_eq!(stdout, "{0}", "{stderr}");
    assert!(leased(&stage).is_empty());
    // A server, and as many passive transfers as there may be, one after another; it serves what it asked for, whatever it got.
    let (stdout, stderr) = stage.said(
        "main = socket.socket(); main.bind(('127.0.0.1', 2121)); main.listen(); seen = []\n\
         for port in range(5000, 6000):\n    s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(('127.0.0.1', port)); s.listen()\n\
         \x20   c = socket.create_connection(('127.0.0.1', port)); seen.append(s.accept()[0].getsockname()[1]); c.close(); s.close()\n\
         print(len(seen), len(set(seen)) < 900)",
    );
    assert_eq!(stdout, "1000 True", "{stderr}");
    assert_eq!(leased(&stage), [2121], "the server that is served to the end is the project's, and nothing else");
}

#[test]
fn a_program_that_does_not_share_gets_ports_where_no_connection_is_left() {
    let Some(stage) = Stage::new() else { return };
    // It ends each connection first, and keeps what is left of it; the next session is lent the same blocks.
    for first in [10_000, 20_000, 30_000] {
        let (stdout, stderr) = stage.said(&format!(
            "def transfer(port):\n    s = socket.socket(); s.bind(('127.0.0.1', port)); s.listen()\n\
             \x20   c = socket.create_connection(('127.0.0.1', port)); s.accept()[0].close(); c.recv(1); c.close(); s.close()\n\
             print({{number(lambda: transfer(port)) for port in range({first}, {first} + 150)}})"
        ));
        assert_eq!(stdout, "{0}", "{first}: {stderr}");
    }
}

#[test]
fn a_program_that_keeps_every_port_leaves_the_others_theirs() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, stderr) = stage.said(
        "kept = []\ndef serve(port):\n    s = socket.socket(); s.bind(('127.0.0.1', port)); s.listen(); kept.append(s)\n\
         seen = [number(lambda: serve(port)) for port in range(1024, 3024)]\n\
         first = seen.index(105); again = number(lambda: socket.socket().bind(('127.0.0.1', 1024)))\n\
         print(set(seen), 600 < first < 900, again)",
    );
    // ENOBUFS; what it has it keeps, and a second bind there meets itself.
    assert_eq!(stdout, "{0, 105} True 98", "{stderr}");
    assert_eq!(stderr.matches("bind at random").count(), 1, "{stderr}");
    assert!(leased(&stage).len() <= 16, "{:?}", leased(&stage));
    let home = stage.one.join("state");
    let of = |project| stage.inside(project).stranger().env("XDG_STATE_HOME", home.to_str().unwrap());
    let port = of(&stage.two).portward(&["port", "3000"]).expect(0).stdout;
    assert!(port.trim_end().ends_with("00"), "the other project has its own: {port}");
    let (stdout, _) = stage.said("s = socket.socket(); print(number(lambda: s.bind(('127.0.0.1', 9000))))");
    assert_eq!(stdout, "0", "the next session is lent ports again");
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
