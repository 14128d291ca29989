lint! {
    "service-needs-privilege": "a program is told to listen below the first port that ordinary users may have",
    Medium, reads: ["package", "procfile", "dotenv", "development", "angular", "spring", "makefile", "tasks", "launch", "program", "just", "taskfile"],
    why: "\
Below `net.ipv4.ip_unprivileged_port_start` (1024 where nobody changed it) a bind needs a privilege: the program fails for everybody who does
not start it as root. Ports that a container's engine publishes are the engine's, and are not meant.",
    fix: "Take a port above 1023. In a session of Portward (`portward run`) port 80 needs no privilege.",
}

use super::prelude::*;

fn run(project: &Project) -> Vec<Finding> {
    let first = project.life.rules.as_ref().map_or(1024, |rules| rules.unprivileged_start);
    let asked = project.serving().filter(|(_, fact)| fact.port < first && matches!(fact.what, What::Asked { .. }));
    let found = asked.map(|(file, fact)| {
        let summary = format!("Port {} needs a privilege on this machine: ordinary users have those from {first} on.", fact.port);
        let mut finding = words::at(&RULE, Likelihood::Certain, file, fact, summary);
        finding.evidence.push(Evidence::new("net.ipv4.ip_unprivileged_port_start", first.to_string()));
        let next = (8000 + fact.port % 1000..=u16::MAX).find(|port| !project.knows(*port)).unwrap_or(8080);
        let title = format!("Let it be {next}, and tell its clients");
        finding.remedies.push(words::port(project, file, fact, next, title));
        finding
    });
    found.collect()
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use super::{Cases, Project, given};

    pub(crate) fn cases() -> Cases {
        let rules = |start: u16, mut project: Project| {
            project.life.rules = crate::fixture::machine().rules;
            if let Some(rules) = &mut project.life.rules {
                rules.unprivileged_start = start;
            }
            project
        };
        Cases {
            fires: vec![given(&[("Procfile", "web: puma -p 80\n")]), rules(1024, given(&[(".env", "PORT=443\n")]))],
            silent: vec![
                rules(80, given(&[("Procfile", "web: puma -p 80\n")])),
                given(&[("compose.yml", "services:\n  a:\n    ports: [\"127.0.0.1:80:80\"]\n")]),
                given(&[("Dockerfile", "FROM a\nENV PORT=80\nEXPOSE 80\n")]),
                given(&[("Procfile", "web: puma -p 1024\n")]),
                given(&[(".env.example", "PUSHER_PORT=443\nLDAP_PORT=389\nAPI_HOST=api.example.com\nAPI_PORT=443\n")]),
                given(&[(".env.production", "PORT=80\n")]),
                given(&[("src/main/resources/application-prod.yml", "server:\n  port: 80\n")]),
            ],
        }
    }
}
