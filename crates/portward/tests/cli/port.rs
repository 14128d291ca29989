//! `portward port`: a stable port for scripts, and a free one that is held until a program has it.

use portward_testkit::World;

use crate::world;

fn number(text: &str) -> u16 {
    text.trim_end().parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// True when a plain listener can be had on the port, on both families.
fn can_bind(world: &World, port: u16) -> bool {
    let code = format!("import socket; s=socket.socket(10, 1); s.setsockopt(41, 26, 0); s.bind(('::', {port})); s.listen()");
    world.run(&["python3", "-c", &code]).code == Some(0)
}

#[test]
fn the_bare_value_the_same_one_every_time() {
    let Some(world) = world() else { return };
    world.git_repository("shop", "main");
    let shop = |words: &[&str]| world.enter().directory(world.path().join("shop")).portward(words).expect(0);
    let first = shop(&["port", "web"]);
    assert!(first.stderr.is_empty() && first.stdout == format!("{}\n", number(&first.stdout)), "{first}");
    assert_eq!(shop(&["port", "web"]).stdout, first.stdout);
    assert!(can_bind(&world, number(&first.stdout)));
    let three_thousand = shop(&["port", "3000"]).stdout;
    assert_eq!(number(&three_thousand) % 100, 0);
    let outside = world.portward(&["port", "web"]).expect(0);
    assert_ne!(outside.stdout, first.stdout, "outside a project the name is another one");
    let document = shop(&["port", "web", "--json"]).json();
    assert_eq!((&document["port"], &document["leased"]), (&number(&first.stdout).into(), &true.into()));
}

#[test]
fn a_free_port_is_free_and_belongs_to_nobody() {
    let Some(world) = world() else { return };
    let web = number(&world.portward(&["port", "web"]).expect(0).stdout);
    for _ in 0..5 {
        let outcome = world.portward(&["port", "--free"]).expect(0);
        let port = number(&outcome.stdout);
        assert!(can_bind(&world, port) && port / 100 != web / 100, "{outcome}");
        assert!(outcome.stderr.contains("nothing holds it"), "{outcome}");
    }
    assert_eq!(world.portward(&["port", "--free", "--json"]).expect(0).json()["leased"], false);
}

#[test]
fn a_program_gets_a_free_port_and_its_own_exit_code() {
    let Some(world) = world() else { return };
    let server = "import os,socket; s=socket.socket(10, 1); s.bind(('::', int(os.environ['PORT']))); s.listen(); print(os.environ['PORT'])";
    let outcome = world.portward(&["port", "--free", "--", "python3", "-c", server]).expect(0);
    assert!(number(&outcome.stdout) > 1023 && outcome.stderr.is_empty(), "{outcome}");
    let _ = world.portward(&["port", "--free", "--", "sh", "-c", "exit 7"]).expect(7);
    let missing = world.portward(&["port", "--free", "--", "no-such-program"]).expect(125);
    assert!(missing.stdout.is_empty() && missing.stderr.contains("no-such-program"), "{missing}");
}

#[test]
fn words_that_mean_nothing() {
    let Some(world) = world() else { return };
    for wrong in [
        &["port"][..],
        &["port", "0"],
        &["port", "65536"],
        &["port", "a/b"],
        &["port", "web", "--free"],
        &["port", "web", "--", "true"],
    ] {
        let outcome = world.portward(wrong).expect(2);
        assert!(outcome.stdout.is_empty() && outcome.stderr.contains("hint: "), "{outcome}");
    }
}
