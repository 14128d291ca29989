//! Listeners that wait for one client and end with it, as logins of command line programs do: asked in every way, as root and as
//! a stranger, nobody takes the place of the browser.

use portward_testkit::{Running, World, program};
use serde_json::Value;

use crate::{
    unharmed::{Expected, asked_in_every_way, connections, doctor, listens, says},
    world,
};

/// Serves one request and ends, with the code that it was called with: `HTTPServer.handle_request`, as gcloud's library does.
const HANDLE_ONE: &str = r#"
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        print(self.path, flush=True)
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
server.handle_request()
"#;

/// The same by hand: one `accept`, and no loop around it.
const ACCEPT_ONE: &str = r#"
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
client, _ = server.accept()
print(client.recv(4096).split()[1].decode(), flush=True)
client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
"#;

/// Node's way: the server is closed where it answers.
const CLOSE_AFTER_ONE: &str = r"
const http = require('http');
const server = http.createServer((request, response) => {
  response.end('You may close this window');
  console.log(request.url);
  server.close();
});
server.listen(Number(process.argv[2]), '127.0.0.1');
";

/// The browser comes back, and the login has its code: nothing came before it. The request goes out in one piece, as a browser's
/// does: a login that reads once and ends would reset a connection on which more of it was still to come.
#[track_caller]
fn comes_back(world: &World, server: &Running, port: u16) {
    let url = format!("http://127.0.0.1:{port}/?code=4711");
    let _ = world.run(&["curl", "-sS", "--http1.0", &url]).expect(0);
    assert_eq!(server.line(), "/?code=4711", "the login had another client");
}

/// Asked as a stranger, to whom the owner is hidden.
#[track_caller]
fn asked_by_a_stranger(world: &World, port: u16) {
    let before = connections(world);
    for target in [format!("127.0.0.1:{port}"), port.to_string()] {
        let answer = world.enter().stranger().portward(&["doctor", &target, "--json"]).json();
        assert_eq!(
            answer["probes"].as_array().unwrap().iter().filter(|probe| probe["met"] != "refused").count(),
            0,
            "{answer:#}"
        );
        assert_ne!(answer["verdict"], "fault", "{answer:#}");
    }
    assert_eq!(connections(world), before, "somebody dialled");
}

#[test]
fn a_login_that_serves_one_request() {
    let Some(world) = world() else { return };
    if program("python3").is_none() {
        return;
    }
    for (name, text, port) in [("a.py", HANDLE_ONE, 8765_u16), ("b.py", HANDLE_ONE, 8085), ("c.py", ACCEPT_ONE, 9123)] {
        let script = world.file(&format!("home/{name}"), text);
        let server = world.enter().start(&["python3", script.to_str().unwrap(), &port.to_string()]);
        listens(&world, port);
        asked_in_every_way(&world, port, Expected { because: "serves one client and ends", says: "healthy" });
        asked_by_a_stranger(&world, port);
        comes_back(&world, &server, port);
    }
}

#[test]
fn a_login_in_the_arguments_alone() {
    let Some(world) = world() else { return };
    if program("python3").is_none() {
        return;
    }
    let script = HANDLE_ONE.replace("int(sys.argv[1])", "8766");
    let server = world.enter().start(&["python3", "-c", &script]);
    listens(&world, 8766);
    asked_in_every_way(&world, 8766, Expected { because: "handle_request", says: "healthy" });
    comes_back(&world, &server, 8766);
}

#[test]
fn a_login_of_node() {
    let Some(world) = world() else { return };
    if program("node").is_none() {
        return;
    }
    let script = world.file("home/start.js", CLOSE_AFTER_ONE);
    let server = world.enter().start(&["node", script.to_str().unwrap(), "8976"]);
    listens(&world, 8976);
    asked_in_every_way(&world, 8976, Expected { because: "serves one client and ends", says: "healthy" });
    asked_by_a_stranger(&world, 8976);
    comes_back(&world, &server, 8976);
}

#[test]
fn a_login_of_rclone() {
    let Some(world) = world() else { return };
    if program("rclone").is_none() {
        return;
    }
    let settings = world.file("home/rclone.conf", "");
    let line = ["rclone", "--config", settings.to_str().unwrap(), "authorize", "drive", "--auth-no-open-browser"];
    let mut server = world.enter().start(&line);
    listens(&world, 53682);
    asked_in_every_way(&world, 53682, Expected { because: "waits for a login to come back", says: "healthy" });
    asked_by_a_stranger(&world, 53682);
    assert!(server.is_alive(), "{}", server.stderr());
}

#[test]
fn a_person_may_say_that_it_is_to_be_asked() {
    let Some(world) = world() else { return };
    if program("python3").is_none() {
        return;
    }
    let script = world.file("home/a.py", HANDLE_ONE);
    let server = world.enter().start(&["python3", script.to_str().unwrap(), "8765"]);
    listens(&world, 8765);
    let told = doctor(&world, &["http://127.0.0.1:8765/x"]);
    assert_eq!(told["addition"]["command"], "portward doctor http://127.0.0.1:8765/x --connect", "{told:#}");
    assert_eq!(told["declined"][0]["on_demand"], true, "{told:#}");
    let asked = doctor(&world, &["http://127.0.0.1:8765/x", "--connect"]);
    assert_ne!(asked["probes"], Value::Array(Vec::new()), "{asked:#}");
    drop(server);
}

#[test]
fn a_server_that_stays_is_asked() {
    let Some(world) = world() else { return };
    if program("python3").is_none() {
        return;
    }
    // On a port of logins, with the backlog of one, started a moment ago.
    let _server = world.enter().start(&["python3", "-m", "http.server", "--bind", "127.0.0.1", "8085"]);
    listens(&world, 8085);
    let answer = doctor(&world, &["127.0.0.1:8085"]);
    assert_eq!((says(&answer), answer["declined"].as_array().map(Vec::len)), ("healthy", Some(0)), "{answer:#}");
}
