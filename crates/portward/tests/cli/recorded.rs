//! `--from FILE`: a machine examined as if it were here.

use portward_testkit::World;

use crate::world;

/// A snapshot of a world in which a server has two clients, and the server's pid.
fn recorded(world: &World) -> (String, u64) {
    let actor = world.actor(&["pairs", "2", "tcp/127.0.0.1:3000"]);
    let file = world.path().join("home/machine.json").to_str().unwrap().to_owned();
    let _ = world.portward(&["snapshot", "--out", &file]).expect(0);
    (file, actor.pid())
}

#[test]
fn list_says_the_same_of_the_record() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["listen", "tcp/127.0.0.1:3000", "udp/[::]:53,dual", "tcp/0.0.0.0:3001,device=lo"]);
    let file = world.path().join("home/machine.json").to_str().unwrap().to_owned();
    let _ = world.portward(&["snapshot", "--out", &file]).expect(0);
    let live = world.portward(&["list", "--json"]).expect(0).reading();
    drop(actor);
    let played = world.portward(&["list", "--json", "--from", &file]).expect(0).reading();
    let facts = |reading: &portward_testkit::Reading| {
        let mut rows: Vec<String> = reading
            .sockets()
            .iter()
            .map(|s| {
                format!(
                    "{} {} {} {} {} {:?} {}",
                    s["transport"],
                    s["local"],
                    s["state"],
                    s["scope"],
                    s["device"],
                    reading.owners_of(s),
                    s["clients"]
                )
            })
            .collect();
        rows.sort();
        rows
    };
    let own: Vec<_> = facts(&live);
    assert_eq!(facts(&played), own);
    assert_eq!(own.len(), 3);
}

#[test]
fn every_reading_command_takes_it() {
    let Some(world) = world() else { return };
    let (file, pid) = recorded(&world);
    let pid = pid.to_string();
    for arguments in [
        &["list"][..],
        &["list", "--all"],
        &["list", "3000"],
        &["explain", "3000"],
        &["graph"],
        &["explain", "127.0.0.1:3000", "--json"],
    ] {
        let outcome = world.portward(&[arguments, &["--from", &file]].concat()).expect(0);
        assert!(outcome.stdout.contains(&pid), "{outcome}");
    }
    let outcome = world.portward(&["explain", "3000", "--bind", "--json", "--from", &file]).expect(1);
    assert_eq!(outcome.json()["bind"]["possible"], false);
    let outcome = world.portward(&["next", "3000", "--from", &file]).expect(0);
    assert_eq!(outcome.stdout, "3001\n", "{outcome}");
}

#[test]
fn a_question_that_was_recorded_is_answered_elsewhere() {
    let Some(world) = world() else { return };
    let file = world.path().join("home/bug.json").to_str().unwrap().to_owned();
    let server = (world.actor(&["web", "tcp/[::1]:3000"]), world.actor(&["web", "tcp/127.0.0.1:4000"]));
    let _ = world.portward(&["snapshot", "--for", "127.0.0.1:3000", "--out", &file]).expect(0);
    drop(server);
    let told = world.portward(&["doctor", "127.0.0.1:3000", "--json", "--from", &file]).expect(1).json();
    assert_eq!((&told["verdict"], &told["causes"][0]["code"]), (&"fault".into(), &"listen-other-family".into()), "{told:#}");
    assert_eq!(told["probes"][0]["met"], "refused", "{told:#}");
    // Nobody asked about the other port then.
    let outcome = world.portward(&["doctor", "127.0.0.1:4000", "--from", &file]).expect(1);
    let said = format!("{}{}", outcome.stdout, outcome.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("the snapshot holds no dialogue with 127.0.0.1:4000; take it with --for"), "{outcome}");
}

#[test]
fn a_recording_holds_no_environment() {
    let Some(world) = world() else { return };
    let file = world.path().join("home/bug.json").to_str().unwrap().to_owned();
    let words = ["snapshot", "--for", "127.0.0.1:3000", "--out", &file];
    let _ = world
        .enter()
        .env("SHOP_SECRET", "swordfish")
        .env("http_proxy", "http://ana:swordfish@127.0.0.1:3128")
        .portward(&words)
        .expect(0);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("127.0.0.1:3128") && !text.contains("swordfish"), "{text}");
}

