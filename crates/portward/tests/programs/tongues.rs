//! Healthy servers that are easily called sick: they speak another language, stand behind a tunnel, answer late, or to GET alone.
//! Each is asked as its user and as a stranger, who sees no owner; nobody is accused, and a client in the wrong tongue is told which
//! one is right.

use std::{fs, path::Path};

use portward_testkit::{World, program};
use serde_json::Value;

use crate::{
    unharmed::{doctor, listens, says},
    world,
};

/// The answers to its user and to a stranger.
#[track_caller]
fn asked(world: &World, target: &str) -> [Value; 2] {
    [doctor(world, &[target]), world.enter().stranger().portward(&["doctor", target, "--json"]).json()]
}

/// Nobody calls it sick, and its user is told that it is well.
#[track_caller]
fn is_well(world: &World, target: &str) {
    let [own, strangers] = asked(world, target);
    assert_eq!(says(&own), "healthy", "{target}: {own:#}");
    assert_ne!(strangers["verdict"], "fault", "{target}, as a stranger: {strangers:#}");
}

/// A client of HTTP is told what is spoken there.
#[track_caller]
fn speaks(world: &World, port: u16, title: &str) {
    for answer in asked(world, &format!("http://127.0.0.1:{port}/")) {
        assert_eq!(says(&answer), "wrong-protocol", "{title}: {answer:#}");
        assert!(answer["summary"].as_str().unwrap().contains(title), "{answer:#}");
        let commands: Vec<&str> =
            answer["causes"][0]["fixes"].as_array().unwrap().iter().filter_map(|fix| fix["command"].as_str()).collect();
        assert!(!commands.iter().any(|command| command.contains("curl -i http://")), "{commands:?}");
    }
}

#[test]
fn mqtt() {
    let Some(world) = world() else { return };
    if program("mosquitto").is_none() {
        return;
    }
    let settings =
        world.file("home/m.conf", "listener 1883 127.0.0.1\nlistener 18830 127.0.0.1\nallow_anonymous true\nuser root\n");
    let _broker = world.enter().start(&["mosquitto", "-c", settings.to_str().unwrap()]);
    listens(&world, 18830);
    for port in [1883, 18830] {
        speaks(&world, port, "MQTT");
        is_well(&world, &port.to_string());
        is_well(&world, &format!("mqtt://127.0.0.1:{port}"));
    }
}

#[test]
fn uwsgi() {
    let Some(world) = world() else { return };
    if program("uwsgi-core").is_none() {
        return;
    }
    if !Path::new("/usr/lib/uwsgi/plugins/python3_plugin.so").exists() {
        portward_testkit::skip("uwsgi's plugin for Python");
        return;
    }
    let app = "def application(environ, start):\n    start('200 OK', [('Content-Length', '2')])\n    return [b'ok']\n";
    let app = world.file("home/app.py", app);
    let line =
        ["uwsgi-core", "--plugin", "python3", "--socket", "127.0.0.1:3031", "--master", "--wsgi-file", app.to_str().unwrap()];
    let _server = world.enter().start(&line);
    listens(&world, 3031);
    is_well(&world, "3031");
    speaks(&world, 3031, "uwsgi");
}

#[test]
fn fastcgi() {
    let Some(world) = world() else { return };
    let Some(server) = php_fpm() else {
        portward_testkit::skip("php-fpm");
        return;
    };
    let tmp = world.path().join("tmp");
    let (log, pool) =
        (tmp.join("fpm.log"), "user = root\ngroup = root\nlisten = 127.0.0.1:9001\npm = static\npm.max_children = 1\n");
    let text = format!("[global]\nerror_log = {}\ndaemonize = no\n[www]\n{pool}", log.display());
    let settings = world.file("home/fpm.conf", text);
    let _server = world.enter().start(&[server.as_str(), "-F", "-R", "-y", settings.to_str().unwrap()]);
    listens(&world, 9001);
    speaks(&world, 9001, "FastCGI");
    is_well(&world, "9001");
}

fn php_fpm() -> Option<String> {
    let all = fs::read_dir("/usr/sbin").ok()?.flatten();
    all.filter_map(|entry| entry.path().to_str().map(str::to_owned)).find(|path| path.contains("/php-fpm"))
}

/// A broker that answers `ApiVersions` and closes on whatever is no request of Kafka's, as brokers do.
const KAFKA: &str = r#"
import socket, struct, sys, threading
server = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=50)
def serve(client):
    head = client.recv(4)
    size = struct.unpack(">i", head)[0] if len(head) == 4 else -1
    if 8 <= size <= 104857600:
        request = client.recv(size, socket.MSG_WAITALL)
        body = request[4:8] + struct.pack(">hihhh", 0, 1, 18, 0, 4)
        client.sendall(struct.pack(">i", len(body)) + body)
        client.recv(1)
    client.close()
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"#;

