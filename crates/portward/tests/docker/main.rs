//! A real Docker Engine, in a world: published ports, containers, and a session in one.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // Tests make the machine that they look at.
#![allow(clippy::unwrap_used, missing_docs)]

use portward_testkit::{Engine, Reading, World, forgotten_files, program, until};
use serde_json::Value;

mod compose;

const PORTWARD: &str = env!("CARGO_BIN_EXE_portward");

/// Starts a container that serves HTTP on its port 80.
fn serve(engine: &Engine<'_>, options: &[&str]) {
    let mut arguments = vec!["run", "--detach"];
    arguments.extend(options);
    arguments.extend([Engine::IMAGE, "/busybox", "httpd", "-f", "-p", "80"]);
    let _ = engine.docker(&arguments).expect(0);
}

fn list(world: &World, arguments: &[&str]) -> Reading {
    world.portward(&[&["list", "--json"][..], arguments].concat()).reading()
}

#[test]
fn a_published_port_is_named_by_its_container() {
    let Some(world) = World::new(PORTWARD) else { return };
    let Some(engine) = Engine::in_world(&world) else { return };
    serve(
        &engine,
        &[
            "--name=shop-web",
            "--publish=127.0.0.1:8080:80",
            "--label=com.docker.compose.project=shop",
            "--label=com.docker.compose.service=web",
        ],
    );
    let waited = world.portward(&["wait", "127.0.0.1:8080", "--ready", "http", "--timeout", "120s"]);
    assert_eq!(waited.code, Some(0), "{waited}");
    let reading = list(&world, &["8080"]);
    let owner = &reading.only(8080)["owners"][0];
    assert_eq!(owner["name"], "docker-proxy", "{owner:#}");
    let container = &owner["container"];
    assert_eq!((&container["runtime"], &container["name"]), (&Value::from("docker"), &Value::from("shop-web")), "{owner:#}");
    assert_eq!((&container["inner_port"], &container["service"]), (&Value::from(80), &Value::from("shop/web")), "{owner:#}");
    let text = world.enter().env("COLUMNS", "160").portward(&["list", "8080"]).expect(0);
    assert!(text.stdout.contains("shop-web") || text.stdout.contains("shop/web"), "{text}");
    assert!(text.stdout.contains("80"), "{text}");
    let told = world.portward(&["explain", "8080"]).expect(0);
    assert!(told.stdout.contains("shop-web") || told.stdout.contains("shop/web"), "{told}");

    // The server inside, in its own namespace, with its container's name.
    let all = list(&world, &["--netns", "all"]);
    let inside = all.matching(|socket| socket["local"]["port"] == 80 && socket["netns"]["own"] == false);
    assert_eq!(inside.len(), 1, "{:#}", all.document());
    assert_eq!(inside[0]["owners"][0]["container"]["name"], "shop-web", "{:#}", inside[0]);
    assert_eq!(inside[0]["owners"][0]["supervisor"]["kind"], "container", "{:#}", inside[0]);

    // Stopping the proxy would help nobody: the command that stops the container is told.
    let dry = world.portward(&["free", "8080", "--dry-run"]);
    let said = format!("{}{}", dry.stdout, dry.stderr);
    assert!(said.contains("docker compose -p shop stop web"), "{dry}");
}

#[test]
fn a_container_on_the_hosts_network() {
    let Some(world) = World::new(PORTWARD) else { return };
    let Some(engine) = Engine::in_world(&world) else { return };
    // A group of its own choosing: the container is known by its id, not by where the group stands.
    serve(&engine, &["--name=on-host", "--network=host", &format!("--cgroup-parent=/{}", Engine::OTHER_GROUP)]);
    let _ = world.portward(&["wait", "80", "--timeout", "120s"]).expect(0);
    let reading = list(&world, &["80"]);
    let owner = &reading.only(80)["owners"][0];
    assert_eq!(owner["container"]["name"], "on-host", "{owner:#}");
}

#[test]
fn a_port_published_to_every_address_is_named_on_both_families() {
    let Some(world) = World::new(PORTWARD) else { return };
    let Some(engine) = Engine::in_world(&world) else { return };
    serve(&engine, &["--name=both", "--publish=8081:80"]);
    let _ = world.portward(&["wait", "8081", "--timeout", "120s"]).expect(0);
    let reading = list(&world, &["8081"]);
    assert!(!reading.sockets().is_empty());
    for socket in reading.sockets() {
        assert_eq!(socket["owners"][0]["container"]["name"], "both", "{socket:#}");
    }
    let freed = world.portward(&["free", "8081", "--yes"]).expect(1);
    assert!(format!("{}{}", freed.stdout, freed.stderr).contains("docker stop both"), "{freed}");
    assert_eq!(engine.docker(&["ps", "--quiet"]).expect(0).stdout.lines().count(), 1, "the container runs on");
}

/// What a client in a namespace meets at an address on port 8080; `""` is the world's own namespace.
fn dial(world: &World, from: &str, address: &str) -> String {
    let code = format!(
        "import socket\ntry:\n    socket.create_connection(('{address}', 8080), 5).close(); print('open')\n\
         except OSError as error:\n    print(type(error).__name__)"
    );
    let entry = if from.is_empty() { world.enter() } else { world.enter().netns(from) };
    entry.run(&["python3", "-c", &code]).expect(0).stdout.trim().to_owned()
}

