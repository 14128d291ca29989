//! `portward list`: rows, filters, columns, order, and the document.

use std::collections::BTreeSet;

use portward_testkit::{Outcome, World};
use serde_json::Value;

use crate::world;

/// The rows of a table that name this pid.
fn rows_of(outcome: &Outcome, pid: u64) -> Vec<&str> {
    let pid = pid.to_string();
    outcome.stdout.lines().filter(|line| line.split(|c: char| !c.is_ascii_digit()).any(|word| word == pid)).collect()
}

/// The ports that `list --json` with these filters has.
fn ports(world: &World, filters: &[&str]) -> BTreeSet<u64> {
    let mut arguments = vec!["list", "--json"];
    arguments.extend(filters);
    let outcome = world.portward(&arguments);
    let reading = outcome.reading();
    let found = reading.sockets().iter().filter_map(|socket| socket["local"]["port"].as_u64()).collect::<BTreeSet<_>>();
    assert_eq!(outcome.code, Some(i32::from(reading.sockets().is_empty())), "nothing found is 1: {outcome}");
    found
}

#[test]
fn the_bare_command_is_list() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let bare = world.portward::<&str>(&[]).expect(0);
    let named = world.portward(&["list"]).expect(0);
    for outcome in [&bare, &named] {
        let head = outcome.stdout.lines().next().unwrap();
        for word in ["PORT", "ADDRESS", "REACH", "PROCESS", "USER", "AGE", "CLIENTS"] {
            assert!(head.contains(word), "{outcome}");
        }
        let rows = rows_of(outcome, actor.pid());
        assert_eq!(rows.len(), 1, "{outcome}");
        for word in ["3000", "127.0.0.1", "this host"] {
            assert!(rows[0].contains(word), "{outcome}");
        }
    }
    let filtered = world.portward(&["3000"]).expect(0);
    assert_eq!(rows_of(&filtered, actor.pid()).len(), 1, "{filtered}");
}

#[test]
fn an_empty_machine_is_no_mistake() {
    let Some(world) = world() else { return };
    let outcome = world.portward(&["list", "--tcp"]).expect(0);
    assert!(!outcome.stdout.is_empty() || !outcome.stderr.is_empty(), "it says so: {outcome}");
    let reading = world.portward(&["list", "--tcp", "--json"]).expect(0).reading();
    assert!(reading.sockets().is_empty());
}

#[test]
fn the_document_has_every_field_that_scripts_were_promised() {
    let Some(world) = world() else { return };
    let path = world.path().join("run/x.sock");
    let actor = world.actor(&["listen", "tcp/127.0.0.1:3000", "udp/[::]:53,dual", &format!("unix/{}", path.display())]);
    let reading = world.portward(&["list", "--json", "--all"]).expect(0).reading();
    assert_eq!(reading.sockets().len(), 3);
    assert!(reading.document()["groups"].is_array());
    let has = |value: &Value, names: &[&str]| {
        let object = value.as_object().unwrap();
        for name in names {
            assert!(object.contains_key(*name), "no {name} in {value:#}");
        }
    };
    for socket in reading.sockets() {
        has(socket, SOCKET_FIELDS);
        has(&socket["netns"], &["inode", "name", "own"]);
        has(&socket["queue"], &["used", "limit", "drops"]);
        if !socket["local"].is_null() {
            has(&socket["local"], &["address", "port", "zone"]);
        }
        has(reading.owner(socket, actor.pid()), OWNER_FIELDS);
    }
}

