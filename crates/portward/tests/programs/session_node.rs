//! Node's servers and frameworks, and a static Go binary of the same world, in a private localhost.

use crate::session::{BOTH, Served, Twins, V4, http, words};

/// `localhost`, whichever family its program chose.
const LOCALHOST: &[&str] = &["localhost"];

#[test]
fn http_server() {
    let Some(twins) = Twins::of(&["node"]) else { return };
    twins.file("server.js", "require('http').createServer((_, answer) => answer.end('hello from @NAME@')).listen(3000);\n");
    twins.start(&["node", "server.js"]);
    twins.live_and_end(Served { port: 3000, at: BOTH, client: &fetch });
}

#[test]
fn express() {
    let Some(twins) = Twins::with_packages(&["express"], &[]) else { return };
    let server = "const app = require('express')();\napp.get('/', (_, answer) => answer.send('hello from @NAME@'));\n";
    twins.file("server.js", &format!("{server}app.listen(3000);\n"));
    twins.start(&["node", "server.js"]);
    twins.live_and_end(Served { port: 3000, at: BOTH, client: &fetch });
}

/// A worker of a cluster compares the port that it asked for with the one that its socket has, and takes another for a failed
/// bind. Known by its script, it is answered with the one that it asked for.
#[test]
fn a_cluster() {
    let Some(twins) = Twins::of(&["node"]) else { return };
    twins.file("server.js", CLUSTER);
    twins.start(&["node", "server.js"]);
    twins.live_and_end(Served { port: 3000, at: BOTH, client: &fetch });
}

#[test]
fn vite_with_hot_modules() {
    let Some(twins) = Twins::with_packages(&["vite"], &["curl", "python3"]) else { return };
    let module = "document.body.append('hello from @NAME@')\nimport.meta.hot.accept()\n";
    twins.file("index.html", "<title>@NAME@</title><script type=module src=/main.js></script>\n");
    twins.file("main.js", module);
    twins.start(&["node", "node_modules/vite/bin/vite.js"]);
    let served = Served { port: 5173, at: LOCALHOST, client: &http };
    twins.prove(served);
    twins.unseen_from_outside();
    // A page inside and one outside hear of the edit, each at the port that it knows.
    let pages: Vec<_> = twins
        .projects
        .iter()
        .flat_map(|project| {
            let page = |port: u16| words(&["python3", "-c", PAGE, &port.to_string()]);
            let inside = twins.enter(project).start_portward(&[words(&["run", "--"]), page(5173)].concat());
            let outside = twins.enter(project).start(&page(twins.leased(project, 5173)));
            [inside, outside]
        })
        .collect();
    for page in &pages {
        page.line_where(|line| line.contains("connected"));
        // The module is on the page, and so its edits matter.
        page.line_where(|line| line.contains("hello from"));
    }
    twins.file("main.js", &module.replace("hello from", "edited in"));
    for page in &pages {
        page.line_where(|line| line.contains("update") && line.contains("/main.js"));
    }
    twins.come_to_say(Served { client: &module_of_vite, ..served }, "edited in");
    drop(pages);
    twins.end(served);
}

#[test]
fn next_with_an_edit() {
    let Some(twins) = Twins::with_packages(&["next", "react", "react-dom"], &["curl"]) else { return };
    let page = "export default function Home() { return <p>{'hello from @NAME@'}</p> }\n";
    twins.file("pages/index.js", page);
    twins.start(&["env", "NEXT_TELEMETRY_DISABLED=1", "node", "node_modules/next/dist/bin/next", "dev"]);
    let served = Served { port: 3000, at: BOTH, client: &http };
    twins.prove(served);
    twins.unseen_from_outside();
    twins.file("pages/index.js", &page.replace("hello from", "edited in"));
    twins.come_to_say(served, "edited in");
    twins.end(served);
}

#[test]
fn a_static_go_binary() {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let Some(twins) = Twins::with_packages(&[], &["curl"]) else { return };
    let Some(package) = twins.world.npm_package(&format!("@esbuild/linux-{architecture}")) else { return };
    let esbuild = package.join("bin/esbuild").display().to_string();
    let linked = twins.world.run(&["ldd", &esbuild]);
    assert!(linked.code != Some(0), "it has no interpreter that would load a library for it: {linked}");
    twins.file("index.html", "hello from @NAME@\n");
    twins.start(&[&esbuild, "--serve=0.0.0.0:8000", "--servedir=@ROOT@"]);
    twins.live_and_end(Served { port: 8000, at: V4, client: &http });
}

/// Two workers behind one port.
const CLUSTER: &str = "
const cluster = require('cluster')
if (cluster.isPrimary) {
  cluster.fork()
  cluster.fork()
} else {
  require('http').createServer((_, answer) => answer.end('hello from @NAME@')).listen(process.env.PORT || 3000)
}
";

/// Node's own client.
fn fetch(address: &str, port: u16) -> Vec<String> {
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    words(&["node", "-e", &format!("fetch('http://{host}:{port}/').then(answer => answer.text()).then(console.log)")])
}

fn module_of_vite(address: &str, port: u16) -> Vec<String> {
    words(&["curl", "--silent", "--show-error", "--max-time", "60", &format!("http://{address}:{port}/main.js")])
}

/// What a browser does with a page of Vite's, as far as it shows: takes the client's token, opens the socket of hot updates from
/// the page's own place, loads the module, and prints what it hears (RFC 6455; what servers send is not masked).
const PAGE: &str = r#"
import re, socket, sys, urllib.request
port = sys.argv[1]
def read(path):
    return urllib.request.urlopen(f"http://localhost:{port}{path}", timeout=60).read().decode()
token = re.search(r'wsToken = "([^"]+)"', read("/@vite/client")).group(1)
server = socket.create_connection(("localhost", int(port)), 60)
server.sendall((f"GET /?token={token} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\n"
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: vite-hmr\r\n"
    "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n").encode())
talk = server.makefile("rb")
status = talk.readline().decode()
assert " 101 " in status, status
while talk.readline() != b"\r\n":
    pass
def heard():
    length = talk.read(2)[1]
    if length > 125:
        length = int.from_bytes(talk.read(2 if length == 126 else 8), "big")
    return talk.read(length).decode()
print(heard(), flush=True)
print(read("/main.js").replace("\n", " "), flush=True)
server.settimeout(None)
while True:
    print(heard(), flush=True)
"#;
