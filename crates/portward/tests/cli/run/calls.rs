//! What becomes of each call: the table of docs/localhost.md, row by row.

use super::Stage;

impl Stage {
    /// What a Python program in the first project prints, run by somebody without privilege.
    #[track_caller]
    pub(super) fn said(&self, code: &str) -> (String, String) {
        let state = self.one.join("state");
        let code = format!("{BEFORE}{code}");
        let ran = self
            .inside(&self.one)
            .stranger()
            .env("XDG_STATE_HOME", state.to_str().unwrap())
            .portward(&["run", "--", "python3", "-c", &code])
            .expect(0);
        (ran.stdout.trim_end().to_owned(), ran.stderr)
    }
}

#[test]
fn a_socket_keeps_its_address_moves_its_port_and_is_pinned_when_it_listens() {
    let Some(stage) = Stage::new() else { return };
    stage.world.add_lan("eth0", "192.168.77.1/24");
    for (asked, family, stays) in [
        ("0.0.0.0", "AF_INET", "0.0.0.0"),
        ("127.0.0.1", "AF_INET", "127.0.0.1"),
        ("127.0.0.7", "AF_INET", "127.0.0.7"),
        ("::", "AF_INET6", "::"),
        ("::1", "AF_INET6", "::1"),
        ("::ffff:127.0.0.1", "AF_INET6", "::ffff:127.0.0.1"),
        // Pinned to lo it would serve nobody at this address; the same one stands for it every time.
        ("192.168.77.1", "AF_INET", "127.65.202.185"),
        ("::ffff:192.168.77.1", "AF_INET6", "::ffff:127.65.202.185"),
    ] {
        let code = format!(
            "s = socket.socket(socket.{family})\n\
             s.bind(('{asked}', 3000)); before = device(s)\n\
             s.listen(); print(s.getsockname()[0], s.getsockname()[1] % 100, before or '-', device(s))"
        );
        let (stdout, stderr) = stage.said(&code);
        assert_eq!(stdout, format!("{stays} 0 - lo"), "{asked}");
        assert!(stderr.contains(":3000   serves http://"), "{stderr}");
    }
}

#[test]
fn a_socket_without_a_port_of_its_own_is_pinned_where_it_is() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, stderr) = stage.said(
        "s = socket.socket(); s.bind(('0.0.0.0', 0)); s.listen(); print(s.getsockname()[1] >= 30000, device(s))\n\
         s = socket.socket(); s.listen(); print(s.getsockname()[0], device(s))",
    );
    assert_eq!(stdout, "True lo\n0.0.0.0 lo");
    assert_eq!(stderr.matches("   serves localhost:").count(), 2, "{stderr}");
}

#[test]
fn a_port_that_was_looked_for_is_not_leased() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, _) = stage.said(
        "with socket.socket() as found: found.bind(('127.0.0.1', 0)); port = found.getsockname()[1]\n\
         s = socket.socket(); s.bind(('0.0.0.0', port)); s.listen(); print(s.getsockname()[1] == port, device(s))\n\
         s = socket.socket(); s.bind(('0.0.0.0', 3000)); s.listen(); print(s.getsockname()[1] == 3000)",
    );
    assert_eq!(stdout, "True lo\nFalse");
    let folder = stage.one.join("state");
    let leases =
        stage.inside(&stage.one).stranger().env("XDG_STATE_HOME", folder).portward(&["lease", "list", "--json"]).expect(0).json();
    assert_eq!(leases["leases"].as_array().map(Vec::len), Some(1), "{leases:#}");
}

#[test]
fn two_addresses_stay_two() {
    let Some(stage) = Stage::new() else { return };
    stage.world.add_lan("eth0", "192.168.77.1/24");
    let (stdout, stderr) = stage.said(
        "for at in ('192.168.77.1', 3000), ('127.0.0.1', 3000):\n\
         \x20   s = socket.socket(); print(number(lambda: s.bind(at))); globals()[at[0]] = s",
    );
    assert_eq!((stdout.as_str(), stderr.as_str()), ("0\n0", ""));
    // Where it would have failed outside as well, it does so inside.
    for first in ["0.0.0.0", "192.168.77.1"] {
        let code = format!(
            "for at in ('{first}', 3000), ('192.168.77.1' if '{first}' == '0.0.0.0' else '0.0.0.0', 3000):\n\
             \x20   s = socket.socket(); print(number(lambda: s.bind(at))); globals()[at[0]] = s"
        );
        let (stdout, stderr) = stage.said(&code);
        assert_eq!((stdout.as_str(), stderr.as_str()), ("0\n98", ""));
    }
    let (stdout, _) = stage.said("s = socket.socket(); print(number(lambda: s.bind(('203.0.113.9', 3000))))");
    assert_eq!(stdout, "99", "of another machine");
}

