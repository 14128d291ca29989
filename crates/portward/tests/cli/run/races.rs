//! What a program wins by racing its supervisor: nothing that stays. The full count is a test of its own, ignored here, and a part of
//! `cargo xtask bench session`.

use super::Stage;

/// What `races.c` counted.
#[derive(Debug)]
struct Count {
    races: u64,
    /// Sockets that served unpinned when the call came back.
    past: u64,
    mended: u64,
    escaped: u64,
}

impl Stage {
    /// Runs races in the first project, by somebody without privilege; `None` where nothing compiles them.
    #[track_caller]
    fn races(&self, number: u64, call: &str) -> Option<Count> {
        let _ = portward_testkit::program("cc")?;
        let program = self.one.join("races");
        let source = self.world.file("races.c", include_bytes!("races.c"));
        let compile = ["cc", "-O2", "-pthread", "-o", program.to_str().unwrap(), source.to_str().unwrap()];
        let _ = self.world.run(&compile).expect(0);
        let home = self.one.join("state");
        let words = ["run", "--", program.to_str().unwrap(), &number.to_string(), call];
        let ran = self.inside(&self.one).stranger().env("XDG_STATE_HOME", home.to_str().unwrap()).portward(&words);
        let told: Vec<u64> = ran.stdout.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [races, past, mended, escaped, ..] = told[..] else { panic!("{ran}") };
        Some(Count { races, past, mended, escaped })
    }
}

#[test]
fn no_listener_stays_unpinned_that_was_put_where_a_unix_socket_stood() {
    let Some(stage) = Stage::new() else { return };
    let Some(count) = stage.races(20_000, "listen") else { return };
    assert_eq!((count.races, count.escaped, count.mended), (20_000, 0, count.past), "{count:?}");
    assert!(count.past > 0, "none of the races was one: {count:?}");
}

#[test]
fn no_datagram_socket_stays_unpinned_that_was_put_where_a_unix_socket_stood() {
    let Some(stage) = Stage::new() else { return };
    let Some(count) = stage.races(3_000, "bind") else { return };
    assert_eq!((count.races, count.escaped, count.mended), (3_000, 0, count.past), "{count:?}");
}

#[test]
#[ignore = "takes minutes; cargo test -p portward --test cli a_million_races -- --ignored"]
fn a_million_races() {
    let Some(stage) = Stage::new() else { return };
    let Some(count) = stage.races(1_000_000, "listen") else { return };
    assert_eq!((count.races, count.escaped, count.mended), (1_000_000, 0, count.past), "{count:?}");
}

#[test]
fn who_listens_on_a_unix_socket_is_the_one_that_its_clients_see() {
    let Some(stage) = Stage::new() else { return };
    // SO_PEERCRED of a client is whoever listened, of processes with one thread and with several.
    let (stdout, stderr) = stage.said(
        "def seen(name):\n    s = socket.socket(socket.AF_UNIX); s.bind(name); s.listen()\n    \
         c = socket.socket(socket.AF_UNIX); c.connect(name); return int.from_bytes(c.getsockopt(1, 17, 4), 'little') == os.getpid()\n\
         print(seen('one.sock')); open = threading.Event(); t = threading.Thread(target=open.wait); t.start()\n\
         print(seen('two.sock')); open.set()",
    );
    assert_eq!((stdout.as_str(), stderr.as_str()), ("True\nTrue", ""));
}

#[test]
fn other_sockets_at_the_number_are_no_way_past() {
    let Some(stage) = Stage::new() else { return };
    // Numbers of files, pipes and other families are answered without a second look at the number.
    let (stdout, _) = stage.said(
        "libc = ctypes.CDLL(None, use_errno=True); r, w = os.pipe(); f = os.open('/dev/null', os.O_RDWR)\n\
         for fd in r, f: print(libc.listen(fd, 5), ctypes.get_errno())\n\
         n = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); print(number(lambda: n.listen()))\n\
         u = socket.socket(socket.AF_UNIX); inet = b'\\x02\\x00\\x26\\x19' + bytes(12)\n\
         print(libc.bind(u.fileno(), inet, 16), ctypes.get_errno(), libc.bind(n.fileno(), inet, 16), ctypes.get_errno())",
    );
    // No socket; no listening; an address that is none of the family's.
    assert_eq!(stdout, "-1 88\n-1 88\n95\n-1 22 -1 22");
}

