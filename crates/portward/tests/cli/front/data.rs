//! What passes through the forwarder, and from where.

use portward_testkit::{Running, until};

use super::{PLACES, front, port};
use crate::run::Stage;

/// A program in a project that sends back what it gets until its client ends.
fn echo(stage: &Stage, name: &str) -> Running {
    let script = stage.world.file("echo.py", ECHO);
    let running = stage.inside(&stage.one).start_portward(&["run", "python3", script.to_str().unwrap(), name]);
    assert_eq!(running.line(), "READY");
    running
}

#[test]
fn bytes_arrive_whole_and_old_connections_go_on() {
    let Some(stage) = Stage::new() else { return };
    let _one = echo(&stage, "first");
    let _two = stage.server(&stage.two, &[], "two", &["tcp", "::", "3000"]);
    let _ = stage.world.portward(&["front", "one"]).expect(0);
    let transfer = stage.world.file("transfer.py", TRANSFER);
    let client = stage.world.run(&["python3", transfer.to_str().unwrap(), "8", "4"]).expect(0);
    assert_eq!(client.stdout, "WHOLE\n", "{client}");
    let many = stage.world.run(&["python3", transfer.to_str().unwrap(), "300", "0"]).expect(0);
    assert_eq!(many.stdout, "WHOLE\n", "{many}");
    let mut old = stage.world.actor(&["connect", "tcp/127.0.0.1:3000"]);
    let _ = old.ask("send 0 hello", "SENT");
    let said = stage.world.portward(&["front", "two", "--json"]).expect(0).json();
    assert_eq!(said["connections"], 1, "{said:#}");
    assert_eq!(stage.heard(PLACES[0]), "two");
    let off = stage.world.portward(&["front", "--off", "--json"]).expect(0).json();
    assert_eq!((&off["connections"], &off["ports"][0]["state"]), (&1.into(), &"free".into()), "{off:#}");
    // A server has the port beside the connection that goes on.
    let _plain = stage.plain("plain", &["tcp", "127.0.0.1", "3000"]);
    let _ = old.ask("send 0 again", "SENT");
    let forwarder = said["forwarder"].to_string();
    let lives = || stage.world.run(&["test", "-e", &format!("/proc/{forwarder}")]).code == Some(0);
    assert!(lives(), "it has a connection");
    drop(old);
    until("the forwarder ends with its last connection", || (!lives()).then_some(()));
}

#[test]
fn clients_beyond_what_it_can_hold_are_turned_away() {
    let Some(stage) = Stage::new() else { return };
    let _one = echo(&stage, "one");
    let few = ["prlimit", "--nofile=100:100", "--"];
    let _ = stage.world.enter().through(&few).portward(&["front", "one"]).expect(0);
    let crowd = stage.world.file("crowd.py", CROWD);
    let clients = stage.world.run(&["python3", crowd.to_str().unwrap()]).expect(0);
    let [served, reset, other] = clients.stdout.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{clients}") };
    assert_eq!((served, reset, other), ("18", "42", "0"), "{clients}");
    assert_eq!(port(&front(&stage), 3000)["state"], "lent", "it still sees its service");
    // They have gone, and there is room again.
    until("room", || {
        let transfer = stage.world.file("transfer.py", TRANSFER);
        (stage.world.run(&["python3", transfer.to_str().unwrap(), "10", "0"]).stdout == "WHOLE\n").then_some(())
    });
}

#[test]
fn nothing_answers_from_outside() {
    let Some(stage) = Stage::new() else { return };
    stage.world.add_netns("out");
    let script = "ip link add inner type veth peer name outer netns out && \
                  ip link set inner up && ip -n out link set outer up && \
                  ip addr add 10.77.0.1/24 dev inner && ip -n out addr add 10.77.0.2/24 dev outer && \
                  ip addr add fd77::1/64 dev inner nodad && ip -n out addr add fd77::2/64 dev outer nodad && \
                  echo 1 >/proc/sys/net/ipv4/conf/inner/route_localnet && \
                  nsenter --net=/run/netns/out sh -c 'echo 1 >/proc/sys/net/ipv4/conf/outer/route_localnet' && \
                  ip -n out addr del 127.0.0.1/8 dev lo && ip -n out route add 127.0.0.1/32 via 10.77.0.1 dev outer";
    let _ = stage.world.run(&["sh", "-c", script]).expect(0);
    let _one = stage.server(&stage.one, &[], "one", &["tcp", "::", "3000"]);
    let _ = stage.world.portward(&["front", "one"]).expect(0);
    let _open = stage.plain("open", &["tcp", "::", "4000"]);
    let client = stage.world.path().join("client.py");
    let outside = |place: &str| {
        let heard = stage.world.enter().netns("out").run(&["timeout", "5", "python3", client.to_str().unwrap(), place]);
        heard.stdout.trim_end().to_owned()
    };
    // The way there is open.
    for address in ["10.77.0.1", "fd77::1", "127.0.0.1"] {
        assert_eq!(outside(&format!("{address} 4000")), "open", "{address}");
        assert_ne!(outside(&format!("{address} 3000")), "one", "{address}");
    }
    assert_eq!(stage.heard(PLACES[0]), "one");
}

/// Sends back what it gets; a client that ends its side gets the rest, and then the end.
const ECHO: &str = r#"
import socket, threading
s = socket.socket(socket.AF_INET6)
s.setsockopt(41, 26, 0); s.setsockopt(1, 2, 1); s.bind(("::", 3000)); s.listen(1000)
print("READY", flush=True)
def serve(c):
    while (b := c.recv(65536)): c.sendall(b)
    c.shutdown(1)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
"#;

/// Sixty clients that stay; says how many are served, how many were reset, and how many met something else.
const CROWD: &str = r#"
import socket
all = [socket.create_connection(("127.0.0.1", 3000)) for _ in range(60)]
served = reset = other = 0
for s in all:
    s.settimeout(30)
    try:
        s.sendall(b"x")
        if s.recv(1) == b"x": served += 1
        else: other += 1
    except ConnectionError: reset += 1
    except OSError: other += 1
print(served, reset, other)
"#;

/// `CONNECTIONS MEGABYTES`: all of them at once, half over each family; each sends as much and more, ends its side, and compares.
const TRANSFER: &str = r#"
import hashlib, random, socket, sys, threading
count, size = int(sys.argv[1]), int(sys.argv[2]) * 2**20 + 1000
data, wrong, together = random.Random(7).randbytes(size), [], threading.Barrier(count)
def one(at):
    s = socket.create_connection(("127.0.0.1" if at % 2 else "::1", 3000))
    together.wait()
    def say():
        s.sendall(data)
        s.shutdown(1)
    threading.Thread(target=say).start()
    heard = hashlib.sha256()
    while (b := s.recv(65536)): heard.update(b)
    if heard.digest() != hashlib.sha256(data).digest(): wrong.append(at)
threads = [threading.Thread(target=one, args=(at,)) for at in range(count)]
for t in threads: t.start()
for t in threads: t.join()
print("BROKEN" if wrong else "WHOLE")
"#;
