//! Listed programs in containers: each copy, and its `portward run`, in one of its own on the machine's network, with the same
//! home and the same folders; what is asked from outside is asked from the machine.

use portward_testkit::{Engine, Entry, World};

use crate::session::{Project, Served, Twins, User, words};

/// Starts a container for each project, with these options of `docker run`.
#[track_caller]
pub(crate) fn start(engine: &Engine<'_>, twins: &Twins, user: User, options: &[String]) {
    let world = twins.world.path().display();
    let shares = ["/usr:/usr:ro", "/lib:/lib:ro", "/lib64:/lib64:ro", "/etc:/etc:ro"].map(|share| format!("--volume={share}"));
    let own = [format!("--volume={world}:{world}"), format!("--volume={0}:{0}:ro", twins.world.portward_path().display())];
    twins.each(|project| {
        let first = [format!("--name={}", project.name), format!("--user={}", uid(user))];
        let usual = words(&["run", "--detach", "--rm", "--init=false", "--network=host"]);
        let last = words(&[Engine::IMAGE, "/busybox", "sleep", "infinity"]);
        let argv: Vec<String> = [&usual[..], &first, &shares, &own, options, &last].concat();
        let _ = engine.docker(&argv.iter().map(String::as_str).collect::<Vec<_>>()).expect(0);
    });
    twins.contain();
}

/// The way into a project's container.
pub(crate) fn enter<'w>(world: &'w World, project: &Project, user: User) -> Entry<'w> {
    let mut argv = words(&["docker", "--host=unix:///run/docker.sock", "exec", "--interactive"]);
    argv.push(format!("--user={}", uid(user)));
    argv.push("--env=PATH=/usr/sbin:/usr/bin".to_owned());
    let places = [("HOME", "home"), ("TMPDIR", "tmp"), ("XDG_STATE_HOME", "home/.local/state"), ("XDG_RUNTIME_DIR", "run")];
    argv.extend(places.map(|(name, place)| format!("--env={name}={}", world.path().join(place).display())));
    argv.push(project.name.to_owned());
    world.enter().directory(&project.root).through(&argv)
}

/// Where the mechanism is denied, nothing is started and the reason is told; with `--port-only` both copies serve.
#[track_caller]
pub(crate) fn refused(twins: &Twins, argv: &[String], reason: &str) {
    twins.each(|project| {
        let refused = twins.inside(project, argv).expect(125);
        assert!(refused.stdout.is_empty() && refused.stderr.contains(reason), "{refused}");
        assert!(refused.stderr.contains("--cap-add SYS_PTRACE") && refused.stderr.contains("--port-only"), "{refused}");
    });
}

/// What `--port-only` proves: both copies answer on the machine at the port that each was told, and nothing else does.
#[track_caller]
pub(crate) fn prove_told(twins: &Twins, served: Served<'_>) {
    let told = |project: &Project| {
        project.until("a port that it was told", || {
            let line = project.stderr().lines().find_map(|line| Some(line.split_once("   serves ")?.1.to_owned()))?;
            line.rsplit_once(':')?.1.split(['/', ' ']).next()?.parse::<u16>().ok()
        })
    };
    let ports: Vec<u16> = twins.projects.iter().map(told).collect();
    assert_ne!(ports[0], ports[1]);
    for (project, port) in twins.projects.iter().zip(ports) {
        for address in served.at {
            let outside = (served.client)(address, port);
            twins.answers(project, &format!("outside at {address} port {port}"), || twins.enter_world().run(&outside));
        }
    }
}

/// Stops both copies; nothing is left.
#[track_caller]
pub(crate) fn end_told(twins: &Twins) {
    twins.each(|project| {
        let stopped = twins.enter(project).portward(&["stop", "--json"]).expect(0).json();
        assert_eq!(stopped["stopped"].as_array().map(Vec::len), Some(1), "{stopped:#}");
    });
    let ps = twins.enter_world().portward(&["ps", "--json"]).expect(0).json();
    assert_eq!(ps["sessions"].as_array().map(Vec::len), Some(0), "{ps:#}");
}

fn uid(user: User) -> u32 {
    match user {
        User::Root => 0,
        User::Stranger => 65534,
    }
}