#[test]
fn kafka() {
    let Some(world) = world() else { return };
    if program("python3").is_none() {
        return;
    }
    let script = world.file("home/broker.py", KAFKA);
    for port in ["9092", "19092"] {
        let _broker = world.enter().start(&["python3", script.to_str().unwrap(), port]);
        listens(&world, port.parse().unwrap());
        speaks(&world, port.parse().unwrap(), "Kafka");
        is_well(&world, &format!("kafka://127.0.0.1:{port}"));
    }
}

const HAPROXY: &str = "defaults\n timeout connect 2s\n timeout client 9s\n timeout server 9s\nfrontend f\n mode http\n \
    bind 127.0.0.1:8081 accept-proxy\n default_backend b\nbackend b\n mode http\n server s 127.0.0.1:8100\n";

#[test]
fn a_proxy_that_wants_the_header_of_one() {
    let Some(world) = world() else { return };
    if program("haproxy").is_none() {
        return;
    }
    let _server = world.actor(&["web", "tcp/127.0.0.1:8100"]);
    let settings = world.file("home/ha.cfg", HAPROXY);
    let _proxy = world.enter().start(&["haproxy", "-db", "-f", settings.to_str().unwrap()]);
    listens(&world, 8081);
    is_well(&world, "8081");
    for answer in asked(&world, "http://127.0.0.1:8081/") {
        assert_eq!(says(&answer), "wrong-protocol", "{answer:#}");
        assert!(answer["summary"].as_str().unwrap().contains("PROXY protocol"), "{answer:#}");
    }
}

/// TCP passed on to nobody, with and without a look whether somebody is there.
const HAPROXY_DEAD: &str = "defaults\n timeout connect 2s\n timeout client 9s\n timeout server 9s\n mode tcp\n\
    frontend a\n bind 127.0.0.1:8085\n default_backend x\nbackend x\n server s 127.0.0.1:8177\n\
    frontend b\n bind 127.0.0.1:8086\n default_backend y\nbackend y\n server s 127.0.0.1:8177 check\n";

#[test]
fn a_proxy_of_tcp_whose_backend_is_down() {
    let Some(world) = world() else { return };
    if program("haproxy").is_none() {
        return;
    }
    let settings = world.file("home/dead.cfg", HAPROXY_DEAD);
    let _proxy = world.enter().start(&["haproxy", "-db", "-f", settings.to_str().unwrap()]);
    listens(&world, 8086);
    for target in ["8085", "http://127.0.0.1:8085/", "8086", "http://127.0.0.1:8086/"] {
        let answer = doctor(&world, &[target]);
        assert_eq!(says(&answer), "proxy-upstream-down", "{target}: {answer:#}");
    }
}

#[test]
fn tunnels_of_ssh() {
    let Some(world) = world() else { return };
    if program("sshd").is_none() || program("ssh").is_none() || program("ssh-keygen").is_none() {
        return;
    }
    let home = world.path().join("home");
    let keys = ["host", "own"].map(|name| home.join(name).display().to_string());
    for key in &keys {
        let _ = world.run(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]).expect(0);
    }
    let _ = world.run(&["sh", "-c", "mkdir -p /run/sshd && chmod 755 /run/sshd"]);
    let settings = format!(
        "Port 2222\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}.pub\nStrictModes no\nUsePAM no\n\
         PermitRootLogin yes\n",
        keys[0], keys[1]
    );
    let settings = world.file("home/sshd.conf", settings);
    let sshd = world.run(&["sh", "-c", "command -v sshd || echo /usr/sbin/sshd"]).expect(0).stdout;
    let _far = world.enter().start(&[sshd.trim(), "-D", "-f", settings.to_str().unwrap()]);
    listens(&world, 2222);
    let user = world.run(&["id", "-un"]).expect(0).stdout;
    let at = format!("{}@127.0.0.1", user.trim());
    let forwards = ["-D", "1088", "-L", "8090:127.0.0.1:8100", "-L", "8091:127.0.0.1:8177", "-L", "8092:127.0.0.1:9092"];
    let quiet =
        ["-q", "-N", "-p", "2222", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-i", &keys[1]];
    let line = [&["ssh"][..], &quiet, &forwards, &[&at]].concat();
    let mut tunnel = world.enter().start(&line);
    let stands = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        !world.run(&["ss", "-Htln", "sport = :8092"]).stdout.trim().is_empty()
    });
    if !stands && !portward_testkit::is_root() {
        portward_testkit::skip("a login of its own for ssh");
        return;
    }
    assert!(stands && tunnel.is_alive(), "{}", tunnel.stderr());
    let _server = world.actor(&["web", "tcp/127.0.0.1:8100"]);
    let script = world.file("home/broker.py", KAFKA);
    let _broker = world.enter().start(&["python3", script.to_str().unwrap(), "9092"]);
    listens(&world, 9092);
    is_well(&world, "1088");
    is_well(&world, "8090");
    is_well(&world, "8092");
    speaks(&world, 1088, "SOCKS");
    let refused = doctor(&world, &["8091"]);
    assert_eq!(says(&refused), "proxy-upstream-down", "{refused:#}");
}