#[test]
fn a_listener_from_outside_is_pinned_once_the_session_alone_has_it() {
    let Some(stage) = Stage::new() else { return };
    stage.world.add_lan("eth0", "192.168.77.1/24");
    let place = stage.one.join("hand.sock");
    let place = place.to_str().unwrap();
    // Outside: listens twice, hands both over, and keeps its own copy of the first until it is told.
    let outside = format!(
        "import socket, sys\nu = socket.socket(socket.AF_UNIX); u.bind({place:?}); u.listen(); print('READY', flush=True)\n\
         def serve(port):\n    s = socket.socket(); s.bind(('0.0.0.0', port)); s.listen(); return s\n\
         s, t = serve(3999), serve(4999); c, _ = u.accept(); socket.send_fds(c, [b'x'], [s.fileno(), t.fileno()]); t.close()\n\
         sys.stdin.readline(); s.close(); print('CLOSED', flush=True); sys.stdin.readline()"
    );
    let mut giver = stage.world.enter().start(&["python3", "-c", &outside]);
    assert_eq!(giver.line(), "READY", "{}", giver.stderr());
    let inside = format!(
        "import socket, sys, time\nc = socket.socket(socket.AF_UNIX); c.connect({place:?}); _, fds, _, _ = socket.recv_fds(c, 1, 2)\n\
         s, t = [socket.socket(fileno=fd) for fd in fds]; device = lambda s: s.getsockopt(1, 25, 16).rstrip(bytes(1)).decode()\n\
         while not device(t): time.sleep(0.05)\n\
         print(device(t), device(s) or '-', flush=True)\n\
         while not device(s): time.sleep(0.05)\n\
         print(device(s), flush=True); sys.stdin.readline()"
    );
    let taker = stage.inside(&stage.one).start_portward(&["run", "python3", "-c", &inside]);
    assert_eq!(taker.line(), "lo -", "somebody outside serves it as well: {}", taker.stderr());
    giver.tell("close");
    assert_eq!(giver.line(), "CLOSED");
    assert_eq!(taker.line(), "lo", "{}", taker.stderr());
    assert_eq!(stage.heard("192.168.77.1 3999"), "ConnectionRefusedError");
    let _ = Stage::told(&taker, "without a call that was seen; it is pinned to lo now");
}

#[test]
fn a_thread_with_descriptors_of_its_own_listens_on_what_it_has() {
    let Some(stage) = Stage::new() else { return };
    // At the same number its process has a Unix socket.
    let (stdout, _) = stage.said(
        "libc = ctypes.CDLL(None, use_errno=True); u = socket.socket(socket.AF_UNIX); u.bind('own.sock'); s = socket.socket()\n\
         def work():\n    print(libc.unshare(0x400)); os.dup2(s.fileno(), u.fileno()); print(libc.listen(u.fileno(), 5))\n\
         t = threading.Thread(target=work); t.start(); t.join()\n\
         import time\nwhile not device(s): time.sleep(0.05)\n\
         print(s.getsockopt(1, 30), device(s), u.getsockopt(1, 30))",
    );
    assert_eq!(stdout, "0\n0\n1 lo 0");
}

#[test]
fn a_listener_from_outside_that_another_device_holds_listens_no_more() {
    let Some(stage) = Stage::new() else { return };
    stage.world.add_lan("eth0", "192.168.77.1/24");
    let outside = "import socket\nu = socket.socket(socket.AF_UNIX); u.bind('\\0hand'); u.listen(); print('READY', flush=True)\n\
                   s = socket.socket(); s.setsockopt(1, 25, b'eth0'); s.bind(('0.0.0.0', 3999)); s.listen(); c, _ = u.accept()\n\
                   socket.send_fds(c, [b'x'], [s.fileno()])";
    let giver = stage.world.enter().start(&["python3", "-c", outside]);
    assert_eq!(giver.line(), "READY", "{}", giver.stderr());
    let (stdout, stderr) = stage.said(
        "import time\nc = socket.socket(socket.AF_UNIX); c.connect('\\0hand'); _, fds, _, _ = socket.recv_fds(c, 1, 1); c.recv(1)\n\
         s = socket.socket(fileno=fds[0])\nwhile s.getsockopt(1, 30): time.sleep(0.05)\n\
         print('ended')",
    );
    assert_eq!(stdout, "ended");
    assert!(stderr.contains("it could not be pinned to lo, and"), "{stderr}");
}

#[test]
fn a_datagram_socket_that_takes_its_peer_from_it_keeps_its_fence_and_pin() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, _) = stage.said(
        "libc = ctypes.CDLL(None)\n\
         for at in '0.0.0.0', '127.0.0.1':\n\
         \x20   s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((at, 5300)); before = device(s) or fenced(s)\n\
         \x20   print(libc.connect(s.fileno(), bytes(16), 16), before, device(s) or fenced(s))",
    );
    assert_eq!(stdout, "0 fenced fenced\n0 lo lo");
}
