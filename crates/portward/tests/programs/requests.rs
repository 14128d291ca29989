//! The client's own request is the one that is made again: path, query, method, origin and upgrade of a text, as a server reads them.

use portward_testkit::{Running, World, program};
use serde_json::Value;

use crate::{
    unharmed::{doctor, listens, says},
    world,
};

/// Says each request with its origin and host, and fails where it is about orders.
const TELLING: &str = r#"
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print(self.command, self.path, self.headers.get("Origin"), self.headers.get("Host"), flush=True)
        self.send_response(500 if "/orders" in self.path else 405 if self.path == "/pay" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    do_HEAD = do_OPTIONS = do_POST = do_GET
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", 3000), Handler).serve_forever()
"#;

fn telling(world: &World) -> Option<Running> {
    program("python3")?;
    let script = world.file("home/shop.py", TELLING);
    let server = world.enter().start(&["python3", script.to_str().unwrap()]);
    listens(world, 3000);
    Some(server)
}

/// Everything that the server was asked for, up to a request of our own that ends the list.
fn heard(world: &World, server: &Running) -> Vec<String> {
    let _ = world
        .run(&["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/3000; printf 'GET /end HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"])
        .expect(0);
    let mut all = Vec::new();
    loop {
        let line = server.line();
        if line.starts_with("GET /end") {
            return all;
        }
        all.push(line);
    }
}

#[test]
fn a_failure_behind_a_message_about_origins() {
    let Some(world) = world() else { return };
    let Some(server) = telling(&world) else { return };
    let text = "Access to fetch at 'http://localhost:3000/api/orders?page=2' from origin 'http://localhost:5173' has been blocked by \
                CORS policy: No 'Access-Control-Allow-Origin' header is present on the requested resource.";
    let answer = doctor(&world, &[text]);
    assert_eq!(says(&answer), "http-error-status", "{answer:#}");
    let heard = heard(&world, &server);
    assert!(heard.iter().any(|line| line == "GET /api/orders?page=2 http://localhost:5173 localhost:3000"), "{heard:?}");
    let items = text.replace("/api/orders?page=2", "/api/items");
    let answer = doctor(&world, &[&items]);
    assert_eq!(says(&answer), "cors-blocked", "{answer:#}");
}

#[test]
fn what_may_change_something_is_not_repeated() {
    let Some(world) = world() else { return };
    let Some(server) = telling(&world) else { return };
    for path in ["/api/orders", "/pay"] {
        let answer = doctor(&world, &[&format!("POST http://localhost:3000{path} 500 (Internal Server Error)")]);
        assert_eq!(says(&answer), "http-error-status", "the text's own status stands: {answer:#}");
        let told = |note: &Value| note.as_str().is_some_and(|note| note.contains("POST was not repeated"));
        assert!(answer["notes"].as_array().unwrap().iter().any(told), "{answer:#}");
        assert!(!answer["summary"].as_str().unwrap().contains("405"), "another method's refusal is no proof: {answer:#}");
    }
    let heard = heard(&world, &server);
    assert!(!heard.is_empty() && heard.iter().all(|line| !line.starts_with("POST")), "{heard:?}");
}

#[test]
fn the_recorded_request_gives_the_same_answer() {
    let Some(world) = world() else { return };
    let Some(server) = telling(&world) else { return };
    let (file, url) = (world.path().join("home/bug.json").display().to_string(), "http://127.0.0.1:3000/api/orders");
    let _ = world.portward(&["snapshot", "--for", url, "--out", &file]).expect(0);
    let live = doctor(&world, &[url]);
    drop(server);
    let played = doctor(&world, &[url, "--from", &file]);
    assert_eq!(
        (says(&live), &live["summary"], &live["probes"][0]["said"]),
        (says(&played), &played["summary"], &played["probes"][0]["said"])
    );
    assert_eq!(says(&played), "http-error-status", "{played:#}");
}

/// Takes every upgrade to WebSocket, in the subprotocol that it was started with, and tells what it was offered.
const SOCKETS: &str = r#"
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        print(self.path, self.headers.get("Sec-WebSocket-Protocol"), flush=True)
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        if len(sys.argv) > 1:
            self.send_header("Sec-WebSocket-Protocol", sys.argv[1])
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", 3000), Handler).serve_forever()
"#;

#[test]
fn a_subprotocol_is_offered_again() {
    let refused = "WebSocket connection to 'ws://localhost:3000/graphql' failed: Error during WebSocket handshake: Sent non-empty \
                   'Sec-WebSocket-Protocol' header but no response was received\n\
                   GET ws://localhost:3000/graphql HTTP/1.1\nSec-WebSocket-Protocol: graphql-transport-ws";
    for (chosen, says_what) in [
        (None, "websocket-subprotocol-missing"),
        (Some("mqtt"), "websocket-subprotocol-missing"),
        (Some("graphql-transport-ws"), "healthy"),
    ] {
        let Some(world) = world() else { return };
        if program("python3").is_none() {
            return;
        }
        let script = world.file("home/sockets.py", SOCKETS);
        let command: Vec<&str> = ["python3", script.to_str().unwrap()].into_iter().chain(chosen).collect();
        let server = world.enter().start(&command);
        listens(&world, 3000);
        let answer = doctor(&world, &[refused]);
        assert_eq!(says(&answer), says_what, "{chosen:?}: {answer:#}");
        assert_eq!(server.line(), "/graphql graphql-transport-ws");
        let vite = doctor(&world, &["127.0.0.1:3000", "--text", "[vite] failed to connect to websocket."]);
        assert_eq!(server.line(), "/ vite-hmr", "{vite:#}");
    }
}
