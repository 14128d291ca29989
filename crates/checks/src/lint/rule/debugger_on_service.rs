lint! {
    "debugger-on-service": "a debugger waits at a service's port",
    High, reads: ["package", "procfile", "launch", "tasks", "makefile", "compose", "just", "taskfile", "wrangler"],
    why: "\
Whichever starts first has the port; the other is refused, or an editor attaches to a web server and waits for ever.",
    fix: "Give the debugger a port of its own, and tell the editor that attaches to it.",
}

use super::prelude::*;

fn run(project: &Project) -> Vec<Finding> {
    let mut found = Vec::new();
    for (file, fact) in
        project.facts().filter(|(file, fact)| !file.is_of_containers() && matches!(fact.what, What::Debugger { waits: true }))
    {
        let Some((other, service)) =
            project.serving().find(|(_, service)| service.port == fact.port && service.transport == Transport::Tcp)
        else {
            continue;
        };
        let summary = format!(
            "A debugger waits at port {}, which {} asks for in {}.",
            fact.port,
            whose(service),
            words::place(other, service)
        );
        let mut finding = words::at(&RULE, Likelihood::Certain, file, fact, summary);
        finding.evidence.push(words::seen(other, service));
        let next = (9229..=u16::MAX).find(|port| !project.knows(*port)).unwrap_or(9229);
        let title = format!("Let the debugger wait at {next}");
        finding.remedies.push(words::line(project, file, fact.line, &fact.port.to_string(), &next.to_string(), title));
        found.push(finding);
    }
    found
}

fn whose(fact: &Fact) -> &str {
    fact.service.as_deref().unwrap_or("a service")
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use super::{Cases, given};

    pub(crate) fn cases() -> Cases {
        let package = |dev: &str| format!("{{\"scripts\":{{\"dev\":\"{dev}\"}}}}");
        Cases {
            fires: vec![
                given(&[("package.json", &package("node --inspect=3000 a.js")), (".env", "PORT=3000\n")]),
                given(&[("package.json", &package("node --inspect a.js --port 9229"))]),
                given(&[
                    ("package.json", &package("node --inspect a.js")),
                    ("compose.yml", "services:\n  x:\n    ports: [\"127.0.0.1:9229:1\"]\n"),
                ]),
            ],
            silent: vec![
                given(&[("package.json", &package("node --inspect a.js --port 3000"))]),
                given(&[
                    ("package.json", &package("node --inspect=9230 a.js")),
                    (
                        ".vscode/launch.json",
                        "{\"configurations\":[{\"name\":\"a\",\"type\":\"node\",\"request\":\"attach\",\"port\":9230}]}",
                    ),
                ]),
                given(&[
                    ("Dockerfile", "FROM node\nENV PORT=9229\nEXPOSE 9229\n"),
                    ("package.json", &package("node --inspect a.js")),
                ]),
            ],
        }
    }
}
