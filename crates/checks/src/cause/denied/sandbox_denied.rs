cause! {
    "sandbox-denied": "a sandbox denies it",
    Rule, Endpoint(run),
    what: "The kernel refused the call itself, by a rule that confines the program: a system call filter (EPERM), a program of the
control group (EPERM), Landlock (EACCES) or a security module (EACCES). Neither the port nor the server has a part in it, and
the same connection from another shell succeeds.",
    evidence: "\
connect(2) or bind(2) failed with EPERM or EACCES, as was seen or as the text says. Nothing else gives these numbers for a TCP
port that needs no privilege, except a route of the kind `prohibit`.",
    fix: "Change the profile of the sandbox (snap, Flatpak, bubblewrap, Docker, a systemd unit), or run the program outside it.",
}

use portward_model::{ShellLine, Text};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    if is_privilege(case) || routed_away(case) || case.says("windows-excluded-range") || case.says("privileged-port") {
        return Ruling::Silent;
    }
    let filtered = refusal::met(case, EPERM);
    let barred = refusal::met(case, EACCES).filter(|_| filtered.is_none());
    // Where the state of the process tells which kind of sandbox it is, that is the cause.
    let vitals = |met: &Option<refusal::Refusal>| met.as_ref().and_then(|met| met.pid).and_then(|pid| case.vitals(pid));
    if vitals(&filtered).is_some() || vitals(&barred).is_some_and(|vitals| vitals.no_new_privileges || vitals.label.is_some()) {
        return Ruling::Silent;
    }
    let met = filtered.or(barred);
    // A text without a number says it in words.
    let told = case.paste.filter(|paste| {
        paste.symptom == Symptom::NotPermitted
            && paste.path.is_none()
            && paste.symptom.asks_to_listen(paste.call) == case.listens()
    });
    let Some(evidence) = met.as_ref().map(|met| met.evidence.clone()).or_else(|| told.map(words::text_line)) else {
        return Ruling::Silent;
    };
    let pid = met.as_ref().and_then(|met| met.pid);
    let who = match pid {
        Some(pid) if pid == case.snapshot.host.pid => "this program".to_owned(),
        Some(pid) => format!("pid {pid}"),
        None => "the program that printed this".to_owned(),
    };
    let what = if case.listens() { "bind" } else { "connect to" };
    let summary = format!("{} may not be reached by {who}: a sandbox does not let it {what} that.", words::port(case));
    let summary = if case.listens() { format!("{} is denied to {who} by a sandbox.", words::port(case)) } else { summary };
    words::found(CAUSE.code, Likelihood::Certain, summary, vec![evidence], ways_out(case, pid, "IPAddressDeny= SocketBindDeny="))
}

/// What to change so that a process may connect or bind: its unit, or whatever confines it.
pub(super) fn ways_out(case: &Case<'_>, pid: Option<u32>, settings: &str) -> Vec<Remedy> {
    let process = pid.and_then(|pid| case.snapshot.process(pid));
    let unit = process.and_then(|process| unit_of_cgroup(process.cgroup.known()?));
    let service = unit.filter(|unit| unit.id.ends_with(".service"));
    let mut fixes = Vec::new();
    if let Some(unit) = service.filter(|unit| Text::from(unit.id.as_str()).plain().is_some()) {
        let (edit, show) = if unit.user {
            ("systemctl --user edit", "systemctl --user show -p")
        } else {
            ("sudo systemctl edit", "systemctl show -p")
        };
        let names: Vec<&str> = settings.split(' ').map(|setting| setting.trim_end_matches('=')).collect();
        fixes.push(Remedy::change(
            format!("Empty {} of the unit in a drop-in, then restart it", names.join(" and ")),
            ShellLine::from(edit).operand(&unit.id),
        ));
        let show = ShellLine::from(show).word(names.join(",")).operand(&unit.id);
        fixes.push(Remedy::look("See what the unit denies", show));
    } else {
        fixes.push(offer::explain(
            "Run the program outside its sandbox, or allow the port in the sandbox's profile",
            words::target(case),
        ));
    }
    fixes
}

/// True when a bind is refused for want of a privilege, which no sandbox needs to explain.
pub(super) fn is_privilege(case: &Case<'_>) -> bool {
    let start = case.snapshot.rules.as_ref().map_or(1024, |rules| rules.unprivileged_start);
    case.listens() && case.asked.port < start
}

/// True when routing may refuse the connection with the same number (a route of the kind `prohibit`).
pub(super) fn routed_away(case: &Case<'_>) -> bool {
    let ruled = case.exam.network.as_ref().and_then(|network| network.rule_before_local) == Some(true);
    let confined = case.vitals(case.snapshot.host.pid).is_some_and(|vitals| vitals.no_new_privileges || vitals.label.is_some());
    let local = case.snapshot.routes.iter().any(|(to, route)| case.asked.addresses.contains(to) && route.local);
    case.connects() && ruled && !(local && confined)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::Met;

    use crate::{
        Call, Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener, machine},
    };

    pub(crate) fn cases() -> Cases {
        let served = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        let told = |scene: Scene, errno: i32, call: Call| {
            let symptom = if errno == 1 { Symptom::NotPermitted } else { Symptom::PermissionDenied };
            scene.said(symptom, None, "connect: not allowed").but(|scene| {
                let paste = scene.paste.as_mut().unwrap();
                (paste.errno, paste.call) = (Some(errno), Some(call));
            })
        };
        Cases {
            fires: vec![
                served().tried(Met::Failed(1)),
                served().tried(Met::Failed(13)),
                told(served().tried(Met::Connected), 1, Call::Connect),
                told(served().tried(Met::Connected), 13, Call::Connect),
                told(Scene::listen(machine(), "127.0.0.1:8080", true), 1, Call::Bind),
            ],
            silent: vec![
                served().tried(Met::Connected),
                told(Scene::listen(machine(), "127.0.0.1:81", true), 13, Call::Bind),
                told(served().tried(Met::Connected), 13, Call::Request),
                served().tried(Met::Failed(113)),
            ],
        }
    }
}
