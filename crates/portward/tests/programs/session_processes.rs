//! Programs that are odd in their processes: one that leaves its starter twice, and one that binds from many threads at once.

use crate::session::{Served, Twins, V4, words};

#[test]
fn a_daemon_that_forks_twice() {
    let Some(twins) = Twins::of(&["python3"]) else { return };
    twins.file("daemon.py", DAEMON);
    twins.start(&["python3", "daemon.py"]);
    twins.live_and_end(Served { port: 7000, at: V4, client: &greeting });
}

#[test]
fn sixty_four_threads_that_bind_at_once() {
    let Some(twins) = Twins::of(&["python3"]) else { return };
    twins.file("threads.py", THREADS);
    twins.start(&["python3", "threads.py"]);
    let served = Served { port: 3000, at: V4, client: &greeting };
    twins.prove(served);
    twins.each(|project| {
        let asked: Vec<u16> = (3000..3064).collect();
        let leased: Vec<u16> = asked.iter().map(|port| twins.leased(project, *port)).collect();
        let greetings = |ports: &[u16]| [words(&["python3", "-c", GREETINGS, "127.0.0.1"]), numbers(ports)].concat();
        let wanted = vec![format!("hello from {}", project.name); asked.len()];
        let inside = twins.inside(project, &greetings(&asked)).expect(0);
        assert_eq!(inside.stdout.lines().collect::<Vec<_>>(), wanted, "inside");
        let outside = twins.enter(project).run(&greetings(&leased)).expect(0);
        assert_eq!(outside.stdout.lines().collect::<Vec<_>>(), wanted, "outside");
        // Of those that bound one port at once, one has it, as without a session.
        let won = std::fs::read_to_string(project.path("won")).expect("the program wrote it");
        assert_eq!(won.lines().filter(|line| *line == "won").count(), 1, "{won}");
        assert_eq!(won.lines().filter(|line| *line == "EADDRINUSE").count(), 63, "{won}");
    });
    twins.unseen_from_outside();
    twins.end(served);
}

fn greeting(address: &str, port: u16) -> Vec<String> {
    words(&["python3", "-c", GREETINGS, address, &port.to_string()])
}

fn numbers(ports: &[u16]) -> Vec<String> {
    ports.iter().map(ToString::to_string).collect()
}

/// Dials every port at once, and prints what each says.
const GREETINGS: &str = "
import concurrent.futures, socket, sys
def greeting(port):
    with socket.create_connection((sys.argv[1], int(port)), 60) as server:
        return server.makefile().read().strip()
ports = sys.argv[2:]
with concurrent.futures.ThreadPoolExecutor(len(ports)) as pool:
    print(*pool.map(greeting, ports), sep='\\n')
";

/// As daemons do since ever: forks, leads a session of its own, forks again, lets go of all that it was given.
const DAEMON: &str = "
import os, socket
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
nothing = os.open('/dev/null', os.O_RDWR)
for stream in range(3):
    os.dup2(nothing, stream)
server = socket.create_server(('0.0.0.0', 7000))
while True:
    with server.accept()[0] as client:
        client.sendall(b'hello from @NAME@')
";

/// Sixty-four threads bind ports of their own at once, then one port together, and each serves its own.
const THREADS: &str = "
import errno, os, socket, threading
COUNT = 64
start = threading.Barrier(COUNT)
won = []
def serve(number):
    own = socket.socket()
    same = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    start.wait()
    own.bind(('0.0.0.0', 3000 + number))
    start.wait()
    try:
        same.bind(('127.0.0.1', 4000))
        won.append('won')
    except OSError as error:
        won.append(errno.errorcode[error.errno])
    if start.wait() == 0:
        open('won', 'w').write('\\n'.join(won))
    start.wait()
    own.listen()
    while True:
        with own.accept()[0] as client:
            client.sendall(b'hello from @NAME@')
for number in range(COUNT):
    threading.Thread(target=serve, args=(number,)).start()
";