#[test]
fn the_option_stands_before_or_after_the_command() {
    let Some(world) = world() else { return };
    let (file, pid) = recorded(&world);
    for arguments in [&["--from", &file, "list"][..], &["list", "--from", &file], &["--from", &file], &["--from", &file, "3000"]]
    {
        let outcome = world.portward(arguments).expect(0);
        assert!(outcome.stdout.contains(&pid.to_string()), "{outcome}");
    }
}

#[test]
fn what_acts_refuses_a_record() {
    let Some(world) = world() else { return };
    let (file, _) = recorded(&world);
    let mut bystander = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    for arguments in [&["free", "3000", "--yes"][..], &["wait", "3000"], &["watch"], &["open", "3000"]] {
        let outcome = world.portward(&[arguments, &["--from", &file]].concat()).expect(2);
        assert!(outcome.stdout.is_empty() && !outcome.stderr.is_empty(), "{outcome}");
    }
    assert!(bystander.is_alive());
}

#[test]
fn files_that_are_no_record() {
    let Some(world) = world() else { return };
    let cases = [
        ("absent.json", None),
        ("empty.json", Some(String::new())),
        ("noise.json", Some("\u{1b}[31mnoise".repeat(1000))),
        ("list.json", Some("[1, 2, 3]".to_owned())),
        ("other.json", Some(r#"{"schema_version": 99}"#.to_owned())),
        ("deep.json", Some("[".repeat(100_000))),
    ];
    for (name, text) in cases {
        let path = world.path().join("home").join(name);
        if let Some(text) = text {
            world.file(&format!("home/{name}"), text);
        }
        let outcome = world.portward(&["list", "--from", path.to_str().unwrap()]).expect(2);
        assert!(outcome.stdout.is_empty() && outcome.stderr.contains(name), "{outcome}");
        assert!(outcome.stderr.len() < 2000 && !outcome.stderr.contains('\u{1b}'), "{outcome}");
    }
}

#[test]
fn a_record_with_damage_is_played_as_far_as_it_goes_or_refused() {
    let Some(world) = world() else { return };
    let (file, _) = recorded(&world);
    let whole = std::fs::read_to_string(&file).unwrap();
    for cut in [whole.len() / 4, whole.len() / 2, whole.len() - 2] {
        let path = world.file("home/cut.json", &whole[..cut]);
        let outcome = world.portward(&["list", "--from", path.to_str().unwrap()]).expect(2);
        assert!(!outcome.stderr.contains("panic"), "{outcome}");
    }
}

#[test]
fn a_host_name_that_is_none() {
    let Some(world) = world() else { return };
    for host in ["-oProxyCommand=touch /tmp/evil", "", "a b", "user@-x"] {
        let outcome = world.portward(&["list", &format!("--host={host}")]).expect(2);
        assert!(outcome.stdout.is_empty() && !outcome.stderr.is_empty(), "{outcome}");
    }
}

#[test]
fn the_far_side_is_asked_over_ssh() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    // An ssh that runs what it is told here, and writes down whom it was asked for.
    let heard = world.path().join("home/heard");
    let portward = world.portward_path().display().to_string();
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >{}\nexec {portward} snapshot\n", heard.display());
    let ssh = world.file("home/bin/ssh", script);
    let _ = world.run(&["chmod".as_ref(), "755".as_ref(), ssh.as_os_str()]).expect(0);
    let path = format!("{}:/usr/bin:/bin", world.path().join("home/bin").display());
    let outcome = world.enter().env("PATH", path).portward(&["list", "--json", "--host", "ana@far"]).expect(0);
    assert_eq!(outcome.reading().owners_of(outcome.reading().only(3000)), [actor.pid()]);
    let asked = std::fs::read_to_string(&heard).unwrap();
    assert!(asked.lines().any(|word| word == "ana@far"), "{asked}");
    assert!(asked.contains("portward") && asked.contains("snapshot"), "{asked}");
}