#[test]
fn a_client_is_told_the_family_that_is_served() {
    let Some(stage) = Stage::new() else { return };
    let code = "import socket, sys; s = socket.socket(socket.AF_INET6); s.setsockopt(41, 26, 1); s.bind(('::', 3000)); s.listen(); \
                print('READY', flush=True); sys.stdin.readline()";
    let running = stage.inside(&stage.one).start_portward(&["run", "python3", "-c", code]);
    assert_eq!(running.line(), "READY", "{}", running.stderr());
    let _ = Stage::told(&running, "asked [::]:3000");
    let document = stage.portward(&stage.one, &["ps", "--json"]).expect(0).json();
    let serves = document["sessions"][0]["services"][0]["listeners"][0]["serves"].as_str().unwrap().to_owned();
    assert_eq!(serves, format!("[::1]:{}", stage.port(&stage.one, "3000")));
}

#[test]
fn an_address_without_a_family_is_the_wildcard_as_the_kernel_takes_it() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, _) = stage.said(
        "import struct; libc = ctypes.CDLL(None, use_errno=True); address = struct.pack('=H', 0) + struct.pack('!H', 5300) + bytes(12)\n\
         for type in (socket.SOCK_STREAM, socket.SOCK_DGRAM):\n\
         \x20   s = socket.socket(socket.AF_INET, type); done = libc.bind(s.fileno(), address, 16)\n\
         \x20   if type == socket.SOCK_STREAM: s.listen()\n\
         \x20   print(done, s.getsockname()[1] != 5300, s.getsockname()[1] % 100, device(s) or fenced(s))\n\
         six = socket.socket(socket.AF_INET6); print(libc.bind(six.fileno(), address + bytes(12), 28), ctypes.get_errno())",
    );
    assert_eq!(stdout, "0 True 0 lo\n0 True 0 fenced\n-1 97");
}

#[test]
fn a_listener_of_a_group_with_a_full_queue_holds_up_its_client_alone() {
    let Some(stage) = Stage::new() else { return };
    // Which of the two the kernel chooses for a connection is nobody's to know.
    let (stdout, _) = stage.said(
        "def listener():\n    s = socket.socket(); s.setsockopt(1, 15, 1); s.bind(('127.0.0.1', 3000)); s.listen(0); return s\n\
         full, other = listener(), listener(); waiting = []\n\
         for n in range(12):\n\
         \x20   t = threading.Thread(target=lambda: number(lambda: socket.socket().connect(('127.0.0.1', 3000))), daemon=True); t.start(); waiting.append(t)\n\
         o = socket.socket(); o.bind(('127.0.0.1', 4000)); o.listen(); print('others go on', flush=True); os._exit(0)",
    );
    assert_eq!(stdout, "others go on");
}

#[test]
fn a_network_that_a_program_makes_for_itself_is_its_own() {
    let Some(stage) = Stage::new() else { return };
    let script = format!(
        "ip link set lo up; python3 {server} inner tcp 127.0.0.1 3000 & \
         python3 -c \"import socket, time\nfor _ in range(500):\n    \
         try: print(socket.create_connection(('127.0.0.1', 3000)).recv(9).decode().strip()); break\n    \
         except OSError: time.sleep(0.02)\"; kill $!",
        server = stage.server
    );
    let ran = stage.portward(&stage.one, &["run", "--", "unshare", "-Urn", "sh", "-c", &script]);
    assert!(ran.stdout.contains("inner"), "{ran}");
}

#[test]
fn rights_that_a_program_gave_up_are_not_lent_to_it() {
    let Some(stage) = Stage::new() else { return };
    // Root in its world, whose programs give up the right to system ports.
    let code =
        "import socket\ntry: socket.socket().bind(('127.0.0.1', 81)); print(0)\nexcept OSError as error: print(error.errno)";
    let run = |before: &[&str]| {
        let words = [&["run", "--loopback-only", "--"], before, &["python3", "-c", code]].concat();
        stage.portward(&stage.one, &words).expect(0).stdout
    };
    assert_eq!(run(&[]), "0\n");
    assert_eq!(run(&["setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service", "--"]), "13\n");
    assert_eq!(run(&["unshare", "--user", "--map-root-user", "--"]), "13\n");
}

