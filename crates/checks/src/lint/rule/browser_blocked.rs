lint! {
    "browser-blocked": "browsers refuse to open a service's port",
    High, reads: ["package", "procfile", "compose", "development", "angular", "spring", "dotnet", "makefile", "tasks", "launch", "dotenv", "wrangler", "phoenix", "jekyll", "mkdocs", "just", "taskfile"],
    why: "\
Browsers, and fetch in Node, send no request to ports whose protocols a page could abuse (Fetch standard, \"Port blocking\"): 6000, 6665 to
6669, 10080 and others. The server runs, curl reaches it, and every page fails with ERR_UNSAFE_PORT.",
    fix: "Take another port.",
}

use portward_wire::protocol;

use super::prelude::*;
use crate::browser_blocks;

fn run(project: &Project) -> Vec<Finding> {
    let mut found = Vec::new();
    for (file, fact) in project.facts().filter(|(file, fact)| browser_blocks(fact.port) && !file.is_of_containers()) {
        // What no browser opens may be anywhere: a database, a program that nothing says to be a web server.
        let is_web = match &fact.what {
            What::Asked { .. } => {
                matches!(file.kind.name, "development" | "angular" | "spring" | "dotnet") || is_server_of_pages(file, fact)
            }
            What::Dialled(url) | What::Callback(url) | What::Origin(url) => {
                url.written && matches!(url.scheme.as_deref(), Some("http" | "https" | "ws" | "wss"))
            }
            What::Published { container, .. } => {
                fact.transport == Transport::Tcp && protocol::of_port(*container).is_some_and(|(known, _)| known.name == "http")
            }
            _ => false,
        };
        if !is_web {
            continue;
        }
        let summary = format!("Port {} is one that browsers refuse to open.", fact.port);
        let mut finding = words::at(&RULE, Likelihood::Certain, file, fact, summary);
        finding.evidence.push(Evidence::new("Fetch standard, port blocking", format!("{} is on the list", fact.port)));
        let next =
            (fact.port..=u16::MAX).find(|port| *port >= 3000 && !browser_blocks(*port) && !project.knows(*port)).unwrap_or(3000);
        let title = format!("Let it be {next} wherever it is named");
        finding.remedies.push(words::port(project, file, fact, next, title));
        found.push(finding);
    }
    found
}

/// True where the line runs a server of pages by its name.
fn is_server_of_pages(file: &File, fact: &Fact) -> bool {
    const SERVERS: &[&str] = &[
        "vite",
        "next",
        "nuxt",
        "astro",
        "ng",
        "react-scripts",
        "webpack",
        "serve",
        "http-server",
        "http.server",
        "gatsby",
        "flask",
        "runserver",
        "artisan",
        "rails",
    ];
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    file.line(fact.line).is_some_and(|line| line.split(|c| !is_name(c)).any(|word| SERVERS.contains(&word)))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use super::{Cases, given};

    pub(crate) fn cases() -> Cases {
        Cases {
            fires: vec![
                given(&[("package.json", "{\"scripts\":{\"dev\":\"next dev -p 6000\"}}")]),
                given(&[("vite.config.ts", "export default {\n  server: { port: 6666 },\n}\n")]),
                given(&[(".env", "APP_URL=http://localhost:10080/\n")]),
                given(&[("compose.yml", "services:\n  web:\n    ports: [\"127.0.0.1:6000:80\"]\n")]),
            ],
            silent: vec![
                given(&[("package.json", "{\"scripts\":{\"dev\":\"next dev -p 3000\"}}")]),
                given(&[("Procfile", "x: redis-server --port 6000\n")]),
                given(&[("compose.yml", "services:\n  sip:\n    ports: [\"127.0.0.1:5060:5060\"]\n")]),
                given(&[("Dockerfile", "FROM a\nEXPOSE 6000\n")]),
            ],
        }
    }
}
