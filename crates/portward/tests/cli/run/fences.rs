//! What UDP sockets of a session hear, and pinned ones of TCP, seen from another machine: every way by which a program changes whom
//! its socket hears, and clients that ask others from a port of their own.

use portward_testkit::until;

use super::Stage;

/// What a program in the first project prints while another machine sends to each of its sockets, by UDP and by TCP.
///
/// The code makes `sockets`, a name and a socket each. What is printed is who heard `lan`, and who heard `near` from this machine.
#[track_caller]
fn heard_from_the_lan(stage: &Stage, privileged: bool, code: &str) -> [String; 2] {
    let _neighbour = stage.world.add_neighbour();
    let home = stage.one.join("state");
    let program = stage.world.file("hears.py", format!("{BEFORE}{code}{HEARS}"));
    let entry = stage.inside(&stage.one).env("XDG_STATE_HOME", home.to_str().unwrap());
    let entry = if privileged { entry } else { entry.stranger() };
    let mut running = entry.start_portward(&["run", "--", "python3", program.to_str().unwrap()]);
    let ports = running.line_where(|line| line.starts_with("READY"));
    let ports: Vec<&str> = ports.split(' ').skip(1).collect();
    let send = |netns: Option<&str>, text: &str, addresses: &str| {
        let entry = stage.world.enter();
        let entry = netns.map_or_else(|| stage.world.enter(), |netns| entry.netns(netns));
        let _ = entry.run(&[&["python3", "-c", SENDS, text, addresses], ports.as_slice()].concat()).expect(0);
    };
    send(Some("cafe"), "lan", "192.168.77.1,fd77::1,ff02::fb%road1,224.0.0.251%192.168.77.2");
    send(None, "near", "127.0.0.1,::1,192.168.77.1");
    running.tell("say");
    [running.line(), running.line()]
}

#[test]
fn nothing_that_a_program_does_opens_its_datagram_socket_to_the_network() {
    let Some(stage) = Stage::new() else { return };
    let [lan, near] = heard_from_the_lan(&stage, false, UDP_WAYS);
    assert_eq!(lan, "lan:");
    assert_eq!(
        near,
        "near: plain plain6 unspec unspec6 left-lo to-no-device to-no-index to-device to-index unicast-if sticky link-local detached \
         replaced locked reuseport twice asked-and-left packet-info multicast6-joined multicast-joined form"
    );
}

#[test]
fn nor_with_all_rights() {
    let Some(stage) = Stage::new() else { return };
    let [lan, near] = heard_from_the_lan(&stage, true, UDP_WAYS);
    assert_eq!(lan, "lan:");
    assert!(near.starts_with("near: plain plain6 unspec unspec6"), "{near}");
}

#[test]
fn nor_its_listener() {
    let Some(stage) = Stage::new() else { return };
    let neighbour = stage.world.add_neighbour();
    for privileged in [true, false] {
        let home = stage.one.join(format!("state-{privileged}"));
        let program =
            stage.world.file("listens.py", format!("{BEFORE}{TCP_WAYS}print('READY', *done, flush=True)\nsys.stdin.readline()"));
        let entry = stage.inside(&stage.one).env("XDG_STATE_HOME", home.to_str().unwrap());
        let entry = if privileged { entry } else { entry.stranger() };
        let running = entry.start_portward(&["run", "--", "python3", program.to_str().unwrap()]);
        let done = running.line_where(|line| line.starts_with("READY"));
        assert!(done.starts_with("READY to-no-device:1 to-no-index:1"), "{done}");
        let mine = neighbour.reaches(&stage.world);
        assert!(mine.is_empty(), "{privileged}: {mine:?}, {done}");
    }
}

