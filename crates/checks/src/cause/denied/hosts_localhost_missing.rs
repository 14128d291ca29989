cause! {
    "hosts-localhost-missing": "localhost has no address",
    Rule, Event(run),
    what: "\
The hosts file has no line for `localhost`, and no other source of names knows it: containers and hand-edited machines are
often so. Clients that dial the name fail before any connection.",
    evidence: "getaddrinfo(3) gives no address for the name; /etc/hosts has no line with it.",
    fix: "Add `127.0.0.1 localhost` and `::1 localhost` to /etc/hosts, or dial 127.0.0.1.",
}

use std::net::Ipv4Addr;

use portward_model::Edit;

use super::hosts_localhost_wrong::names;
use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let is_localhost = |name: &str| name.trim_end_matches('.').eq_ignore_ascii_case("localhost");
    let asked = case.asked.name.as_deref().is_some_and(is_localhost);
    let unresolved = asked && case.asked.addresses.is_empty();
    let told = case.paste.filter(|paste| {
        paste.says == Some(CAUSE.code)
            || (paste.symptom == Symptom::NameUnknown && paste.host.as_deref().is_some_and(is_localhost))
    });
    if !unresolved && told.is_none() {
        return Ruling::Silent;
    }
    let line = case.exam.hosts.iter().flatten().find(|line| names(line, "localhost"));
    if let Some(line) = line.filter(|_| !unresolved) {
        return Ruling::out(format!("line {} of /etc/hosts gives localhost the address {}", line.line, line.address));
    }
    let mut evidence = Vec::new();
    if unresolved {
        evidence.push(Evidence::new("getaddrinfo(3)", "localhost has no address"));
    }
    evidence.extend(told.map(words::text_line));
    if case.exam.hosts.is_some() && line.is_none() {
        evidence.push(Evidence::new("/etc/hosts", "no line names localhost"));
    }
    let likelihood = match (unresolved, case.exam.hosts.is_some()) {
        (true, _) | (false, true) => Likelihood::Certain,
        (false, false) => Likelihood::Possible,
    };
    let last = case.exam.hosts.iter().flatten().max_by_key(|line| line.line);
    let title = "Give it its addresses";
    let command = "printf '127.0.0.1 localhost\\n::1 localhost\\n' | sudo tee -a /etc/hosts";
    // Lines are added behind one that is known, so that what is written is known to fit.
    let add = match last {
        Some(last) => {
            let then = vec![last.whole.clone(), "127.0.0.1 localhost".into(), "::1 localhost".into()];
            let edit = Edit { file: "/etc/hosts".into(), line: last.line, now: last.whole.clone(), then, after: None };
            Remedy::edit(title, edit, command)
        }
        None => Remedy::change(title, command),
    };
    let dial = words::address(Ipv4Addr::LOCALHOST.into(), case.asked.port);
    let mut fixes = vec![add];
    fixes.extend((!case.asked.is_nowhere()).then(|| offer::explain("Or dial the address itself", dial)));
    words::found(CAUSE.code, likelihood, "The name localhost has no address on this machine.", evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{HostsLine, Met};

    use crate::{Symptom, case::scene::Scene, cause::Cases};

    pub(crate) fn cases() -> Cases {
        let unresolved = |name| Scene::connect("127.0.0.1:3000").named(name, &[]);
        let named = || HostsLine {
            line: 1,
            address: "127.0.0.1".parse().unwrap(),
            names: vec!["localhost".into()],
            whole: "127.0.0.1 localhost".into(),
        };
        let other = || HostsLine { names: vec!["box".into()], ..named() };
        let told =
            |scene: Scene| scene.said(Symptom::NameUnknown, Some("hosts-localhost-missing"), "getaddrinfo ENOTFOUND localhost");
        Cases {
            fires: vec![
                unresolved("localhost").but(|scene| scene.exam.hosts = Some(vec![other()])),
                unresolved("localhost"),
                told(Scene::connect("127.0.0.1:3000")).but(|scene| scene.exam.hosts = Some(Vec::new())),
            ],
            silent: vec![
                unresolved("app.localhost"),
                Scene::connect("127.0.0.1:3000").named("localhost", &["127.0.0.1"]).tried(Met::Failed(111)),
                told(Scene::connect("127.0.0.1:3000")).but(|scene| scene.exam.hosts = Some(vec![named()])),
            ],
        }
    }
}
