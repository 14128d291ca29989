cause! {
    "wsl-host-holds": "the Windows side of this machine has the port",
    Rule, Endpoint(run),
    what: "\
Under the Windows Subsystem for Linux with mirrored networking, Linux and Windows share one set of ports. A Windows program, or
the relay of another distribution, has the port; Linux shows no socket at it and still refuses the bind.",
    evidence: "\
The kernel is that of the subsystem; a bind fails with EADDRINUSE, and no socket of this side has the port. Or the text says so.",
    fix: "Stop the Windows program: `netstat -ano` in Windows names its pid. Or take another port.",
}

use portward_model::shell;

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    if !case.listens() || case.asked.port == 0 || case.asked.path.is_some() {
        return Ruling::Silent;
    }
    let told = case.paste.filter(|_| case.says(CAUSE.code));
    let wsl = case.exam.network.as_ref().is_some_and(|network| network.wsl);
    let failed = case.exam.tries.iter().find(|tried| tried.failed == Some(EADDRINUSE));
    if told.is_none() && !(wsl && failed.is_some()) {
        return Ruling::Silent;
    }
    if let Some((index, socket)) = case.here().next().filter(|_| told.is_none()) {
        return Ruling::out(words::seen(case, index, socket).fact);
    }
    let port = case.asked.port;
    let mut evidence: Vec<Evidence> = told.map(words::text_line).into_iter().collect();
    if let Some(failed) = failed {
        let fact = format!("{} {} (error {EADDRINUSE})", failed.at, words::errno_words(EADDRINUSE));
        evidence.push(Evidence::new("bind(2)", fact));
        evidence.push(Evidence::new("sock_diag", format!("no socket of this side has port {port}")));
    }
    let find = shell!("powershell.exe -Command \"Get-Process -Id (Get-NetTCPConnection -LocalPort {}).OwningProcess\"", port);
    let stop = shell!("powershell.exe -Command \"Stop-Process -Id (Get-NetTCPConnection -LocalPort {}).OwningProcess\"", port);
    let fixes = vec![
        Remedy::end("Stop the Windows program that has it", stop),
        Remedy::look("See which one it is", find),
        offer::next_after("Use another port", case.asked.port),
    ];
    let summary = format!("{} is taken on the Windows side of this machine; no Linux socket has it.", words::port(case));
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{BindTry, NetworkSettings, Snapshot};

    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener, machine},
    };

    fn refused(snapshot: Snapshot, wsl: bool) -> Scene {
        Scene::listen(snapshot, "127.0.0.1:3000", true).but(|scene| {
            let at = "127.0.0.1:3000".parse().unwrap();
            scene.exam.tries.push(BindTry { at, reuse: true, failed: Some(98) });
            scene.exam.network = Some(NetworkSettings { wsl, ..NetworkSettings::default() });
        })
    }

    pub(crate) fn cases() -> Cases {
        let said = Some("wsl-host-holds");
        let told = Scene::listen(machine(), "0.0.0.0:8080", true).said(Symptom::InUse, said, "address already in use");
        Cases {
            fires: vec![refused(machine(), true), told],
            silent: vec![
                refused(machine(), false),
                refused(held(listener("127.0.0.1", 3000)), true),
                Scene::listen(machine(), "127.0.0.1:3000", true),
            ],
        }
    }
}