#[test]
fn who_asks_from_a_port_of_its_own_hears_whom_it_asked_and_nobody_else() {
    let Some(stage) = Stage::new() else { return };
    let _neighbour = stage.world.add_neighbour();
    let others = stage.world.enter().netns("cafe").start(&["python3", "-c", ECHO]);
    assert_eq!(others.line(), "READY");
    let (stdout, stderr) = stage.said(
        "def hears(s):\n    s.settimeout(3)\n    got = []\n    try:\n        while True: got.append(s.recv(99).decode()); s.settimeout(0.3)\n    \
         except OSError: return got\n\
         for family, wild, peer in (2, '0.0.0.0', '192.168.77.2'), (10, '::', 'fd77::2'), (10, '::', '::ffff:192.168.77.2'):\n\
         \x20   s = socket.socket(family, 2); s.bind((wild, 123)); s.connect((peer, 7778)); s.send(b'by connect'); print(hears(s)); s.close()\n\
         \x20   s = socket.socket(family, 2); s.bind((wild, 124)); s.sendto(b'by sendto', (peer, 7778)); print(hears(s))\n\
         \x20   s.sendto(b'another', (peer, 7779)); print(hears(s)); s.close()",
    );
    // Each question is answered by the port that was asked and by another one beside it.
    let family = "['by connect 7778']\n['by sendto 7778']\n['another 7779']\n";
    assert_eq!(stdout, format!("{family}{family}{family}").trim_end(), "{stderr}");
    assert!(!stderr.contains("serves"), "a client is no listener: {stderr}");
}

#[test]
fn a_client_at_an_address_of_the_network_and_a_port_of_its_own_gets_out() {
    let Some(stage) = Stage::new() else { return };
    let neighbour = stage.world.add_neighbour();
    let others = stage.world.enter().netns("cafe").start(&["python3", "-c", ECHO]);
    assert_eq!(others.line(), "READY");
    let (stdout, stderr) = stage.said(
        "import fcntl, select\n\
         for family, own, peer in (2, '192.168.77.1', '192.168.77.2'), (10, 'fd77::1', 'fd77::2'), (10, '::ffff:192.168.77.1', '::ffff:192.168.77.2'):\n\
         \x20   s = socket.socket(family); s.setsockopt(1, 2, 1); s.setsockopt(6, 1, 1); s.setsockopt(1, 7, 30000); s.settimeout(5); os.set_inheritable(s.fileno(), True)\n\
         \x20   s.bind((own, 4000)); s.connect((peer, 7777)); at = s.getsockname()\n\
         \x20   print(at[0], at[1] != 4000, s.recv(99).decode(), s.getsockopt(6, 1), s.getsockopt(1, 7), s.gettimeout(), os.get_inheritable(s.fileno()))\n\
         \x20   s = socket.socket(family, 2); s.settimeout(5); s.bind((own, 4001)); s.sendto(b'by sendto', (peer, 7778)); print(s.recv(99).decode(), s.getsockname()[0])\n\
         \x20   s = socket.socket(family, 2); s.settimeout(5); s.bind((own, 4002)); s.connect((peer, 7778)); s.send(b'by connect'); print(s.recv(99).decode())\n\
         s = socket.socket(); s.setblocking(False); s.bind(('192.168.77.1', 4003)); print(s.connect_ex(('192.168.77.2', 7777)))\n\
         select.select([s], [], [], 5); print(s.recv(99).decode())\n\
         s = socket.socket(); s.bind(('192.168.77.1', 4004)); e = select.epoll(); e.register(s); print(number(lambda: s.connect(('192.168.77.2', 7777))))",
    );
    let of = |own: &str| format!("{own} True welcome 1 60000 5.0 True\nby sendto 7778 {own}\nby connect 7778\n");
    let all = ["192.168.77.1", "fd77::1", "::ffff:192.168.77.1"].map(of).concat();
    assert_eq!(stdout, format!("{all}115\nwelcome\n22"), "{stderr}");
    assert_eq!(stderr.matches("was refused its connect").count(), 1, "{stderr}");
    assert!(stderr.contains("192.168.77.1:4004 stands at 127.") && stderr.contains("from where nothing goes out"), "{stderr}");
    // One that turned out to be a client and then listens all the same serves nobody outside.
    let code = "import ctypes, socket, sys\ns = socket.socket(); s.setsockopt(1, 2, 1); s.bind(('192.168.77.1', 4005)); s.connect(('192.168.77.2', 7777))\n\
                ctypes.CDLL(None).connect(s.fileno(), bytes(16), 16); s.listen(); print('READY', flush=True); sys.stdin.readline()";
    let running = stage.inside(&stage.one).start_portward(&["run", "python3", "-c", code]);
    assert_eq!(running.line(), "READY", "{}", running.stderr());
    assert!(neighbour.reaches(&stage.world).is_empty());
}

