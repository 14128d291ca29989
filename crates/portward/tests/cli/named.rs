//! What words mean: a project's own port, a service by each of its names, a project, and what is Portward's own.

mod own;
mod second;
mod terminal;

use serde_json::Value;

use crate::run::Stage;

/// The one entry of a list.
#[track_caller]
fn only(list: &Value) -> &Value {
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 1, "{list:#?}");
    &list[0]
}

/// The answer of a command in the first project.
#[track_caller]
fn asked(stage: &Stage, words: &[&str], code: i32) -> Value {
    stage.portward(&stage.one, &[words, &["--json"]].concat()).expect(code).json()
}

#[test]
fn a_bare_port_is_the_projects_wherever_somebody_asks() {
    let Some(stage) = Stage::new() else { return };
    let web = stage.server(&stage.one, &["--name", "web"], "one", &["tcp", "::", "3000"]);
    let port: u64 = stage.port(&stage.one, "3000").parse().unwrap();
    let words = format!("one's 3000, here {port}");
    let listed = asked(&stage, &["list", "3000"], 0);
    let meant = only(&listed["meant"]);
    assert_eq!((&meant["project"], &meant["asked"], &meant["port"]), (&"one".into(), &3000.into(), &port.into()));
    assert_eq!((&meant["service"], &meant["stranger"]), (&"web".into(), &Value::Null));
    assert_eq!(only(&listed["groups"])["port"], port);
    let explained = asked(&stage, &["explain", "3000"], 0);
    assert_eq!((&explained["endpoint"], &explained["meant"]["asked"]), (&port.to_string().into(), &3000.into()));
    assert_eq!(only(&explained["sockets"])["local"]["port"], port);
    let waited = asked(&stage, &["wait", "3000", "--timeout", "5s"], 0);
    assert_eq!(only(&waited["endpoints"])["meant"]["port"], port);
    let opened = asked(&stage, &["open", "3000", "--print"], 0);
    assert_eq!(opened["url"], format!("http://localhost:{port}/"));
    let examined = asked(&stage, &["doctor", "3000"], 0);
    assert_eq!((&examined["target"], &examined["meant"]["port"]), (&port.to_string().into(), &port.into()));
    let guarded = asked(&stage, &["guard", "pin", "3000"], 0);
    assert_eq!(only(&guarded["sockets"])["port"], port);
    for line in
        [&["list", "3000"][..], &["explain", "3000"], &["wait", "3000"], &["doctor", "3000"], &["guard", "status", "3000"]]
    {
        let shown = stage.inside(&stage.one).env("COLUMNS", "200").portward(line).expect(0);
        assert!(shown.to_string().contains(&words), "{line:?} {shown}");
    }
    // By name from anywhere, and inside the session by its record.
    let named = stage.portward(&stage.two, &["explain", "3000", "--project", "one", "--json"]).expect(0).json();
    assert_eq!(named["meant"]["port"], port);
    let portward = stage.world.portward_path().to_str().unwrap().to_owned();
    let line = format!("cd / && exec {portward} explain 3000 --json");
    let inside = stage.portward(&stage.one, &["run", "sh", "-c", &line]).expect(0).stdout;
    let inside: Value = serde_json::from_str(&inside).unwrap();
    assert_eq!(inside["meant"]["port"], port);
    // Elsewhere, and with a host, the number is what it says.
    for (project, line) in [(&stage.two, "3000"), (&stage.one, "localhost:3000"), (&stage.one, "127.0.0.1:3000")] {
        let explained = stage.portward(project, &["explain", line, "--json"]).expect(1).json();
        assert_eq!((&explained["meant"], &explained["sockets"]), (&Value::Null, &serde_json::json!([])), "{line}");
        assert_eq!(only(&explained["asked_for"])["port"], port, "{line}");
    }
    let outside = stage.portward(&stage.two, &["3000"]).expect(1);
    assert!(outside.stderr.contains(&format!("one asked for 3000 and serves it at {port}.")), "{outside}");
    let freed = asked(&stage, &["free", "3000", "--yes"], 0);
    assert_eq!(only(&freed["freed"])["pid"], listed["groups"][0]["pid"], "{freed:#} {}", web.stderr());
    assert_eq!(only(&freed["meant"])["port"], port);
}

