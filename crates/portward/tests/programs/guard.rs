//! Real servers that are pinned while they run: nothing restarts, nobody outside gets in, everybody inside still does.

use portward_testkit::{Entry, Running, World, WorldKind, program};

use crate::world;

/// As the user that has the servers: somebody without privileges, or, in a user's own world, that user.
fn plainly(world: &World) -> Entry<'_> {
    if world.kind() == WorldKind::Root { world.enter().stranger() } else { world.enter() }
}

/// Starts a server, sees it from the network, pins it as its own user, and sees it no more.
fn pinned(world: &World, port: u16, protocol: &str, start: impl FnOnce(Entry<'_>) -> Running) -> Running {
    let cafe = world.add_neighbour();
    let server = start(world.enter().stranger());
    let named = port.to_string();
    let answers = || {
        let waited = world.portward(&["wait", &named, "--ready", protocol, "--timeout", "120s"]);
        assert_eq!(waited.code, Some(0), "{waited}\n--- the server\n{}", server.stderr());
    };
    answers();
    assert!(!cafe.reaches_port(world, port).is_empty(), "it is open before");
    let outcome = plainly(world).portward(&["guard", "pin", &named, "--json"]).expect(0);
    let document = outcome.json();
    let sockets = document["sockets"].as_array().unwrap();
    assert!(sockets.iter().all(|socket| socket["did"] == "pinned"), "{outcome}");
    assert_eq!(cafe.reaches_port(world, port), [], "{outcome}");
    answers();
    server
}

#[test]
fn nginx_and_its_workers_over_a_reload() {
    let Some(world) = world() else { return };
    if program("nginx").is_none() {
        return;
    }
    let tmp = world.path().join("tmp");
    let tmp = tmp.display();
    // In a user's own world there is nobody else to give workers and folders to.
    let text = format!(
        "user root root;\nworker_processes 2;\ndaemon off;\npid {tmp}/nginx.pid;\nerror_log stderr notice;\nevents {{}}\nhttp {{\n access_log off;\n client_body_temp_path {tmp}/body;\n proxy_temp_path {tmp}/proxy;\n fastcgi_temp_path {tmp}/fastcgi;\n uwsgi_temp_path {tmp}/uwsgi;\n scgi_temp_path {tmp}/scgi;\n server {{ listen 8080; listen [::]:8080; location / {{ return 200 'hello'; }} }}\n}}\n"
    );
    let configuration = world.file("home/nginx.conf", text).display().to_string();
    let _server = pinned(&world, 8080, "http", |entry| entry.start(&["nginx", "-e", "stderr", "-c", &configuration]));
    // A reload listens once more on the sockets that it has, and starts new workers.
    let workers = || {
        let reading = world.portward(&["list", "--json", "8080"]).expect(0).reading();
        let mut pids: Vec<u64> = reading.sockets().iter().flat_map(|socket| reading.owners_of(socket)).collect();
        pids.sort_unstable();
        pids.dedup();
        (pids, reading)
    };
    let (before, _) = workers();
    let _ = plainly(&world).run(&["sh", "-c", &format!("kill -HUP $(cat {tmp}/nginx.pid)")]).expect(0);
    let reading = portward_testkit::until("new workers alone", || {
        let (now, reading) = workers();
        (now.len() == before.len() && now.iter().filter(|pid| before.contains(pid)).count() == 1).then_some(reading)
    });
    assert!(reading.sockets().iter().all(|socket| socket["device"] == "lo"), "{:#}", reading.document());
    let status = plainly(&world).portward(&["guard", "status", "8080", "--json"]).expect(0).json();
    assert!(status["sockets"].as_array().unwrap().iter().all(|socket| socket["state"] == "pinned"), "{status:#}");
}

#[test]
fn node_on_both_families() {
    let Some(world) = world() else { return };
    if program("node").is_none() {
        return;
    }
    let code = "require('http').createServer((q, a) => a.end('hello')).listen(3000)";
    let _server = pinned(&world, 3000, "http", |entry| entry.start(&["node", "-e", code]));
}

#[test]
fn redis() {
    let Some(world) = world() else { return };
    if program("redis-server").is_none() {
        return;
    }
    let argv =
        ["redis-server", "--port", "6379", "--bind", "*", "-::*", "--protected-mode", "no", "--save", "", "--appendonly", "no"];
    let _server = pinned(&world, 6379, "redis", |entry| entry.start(&argv));
}