#[test]
fn what_is_kept_out_is_told_once() {
    let Some(stage) = Stage::new() else { return };
    let _neighbour = stage.world.add_neighbour();
    let code = "import socket, sys\ns = socket.socket(2, 2); s.bind(('0.0.0.0', 5300)); s.sendto(b'x', ('192.168.77.2', 9))\n\
                print('READY', s.getsockname()[1], flush=True); sys.stdin.readline()";
    let running = stage.inside(&stage.one).start_portward(&["run", "python3", "-c", code]);
    let port = running.line_where(|line| line.starts_with("READY"))[6..].to_owned();
    let told = until("a line of what is kept out", || {
        let send = ["python3", "-c", SENDS, "lan", "192.168.77.1", &port];
        let _ = stage.world.enter().netns("cafe").run(&send).expect(0);
        running.stderr().lines().find(|line| line.contains("are kept out")).map(str::to_owned)
    });
    assert!(told.contains("Datagrams of the network for") && told.contains(&format!("udp/0.0.0.0:{port}")), "{told}");
}

/// Sends to the network without `connect` from a port of its own, and is told what it does not hear.
#[track_caller]
fn sends_by_messages(stage: &Stage, privileged: bool, family: &str, command: &[&str]) {
    let home = stage.one.join(format!("state-{privileged}"));
    let entry = stage.inside(&stage.one).env("XDG_STATE_HOME", home.to_str().unwrap());
    let entry = if privileged { entry } else { entry.stranger() };
    let mut running = entry.start_portward(&[&["run", "--"], command].concat());
    let port = running.line_where(|line| line.starts_with("READY"))[6..].to_owned();
    // What was sent arrives, so that its answer comes: it is kept out, and told.
    let told = until("a line of what is kept out", || {
        running.tell("again");
        let said = running.stderr().split_whitespace().collect::<Vec<_>>().join(" ");
        said.contains("kept out, too").then_some(said)
    });
    assert!(told.contains(&format!(":{port} are kept out, ")) && told.contains("sendmsg"), "{family}: {told}");
    // Nobody else of the network is heard either, whatever was sent.
    let send = ["python3", "-c", SENDS, "lan", "192.168.77.1,fd77::1", &port];
    let _ = stage.world.enter().netns("cafe").run(&send).expect(0);
    let near = ["python3", "-c", SENDS, "near", if family == "6" { "::1" } else { "127.0.0.1" }, &port];
    let _ = stage.world.run(&near).expect(0);
    assert_eq!(running.line(), "heard near", "{family}: {}", running.stderr());
    assert_eq!(running.stderr().matches("Datagrams of the network").count(), 1, "{}", running.stderr());
}

#[test]
fn what_is_lost_to_who_sends_by_messages_is_told_once() {
    let Some(stage) = Stage::new() else { return };
    let _neighbour = stage.world.add_neighbour();
    let others = stage.world.enter().netns("cafe").start(&["python3", "-c", ECHO]);
    assert_eq!(others.line(), "READY");
    for (family, wild, peer) in [("4", "0.0.0.0", "192.168.77.2"), ("6", "::", "fd77::2")] {
        for privileged in [true, false] {
            sends_by_messages(&stage, privileged, family, &["python3", "-c", MESSAGES, wild, peer]);
            if portward_testkit::program("node").is_some() {
                sends_by_messages(&stage, privileged, family, &["node", "-e", NODE_MESSAGES, family, peer]);
            }
        }
    }
}

