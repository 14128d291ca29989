//! `portward ps`: what runs in which project, and where a client dials.

use portward_testkit::until;

use crate::{run::Stage, world};

#[test]
fn nothing_runs() {
    let Some(world) = world() else { return };
    let shown = world.portward(&["ps"]).expect(0);
    assert!(shown.stderr.contains("Nothing runs in a session.") && shown.stdout.is_empty(), "{shown}");
    assert_eq!(world.portward(&["ps", "--json"]).expect(0).json()["sessions"], serde_json::json!([]));
}

#[test]
fn sessions_services_and_where_they_listen() {
    let Some(stage) = Stage::new() else { return };
    let web = stage.server(&stage.one, &["--name", "web"], "web", &["tcp", "::", "3000", "tcp", "127.0.0.1", "9229"]);
    let _ = Stage::told(&web, "asked 127.0.0.1:9229");
    let other = stage.server(&stage.two, &[], "other", &["udp", "0.0.0.0", "5353"]);
    let _ = Stage::told(&other, "asked");
    let document = stage.portward(&stage.two, &["ps", "--json"]).expect(0).json();
    let sessions = document["sessions"].as_array().unwrap();
    let one = sessions.iter().find(|session| session["project"] == "one").unwrap();
    let two = sessions.iter().find(|session| session["project"] == "two").unwrap();
    let port: u64 = stage.port(&stage.one, "3000").parse().unwrap();
    assert_eq!(one["ports"], format!("{port}-{}", port + 99));
    assert_eq!(one["root"], stage.one.to_str().unwrap());
    let service = &one["services"][0];
    assert_eq!((service["name"].as_str(), service["state"].as_str()), (Some("web"), Some("running")));
    let listener = &service["listeners"][0];
    assert_eq!((listener["asked"].as_str(), listener["pid"].as_u64()), (Some("[::]:3000"), service["pid"].as_u64()));
    assert_eq!(listener["serves"], format!("127.0.0.1:{port}"));
    assert_eq!(listener["url"], format!("http://localhost:{port}"));
    assert_eq!(service["listeners"].as_array().unwrap().len(), 2);
    assert_eq!(two["services"][0]["listeners"][0]["asked"], "0.0.0.0:5353");
    let shown = stage.portward(&stage.one, &["ps"]).expect(0);
    for words in ["one", "two", "web (pid ", "asked [::]:3000", &format!("http://localhost:{port}"), "asked 0.0.0.0:5353"] {
        assert!(shown.stdout.contains(words), "{words}: {shown}");
    }
}

#[test]
fn a_listener_that_closed_is_not_shown() {
    let Some(stage) = Stage::new() else { return };
    let code = "import socket, sys\ns = socket.socket(); s.bind(('127.0.0.1', 3000)); s.listen(); print('OPEN', flush=True)\n\
                sys.stdin.readline(); s.close(); print('CLOSED', flush=True); sys.stdin.readline()";
    let mut running = stage.inside(&stage.one).start_portward(&["run", "python3", "-c", code]);
    assert_eq!(running.line(), "OPEN");
    let listeners = || {
        let document = stage.portward(&stage.one, &["ps", "--json"]).expect(0).json();
        document["sessions"][0]["services"][0]["listeners"].as_array().map(Vec::len)
    };
    until("it is shown", || (listeners() == Some(1)).then_some(()));
    running.tell("close");
    assert_eq!(running.line(), "CLOSED");
    assert_eq!(listeners(), Some(0));
}