#[test]
fn filters_of_every_kind() {
    let Some(world) = world() else { return };
    let one = world.actor(&["listen", "tcp/127.0.0.1:3000", "tcp/0.0.0.0:3500"]);
    let other = world.actor(&["named", &portward_testkit::hex(b"oddball"), "tcp/127.0.0.2:4000"]);
    for (filters, expected) in [
        (&["3000"][..], &[3000][..]),
        (&[":3000"], &[3000]),
        (&["3000-3999"], &[3000, 3500]),
        (&["127.0.0.2"], &[4000]),
        (&["oddball"], &[4000]),
        (&[&format!("pid:{}", one.pid())], &[3000, 3500]),
        (&["user:root"], &[3000, 3500, 4000]),
        (&["user:0"], &[3000, 3500, 4000]),
        (&["user:nobody"], &[]),
        (&["state:listen"], &[3000, 3500, 4000]),
        (&["3000", "4000"], &[3000, 4000]),
        (&["3000-4000", "oddball"], &[4000]),
        (&[&format!("pid:{}", other.pid()), "3000"], &[]),
        (&["5000"], &[]),
    ] {
        assert_eq!(ports(&world, filters), expected.iter().copied().collect(), "{filters:?}");
    }
}

#[test]
fn a_wildcard_listener_is_found_by_its_address() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/0.0.0.0:3500", "tcp/[::]:3600,v6only", "tcp/127.0.0.1:3000"]);
    assert!(ports(&world, &["0.0.0.0"]).contains(&3500));
    assert!(!ports(&world, &["0.0.0.0"]).contains(&3000));
    assert!(ports(&world, &["::"]).contains(&3600));
}

#[test]
fn transports() {
    let Some(world) = world() else { return };
    let path = world.path().join("run/x.sock");
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:3000", "udp/127.0.0.1:3000", &format!("unix/{}", path.display())]);
    for (flags, expected) in [
        (&["--tcp"][..], &["tcp"][..]),
        (&["--udp"], &["udp"]),
        (&["--unix"], &["unix"]),
        (&["--tcp", "--udp"], &["tcp", "udp"]),
        (&["--tcp", "--udp", "--unix"], &["tcp", "udp", "unix"]),
    ] {
        let mut arguments = vec!["list", "--json"];
        arguments.extend(flags);
        let reading = world.portward(&arguments).expect(0).reading();
        let found: BTreeSet<&str> = reading.sockets().iter().map(|socket| socket["transport"].as_str().unwrap()).collect();
        assert_eq!(found, expected.iter().copied().collect(), "{flags:?}");
    }
}

#[test]
fn one_program_on_two_families_is_one_row() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["listen", "tcp/127.0.0.1:5432", "tcp/[::1]:5432"]);
    let outcome = world.portward(&["list"]).expect(0);
    let rows = rows_of(&outcome, actor.pid());
    assert_eq!(rows.len(), 1, "{outcome}");
    assert!(rows[0].contains("127.0.0.1") && rows[0].contains("::1"), "{outcome}");
    let reading = world.portward(&["list", "--json"]).expect(0).reading();
    assert_eq!(reading.sockets().len(), 2, "the document has both");
}

#[test]
fn two_programs_on_one_port_are_two_rows() {
    let Some(world) = world() else { return };
    let four = world.actor(&["listen", "tcp/0.0.0.0:3000"]);
    let six = world.actor(&["listen", "tcp/[::]:3000,v6only"]);
    let outcome = world.portward(&["list"]).expect(0);
    assert_eq!((rows_of(&outcome, four.pid()).len(), rows_of(&outcome, six.pid()).len()), (1, 1), "{outcome}");
}

#[test]
fn a_dual_stack_listener_is_told_from_a_v6_only_one() {
    let Some(world) = world() else { return };
    let both = world.actor(&["listen", "tcp/[::]:3000,dual"]);
    let six = world.actor(&["listen", "tcp/[::]:4000,v6only"]);
    let outcome = world.portward(&["list", "--columns", "address,pid"]).expect(0);
    let address = |pid: u64| rows_of(&outcome, pid)[0].replace(&pid.to_string(), "");
    assert_ne!(address(both.pid()).trim(), address(six.pid()).trim(), "{outcome}");
}

#[test]
fn connections_appear_with_all() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["pairs", "1", "tcp/127.0.0.1:3000"]);
    let client = actor.number("client");
    let few = world.portward(&["list"]).expect(0);
    assert!(rows_of(&few, client).is_empty(), "{few}");
    let all = world.portward(&["list", "--all"]).expect(0);
    let rows = rows_of(&all, client);
    assert_eq!(rows.len(), 1, "both ends are one row: {all}");
    assert_eq!(rows_of(&all, actor.pid()).len(), 2, "the listener and the connection: {all}");
    let established = world.portward(&["list", "--json", "state:established"]).expect(0).reading();
    assert_eq!(established.sockets().len(), 2);
}