#[test]
fn where_a_stranger_has_the_real_port_both_are_told_and_nobody_is_stopped_by_chance() {
    let Some(stage) = Stage::new() else { return };
    let _web = stage.server(&stage.one, &[], "one", &["tcp", "::", "3000"]);
    let mut plain = stage.plain("plain", &["tcp", "127.0.0.1", "3000"]);
    let port: u64 = stage.port(&stage.one, "3000").parse().unwrap();
    let listed = asked(&stage, &["list", "3000"], 0);
    let ports: Vec<&Value> = listed["groups"].as_array().unwrap().iter().map(|group| &group["port"]).collect();
    assert_eq!(ports, [&Value::from(3000), &port.into()]);
    let stranger = only(&listed["meant"])["stranger"].as_str().unwrap();
    assert!(stranger.starts_with("python3 (pid "), "{stranger}");
    let explained = asked(&stage, &["explain", "3000"], 0);
    assert!(explained["summary"].as_str().unwrap().contains("localhost:3000, the real one, belongs to python3"), "{explained:#}");
    let status = asked(&stage, &["guard", "status", "3000"], 0);
    assert_eq!(status["sockets"].as_array().unwrap().len(), 2);
    for (command, line) in [
        ("portward free", &["free", "3000", "--yes"][..]),
        ("portward guard pin", &["guard", "pin", "3000"]),
        ("portward free", &["free", "3000", "-n"]),
    ] {
        let refused = stage.portward(&stage.one, line).expect(2);
        assert!(refused.stderr.contains("3000 is two things here: one's, python3 (pid "), "{refused}");
        let both = format!("hint: {command} {port}    or {command} localhost:3000");
        assert!(refused.stderr.contains(&both), "{both} {refused}");
    }
    assert!(plain.is_alive());
    assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 3000"), "one");
    let _ = stage.portward(&stage.one, &["free", "localhost:3000", "--yes"]).expect(0);
    assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 3000"), "one");
    let _ = stage.portward(&stage.one, &["free", &port.to_string(), "--yes"]).expect(0);
}

#[test]
fn a_wait_goes_over_to_the_session_that_begins_meanwhile() {
    let Some(stage) = Stage::new() else { return };
    let wait = stage.inside(&stage.one).start_portward(&["wait", "3000", "--timeout", "60s", "--json"]);
    let _web = stage.server(&stage.one, &[], "one", &["tcp", "::", "3000"]);
    let port: u64 = stage.port(&stage.one, "3000").parse().unwrap();
    let waited = wait.json();
    assert_eq!((&waited["ready"], &only(&waited["endpoints"])["meant"]["port"]), (&true.into(), &port.into()), "{waited:#}");
}