#[test]
fn clients_stay_free() {
    let Some(stage) = Stage::new() else { return };
    stage.world.add_lan("eth0", "192.168.77.1/24");
    let (stdout, _) = stage.said(
        "s = socket.socket(); s.bind(('192.168.77.1', 0)); print(s.getsockname()[0], device(s) or '-')\n\
         s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('0.0.0.0', 0)); print(device(s) or '-')",
    );
    assert_eq!(stdout, "192.168.77.1 -\n-");
}

#[test]
fn datagrams() {
    let Some(stage) = Stage::new() else { return };
    let server = stage.server(&stage.one, &[], "datagram", &["udp", "0.0.0.0", "11211"]);
    let line = Stage::told(&server, "asked 0.0.0.0:11211");
    let port = stage.port(&stage.one, "11211");
    assert!(line.ends_with(&format!("serves udp/localhost:{port}")), "{line}");
    assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 11211 udp"), "datagram");
    assert_eq!(stage.heard(&format!("127.0.0.1 {port} udp")), "datagram");
    let (stdout, _) = stage.said("s = socket.socket(2, socket.SOCK_DGRAM); s.bind(('0.0.0.0', 53)); print(fenced(s))");
    assert_eq!(stdout, "fenced");
}

#[test]
fn multipath_tcp_is_moved_and_pinned_too() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, _) = stage.said(
        "try: s = socket.socket(2, 1, 262)\nexcept OSError: print('absent'); sys.exit()\n\
         s.bind(('0.0.0.0', 3000)); s.listen(); print(s.getsockname()[1] % 100, device(s))",
    );
    if stdout == "absent" {
        portward_testkit::skip("MPTCP in this kernel");
        return;
    }
    assert_eq!(stdout, "0 lo");
}

#[test]
fn other_families_are_not_touched() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, stderr) = stage.said(
        "s = socket.socket(socket.AF_UNIX); s.bind('own.sock'); s.listen()\n\
         c = socket.socket(socket.AF_UNIX); c.connect('own.sock'); print(s.accept()[0].getsockopt(1, 17, 4) == os.getpid().to_bytes(4, 'little'))\n\
         s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); s.bind((0, 0)); print(s.getsockname()[0] > 0)",
    );
    assert_eq!((stdout.as_str(), stderr.as_str()), ("True\nTrue", ""));
}

#[test]
fn what_serves_others_and_cannot_be_pinned_may_not_listen() {
    let Some(stage) = Stage::new() else { return };
    let code = "for family, type, protocol in [(40, 1, 0), (43, 1, 0), (2, 5, 132)]:\n\
                \x20   try: s = socket.socket(family, type, protocol)\n\
                \x20   except OSError: continue\n\
                \x20   try: s.bind((4294967295, 5005)) if family == 40 else None\n\
                \x20   except OSError: continue\n\
                \x20   print(family, number(lambda: s.listen()))";
    let (stdout, stderr) = stage.said(code);
    if stdout.is_empty() {
        portward_testkit::skip("vsock, SMC and SCTP sockets in this kernel");
        return;
    }
    for line in stdout.lines() {
        assert!(line.ends_with(" 13"), "{stdout}");
    }
    assert_eq!(stderr.matches("was refused its listen").count(), stdout.lines().count(), "{stderr}");
}

#[test]
fn listening_twice_is_told_once() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, stderr) = stage.said("s = socket.socket(); s.bind(('', 3000)); s.listen(5); s.listen(50); print(device(s))");
    assert_eq!(stdout, "lo");
    assert_eq!(stderr.matches("asked").count(), 1, "{stderr}");
}