#[test]
fn columns_are_chosen_and_ordered() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let outcome = world.portward(&["list", "--columns", "pid,port"]).expect(0);
    let table: Vec<Vec<&str>> = outcome.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(table[0], ["PID", "PORT"], "{outcome}");
    assert_eq!(table[1], [actor.pid().to_string().as_str(), "3000"], "{outcome}");
    let refused = world.portward(&["list", "--columns", "prot"]).expect(2);
    assert!(refused.stderr.contains("prot") && refused.stderr.contains("port"), "{refused}");
}

#[test]
fn order() {
    let Some(world) = world() else { return };
    let quiet = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let busy = world.actor(&["pairs", "3", "tcp/127.0.0.1:4000"]);
    let by = |column: &str| {
        let outcome = world.portward(&["list", "--sort", column]).expect(0);
        let place = |pid: u64| outcome.stdout.find(rows_of(&outcome, pid)[0]).unwrap();
        place(quiet.pid()) < place(busy.pid())
    };
    assert!(by("port"));
    assert!(!by("clients"), "most clients first");
    assert_eq!(by("pid"), quiet.pid() < busy.pid());
    let refused = world.portward(&["list", "--sort", "colour"]).expect(2);
    assert!(refused.stderr.contains("colour"), "{refused}");
}

#[test]
fn ndjson_is_one_socket_per_line() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:3000", "tcp/127.0.0.1:3001", "udp/127.0.0.1:53"]);
    let lines = world.portward(&["list", "--ndjson"]).expect(0).lines_json();
    assert_eq!(lines.len(), 3);
    let whole = world.portward(&["list", "--json"]).expect(0).reading();
    for line in &lines {
        assert_eq!(line["schema_version"], 1, "{line:#}");
        let same = whole.inode(line["inode"].as_u64().unwrap());
        assert_eq!((&line["local"], &line["state"]), (&same["local"], &same["state"]));
    }
}

#[test]
fn stats_are_columns_and_numbers() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["web", "tcp/127.0.0.1:3000"]);
    let outcome = world.portward(&["list", "--stats"]).expect(0);
    let head = outcome.stdout.lines().next().unwrap();
    for word in ["CPU", "MEMORY", "THREADS"] {
        assert!(head.contains(word), "{outcome}");
    }
    let reading = world.portward(&["list", "--stats", "--json"]).expect(0).reading();
    let owner = reading.owner(reading.only(3000), actor.pid());
    assert!(owner["memory_bytes"].as_u64().unwrap() > 1_000_000, "{owner:#}");
    assert!(owner["threads"].as_u64().unwrap() >= 2, "{owner:#}");
}

#[test]
fn bytes_in_and_out_of_a_connection_are_told() {
    let Some(world) = world() else { return };
    let mut server = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let mut client = world.actor(&["connect", "tcp/127.0.0.1:3000"]);
    server.ask("accept 0", "ACCEPTED");
    client.ask("send 0 hello", "SENT");
    let outcome = world.portward(&["list", "--stats", "--all"]).expect(0);
    let head = outcome.stdout.lines().next().unwrap();
    assert!(head.contains("IN") && head.contains("OUT"), "{outcome}");
}

#[test]
fn watching_shows_what_comes() {
    let Some(world) = world() else { return };
    let _first = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let mut watching = world.enter().start_portward(&["list", "--watch", "--every", "100ms"]);
    watching.line_where(|line| line.contains("3000"));
    let _second = world.actor(&["listen", "tcp/127.0.0.1:3001"]);
    watching.line_where(|line| line.contains("3001"));
    assert!(watching.is_alive());
}

