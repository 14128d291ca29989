//! `portward logs`: what services wrote, while they run and afterwards.

use portward_testkit::until;

use crate::run::Stage;

#[test]
fn lines_are_told_as_they_come_and_stay_when_a_service_has_ended() {
    let Some(stage) = Stage::new() else { return };
    let said = stage.portward(&stage.one, &["logs"]).expect(0);
    assert!(said.stderr.contains("No service of this project was ever up."), "{said}");
    stage.declare(
        &stage.one,
        "[services.a]\ncommand = \"n=0; while :; do n=$((n+1)); echo line $n; sleep 0.1; done\"\n\
         [services.much]\ncommand = \"seq 1 1500000; echo the end; exec sleep 1000\"\nready = { log = \"the end\" }\n",
    );
    let _ = stage.up(&stage.one, &[]);
    let follower = stage.inside(&stage.one).start_portward(&["logs", "--follow", "-n", "1", "a"]);
    let first = follower.line();
    assert!(first.starts_with("a | line "), "{first}");
    let number = |line: &str| line.rsplit(' ').next().unwrap().parse::<u32>().unwrap();
    assert_eq!(number(&follower.line()), number(&first) + 1, "none is left out");
    drop(follower);
    let documents = stage.portward(&stage.one, &["logs", "a", "-n", "2", "--json"]).expect(0).lines_json();
    assert_eq!(documents.len(), 2);
    assert_eq!(documents[0]["service"], "a");
    let unknown = stage.portward(&stage.one, &["logs", "b"]).expect(1);
    assert!(unknown.stderr.contains("is called b."), "{unknown}");
    // More than eight megabytes: the log was copied away and cut, and what comes goes on in it.
    let kept = stage.world.path().join("home/.local/state/portward");
    let names = || std::fs::read_dir(&kept).into_iter().flatten().flatten().map(|entry| entry.file_name().into_string().unwrap());
    until("the log to be rolled", || names().any(|name| name.starts_with("log-") && name.ends_with("much.log.1")).then_some(()));
    let _ = stage.down(&stage.one);
    let after = stage.portward(&stage.one, &["logs", "a", "-n", "1"]).expect(0).stdout;
    assert!(after.starts_with("a | "), "{after}");
}
