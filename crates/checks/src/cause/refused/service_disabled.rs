cause! {
    "service-disabled": "the service that has the port is not running",
    Reading, Endpoint(run),
    what: "A systemd unit names the port, and none of its processes is there: it was stopped, it failed, or it was never
enabled and so did not come back after the last boot.",
    evidence: "The unit's file names the port; no process is in its control group and nothing listens; whether a *.wants folder
links to it.",
    fix: "Start it, and enable it if it shall come back by itself.",
}

use portward_model::{ShellLine, Text};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    if !case.is_deserted() || case.elsewhere().next().is_some() {
        return Ruling::Silent;
    }
    let mut units: Vec<(&Mention, String)> = kin::mentions(case)
        .filter(|mention| matches!(mention.kind, MentionKind::UnitEnabled | MentionKind::UnitDisabled) && is_installed(mention))
        .filter_map(|mention| Some((mention, unit(mention)?)))
        .collect();
    // One that is enabled was meant to run.
    units.sort_by_key(|(mention, _)| mention.kind != MentionKind::UnitEnabled);
    let Some((mention, unit)) = units.first() else { return Ruling::Silent };
    if let Some(running) = units.iter().find_map(|(_, unit)| runs(case, unit)) {
        return Ruling::out(running);
    }
    let disabled = mention.kind == MentionKind::UnitDisabled;
    let mut evidence =
        vec![words::mentioned(mention), Evidence::new("sock_diag", format!("nothing listens on port {}", case.asked.port))];
    if case.exam.every_process {
        evidence.push(Evidence::new("/proc/PID/cgroup", format!("no process that was seen belongs to {unit}")));
    }
    if disabled {
        evidence.push(Evidence::new("*.wants", format!("nothing links to {unit}, so it is not started at boot")));
    }
    let user = mention.file.lossy().contains("/systemd/user/");
    let ctl = if user { "systemctl --user" } else { "sudo systemctl" };
    let word = Text::from_shown(unit);
    let (title, verb) = if disabled { ("Start it now and at every boot", "enable --now") } else { ("Start it", "start") };
    let status = if user { "systemctl --user status" } else { "systemctl status" };
    // A name that cannot be typed is in no command.
    let start = ShellLine::from(ctl).then(verb).operand(&word).typeable().map(|command| Remedy::change(title, command));
    let look = ShellLine::from(status).operand(&word).typeable().map(|command| Remedy::look("See why it does not run", command));
    let fixes = start.into_iter().chain(look).collect();
    let how = if disabled { "is not enabled and does not run" } else { "is enabled and does not run" };
    let summary = format!("{unit}, which has port {}, {how}.", case.asked.port);
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

/// True for a file in a folder that systemd reads, not in a project.
pub(super) fn is_installed(mention: &Mention) -> bool {
    let file = mention.file.lossy();
    file.contains("/systemd/system/") || file.contains("/systemd/user/")
}

/// The unit that is started: of a drop-in, the one that it belongs to.
pub(super) fn unit(mention: &Mention) -> Option<String> {
    let file = mention.file.shown();
    let mut parts = file.rsplit('/');
    let name = parts.next()?;
    let drop_in = name.rsplit_once('.').is_some_and(|(_, kind)| kind == "conf");
    let unit = if drop_in { parts.next()?.strip_suffix(".d")? } else { name };
    // A template has no process of its own.
    let kind = unit.rsplit_once('.').map(|(_, kind)| kind);
    (matches!(kind, Some("service" | "socket")) && !unit.contains("@.")).then(|| unit.to_owned())
}

fn runs(case: &Case<'_>, unit: &str) -> Option<String> {
    case.processes().find_map(|process| {
        let found = process.cgroup.known().and_then(unit_of_cgroup)?;
        (found.id == unit).then(|| format!("{unit} runs, as {}", words::named(process)))
    })
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{MentionKind, Met, Seen, Text};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener, process, world},
    };

    pub(crate) fn cases() -> Cases {
        let named = |scene: Scene, kind, file: &str| scene.mention(kind, file, 7, "ExecStart=/usr/bin/shop --port 8000", 8000);
        let refused = || Scene::connect("127.0.0.1:8000").tried(Met::Failed(111));
        let file = "/etc/systemd/system/shop.service";
        let mut own = process(300, 1, &["shop"], 90);
        own.cgroup = Seen::Known(Text::from("/system.slice/shop.service"));
        let running = world(Vec::new(), vec![own], Vec::new());
        Cases {
            fires: vec![
                named(refused(), MentionKind::UnitDisabled, file),
                named(refused(), MentionKind::UnitEnabled, file),
                named(refused(), MentionKind::UnitDisabled, "/usr/lib/systemd/system/shop.socket"),
            ],
            silent: vec![
                named(Scene::on(running, "127.0.0.1:8000").tried(Met::Failed(111)), MentionKind::UnitEnabled, file),
                named(refused(), MentionKind::UnitDisabled, "/home/ana/shop/shop.service"),
                named(refused(), MentionKind::UnitDisabled, "/etc/systemd/system/shop@.service"),
                named(
                    Scene::on(held(listener("127.0.0.1", 8000)), "127.0.0.1:8000").tried(Met::Connected),
                    MentionKind::UnitDisabled,
                    file,
                ),
                refused(),
            ],
        }
    }
}
