//! A Node.js HTTP server, alone and below npm.

use crate::{Server, first_owner, world};

const SERVER: &str = "require('http').createServer((request, answer) => answer.end('hello')).listen(5173, '::1');\n";

#[test]
fn http_server() {
    let Some(world) = world() else { return };
    if portward_testkit::program("node").is_none() {
        return;
    }
    let root = world.git_repository("shop", "main");
    world.file("shop/vite.js", SERVER);
    let running = world.enter().directory(&root).start(&["node", "vite.js"]);
    let _ = world.portward(&["wait", "[::1]:5173"]).expect(0);
    let reading = world.portward(&["list", "--json"]).expect(0).reading();
    let owner = first_owner(&reading, 5173);
    assert_eq!(owner["title"], "vite", "{owner:#}");
    assert_eq!(owner["project"]["name"], "shop", "{owner:#}");
    Server { world: &world, running, port: 5173, protocol: "http", named: "vite" }.lives_and_ends();
}

#[test]
fn below_npm() {
    let Some(world) = world() else { return };
    if portward_testkit::program("npm").is_none() || portward_testkit::program("node").is_none() {
        return;
    }
    let root = world.git_repository("shop", "main");
    world.file("shop/server.js", SERVER);
    world.file("shop/package.json", r#"{"name": "shop", "scripts": {"dev": "node server.js"}}"#);
    let mut running = world.enter().directory(&root).env("npm_config_update_notifier", "false").start(&["npm", "run", "dev"]);
    let _ = world.portward(&["wait", "[::1]:5173", "--timeout", "120s"]).expect(0);
    let text = world.portward(&["list"]).expect(0);
    assert!(text.stdout.contains("npm run dev"), "{text}");
    let dry = world.portward(&["free", "5173", "--dry-run"]);
    assert!(format!("{}{}", dry.stdout, dry.stderr).contains("--tree"), "{dry}");
    let freed = world.portward(&["free", "5173", "--tree", "--yes", "--timeout", "60s", "--json"]).expect(0).json();
    assert_eq!(freed["port_free"], true, "{freed:#}");
    let _ = running.end();
}
