//! `portward completions`: five shells, and the live ports.

use crate::world;

#[test]
fn five_shells() {
    let Some(world) = world() else { return };
    for shell in ["bash", "zsh", "fish", "nushell", "powershell"] {
        let outcome = world.portward(&["completions", shell]).expect(0);
        assert!(outcome.stdout.contains("portward"), "{shell}: {outcome}");
    }
    let refused = world.portward(&["completions", "tcsh"]).expect(2);
    assert!(refused.stderr.contains("tcsh") && refused.stderr.contains("bash"), "{refused}");
}

#[test]
fn bash_understands_its_script() {
    let Some(world) = world() else { return };
    if portward_testkit::program("bash").is_none() {
        return;
    }
    let script = world.portward(&["completions", "bash"]).expect(0).stdout;
    let path = world.file("home/portward.bash", script);
    let _ = world.run(&["bash".as_ref(), "-n".as_ref(), path.as_os_str()]).expect(0);
}

#[test]
fn live_ports_are_offered() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:34567"]);
    let outcome = world
        .enter()
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "2")
        .env("_CLAP_IFS", "\n")
        .env("_CLAP_COMPLETE_SPACE", "true")
        .portward(&["--", "portward", "explain", ""]);
    assert!(outcome.stdout.contains("34567"), "{outcome}");
}
