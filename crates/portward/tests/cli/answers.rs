//! Every answer is a message: the program that is tested carries each one through JSON and back before it shows it, and ends
//! where it then reads otherwise (`reread.rs`). Here every operation answers, in several worlds and at several widths.

mod hostile;
mod lines;

use portward_testkit::{World, program};

use crate::world;
use lines::{LIVE, RECORDED};

/// Runs every line in a project of the world; a width of nothing is a pipe.
fn every_line(world: &World, width: &str) {
    let project = world.git_repository("shop", "main");
    let declared = "[env]\nURL = '{front.url}'\n[services.front]\ncommand = 'true'\nport = 3000\ndescription = 'what people see'\n\
         [services.once]\ncommand = 'true'\nready = { done = true }\n[services.cache]\nuse = 'redis'\n";
    world.file("shop/portward.toml", declared);
    std::fs::write(project.join("package.json"), r#"{"scripts":{"once":"true"}}"#).unwrap();
    world.give(&project);
    // A project without a file of its own.
    let plain = world.git_repository("plain", "main");
    std::fs::write(plain.join("package.json"), r#"{"scripts":{"dev":"vite --port 3000"}}"#).unwrap();
    world.give(&plain);
    let ask = |words: &[&str]| {
        let folder = if words.first() == Some(&"init") { &plain } else { &project };
        let outcome = world.enter().directory(folder).env("COLUMNS", width).portward(words);
        assert!(!outcome.stderr.contains("panicked"), "{words:?}: {outcome}");
        let started = !words.contains(&"no-such-program");
        assert!(outcome.code == Some(if started { 0 } else { 125 }) || outcome.code == Some(1), "{words:?}: {outcome}");
    };
    for line in LIVE {
        match *line {
            // They are for whoever is inside.
            ["lab", "hint" | "check"] => ask(&[&["lab", "start", "no-listener", "--exec", "portward"], *line].concat()),
            ["guard", "open", ..] if program("nft").is_none() => {}
            line => ask(line),
        }
        // The machine as it was before anything ended.
        if line.contains(&"machine.json") {
            for line in RECORDED {
                ask(&[*line, &["--from", "machine.json"]].concat());
            }
        }
    }
}

/// A world with servers of every kind, clients, and what the network reaches.
fn busy(width: &str) {
    let Some(world) = world() else { return };
    world.add_lan("eth0", "192.168.77.1/24");
    let _servers = (
        world.actor(&["pairs", "2", "tcp/127.0.0.1:3000"]),
        world.actor(&["listen", "tcp/0.0.0.0:3001", "tcp/[::]:3002,dual", "udp/0.0.0.0:53", "unix/@name"]),
    );
    every_line(&world, width);
}

#[test]
fn every_answer_is_read_back_in_a_narrow_terminal() {
    busy("60");
}

#[test]
fn every_answer_is_read_back_in_a_usual_terminal() {
    busy("80");
}

#[test]
fn every_answer_is_read_back_in_a_pipe() {
    busy("");
}

#[test]
fn every_answer_is_read_back_where_nothing_runs() {
    let Some(world) = world() else { return };
    every_line(&world, "80");
}
