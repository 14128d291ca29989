cause! {
    "served-in-session": "the service runs in a project's own localhost, and has another port outside",
    Process, Endpoint(run) if Case::is_deserted,
    what: "`portward run` gives each project a localhost of its own: a program in it that asks for 3000 serves 20300, say.
Programs of the project find it at 3000. A client outside, such as a browser or a plain shell, does not.",
    evidence: "Nothing listens on the port; a session that runs has recorded that one of its programs asked for it; and that
program's own port has a listener.",
    fix: "Dial the project's port (`portward url 3000` in its folder), run the client in the session (`portward run CMD` in its
folder), or lend the project the real port (`portward front`).",
}

use portward_model::Moved;

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let served: Vec<(&Moved, Evidence)> = case
        .exam
        .moved
        .iter()
        .filter_map(|moved| {
            let (index, socket) = kin::tcp_listeners(case).find(|(_, socket)| socket.port() == Some(moved.port))?;
            Some((moved, words::seen(case, index, socket)))
        })
        .collect();
    let Some((moved, _)) = served.first() else { return Ruling::Silent };
    let asked = case.asked.port;
    let mut evidence = vec![Evidence::new("sock_diag", format!("no socket of this machine listens on port {asked}"))];
    for (moved, seen) in &served {
        let fact = format!("{} asked for {asked} and got {}", name(moved), moved.port);
        evidence.push(Evidence::new("the session's record", fact));
        evidence.push(seen.clone());
    }
    evidence.extend(case.exam.attempts.iter().take(1).map(words::tried));
    let mut fixes = vec![offer::explain("Dial the port that it has outside", moved.port.to_string())];
    if !moved.root.is_empty() {
        let place = format!("in {}: portward run CMD", moved.root);
        fixes.push(Remedy::advice("Or run the client in the session", place, Effect::Read));
        fixes.push(offer::front("Or lend the project the real port", &moved.root));
    }
    let summary = format!(
        "{} serves port {asked} in its own localhost; outside that is port {}, and {asked} is nobody's.",
        name(moved),
        moved.port
    );
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

/// The service, with its project.
fn name(moved: &Moved) -> String {
    if moved.project.is_empty() {
        return moved.service.to_string();
    }
    format!("{} of {}", moved.service, moved.project)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::Met;

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener},
    };

    pub(crate) fn cases() -> Cases {
        let on = |port| Scene::on(held(listener("::", port)), "127.0.0.1:3000").tried(Met::Failed(111));
        Cases {
            fires: vec![on(20300).moved(20300, "web", "shop"), on(20300).moved(20300, "web", "")],
            silent: vec![
                // No session; a session whose program has ended; a port that is served.
                on(20300),
                on(20300).moved(20400, "web", "shop"),
                Scene::on(held(listener("::", 3000)), "127.0.0.1:3000").tried(Met::Connected).moved(20300, "web", "shop"),
            ],
        }
    }

    #[test]
    fn every_project_that_serves_it_is_named() {
        let scene = cases().fires.remove(0).moved(20300, "web", "blog");
        let diagnosis = crate::doctor::diagnose(&scene.case());
        let first = &diagnosis.causes[0];
        assert_eq!(
            first.summary.to_string(),
            "web of shop serves port 3000 in its own localhost; outside that is port 20300, and 3000 is nobody's."
        );
        assert!(first.evidence.iter().any(|evidence| evidence.fact.to_string().contains("web of blog asked for 3000")));
    }
}