#[test]
fn a_filter_of_the_programs_own_goes_on_behind_the_fence() {
    let Some(stage) = Stage::new() else { return };
    let (stdout, _) = stage.said(
        "import struct\n\
         def attach(s, *steps):\n    room = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *step) for step in steps))\n    \
         s.setsockopt(1, 26, struct.pack('HxxxxxxP', len(steps), ctypes.addressof(room)))\n\
         def hears(s, port):\n    c = socket.socket(2, 2); c.sendto(b'12345678', ('127.0.0.1', port)); s.settimeout(0.5)\n    \
         try: return s.recv(99).decode()\n    except OSError: return '-'\n\
         s = socket.socket(2, 2); s.bind(('0.0.0.0', 5300))\n\
         print(hears(s, 5300), number(lambda: s.setsockopt(1, 27, 0)))\n\
         attach(s, (6, 0, 0, 12)); print(hears(s, 5300)); attach(s, (6, 0, 0, 0)); print(hears(s, 5300))\n\
         print(number(lambda: s.setsockopt(1, 27, 0)), hears(s, 5300), number(lambda: attach(s, (99, 0, 0, 0))), hears(s, 5300))\n\
         b = socket.socket(2, 2); attach(b, (6, 0, 0, 10)); b.bind(('0.0.0.0', 5301)); print(hears(b, 5301))\n\
         c = socket.socket(2, 2); attach(c, (6, 0, 0, 10)); print(number(lambda: c.bind(('203.0.113.1', 0))))\n\
         c.bind(('127.0.0.1', 0)); print(hears(c, c.getsockname()[1]), number(lambda: c.setsockopt(1, 27, 0)))",
    );
    assert_eq!(stdout, "12345678 2\n1234\n-\n0 12345678 22 12345678\n12\n99\n12 0");
}

#[test]
fn a_send_with_an_address_goes_to_the_projects_own() {
    let Some(stage) = Stage::new() else { return };
    let _real = stage.plain("real", &["udp", "127.0.0.1", "8125"]);
    let (stdout, _) = stage.said(
        "s = socket.socket(2, 2); s.bind(('127.0.0.1', 5300)); s.settimeout(3); c = socket.socket(2, 2); c.settimeout(3)\n\
         for content in b'', b'x', b'y' * 65507: print(c.sendto(content, ('127.0.0.1', 5300)) == len(content), s.recv(70000) == content)\n\
         print(number(lambda: c.sendto(bytes(65508), ('127.0.0.1', 5300))), number(lambda: c.sendto(bytes(70000), ('127.0.0.1', 5300))))\n\
         c.sendto(b'x', ('localhost', 5300)); print(s.recvfrom(9)[1] == ('127.0.0.1', c.getsockname()[1]))\n\
         c.sendto(b'?', ('127.0.0.1', 8125)); print(c.recv(9).decode().strip())\n\
         libc = ctypes.CDLL(None, use_errno=True); import struct; at = struct.pack('=H', 2) + struct.pack('!H4s8x', 5300, bytes([127, 0, 0, 1]))\n\
         print(libc.sendto(c.fileno(), ctypes.c_void_p(1), 5, 0, at, 16), ctypes.get_errno(), libc.sendto(99, b'x', 1, 0, at, 16), ctypes.get_errno())\n\
         six = socket.socket(10, 2); s6 = socket.socket(10, 2); s6.bind(('::1', 5300)); six.sendto(b'six', ('::1', 5300)); print(s6.recv(9).decode())\n\
         t = socket.socket(); t.bind(('127.0.0.1', 80)); t.listen()\n\
         for send in (lambda s: s.sendto(b'x', 0x20000000, ('127.0.0.1', 80))), (lambda s: s.sendmsg([b'x'], [], 0x20000000, ('127.0.0.1', 80))):\n\
         \x20   s = socket.socket(); print(number(lambda: send(s)), number(lambda: s.connect(('127.0.0.1', 80))))",
    );
    assert_eq!(stdout, "True True\nTrue True\nTrue True\n90 90\nTrue\nreal\n-1 14 -1 9\nsix\n95 0\n95 0");
}

/// Ways to change whom a UDP socket hears.
const UDP_WAYS: &str = r"
import fcntl, struct
libc = ctypes.CDLL(None, use_errno=True)
road = socket.if_nametoindex('road0')
sockets = {}
def bound(name, port, family=2, before=()):
    s = socket.socket(family, 2)
    for option in before: s.setsockopt(*option)
    s.bind(('0.0.0.0' if family == 2 else '::', port)); sockets[name] = s
    return s
def unspec(s): libc.connect(s.fileno(), bytes(16), 16)
def may(*option):
    try: option[0].setsockopt(*option[1:])
    except OSError: pass
