cause! {
    "system-service-holds": "a service of the system holds the port",
    Process, Endpoint(run),
    what: "\
A service that the system starts by itself holds the port: a web server or database that a package installed (apache2, nginx,
postgresql), printing (cups, 631), the resolver (systemd-resolved, 53). Killed, it comes back, at the latest with the next
start of the machine. On macOS the AirPlay receiver has 5000 and 7000 and answers 403 there.",
    evidence: "\
The control group of the process, or of the socket itself (sock_diag), is that of a system unit; or a daemon of a system user
runs under pid 1. On macOS the answer names `AirTunes`.",
    fix: "Stop the unit, and disable it where it should not come back; or take another port.",
}

use portward_model::{ShellLine, Text};

use crate::{
    CgroupUnit,
    bind::words::{described, supervisor_of},
    case::held::servers,
    cause::prelude::*,
};

fn run(case: &Case<'_>) -> Ruling {
    if let Some(ruling) = air_play(case) {
        return ruling;
    }
    for (index, socket) in servers(case) {
        let process = case.holder(index);
        if let Some(unit) = unit(case, socket, process) {
            return found(case, index, socket, process, &unit);
        }
        if let Some(process) = process.filter(|process| is_daemon(case, process)) {
            return daemon(case, index, socket, process);
        }
    }
    Ruling::Silent
}

fn found(case: &Case<'_>, index: usize, socket: &Socket, process: Option<&Process>, unit: &CgroupUnit) -> Ruling {
    let mut evidence = vec![words::seen(case, index, socket)];
    evidence.push(match process {
        Some(process) => Evidence::new(format!("/proc/{}/cgroup", process.id.pid), format!("it runs in {}", unit.name)),
        None => Evidence::new("sock_diag", format!("the socket was opened in the control group of {}", unit.name)),
    });
    let mut fixes = Vec::new();
    if let Some(stop) = ShellLine::from("sudo systemctl stop").operand(&unit.id).typeable() {
        fixes.push(Remedy::end("Stop the service", stop));
        let disable = ShellLine::from("sudo systemctl disable --now").operand(&unit.id);
        fixes.push(Remedy::end("Stop it, and do not start it with the machine again", disable));
    }
    fixes.push(offer::next_after("Use another port", case.asked.port));
    let who = process.map(|process| format!(": {}", described(case.snapshot, process))).unwrap_or_default();
    let summary = format!("{} is held by the system service {}{who}.", words::port(case), unit.name);
    words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes)
}

/// The system unit that a socket belongs to, by its holder or by its own control group.
fn unit(case: &Case<'_>, socket: &Socket, process: Option<&Process>) -> Option<CgroupUnit> {
    let path = match process {
        Some(process) => {
            // Who was started by hand, or runs in a container, belongs to no service for all its control group.
            let supervisor = supervisor_of(case.snapshot, process)?;
            if supervisor.kind != SupervisorKind::Systemd || supervisor.stop.is_none() {
                return None;
            }
            process.cgroup.known()?
        }
        None => case.snapshot.cgroups.iter().find(|(id, _)| *id == socket.cgroup && *id != 0).map(|(_, path)| path)?,
    };
    let unit = unit_of_cgroup(path)?;
    let hosts_others = ["docker.", "containerd.", "podman.", "cron", "ssh", "user@"];
    let known = process.is_some() || !hosts_others.iter().any(|name| unit.id.starts_with(name));
    (!unit.user && unit.id.ends_with(".service") && known).then_some(unit)
}

/// A daemon where no manager names it: a child of pid 1 from the system's own folders, of a system user or away from any
/// project.
fn is_daemon(case: &Case<'_>, process: &Process) -> bool {
    let under_first = process.parent == 1 && process.terminal == 0;
    let Some(exe) = process.exe.known() else { return false };
    let exe = exe.raw();
    let starts = |folders: &[&str]| folders.iter().any(|folder| exe.starts_with(folder.as_bytes()));
    let system_user = (1..1000).contains(&process.uid) && starts(&["/usr/", "/sbin/", "/bin/", "/opt/"]);
    let place = process.cwd.known().is_none_or(|cwd| cwd.raw() == b"/" || cwd.raw().starts_with(b"/var/"));
    let own_folder = place && starts(&["/usr/sbin/", "/sbin/", "/usr/lib/", "/usr/libexec/", "/lib/"]);
    let script = process.title() != process.name.shown() && !process.title().starts_with(&process.name.shown());
    let stranger = process.uid != case.snapshot.host.uid || process.uid == 0;
    under_first && !script && stranger && (system_user || own_folder)
}

