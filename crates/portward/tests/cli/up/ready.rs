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
