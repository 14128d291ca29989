lint! {
    "callback-elsewhere": "a callback or an origin names a port that nothing of the project has",
    Medium, reads: ["dotenv", "django", "spring", "compose"],
    why: "\
A login sends the browser back to its callback, and a browser sends requests with the origin of its page. Where the port in one of them is not the
one at which the page is served, the login ends at a refused connection, and requests end with an error of CORS. It is said where the
project's own web ports are known and this one is none of them; of a list of origins where none is, and where the project serves pages elsewhere
than in the service that lets them in.",
    fix: "Write the port at which the page is served, here and where the provider of the login knows the address.",
}

use super::prelude::*;
use crate::lint::project::is_for_others;

fn run(project: &Project) -> Vec<Finding> {
    let web: Vec<(&File, &Fact)> = project.serving().filter(|(_, fact)| is_web(fact)).collect();
    let mut found = Vec::new();
    for (file, fact) in project.facts() {
        let (url, noun) = match &fact.what {
            What::Callback(url) => (url, "A login returns to"),
            What::Origin(url) => (url, "Pages are let in from"),
            _ => continue,
        };
        let known = |fact: &Fact| project.knows(fact.port);
        if !url.written || known(fact) || is_for_others(file.name()) {
            continue;
        }
        let origins = |other: &&Fact| matches!(other.what, What::Origin(_)) && other.service == fact.service;
        if matches!(fact.what, What::Origin(_)) && file.found.facts.iter().filter(origins).any(known) {
            continue;
        }
        // A server lets in the pages of another one: where it is the only one, those are another repository's. Its own it names for Django.
        let is_own = fact.service.as_deref().is_some_and(|name| name.to_ascii_uppercase().contains("CSRF"));
        let theirs = |(of, other): &&(&File, &Fact)| {
            matches!(fact.what, What::Callback(_)) || is_own || is_another(&web, (file, fact), (of, other))
        };
        let web: Vec<&(&File, &Fact)> = web.iter().filter(theirs).collect();
        let Some((server_file, server)) = web.first() else { continue };
        let summary = format!("{noun} port {}, and nothing of the project is there.", fact.port);
        let mut finding = words::at(&RULE, Likelihood::Likely, file, fact, summary);
        finding.evidence.push(words::seen(server_file, server));
        let ports: std::collections::BTreeSet<u16> = web.iter().map(|(_, fact)| fact.port).collect();
        finding.remedies.push(if let Some(port) = ports.first().filter(|_| ports.len() == 1) {
            let title = format!("Name {port}, where the project serves");
            words::line(project, file, fact.line, &fact.port.to_string(), &port.to_string(), title)
        } else {
            let all: Vec<String> = ports.iter().map(u16::to_string).collect();
            words::decide("Name the port of the page", format!("the project serves at {}", all.join(", ")))
        });
        found.push(finding);
    }
    found
}

/// True for a server that is not the one which names an origin.
fn is_another(web: &[(&File, &Fact)], (file, fact): (&File, &Fact), (of, other): (&File, &Fact)) -> bool {
    let is_compose = |file: &File| file.kind.name == "compose";
    match (is_compose(file), is_compose(of)) {
        (true, true) => other.service != fact.service,
        // Which of several services it is is not known.
        (false, true) => web.iter().any(|(file, fact)| is_compose(file) && fact.service != other.service),
        _ => of.folder() != file.folder(),
    }
}

/// False for servers that no browser speaks to.
fn is_web(fact: &Fact) -> bool {
    let port = match fact.what {
        What::Published { container, .. } => container,
        _ => fact.port,
    };
    fact.transport == Transport::Tcp
        && portward_wire::protocol::of_port(port).is_none_or(|(known, _)| matches!(known.name, "http" | "tls"))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use super::{Cases, given};

    pub(crate) fn cases() -> Cases {
        let web = ("package.json", "{\"scripts\":{\"dev\":\"vite --port 5180\"}}");
        let compose = |more: &str| {
            format!(
                "services:\n  api:\n    ports: [\"127.0.0.1:8080:8080\"]\n    environment:\n      CORS_ORIGIN: http://localhost:3000\n{more}"
            )
        };
        Cases {
            fires: vec![
                given(&[web, (".env", "GOOGLE_REDIRECT_URI=http://localhost:3000/auth/callback\n")]),
                given(&[web, ("api/.env", "CORS_ORIGINS=http://localhost:3000,http://localhost:3001\n")]),
                given(&[("compose.yml", &compose("  web:\n    ports: [\"127.0.0.1:8081:80\"]\n"))]),
                given(&[("manage.py", "DJANGO_SETTINGS_MODULE\n"), (".env", "CSRF_TRUSTED_ORIGINS=http://localhost:8001\n")]),
            ],
            silent: vec![
                // A server without a page of its own: that is another repository's.
                given(&[("compose.yml", &compose(""))]),
                given(&[
                    ("server.js", "app.listen(8080)\n"),
                    ("package.json", "{}"),
                    (".env", "PORT=8080\nCORS_ORIGIN=http://localhost:3000\n"),
                ]),
                given(&[web, (".env", "OAUTH_CALLBACK_URL=http://localhost:5180/cb\n")]),
                given(&[web, (".env", "CORS_ORIGINS=http://localhost:3000,http://localhost:5180\n")]),
                given(&[(".env", "OAUTH_CALLBACK_URL=http://localhost:3000/cb\n")]),
                given(&[web, (".env.production", "OAUTH_CALLBACK_URL=http://localhost:3000/cb\n")]),
                given(&[web, (".env", "OAUTH_CALLBACK_URL=https://shop.example.com:8443/cb\n")]),
                given(&[web, (".env", "OAUTH_CALLBACK_URL=http://localhost/cb\n")]),
                given(&[
                    ("compose.yml", "services:\n  db:\n    ports: [\"127.0.0.1:5432:5432\"]\n"),
                    (".env", "CALLBACK=http://localhost:3000\n"),
                ]),
            ],
        }
    }
}
