cause! {
    "proc-frozen": "the server's control group is frozen",
    Process, Endpoint(run) if Case::connects,
    what: "`docker pause`, `systemctl freeze`, or a write to cgroup.freeze stopped every process of a control group. They look
asleep (state S), not stopped; the kernel completes handshakes for them and nobody answers.",
    evidence: "`frozen 1` in cgroup.events of the process's control group or one above it; its threads wait in the freezer.",
    fix: "`docker unpause NAME`, `systemctl thaw UNIT`, or 0 into cgroup.freeze (version 1: THAWED into freezer.state).",
}

use portward_model::{ShellLine, Text, Thread, shell};

use crate::{
    case::serving::{halted, is_frozen, not_halted},
    cause::prelude::*,
    container_of_cgroup,
};

fn run(case: &Case<'_>) -> Ruling {
    let Some((door, frozen, likelihood)) = halted(case, is_frozen) else {
        return not_halted(case, is_frozen, "frozen").map_or(Ruling::Silent, Ruling::out);
    };
    let Some((process, Some(vitals))) = frozen.first().copied() else { return Ruling::Silent };
    let pid = process.id.pid;
    let group = vitals.frozen_group.as_ref().or_else(|| process.cgroup.known());
    let name = group.map(|group| format!(" {group}")).unwrap_or_default();
    let mut evidence = Vec::new();
    if vitals.frozen == Some(true) {
        let fact = format!("the control group{name} of {} is frozen", words::named(process));
        evidence.push(Evidence::new(if is_version_1(vitals) { "freezer.state" } else { "cgroup.events" }, fact));
    }
    if let Some(thread) = vitals.threads.first() {
        let place = thread.waits_in.known().map(Text::shown).unwrap_or_default();
        if matches!(place.as_str(), "get_signal" | "do_freezer_trap" | "__refrigerator") {
            let fact = format!("{} waits in the freezer ({place})", words::named(process));
            evidence.push(Evidence::new(format!("/proc/{pid}/task/{}/wchan", thread.tid), fact));
        }
    }
    evidence.push(words::seen(case, door.index, door.socket));
    let likelihood = if vitals.frozen == Some(true) { likelihood } else { likelihood.max(Likelihood::Likely) };
    let fixes = vec![thaw(case, process, vitals)];
    let summary = format!("{} is frozen with its control group{name} and answers nobody.", words::named(process));
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// What lets the group go on: by whoever may have frozen it.
fn thaw(case: &Case<'_>, process: &Process, vitals: &Vitals) -> Remedy {
    let group = vitals.frozen_group.as_ref().or_else(|| process.cgroup.known());
    if let Some((runtime, id)) = group.and_then(container_of_cgroup) {
        let known =
            case.snapshot.containers.iter().find(|c| !c.id.is_empty() && (id.starts_with(&c.id) || c.id.starts_with(&id)));
        let name = known
            .and_then(|container| container.name.as_ref())
            .cloned()
            .unwrap_or_else(|| Text::new(id.chars().take(12).collect::<String>()));
        if matches!(runtime, "docker" | "podman") {
            let unpause = if runtime == "podman" { "podman unpause" } else { "docker unpause" };
            return Remedy::change("Let the container go on", ShellLine::from(unpause).operand(name));
        }
    }
    // A slice above the unit may be what is frozen; only the unit itself is thawed by its name.
    let unit = group.filter(|group| group.raw().ends_with(b".service") || group.raw().ends_with(b".scope"));
    if let Some(unit) = unit.and_then(unit_of_cgroup) {
        let command = if unit.user { "systemctl --user thaw" } else { "sudo systemctl thaw" };
        return Remedy::change("Let the unit go on", ShellLine::from(command).operand(&unit.id));
    }
    let path = group.cloned().unwrap_or_default();
    let command = match (is_version_1(vitals), case.snapshot.host.privileged) {
        (true, true) => shell!("echo THAWED | tee /sys/fs/cgroup/freezer{}/freezer.state", path),
        (true, false) => shell!("echo THAWED | sudo tee /sys/fs/cgroup/freezer{}/freezer.state", path),
        (false, true) => shell!("echo 0 | tee /sys/fs/cgroup{}/cgroup.freeze", path),
        (false, false) => shell!("echo 0 | sudo tee /sys/fs/cgroup{}/cgroup.freeze", path),
    };
    Remedy::change("Let the group go on", command)
}

/// The freezer of version 1 keeps its threads in a place of its own, in state D; that of version 2 where signals are taken.
fn is_version_1(vitals: &Vitals) -> bool {
    let in_freezer = |thread: &Thread| thread.waits_in.known().is_some_and(|place| place.raw() == b"__refrigerator");
    vitals.threads.iter().any(in_freezer)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Snapshot, Text};

    use super::CAUSE;
    use crate::{
        case::scene::{Scene, thread, well},
        cause::Cases,
        doctor::diagnose,
        fixture::{held, holding, listener, process, world},
    };

    fn frozen(pid: u32, group: &str) -> portward_model::Vitals {
        let mut vitals = well(pid);
        vitals.frozen = Some(true);
        vitals.frozen_group = Some(Text::from(group));
        vitals.threads = vec![thread(pid, 'S', "get_signal")];
        vitals
    }

    fn two() -> Snapshot {
        let processes = vec![process(50, 1, &["gunicorn"], 60), process(51, 50, &["gunicorn"], 60)];
        world(vec![listener("127.0.0.1", 3000)], processes, vec![holding(0, 50, 5), holding(0, 51, 5)])
    }

    pub(crate) fn cases() -> Cases {
        let scene = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        let mut unseen = frozen(4121, "/x");
        unseen.frozen = None;
        Cases {
            fires: vec![
                scene().vitals(frozen(4121, "/system.slice/shop.service")),
                scene().vitals(unseen),
                Scene::on(two(), "127.0.0.1:3000").vitals(frozen(50, "/x")).vitals(frozen(51, "/x")),
            ],
            silent: vec![
                scene().vitals(well(4121)),
                scene(),
                Scene::on(two(), "127.0.0.1:3000").vitals(frozen(50, "/x")).vitals(well(51)),
            ],
        }
    }

    #[test]
    fn the_freezer_of_version_1_has_a_file_of_its_own() {
        let mut old = frozen(4121, "/lab");
        old.threads = vec![thread(4121, 'D', "__refrigerator")];
        let scene = Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000").vitals(old);
        let cause = diagnose(&scene.case()).causes.remove(0);
        assert_eq!(cause.remedies[0].line(), "echo THAWED | tee /sys/fs/cgroup/freezer/lab/freezer.state");
    }

    #[test]
    fn the_repair_is_that_of_whoever_froze_it() {
        let command = |group: &str| {
            let scene = Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000").vitals(frozen(4121, group));
            let cause = diagnose(&scene.case()).causes.remove(0);
            assert_eq!(cause.code, CAUSE.code);
            cause.remedies[0].line().to_owned()
        };
        let id = "0123456789abcdef".repeat(4);
        assert_eq!(command(&format!("/system.slice/docker-{id}.scope")), "docker unpause 0123456789ab");
        assert_eq!(command("/system.slice/shop.service"), "sudo systemctl thaw shop.service");
        assert_eq!(command("/lab"), "echo 0 | tee /sys/fs/cgroup/lab/cgroup.freeze");
    }
}
