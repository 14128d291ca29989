//! When services are ready.

use crate::run::Stage;

#[test]
fn readiness_is_what_the_file_says() {
    let Some(stage) = Stage::new() else { return };
    let flag = stage.one.join("flag").display().to_string();
    let server = stage.world.file(
        "slow.py",
        "import http.server, time\nbegan = time.time()\n\
         class Page(http.server.BaseHTTPRequestHandler):\n    def do_GET(self):\n        \
         self.send_response(200 if self.path != '/healthz' or time.time() - began > 1 else 503)\n        self.end_headers()\n\
         http.server.HTTPServer(('', 8000), Page).serve_forever()\n",
    );
    stage.declare(
        &stage.one,
        &format!(
            "[services.path]\ncommand = [\"python3\", {server:?}]\nport = 8000\nready = \"/healthz\"\n\
             [services.log]\ncommand = \"sleep 0.3; echo now listening well; exec sleep 1000\"\nready = {{ log = \"listening well\" }}\n\
             [services.command]\ncommand = \"sleep 0.3; touch {flag}; exec sleep 1000\"\nready = {{ command = \"test -e {flag}\" }}\n\
             [services.done]\ncommand = \"test -e {flag}\"\nready = {{ done = true }}\nafter = [\"command\"]\n"
        ),
    );
    let said = stage.up(&stage.one, &[]);
    for name in ["path   ", "log    ", "command", "done   "] {
        assert!(said.contains(&format!("{name}  ready")), "{name}: {said}");
    }
    let logs = stage.portward(&stage.one, &["logs", "path"]).expect(0).stdout;
    assert!(logs.contains("\"GET /healthz HTTP/1.1\" 503") && logs.contains("\"GET /healthz HTTP/1.1\" 200"), "{logs}");
    let _ = stage.down(&stage.one);
}

#[test]
fn one_that_listens_elsewhere_is_told_and_fails_in_time() {
    let Some(stage) = Stage::new() else { return };
    stage.declare(
        &stage.one,
        "[services.web]\ncommand = [\"python3\", \"-m\", \"http.server\", \"4000\"]\nport = 4001\npatience = \"4s\"\n\
         [services.last]\ncommand = \"sleep 1000\"\nafter = [\"web\"]\n\
         [services.end]\ncommand = \"sleep 6; echo REA''DY; exec sleep 1000\"\n",
    );
    let said = stage.typed(&stage.one, "y", &["up", "--color", "never"]).stdout;
    assert!(said.contains("It listens at tcp/4000, and is declared at 4001."), "{said}");
    assert!(said.contains("It is not ready after 4 s: nothing of it listens at 4001"), "{said}");
    assert!(said.contains("It waits for web, which is not ready in time"), "{said}");
    assert!(stage.session_of(&stage.one).is_null());
}

#[test]
fn a_path_another_transport_and_another_address_are_elsewhere() {
    let Some(stage) = Stage::new() else { return };
    let listen = |name: &str, line: &str| {
        let text = format!("import socket, time\n{line}\ntime.sleep(1000)\n");
        format!("command = [\"python3\", {:?}]\n", stage.world.file(name, text))
    };
    let path = listen("path.py", "s = socket.socket(socket.AF_UNIX); s.bind('web.sock'); s.listen()");
    let udp = listen("udp.py", "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 4012))");
    let address = listen("address.py", "s = socket.socket(); s.bind(('127.0.0.2', 4013)); s.listen()");
    let both = listen("both.py", "s = socket.socket(); s.bind(('0.0.0.0', 4014)); s.listen()");
    stage.declare(
        &stage.one,
        &format!(
            "[services.path]\n{path}port = 4011\npatience = \"4s\"\n[services.udp]\n{udp}port = 4012\npatience = \"4s\"\n\
             [services.address]\n{address}port = 4013\n[services.both]\n{both}port = 4014\n\
             [services.end]\ncommand = \"sleep 6; echo REA''DY; exec sleep 1000\"\n"
        ),
    );
    let said = stage.typed(&stage.one, "y", &["up", "--color", "never"]).stdout;
    assert!(said.contains("It listens at the Unix socket web.sock, and is declared at 4011."), "{said}");
    assert!(said.contains("It listens at udp/4012, and is declared at 4012."), "{said}");
    assert!(said.contains("It listens at 127.0.0.2:4013 alone, and localhost:4013 does not lead there."), "{said}");
    assert!(!said.contains("4014 alone"), "it is at localhost, too: {said}");
    assert!(said.contains("port = \"udp/4012\""), "{said}");
}