#[test]
fn watching_as_documents() {
    let Some(world) = world() else { return };
    let _first = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let watching = world.enter().start_portward(&["list", "--watch", "--every", "100ms", "--json"]);
    let has = |document: &Value, port: u64| {
        document["sockets"].as_array().is_some_and(|list| list.iter().any(|s| s["local"]["port"] == port))
    };
    watching.json_where(|document| has(document, 3000));
    let _second = world.actor(&["listen", "tcp/127.0.0.1:3001"]);
    watching.json_where(|document| has(document, 3001) && document["schema_version"] == 1);
}

#[test]
fn a_line_says_what_can_be_reached_from_outside() {
    let Some(world) = world() else { return };
    world.add_lan("eth0", "192.168.77.1/24");
    let actor = world.actor(&["listen", "tcp/0.0.0.0:8080"]);
    let outcome = world.portward(&["list"]).expect(0);
    let row = rows_of(&outcome, actor.pid())[0];
    assert!(!row.contains("this host") && row.contains("LAN"), "{outcome}");
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(said.contains("192.168.77.1"), "the address that makes it so: {outcome}");
}

const SOCKET_FIELDS: &[&str] = &[
    "transport",
    "state",
    "family",
    "local",
    "remote",
    "path",
    "v6_only",
    "serves_ipv4",
    "device",
    "scope",
    "reuse_port",
    "netns",
    "inode",
    "cookie",
    "uid",
    "user",
    "cgroup",
    "queue",
    "owners",
    "clients",
];
const OWNER_FIELDS: &[&str] = &[
    "pid",
    "tid",
    "started_at",
    "name",
    "argv",
    "exe",
    "exe_deleted",
    "cwd",
    "uid",
    "user",
    "fd",
    "via",
    "container",
    "supervisor",
    "project",
    "ancestry",
];

#[test]
fn a_comma_parts_what_is_asked_for() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:3000", "tcp/127.0.0.1:5432", "tcp/127.0.0.1:6000", "tcp/127.0.0.1:6001"]);
    assert_eq!(ports(&world, &["3000,5432"]), [3000, 5432].into());
    assert_eq!(ports(&world, &["3000,6000-6001"]), [3000, 6000, 6001].into());
    assert_eq!(ports(&world, &["postgres,3000"]), [3000, 5432].into(), "of a list any part will do");
    assert_eq!(ports(&world, &["postgres,3000", "5000-5999"]), [5432].into(), "and the next word narrows it");
    assert_eq!(ports(&world, &["postgres", "3000"]), BTreeSet::new(), "kinds narrow each other");
    let refused = world.portward(&["list", "3000,"]).expect(2);
    assert!(refused.stderr.contains("comma"), "{refused}");
}

#[test]
fn a_service_is_found_by_its_name_whoever_serves_it() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:5432", "tcp/127.0.0.1:2222", "tcp/127.0.0.1:6379", "tcp/127.0.0.1:5173"]);
    assert_eq!(ports(&world, &["postgres"]), [5432].into());
    assert_eq!(ports(&world, &["postgres", "Redis"]), [5432, 6379].into());
    // A program's usual port is no service: who asks for Vite wants Vite.
    assert_eq!(ports(&world, &["vite"]), BTreeSet::new());
    assert_eq!(ports(&world, &["name:postgres"]), BTreeSet::new());
}

#[test]
fn a_port_that_only_connections_have_is_told() {
    let Some(world) = world() else { return };
    let _server = world.actor(&["listen", "tcp/127.0.0.1:5432"]);
    let _client = world.actor(&["connect", "tcp/127.0.0.1:5432,from=127.0.0.1:49342"]);
    let outcome = world.portward(&["list", "49342"]).expect(1);
    assert!(outcome.stdout.starts_with("Nothing listens, but 1 connection has it."), "{outcome}");
    assert!(outcome.stderr.contains("portward list --all 49342"), "{outcome}");
    let reading = world.portward(&["list", "--json", "49342"]).expect(1).reading();
    assert_eq!((&reading.document()["connections"], reading.sockets().len()), (&1.into(), 0), "{:#}", reading.document());
    let nothing = world.portward(&["list", "49343"]).expect(1);
    assert!(nothing.stdout.starts_with("Nothing matches."), "{nothing}");
}
