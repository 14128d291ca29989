cause! {
    "session-serves": "the project's own session serves the port already",
    Process, Event(run),
    what: "\
A project's programs share its own localhost (`portward run`). A second program of it that asks for the same port meets the first one
there, as it would outside, though nobody may have the real port.",
    evidence: "\
The text, or the question, is of a bind to the port; a session that runs has recorded that one of its programs asked for it and serves it
at the project's port.",
    fix: "Use the one that runs, or stop it (`portward stop` with its name); or give the second a port of its own.",
}

use portward_model::Moved;

use crate::{cause::prelude::*, doctor::Asking};

fn run(case: &Case<'_>) -> Ruling {
    let refused = case.paste.is_some_and(|paste| paste.symptom == Symptom::InUse) && case.asked.asking == Asking::Listen;
    // The record is of what serves; a look at every port may know better.
    let listens = |port: u16| kin::tcp_listeners(case).any(|(_, socket)| socket.port() == Some(port));
    let serves = |moved: &&Moved| moved.port != case.asked.port && (!case.exam.every_port || listens(moved.port));
    let found = case.exam.moved.iter().filter(serves).max_by_key(|moved| moved.here);
    let Some(moved) = found.filter(|_| refused) else { return Ruling::Silent };
    let real = case.listeners().next().is_some();
    // From outside the project, with another holder in sight, nothing points at a session.
    if real && !moved.here {
        return Ruling::Silent;
    }
    let asked = case.asked.port;
    let owner = if moved.project.is_empty() { "A session outside any project".to_owned() } else { moved.project.shown() };
    let who = moved.pid.map_or_else(|| moved.service.shown(), |pid| format!("{} (pid {pid})", moved.service));
    let mut evidence: Vec<Evidence> = case.paste.map(words::text_line).into_iter().collect();
    evidence.push(Evidence::new("the session's record", format!("{} asked for {asked} and got {}", moved.service, moved.port)));
    let listener = kin::tcp_listeners(case).find(|(_, socket)| socket.port() == Some(moved.port));
    evidence.extend(listener.map(|(index, socket)| words::seen(case, index, socket)));
    let service = moved.pid.map_or_else(|| moved.service.clone(), |pid| Text::from(format!("pid:{pid}").as_str()));
    let mut fixes = vec![
        offer::explain("Use the one that runs", moved.port.to_string()),
        offer::stop("Or stop it", service.raw()),
        Remedy::advice(
            "Or give the second another port of the project's block",
            "PORT=$(portward port NAME) portward run CMD, for a program that takes PORT",
            Effect::Change,
        ),
    ];
    if !moved.root.is_empty() {
        fixes.push(offer::front("Or lend the project the real port, for clients that know no other", &moved.root));
    }
    let likelihood = if moved.here { Likelihood::Likely } else { Likelihood::Possible };
    let summary = format!("{owner} already serves {asked}: {who} -> localhost:{}.", moved.port);
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener},
    };

    pub(crate) fn cases() -> Cases {
        let text = "Error: listen EADDRINUSE: address already in use :::3000";
        let on = |port| {
            let scene = Scene::listen(held(listener("::", port)), "0.0.0.0:3000", true).said(Symptom::InUse, None, text);
            scene.but(|scene| scene.exam.every_port = true)
        };
        let here = |scene: Scene| scene.but(|scene| scene.exam.moved.iter_mut().for_each(|moved| moved.here = true));
        Cases {
            fires: vec![here(on(20300).moved(20300, "node", "shop")), on(20300).moved(20300, "node", "")],
            silent: vec![
                // No session; one whose program has ended; another project's beside a holder of the real port; no bind that failed.
                on(20300),
                on(20300).moved(20400, "node", "shop"),
                on(3000).moved(3000, "node", "shop"),
                Scene::listen(held(listener("::", 20300)), "0.0.0.0:3000", true).moved(20300, "node", "shop"),
            ],
        }
    }

    #[test]
    fn the_one_that_serves_is_named() {
        let diagnosis = crate::doctor::diagnose(&cases().fires.remove(0).case());
        let summary = diagnosis.causes[0].summary.to_string();
        assert!(summary.starts_with("shop already serves 3000: node") && summary.ends_with("-> localhost:20300."), "{summary}");
    }
}