#[test]
fn a_published_port_is_closed_at_the_packet_filter_alone() {
    let Some(world) = World::new(PORTWARD) else { return };
    let Some(engine) = Engine::in_world(&world) else { return };
    if program("nft").is_none() {
        return;
    }
    world.add_netns("lan");
    for words in [
        "link add eth0 type veth peer name far netns lan",
        "addr add 10.77.0.1/24 dev eth0",
        "link set eth0 up",
        "-n lan addr add 10.77.0.2/24 dev far",
        "-n lan link set far up",
    ] {
        let mut argv = vec!["ip"];
        argv.extend(words.split(' '));
        let _ = world.run(&argv).expect(0);
    }
    serve(&engine, &["--name=shop-web", "--publish=8080:80"]);
    let _ = world.portward(&["wait", "127.0.0.1:8080", "--ready", "http", "--timeout", "120s"]).expect(0);
    until("the network to reach the container", || (dial(&world, "lan", "10.77.0.1") == "open").then_some(()));

    // A pin of the proxy would change nothing: what comes from the network does not pass it. So it is not made, even by root.
    let refused = world.portward(&["guard", "pin", "8080", "--json"]).expect(1);
    let document = refused.json();
    let sockets = document["sockets"].as_array().unwrap();
    assert!(!sockets.is_empty() && sockets.iter().all(|socket| socket["code"] == "published-by-container"), "{refused}");
    assert!(sockets[0]["because"].as_str().unwrap().contains("shop-web"), "{refused}");
    assert_eq!(sockets[0]["close"], "sudo portward guard pin 8080 --firewall", "{refused}");
    assert_eq!(dial(&world, "lan", "10.77.0.1"), "open");

    let closed = world.portward(&["guard", "pin", "8080", "--firewall", "--persist", "--json"]).expect(0);
    assert_eq!(dial(&world, "lan", "10.77.0.1"), "ConnectionRefusedError", "{closed}");
    assert_eq!((dial(&world, "", "127.0.0.1"), dial(&world, "", "10.77.0.1")), ("open".to_owned(), "open".to_owned()));
    let _ = world.portward(&["guard", "open", "8080"]).expect(0);
    assert_eq!(dial(&world, "lan", "10.77.0.1"), "open");
}

#[test]
fn a_session_in_a_container() {
    let Some(world) = World::new(PORTWARD) else { return };
    let Some(engine) = Engine::in_world(&world) else { return };
    let shares: Vec<String> = ["/usr", "/lib", "/lib64"].iter().map(|path| format!("--volume={path}:{path}:ro")).collect();
    let portward = format!("--volume={PORTWARD}:/portward:ro");
    let script = "mkdir -p /w; cd /w; exec /portward run python3 -c \"import socket; s = socket.socket(); s.bind(('', 3000)); \
                  s.listen(); print('served', s.getsockname()[1] % 100, s.getsockopt(1, 25, 16).rstrip(b'\\\\0'))\"";
    let run = |options: &[&str]| {
        let mut words = vec!["run", "--rm", &portward, "--env=PATH=/usr/bin"];
        words.extend(shares.iter().map(String::as_str));
        words.extend(options);
        words.extend([Engine::IMAGE, "/busybox", "sh", "-c", script]);
        engine.docker(&words)
    };
    // The default profile lets nobody copy a descriptor, neither root nor anybody else.
    for user in ["--user=0", "--user=65534"] {
        let home = "--tmpfs=/w:mode=777";
        let refused = run(&[user, home, "--env=HOME=/w"]).expect(125);
        assert!(refused.stdout.is_empty(), "{refused}");
        assert!(refused.stderr.contains("The call pidfd_getfd, by which"), "{refused}");
        assert!(refused.stderr.contains("--cap-add SYS_PTRACE") && refused.stderr.contains("--port-only"), "{refused}");
        let served = run(&[user, home, "--env=HOME=/w", "--cap-add=SYS_PTRACE"]).expect(0);
        assert_eq!(served.stdout, "served 0 b'lo'\n", "{served}");
    }
}

#[test]
fn no_test_file_is_forgotten() {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docker");
    assert_eq!(forgotten_files(here), Vec::<String>::new());
}

#[test]
fn a_port_of_a_container_is_forwarded_by_its_name_published_or_not() {
    let Some(world) = World::new(PORTWARD) else { return };
    let Some(engine) = Engine::in_world(&world) else { return };
    serve(&engine, &["--name=shop-db"]);
    let missing = world.portward(&["forward", "container:nobody:80"]).expect(2);
    assert!(missing.stderr.contains("No container that can be seen from here is called `nobody`"), "{missing}");
    assert!(missing.stderr.contains("shop-db"), "{missing}");
    let said = world.portward(&["forward", "container:shop-db:80", "8080", "--detach", "--json"]).expect(0);
    for host in ["127.0.0.1", "[::1]"] {
        let _ = world.portward(&["wait", &format!("{host}:8080"), "--ready", "http", "--timeout", "60s"]).expect(0);
    }
    // What listens on its loopback alone is reached, too.
    let inner = ["exec", "--detach", "shop-db", "/busybox", "httpd", "-f", "-p", "127.0.0.1:81"];
    let _ = engine.docker(&inner).expect(0);
    let _ = world.portward(&["forward", "8081:container:shop-db:81", "--detach"]).expect(0);
    let _ = world.portward(&["wait", "127.0.0.1:8081", "--ready", "http", "--timeout", "60s"]).expect(0);
    let rows = world.portward(&["forward", "list", "--json"]).expect(0).json();
    assert_eq!(rows["forwards"][0]["target"], "container:shop-db:80", "{rows:#}\n{said}");
    let _ = world.portward(&["forward", "remove", "--all"]).expect(0);
}
