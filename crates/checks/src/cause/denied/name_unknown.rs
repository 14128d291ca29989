cause! {
    "name-unknown": "the name has no address where it was looked up",
    Dialogue, Event(run),
    what: "The client looked a host's name up, and nobody knew it; no connection was tried. The usual cases: the name of a Compose or
Kubernetes service, which is known inside its own network alone; a name with a blank, a quote or a scheme in it, from a setting; a name
of a VPN or a company's resolver that is not connected. \"Temporary failure\" (EAI_AGAIN) means that no resolver answered at all.",
    evidence: "The text; what getaddrinfo(3) says of the name on this machine.",
    fix: "Use the published port at localhost from outside a Compose network, or the service's name from inside; correct the setting.",
}

use portward_model::{ShellLine, is_localhost};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let told = case.paste.filter(|paste| paste.symptom == Symptom::NameUnknown);
    if let Some(paste) = told.filter(|paste| with_scheme(paste).is_some()) {
        let looked_up = Text::new(with_scheme(paste).unwrap_or_default());
        let summary = format!("{looked_up} was looked up as a name, scheme and all: a setting that takes a host holds a URL.");
        let fixes = vec![Remedy::advice("Give the setting the host alone", paste.host.clone().unwrap_or_default(), Effect::Read)];
        return words::found(CAUSE.code, Likelihood::Certain, summary, vec![words::text_line(paste)], fixes);
    }
    let unresolved = case.asked.name.as_deref().filter(|_| case.asked.addresses.is_empty());
    let Some(name) = told.and_then(|paste| paste.host.as_deref()).or(unresolved).filter(|name| !is_localhost(name)) else {
        return Ruling::Silent;
    };
    let shown = Text::from(name);
    let mut evidence: Vec<Evidence> = told.map(words::text_line).into_iter().collect();
    let here = case.asked.name.as_deref() == Some(name);
    if here {
        let known: Vec<String> = case.asked.addresses.iter().map(ToString::to_string).collect();
        let fact = if known.is_empty() { "no address".to_owned() } else { known.join(", ") };
        evidence.push(Evidence::new("getaddrinfo(3)", format!("{shown} has {fact} on this machine")));
    }
    if evidence.is_empty() {
        return Ruling::Silent;
    }
    let known = here && !case.asked.addresses.is_empty();
    let blank = told.is_some_and(|paste| is_blank_beside(&paste.line.lossy(), name));
    let single = !name.contains('.');
    let mut fixes = Vec::new();
    if single && !known {
        fixes.push(Remedy::look("If it is a Compose service: see where its port is published", "docker compose ps"));
    }
    fixes.push(Remedy::look("Look the name up as programs do", ShellLine::from("getent ahosts").operand(&shown)));
    let summary = match (blank, known, single) {
        (true, ..) => format!("The name {shown} was looked up with a blank beside it, and no such name is known."),
        (_, true, _) => format!("{shown} is known on this machine, and was not where the text was printed."),
        _ if !here => format!("{shown} was not known where it was looked up."),
        (_, _, true) => format!("{shown} is no name outside its own network: nobody here knows an address of it."),
        (_, _, false) => format!("Nobody knows an address of {shown}."),
    };
    let likelihood = if here && !known { Likelihood::Certain } else { Likelihood::Likely };
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// The URL that a program looked up as if it were a host's name.
fn with_scheme(paste: &crate::Paste) -> Option<String> {
    let line = paste.line.lossy();
    let after = ["ENOTFOUND ", "EAI_AGAIN ", "resolve host: ", "resolve host '", "UnknownHostException: ", "lookup "];
    let rest = after.iter().find_map(|words| line.split_once(words)).map(|(_, rest)| rest)?;
    let word = rest.split([' ', '\'', '"', ',']).next()?;
    word.contains("://").then(|| word.to_owned())
}

/// True where the text quotes the name with a blank before or behind it.
fn is_blank_beside(line: &str, name: &str) -> bool {
    let quoted = |quote: char| line.contains(&format!("{quote} {name}")) || line.contains(&format!("{name} {quote}"));
    ['"', '\'', '`'].into_iter().any(quoted) || line.contains(&format!("  {name}")) || line.contains(&format!("%20{name}"))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::Met;

    use crate::{Symptom, case::scene::Scene, cause::Cases};

    pub(crate) fn cases() -> Cases {
        let unresolved = || Scene::connect("127.0.0.1:5432").named("db", &[]);
        let told = |scene: Scene, line: &str, host: &str| {
            scene.said(Symptom::NameUnknown, None, line).but(|scene| scene.paste.as_mut().unwrap().host = Some(host.to_owned()))
        };
        Cases {
            fires: vec![
                told(unresolved(), "getaddrinfo ENOTFOUND db", "db"),
                told(Scene::nowhere(), "getaddrinfo EAI_AGAIN db", "db"),
                told(Scene::nowhere(), "Could not resolve host: ' db'", "db"),
                told(Scene::connect("127.0.0.1:80"), "getaddrinfo ENOTFOUND http://localhost", "localhost"),
                told(Scene::connect("10.0.0.7:5432").named("db.corp", &["10.0.0.7"]), "getaddrinfo ENOTFOUND db.corp", "db.corp"),
                unresolved(),
            ],
            silent: vec![
                Scene::connect("127.0.0.1:5432").named("db", &["127.0.0.1"]).tried(Met::Failed(111)),
                Scene::connect("127.0.0.1:5432").named("localhost", &[]),
                told(Scene::nowhere(), "getaddrinfo ENOTFOUND localhost", "localhost"),
            ],
        }
    }
}