bound('plain', 4000); bound('plain6', 4001, 10)
unspec(bound('unspec', 4002)); unspec(bound('unspec6', 4003, 10))
s = bound('left-lo', 4004); s.connect(('127.0.0.1', 9)); unspec(s)
may(bound('to-no-device', 4005), 1, 25, b''); may(bound('to-no-index', 4006), 1, 62, struct.pack('i', 0))
s = bound('to-device', 4007); may(s, 1, 25, b'road0'); unspec(s); may(s, 1, 25, b'road0')
s = bound('to-index', 4008); unspec(s); may(s, 1, 62, struct.pack('i', road))
s = bound('unicast-if', 4009); may(s, 0, 50, struct.pack('!i', road))
s = bound('sticky', 4010, 10); may(s, 41, 50, bytes(16) + struct.pack('I', road)); unspec(s)
s = bound('link-local', 4011, 10)
try: s.connect(('fe80::1', 9, 0, road))
except OSError: pass
unspec(s)
may(bound('detached', 4012), 1, 27, 0)
def attach(s, *steps):
    room = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *step) for step in steps))
    may(s, 1, 26, struct.pack('HxxxxxxP', len(steps), ctypes.addressof(room)))
attach(bound('replaced', 4013), (6, 0, 0, 0xffffffff))
s = bound('locked', 4014); may(s, 1, 44, 1); attach(s, (6, 0, 0, 0xffffffff)); unspec(s)
s = bound('reuseport', 4015, before=[(1, 15, 1)]); attach(s, (6, 0, 0, 0xffffffff)); unspec(s)
s = bound('twice', 4016); s = socket.socket(fileno=os.dup(s.fileno())); unspec(s)
s = bound('asked-and-left', 4017); s.connect(('192.168.77.2', 9)); unspec(s)
s = bound('packet-info', 4018); s.sendmsg([b'x'], [(0, 8, struct.pack('=i4s4s', road, bytes(4), bytes(4)))], 0, ('192.168.77.2', 9))
bound('asks', 4019).connect(('192.168.77.2', 9)); bound('asked', 4020).sendto(b'x', ('192.168.77.2', 9))
for name, family, at, group in (('multicast6', 10, ('ff02::fb', 5355, 0, road), (41, 20, socket.inet_pton(10, 'ff02::fb') + struct.pack('I', road))), \
                                ('multicast', 2, ('224.0.0.251', 5356), (0, 35, socket.inet_aton('224.0.0.251') + bytes(4) + struct.pack('i', road)))):
    s = socket.socket(family, 2); s.bind(at); s.setsockopt(*group); unspec(s); sockets[name] = s
    s = socket.socket(family, 2); s.bind(('', at[1] + 10)); s.setsockopt(*group); unspec(s); sockets[name + '-joined'] = s
s = bound('form', 4021, 10); s.connect(('::ffff:127.0.0.1', 9)); may(s, 41, 1, 2); unspec(s)
del sockets['asked'], sockets['asks'] # They are not heard of near this machine; their own test has them.
";

/// What follows: the ports are told, and what came is said.
const HEARS: &str = r"
print('READY', *[s.getsockname()[1] for s in sockets.values()], flush=True)
sys.stdin.readline()
for word in b'lan', b'near':
    heard[word] = []
for name, s in sockets.items():
    s.setblocking(False)
    try:
        while True:
            got = s.recv(99)
            if name not in heard[got]: heard[got].append(name)
    except OSError: pass
for word in b'lan', b'near': print(f'{word.decode()}:', *heard[word], flush=True)
";

/// Ways to change whom a listener hears, each with the error that it met.
const TCP_WAYS: &str = r"
import struct
libc = ctypes.CDLL(None, use_errno=True)
road = socket.if_nametoindex('road0')
done, kept = [], []
def listener(port, family=10):
    s = socket.socket(family); s.bind(('::' if family == 10 else '0.0.0.0', port)); s.listen(); kept.append(s); return s
