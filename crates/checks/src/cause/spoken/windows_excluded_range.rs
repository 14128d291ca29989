cause! {
    "windows-excluded-range": "Windows keeps the port in an excluded range",
    Said, Endpoint(run),
    what: "\
Hyper-V, WSL and Docker Desktop reserve whole blocks of ports when Windows starts. A bind inside such a block fails with 10013
(\"forbidden by its access permissions\") though no program has the port; which blocks they are changes with every start.",
    evidence: "The text has error 10013 of a bind. `netsh int ipv4 show excludedportrange protocol=tcp` lists the blocks.",
    fix: "Stop the service that reserves them, reserve your own port for good, start it again; or take a port outside the blocks.",
}

use portward_model::shell;

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(paste) = case.paste.filter(|_| case.says(CAUSE.code)) else { return Ruling::Silent };
    let port = match (paste.port, case.asked.port) {
        (Some(port), _) => port.to_string(),
        (None, 0) => "PORT".to_owned(),
        (None, port) => port.to_string(),
    };
    let fixes = vec![
        Remedy::change(
            "Reserve the port for your own program, as administrator",
            shell!(
                "net stop winnat && netsh int ipv4 add excludedportrange protocol=tcp startport={} numberofports=1 && net start winnat",
                port
            ),
        ),
        Remedy::look("See the reserved blocks", "netsh int ipv4 show excludedportrange protocol=tcp"),
        Remedy::look("See whether a program has it for itself", shell!("netstat -ano | findstr :{}", port)),
    ];
    let what = if port == "PORT" { "The port".to_owned() } else { format!("Port {port}") };
    let summary = format!("{what} lies in a range that Windows keeps for itself, so that no program may bind it.");
    // A program that holds the port for itself alone meets others with the same number.
    words::found(CAUSE.code, Likelihood::Likely, summary, vec![words::text_line(paste)], fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use crate::{Symptom, case::scene::Scene, cause::Cases, fixture::machine};

    pub(crate) fn cases() -> Cases {
        let line =
            "listen tcp 0.0.0.0:5000: bind: An attempt was made to access a socket in a way forbidden by its access permissions.";
        let told = |says| Scene::listen(machine(), "0.0.0.0:5000", true).said(Symptom::PermissionDenied, says, line);
        Cases { fires: vec![told(Some("windows-excluded-range"))], silent: vec![told(None), Scene::connect("127.0.0.1:5000")] }
    }
}