/// Answers GET alone, after some seconds: HEAD is left, or has no answer.
const GET_ALONE: &str = r#"
import socket, sys, threading, time
server = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128)
def serve(client):
    request = client.recv(4096)
    if request.startswith(b"GET"):
        time.sleep(float(sys.argv[3]))
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    elif sys.argv[2] == "ignores":
        while client.recv(4096):
            pass
    client.close()
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"#;

#[test]
fn servers_of_get_alone_and_late_ones() {
    let Some(world) = world() else { return };
    if program("python3").is_none() {
        return;
    }
    let script = world.file("home/get.py", GET_ALONE);
    let start =
        |port: &str, how: &str, seconds: &str| world.enter().start(&["python3", script.to_str().unwrap(), port, how, seconds]);
    let _all = [start("8001", "leaves", "0"), start("8002", "ignores", "0"), start("8003", "leaves", "3")];
    for port in [8001, 8002, 8003] {
        listens(&world, port);
    }
    for target in ["8001", "http://127.0.0.1:8001/", "8002", "http://127.0.0.1:8002/", "http://127.0.0.1:8003/"] {
        is_well(&world, target);
    }
}

/// Takes three seconds for any answer, one client at a time.
const LATE: &str = r#"
import http.server, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(3)
        self.send_response(204)
        self.end_headers()
    do_HEAD = do_GET
http.server.HTTPServer(("127.0.0.1", 8004), Handler).serve_forever()
"#;

/// Refuses every name by which it is called.
const NOBODYS: &str = r#"
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(421)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(b"Invalid Host header")
    do_HEAD = do_GET
http.server.ThreadingHTTPServer(("127.0.0.1", 8005), Handler).serve_forever()
"#;

#[test]
fn a_first_answer_after_three_seconds_and_a_server_that_no_name_pleases() {
    let Some(world) = world() else { return };
    if program("python3").is_none() {
        return;
    }
    let (late, nobodys) = (world.file("home/late.py", LATE), world.file("home/nobodys.py", NOBODYS));
    let _servers = [late, nobodys].map(|script| world.enter().start(&["python3", script.to_str().unwrap()]));
    listens(&world, 8004);
    listens(&world, 8005);
    is_well(&world, "http://127.0.0.1:8004/");
    is_well(&world, "8004");
    is_well(&world, "8005");
    let [own, _] = asked(&world, "http://127.0.0.1:8005/");
    assert_ne!(own["verdict"], "fault", "another name may please it: {own:#}");
}

/// Binds a Unix socket of this kind, and serves it.
const UNIX: &str = r#"
import os, socket, sys
server = socket.socket(socket.AF_UNIX, getattr(socket, sys.argv[2]))
server.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
if sys.argv[2] != "SOCK_DGRAM":
    server.listen(8)
print("READY", flush=True)
while True:
    server.recv(100) if sys.argv[2] == "SOCK_DGRAM" else server.accept()
"#;

#[test]
fn unix_sockets_of_datagrams_and_of_packets() {
    let Some(world) = world() else { return };
    if program("python3").is_none() {
        return;
    }
    let script = world.file("home/unix.py", UNIX);
    for kind in ["SOCK_DGRAM", "SOCK_SEQPACKET"] {
        let path = world.path().join("home").join(kind).display().to_string();
        let server = world.enter().start(&["python3", script.to_str().unwrap(), &path, kind]);
        assert_eq!(server.line(), "READY");
        is_well(&world, &format!("unix:{path}"));
    }
}

#[test]
fn a_development_server_whose_backend_is_not_there() {
    let Some(world) = world() else { return };
    let Some(vite) = world.npm_package("vite").filter(|_| program("node").is_some()) else { return };
    let settings = "export default { server: { port: 5173, strictPort: true, host: '127.0.0.1', proxy: {\n\
        '/api': 'http://127.0.0.1:8123',\n'/ws': { target: 'ws://127.0.0.1:8123', ws: true },\n} } }\n";
    world.file("home/shop/vite.config.mjs", settings);
    world.file("home/shop/index.html", "<p>shop</p>\n");
    let (shop, vite) = (world.path().join("home/shop"), vite.join("bin/vite.js"));
    let script = format!("cd {} && exec node {}", shop.display(), vite.display());
    let _server = world.enter().start(&["sh", "-c", &script]);
    listens(&world, 5173);
    is_well(&world, "http://127.0.0.1:5173/");
    for target in ["http://127.0.0.1:5173/api/orders", "ws://127.0.0.1:5173/ws"] {
        let answer = doctor(&world, &[target]);
        assert_eq!(says(&answer), "proxy-upstream-down", "{answer:#}");
        assert!(answer["summary"].as_str().unwrap().contains("8123"), "{answer:#}");
    }
    let _backend = world.actor(&["web", "tcp/127.0.0.1:8123"]);
    is_well(&world, "http://127.0.0.1:5173/api/orders");
}