def way(name, f): done.append(f'{name}:{number(f)}')
s = listener(4000); way('to-no-device', lambda: s.setsockopt(1, 25, b''))
s = listener(4001); way('to-no-index', lambda: s.setsockopt(1, 62, struct.pack('i', 0)))
s = listener(4002); way('to-device', lambda: s.setsockopt(1, 25, b'road0'))
s = listener(4003); libc.connect(s.fileno(), bytes(16), 16); way('again', lambda: s.listen())
s = listener(4004, 2); libc.connect(s.fileno(), bytes(16), 16); way('without-device', lambda: s.setsockopt(1, 25, b'')); way('again', lambda: s.listen())
s = listener(4005); way('unicast-if', lambda: s.setsockopt(41, 76, struct.pack('!i', road)))
s = listener(4006); way('sticky', lambda: s.setsockopt(41, 50, bytes(16) + struct.pack('I', road)))
s = listener(4007); way('repair', lambda: s.setsockopt(6, 19, 1)); way('repaired', lambda: s.setsockopt(6, 19, 0))
s = socket.socket(10); kept.append(s); way('link-local', lambda: s.bind(('fe80::1', 4008, 0, road))); way('listen', lambda: s.listen())
s = socket.socket(); kept.append(s); number(lambda: s.setsockopt(6, 19, 1)); way('bind', lambda: s.bind(('0.0.0.0', 4009))); way('listen', lambda: s.listen()); number(lambda: s.setsockopt(6, 19, 0)); way('listen', lambda: s.listen())
s = listener(4010); c = socket.create_connection(('127.0.0.1', 4010)); a = s.accept()[0]; kept += [c, a]
libc.connect(a.fileno(), bytes(16), 16); way('accepted', lambda: a.listen())
libc.connect(c.fileno(), bytes(16), 16); way('connected', lambda: c.listen())
";

/// Sends a word to ports of addresses, of which one may have a zone, or the address to send a group's by.
const SENDS: &str = r"
import socket, sys, struct
word, addresses, *ports = sys.argv[1:]
for address in addresses.split(','):
    address, _, zone = address.partition('%')
    family = 10 if ':' in address else 2
    with socket.socket(family, 2) as s:
        if zone and family == 2: s.setsockopt(0, 32, socket.inet_aton(zone))
        for port in ports:
            place = (address, int(port)) if family == 2 else (address, int(port), 0, socket.if_nametoindex(zone) if zone else 0)
            for _ in range(2):
                try: s.sendto(word.encode(), place)
                except OSError: pass
";

/// Answers datagrams by two ports at once, the one that was asked and one that was not; and greets connections.
const ECHO: &str = r"
import select, socket
sockets = {}
for family, address in (2, '192.168.77.2'), (10, 'fd77::2'):
    other = socket.socket(family, 2); other.bind((address, 0))
    for port in 7778, 7779:
        s = socket.socket(family, 2); s.bind((address, port)); sockets[s] = port, other
    sockets[socket.create_server((address, 7777), family=family)] = None
print('READY', flush=True)
while True:
    for s in select.select(list(sockets), [], [])[0]:
        if not sockets[s]: s.accept()[0].send(b'welcome'); continue
        what, who = s.recvfrom(99); port, other = sockets[s]
        other.sendto(b'nobody asked', who); s.sendto(what + b' %d' % port, who); other.sendto(b'nobody asked', who)
";

/// Sends to a peer by `sendmsg(2)` from a port of its own whenever it is told to, and says what it hears.
const MESSAGES: &str = r"
import select, socket, sys
wild, peer = sys.argv[1:]
s = socket.socket(10 if ':' in wild else 2, 2); s.bind((wild, 5400))
print('READY', s.getsockname()[1], flush=True)
while True:
    for ready in select.select([s, sys.stdin], [], [])[0]:
        if ready is s: print('heard', s.recv(99).decode(), flush=True); continue
        if not sys.stdin.readline(): sys.exit()
        s.sendmsg([b'question'], [], 0, (peer, 7778))
";

/// The same in Node.
const NODE_MESSAGES: &str = "const [family, peer] = process.argv.slice(1), s = require('dgram').createSocket('udp' + family);
s.on('message', (message) => console.log('heard ' + message)); s.bind(5401, () => console.log('READY ' + s.address().port));
process.stdin.on('data', () => s.send('question', 7778, peer)).on('end', () => process.exit());
";

/// What the programs use.
const BEFORE: &str = "
import ctypes, os, socket, sys
heard = {}
def number(f):
    try: f(); return 0
    except OSError as error: return error.errno
";
