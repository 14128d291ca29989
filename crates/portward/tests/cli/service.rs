//! `portward service`: what is said of services that are no engines, or hold nothing; real engines are in `programs/own_engines`.

use crate::run::Stage;

const FILE: &str = "[services.web]\ncommand = \"true\"\n[services.cache]\nuse = \"redis\"\n";

#[test]
fn what_holds_nothing_is_said_to() {
    let Some(stage) = Stage::new() else { return };
    stage.declare(&stage.one, FILE);
    let service = |words: &[&str]| stage.portward(&stage.one, &[&["service"], words].concat());
    let unallowed = service(&["cache", "reset", "--yes"]).expect(2);
    assert!(unallowed.stderr.contains("is not allowed as it is now"), "{unallowed}");
    let _ = stage.portward(&stage.one, &["allow", "--yes"]).expect(0);
    for (words, said) in [
        (&["cache"][..], "holds nothing yet"),
        (&["cache", "save"], "holds nothing yet"),
        (&["cache", "reset", "--yes"], "holds nothing yet"),
        (&["cache", "restore"], "Nothing was saved of cache."),
        (&["cache", "restore", "one"], "Nothing was saved of cache as one."),
        (&["web"], "started by a command of its own"),
    ] {
        let told = service(words).expect(1);
        assert!(told.stderr.contains(said), "{words:?}: {told}");
        assert!(told.stdout.is_empty(), "{words:?}: {told}");
    }
}

#[test]
fn what_cannot_be_done_is_refused_with_the_next_step() {
    let Some(stage) = Stage::new() else { return };
    stage.declare(&stage.one, FILE);
    let _ = stage.portward(&stage.one, &["allow", "--yes"]).expect(0);
    let service = |words: &[&str]| stage.portward(&stage.one, &[&["service"], words].concat());
    for (words, code, said) in [
        (&["cahce", "save"][..], 2, "cache"),
        (&["web", "save"], 2, "use = "),
        (&["cache", "save", "../../etc"], 2, "is no name for what is saved"),
        (&["cache", "save", "-x"], 2, "-x"),
        (&["cache", "shell"], 125, "portward up --detach cache"),
        (&["cache", "drop"], 2, "drop"),
        (&[], 2, "NAME"),
    ] {
        let told = service(words).expect(code);
        assert!(told.stderr.contains(said), "{words:?}: {told}");
    }
}