#[test]
fn errors_are_the_kernels_own() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, _) = stage.said(
        "a = socket.socket(); a.bind(('127.0.0.1', 3000)); a.listen()\n\
         b = socket.socket(); print(number(lambda: b.bind(('127.0.0.1', 3000))))\n\
         print(number(lambda: a.bind(('127.0.0.1', 3001))), number(lambda: b.bind(('203.0.113.9', 0))))\n\
         libc = ctypes.CDLL(None, use_errno=True)\n\
         for words in [(99, b'x' * 16, 16), (b.fileno(), 1, 16), (b.fileno(), b'x' * 16, 3), (b.fileno(), b'x' * 200, 200), (0, b'x' * 16, 16)]:\n\
         \x20   print(libc.bind(*words), ctypes.get_errno())\n\
         print(libc.connect(b.fileno(), 1, 16), ctypes.get_errno(), libc.listen(99, 5), ctypes.get_errno())\n\
         print(libc.listen(-1, 5), ctypes.get_errno(), libc.bind(-1, b'x' * 16, 16), ctypes.get_errno())",
    );
    // In use; bound already, no such address; no descriptor, no memory, too short, too long, no socket.
    assert_eq!(stdout, "98\n22 99\n-1 9\n-1 14\n-1 22\n-1 22\n-1 88\n-1 14 -1 9\n-1 9 -1 9");
}

#[test]
fn dialling_the_wildcard_and_not_waiting_for_it() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, _) = stage.said(
        "s = socket.socket(); s.bind(('0.0.0.0', 3000)); s.listen()\n\
         c = socket.create_connection(('0.0.0.0', 3000)); print(c.getpeername()[1] == s.getsockname()[1])\n\
         c = socket.socket(); c.setblocking(False); print(c.connect_ex(('127.0.0.1', 3000)) in (0, 115))\n\
         u = socket.socket(); u.setblocking(False); print(u.connect_ex(('127.0.0.1', 3001)) in (111, 115))",
    );
    assert_eq!(stdout, "True\nTrue\nTrue");
}

#[test]
fn a_full_queue_keeps_nobody_else_waiting() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, _) = stage.said(
        "s = socket.socket(); s.bind(('127.0.0.1', 3000)); s.listen(0)\n\
         first = [socket.socket() for _ in range(2)]\n\
         for c in first: c.setblocking(False); c.connect_ex(('127.0.0.1', 3000))\n\
         waiting = threading.Thread(target=lambda: print('late', number(lambda: socket.socket().connect(('127.0.0.1', 3000)))))\n\
         waiting.start()\n\
         o = socket.socket(); o.bind(('127.0.0.1', 4000)); o.listen()\n\
         c = socket.create_connection(('127.0.0.1', 4000)); print('others go on', flush=True)\n\
         for _ in range(2): s.accept()\n\
         waiting.join()",
    );
    assert_eq!(stdout, "others go on\nlate 0");
}

#[test]
fn sixty_four_threads_bind_at_once() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, stderr) = stage.said(
        "import threading\nopen, gate = [], threading.Barrier(64)\n\
         def one(n):\n    s = socket.socket(); gate.wait(); s.bind(('0.0.0.0', 5000 + n)); s.listen(); open.append(s)\n\
         threads = [threading.Thread(target=one, args=(n,)) for n in range(64)]\n\
         [t.start() for t in threads]; [t.join() for t in threads]\n\
         ports = {s.getsockname()[1] for s in open}\n\
         print(len(ports), len({p // 100 for p in ports}), {device(s) for s in open})",
    );
    // Of so many some are the session's alone, in a block of its own.
    assert_eq!(stdout, "64 2 {'lo'}");
    assert_eq!(stderr.matches("asked").count(), 64);
}

#[test]
fn an_address_that_changes_under_the_call_changes_nothing() {
    let Some(stage) = Stage::new() else { return };
    // One thread binds from a buffer whose port another one flips all the time between two ports; they differ in one byte, so that no third can be read.
    let (stdout, _) = stage.said(
        "import struct\nlibc = ctypes.CDLL(None)\n\
         here, there = struct.pack('!H', 3000), struct.pack('!H', 3001)\n\
         address = ctypes.create_string_buffer(struct.pack('=H', 2) + here + bytes(12), 16); done = []\n\
         def flip():\n    while not done: address[2:4] = there; address[2:4] = here\n\
         threading.Thread(target=flip).start(); found = set()\n\
         for _ in range(1500):\n\
         \x20   s = socket.socket(); s.setsockopt(1, 2, 1)\n\
         \x20   if libc.bind(s.fileno(), address, 16) == 0: s.listen(); found.add((s.getsockname()[1] % 100, device(s)))\n\
         \x20   s.close()\n\
         done.append(1); print(found == {(0, 'lo'), (1, 'lo')} or found)",
    );
    assert_eq!(stdout, "True");
}

