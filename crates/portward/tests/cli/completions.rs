//! `portward completions`: five shells, and the live ports.

mod shells;

use crate::world;

#[test]
fn five_shells() {
    let Some(world) = world() else { return };
    for shell in ["bash", "zsh", "fish", "nushell", "powershell"] {
        let outcome = world.portward(&["completions", shell]).expect(0);
        assert!(outcome.stdout.contains("portward"), "{shell}: {outcome}");
    }
    let refused = world.portward(&["completions", "tcsh"]).expect(2);
    assert!(refused.stderr.contains("tcsh") && refused.stderr.contains("hint:"), "{refused}");
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
    for operation in ["explain", "free", "wait", "open"] {
        let outcome = world.portward(&["complete", "--", operation, ""]).expect(0);
        assert!(outcome.stdout.lines().any(|line| line.starts_with("34567")), "{outcome}");
    }
    let names = world.portward(&["complete", "--", "expl"]).expect(0);
    assert!(names.stdout.starts_with("explain"), "{names}");
}

#[test]
fn bash_completes_a_port() {
    let Some(world) = world() else { return };
    if portward_testkit::program("bash").is_none() {
        return;
    }
    let script = world.portward(&["completions", "bash"]).expect(0).stdout;
    let script = world.file("home/portward.bash", script);
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:34567"]);
    let bin = world.portward_path().parent().unwrap().display().to_string();
    let code =
        r#"PATH="$2:$PATH"; source "$1"; COMP_WORDS=(portward explain 345); COMP_CWORD=2; _portward; echo "${COMPREPLY[@]}""#;
    let outcome = world.run(&["bash", "--norc", "-c", code, "bash", script.to_str().unwrap(), &bin]).expect(0);
    assert_eq!(outcome.stdout, "34567\n", "{outcome}");
}