#[test]
fn a_service_goes_by_every_name_that_people_have_for_it() {
    let Some(stage) = Stage::new() else { return };
    let server = stage.world.file("site.py", crate::run::SERVER);
    let rules = format!("dev:\n\t@python3 {} site tcp :: 3000\n", server.display());
    std::fs::write(stage.one.join("Makefile"), rules).unwrap();
    let dev = stage.inside(&stage.one).start_portward(&["run", "make", "dev"]);
    assert_eq!(dev.line(), "READY", "{}", dev.stderr());
    let port = stage.port(&stage.one, "3000");
    let url = format!("http://localhost:{port}");
    let pid = asked(&stage, &["explain", "3000"], 0)["sockets"][0]["pid"].to_string();
    for word in ["make dev", "dev", "site", "3000", &port, &pid, "DEV"] {
        assert_eq!(stage.portward(&stage.one, &["url", word]).expect(0).stdout.trim_end(), url, "{word}");
        let shown = asked(&stage, &["ps", word], 0);
        assert_eq!(only(&only(&shown["sessions"])["services"])["listeners"][0]["url"], url, "{word}");
    }
    for word in ["dev", "site", "one"] {
        let opened = asked(&stage, &["open", word, "--print"], 0);
        assert_eq!(opened["url"], format!("{url}/"), "{word}");
        let listed = asked(&stage, &["list", word], 0);
        assert_eq!(only(&listed["groups"])["port"].to_string(), port, "{word}");
    }
    let would = asked(&stage, &["free", "dev", "--dry-run"], 0);
    assert_eq!(only(&would["would"])["pid"].to_string(), pid);
    // What has no such name is told what comes near.
    for line in
        [&["url", "dve"][..], &["ps", "dve"], &["stop", "dve"], &["list", "dve"], &["open", "dve"], &["free", "dve", "-y"]]
    {
        let unknown = stage.portward(&stage.one, line);
        assert!(unknown.code != Some(0) && unknown.stderr.contains("near: dev"), "{line:?} {unknown}");
    }
    let front = stage.portward(&stage.two, &["front", "dev", "--json"]).expect(0).json();
    assert_eq!(front["front"]["project"], "one");
    let _ = stage.world.portward(&["front", "--off"]).expect(0);
    let stopped = asked(&stage, &["stop", "dev"], 0);
    assert!(stopped["stopped"].as_array().unwrap().iter().any(|one| one["pid"].as_u64() == pid.parse().ok()), "{stopped:#}");
}

#[test]
fn another_project_is_stopped_by_its_name_and_nothing_of_it_by_a_service_of_the_same_name() {
    let Some(stage) = Stage::new() else { return };
    let mut one = stage.server(&stage.one, &["--name", "web"], "one", &["tcp", "::", "3000"]);
    let mut two = stage.server(&stage.two, &["--name", "web"], "two", &["tcp", "::", "3000"]);
    let db = stage.server(&stage.two, &["--name", "db"], "db", &["tcp", "::", "5432"]);
    // In a project with a session of its own a word is a service of that one.
    let _ = stage.portward(&stage.one, &["stop", "db"]).expect(1);
    let _ = stage.portward(&stage.one, &["stop", "web"]).expect(0);
    portward_testkit::until("it has ended", || (!one.is_alive()).then_some(()));
    assert!(two.is_alive());
    // Elsewhere the one that there is.
    let _ = stage.world.portward(&["stop", "db"]).expect(0);
    drop(db);
    assert!(two.is_alive());
    let listed = stage.world.portward(&["list", "two", "--json"]).expect(0).json();
    assert_eq!(only(&listed["groups"])["port"].to_string(), stage.port(&stage.two, "3000"));
    let _ = stage.portward(&stage.one, &["stop", "two"]).expect(0);
    portward_testkit::until("it has ended", || (!two.is_alive()).then_some(()));
}

#[test]
fn a_plain_server_of_the_folder_is_meant_where_no_session_serves_the_port() {
    let Some(stage) = Stage::new() else { return };
    let port = stage.port(&stage.one, "3000");
    let _db = stage.server(&stage.one, &[], "db", &["tcp", "::", "5432"]);
    // Nobody serves it: it is the project's, as its lease says.
    let explained = stage.portward(&stage.one, &["explain", "3000", "--json"]).json();
    assert_eq!((&explained["endpoint"], &explained["meant"]["pid"]), (&port.into(), &Value::Null));
    let code = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 3000)); s.listen(); print('READY', flush=True); input()";
    let plain = stage.inside(&stage.one).start(&["python3", "-c", code]);
    assert_eq!(plain.line(), "READY", "{}", plain.stderr());
    let explained = asked(&stage, &["explain", "3000"], 0);
    assert_eq!((&explained["endpoint"], &explained["meant"]), (&"3000".into(), &Value::Null));
    assert_eq!(asked(&stage, &["wait", "3000", "--timeout", "5s"], 0)["ready"], true);
    let _ = stage.portward(&stage.one, &["free", "3000", "--yes"]).expect(0);
}