#[test]
fn the_ways_past_are_closed() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, _) = stage.said(
        "libc = ctypes.CDLL(None, use_errno=True)\n\
         print(libc.syscall(425, 8, 0), ctypes.get_errno())\n\
         print([(libc.syscall(ring, 0, 0, 0, 0), ctypes.get_errno()) for ring in (426, 427)])\n\
         print(libc.syscall(0x40000000 | 49, 0, 0, 0), ctypes.get_errno())",
    );
    assert_eq!(stdout, "-1 38\n[(-1, 38), (-1, 38)]\n-1 38");
}

#[test]
fn who_forbids_to_be_looked_into_is_refused_and_told() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, stderr) = stage.said(
        "ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n\
         s = socket.socket(); print(number(lambda: s.bind(('0.0.0.0', 3000))), number(lambda: s.listen()))",
    );
    assert_eq!(stdout, "13 13");
    assert!(stderr.contains("was refused its bind") && stderr.contains("forbids to be traced"), "{stderr}");
}

#[test]
fn a_listener_that_is_handed_in_is_pinned_before_the_program_has_it() {
    let Some(stage) = Stage::new() else { return };
    stage.world.add_lan("eth0", "192.168.77.1/24");
    let portward = stage.world.portward_path().to_str().unwrap();
    let code = format!(
        "import os, socket\ns = socket.socket(); s.bind(('0.0.0.0', 3000)); s.listen(); os.set_inheritable(s.fileno(), True)\n\
         os.environ['FD'] = str(s.fileno())\n\
         os.execv('{portward}', ['portward', 'run', 'python3', '-c', \"import os, socket; \
         s = socket.socket(fileno=int(os.environ['FD'])); print(s.getsockopt(1, 25, 16).rstrip(bytes(1)).decode(), flush=True); s.accept()[0].send(b'in')\"])"
    );
    let running = stage.inside(&stage.one).start(&["python3", "-c", &code]);
    assert_eq!(running.line(), "lo", "{}", running.stderr());
    assert_eq!(stage.heard("192.168.77.1 3000"), "ConnectionRefusedError");
    assert_eq!(stage.heard("127.0.0.1 3000"), "in");
}

#[test]
fn datagram_sockets_that_are_handed_in_are_fenced_where_they_serve() {
    let Some(stage) = Stage::new() else { return };
    let portward = stage.world.portward_path().to_str().unwrap();
    let code = format!(
        "import os, socket\ns = socket.socket(type=2); s.bind(('0.0.0.0', 3000)); c = socket.socket(type=2); c.connect(('127.0.0.1', 9))\n\
         for x in s, c: os.set_inheritable(x.fileno(), True)\n\
         os.environ['FDS'] = f'{{s.fileno()}} {{c.fileno()}}'\n\
         os.execv('{portward}', ['portward', 'run', 'python3', '-c', '''{BEFORE}\nprint([fenced(socket.socket(fileno=int(n))) for n in os.environ[\"FDS\"].split()])'''])"
    );
    let said = stage.inside(&stage.one).run(&["python3", "-c", &code]);
    assert_eq!(said.stdout, "['fenced', 'open']\n", "{said}");
}

#[test]
fn a_socket_that_is_passed_along_is_pinned_by_who_listens() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, _) = stage.said(
        "a, b = socket.socketpair(); s = socket.socket(); s.bind(('0.0.0.0', 3000))\n\
         socket.send_fds(a, [b'x'], [s.fileno()]); s.close()\n\
         if os.fork() == 0:\n    _, fds, _, _ = socket.recv_fds(b, 1, 1); s = socket.socket(fileno=fds[0]); s.listen()\n    \
         print(s.getsockname()[1] % 100, device(s), flush=True); os._exit(0)\n\
         os.wait()",
    );
    assert_eq!(stdout, "0 lo");
}

/// What the programs use.
pub(super) const BEFORE: &str = "
import ctypes, os, socket, sys, threading
def device(s): return s.getsockopt(1, 25, 16).rstrip(bytes(1)).decode()
def fenced(s):
    steps = ctypes.c_uint32(0); ctypes.CDLL(None).getsockopt(s.fileno(), 1, 26, None, ctypes.byref(steps))
    return 'fenced' if steps.value else 'open'
def number(f):
    try: f(); return 0
    except OSError as error: return error.errno
";