fn daemon(case: &Case<'_>, index: usize, socket: &Socket, process: &Process) -> Ruling {
    let exe = process.exe.known().map(Text::shown).unwrap_or_default();
    let fact = format!("{exe} runs under pid 1, without a terminal");
    let evidence = vec![words::seen(case, index, socket), Evidence::new(format!("/proc/{}/stat", process.id.pid), fact)];
    let fixes = vec![
        offer::free("Stop it", words::target(case)).behind(words::sudo(case, process.uid)),
        offer::next_after("Use another port", case.asked.port),
    ];
    let summary = format!("{} is held by a service of the system: {}.", words::port(case), described(case.snapshot, process));
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

/// The receiver for `AirPlay` of macOS answers 403 on 5000 and 7000, where developers expect their own server.
fn air_play(case: &Case<'_>) -> Option<Ruling> {
    const MARK: &[u8] = b"AirTunes";
    let heard = case
        .exam
        .attempts
        .iter()
        .filter_map(|attempt| attempt.exchange.as_ref())
        .find(|exchange| exchange.heard.raw().windows(MARK.len()).any(|part| part == MARK));
    let told = case.paste.filter(|_| case.says(CAUSE.code));
    let mut evidence: Vec<Evidence> = told.map(words::text_line).into_iter().collect();
    evidence.extend(heard.map(|_| Evidence::new("read(2)", "the answer comes from `Server: AirTunes`")));
    if evidence.is_empty() {
        return None;
    }
    let fixes = vec![
        offer::next_after("Use another port", case.asked.port),
        Remedy::advice(
            "Switch the AirPlay receiver off",
            "System Settings > General > AirDrop & Handoff > AirPlay Receiver",
            Effect::Change,
        ),
    ];
    let summary = format!("{} is held by the AirPlay receiver of macOS, which answers 403.", words::port(case));
    Some(words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Process, Seen, Snapshot};

    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{holding, listener, process, world},
    };

    fn by(daemon: Process) -> Snapshot {
        let pid = daemon.id.pid;
        let init = process(1, 0, &["/sbin/init"], 90_000);
        world(vec![listener("0.0.0.0", 5432)], vec![daemon, init], vec![holding(0, pid, 5)])
    }

    fn asks(snapshot: Snapshot) -> Scene {
        Scene::listen(snapshot, "127.0.0.1:5432", true)
    }

    pub(crate) fn cases() -> Cases {
        let unit = "/system.slice/system-postgresql.slice/postgresql@15-main.service";
        let mut postgres = process(700, 1, &["postgres"], 9000);
        postgres.cgroup = Seen::Known(unit.into());
        let mut bare = process(700, 1, &["/usr/sbin/nginx"], 9000);
        (bare.uid, bare.exe, bare.cwd) = (0, Seen::Known("/usr/sbin/nginx".into()), Seen::Known("/".into()));
        let mut hidden = by(postgres.clone());
        hidden.holdings.clear();
        (hidden.host.privileged, hidden.sockets[0].uid, hidden.sockets[0].cgroup) = (false, 33, 7);
        hidden.cgroups = vec![(7, unit.into())];
        let mut mine = process(700, 1, &["/usr/bin/python3", "app.py"], 9000);
        (mine.uid, mine.cwd) = (0, Seen::Known("/".into()));
        let mut of_user = postgres.clone();
        of_user.cgroup = Seen::Known("/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service".into());
        let mut docker = hidden.clone();
        docker.cgroups = vec![(7, "/system.slice/docker.service".into())];
        let said = Some("system-service-holds");
        Cases {
            fires: vec![
                asks(by(postgres.clone())),
                asks(hidden),
                asks(by(bare)),
                Scene::connect("127.0.0.1:5000").said(Symptom::HttpStatus, said, "Server: AirTunes/675.4.1"),
            ],
            silent: vec![asks(by(mine)), asks(by(of_user)), asks(docker), Scene::on(by(postgres), "127.0.0.1:5432")],
        }
    }
}
