lint! {
    "ephemeral-port": "a service's port is in the range that outgoing connections take theirs from",
    Low, reads: ["package", "procfile", "compose", "dotenv", "development", "angular", "spring", "dotnet", "makefile", "tasks", "launch", "program", "wrangler", "phoenix", "jekyll", "mkdocs", "just", "taskfile"],
    why: "\
The kernel gives each outgoing connection a port of its ephemeral range (`net.ipv4.ip_local_port_range`). While one has this port, the
service is refused it: a start that fails once a week.",
    fix: "Take a port below the range, such as one of 3000 to 29999, or have the port reserved (`net.ipv4.ip_local_reserved_ports`).",
}

use super::prelude::*;

fn run(project: &Project) -> Vec<Finding> {
    let Some(rules) = &project.life.rules else { return Vec::new() };
    // IIS Express is given its TLS ports by Windows, in a range of its own.
    let asked = project.serving().filter(|(file, fact)| rules.is_ephemeral(fact.port) && file.kind.name != "dotnet");
    let found = asked.map(|(file, fact)| {
        let range = rules.ephemeral;
        let summary =
            format!("Port {} is in the range {range} of outgoing connections, which may have it at any time.", fact.port);
        let mut finding = words::at(&RULE, Likelihood::Certain, file, fact, summary);
        finding.evidence.push(Evidence::new("net.ipv4.ip_local_port_range", range.to_string()));
        let next = near(project, fact.port);
        let title = format!("Let it be {next}, and tell its clients");
        finding.remedies.push(words::port(project, file, fact, next, title));
        finding
    });
    found.collect()
}

/// A port below every usual range that ends as this one does.
fn near(project: &Project, port: u16) -> u16 {
    (0..10_000).map(|step| 20_000 + (port % 10_000 + step) % 10_000).find(|port| !project.knows(*port)).unwrap_or(20_000)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use super::{Cases, Project, given};

    pub(crate) fn cases() -> Cases {
        let rules = |mut project: Project| {
            project.life.rules = crate::fixture::machine().rules;
            project
        };
        Cases {
            fires: vec![
                rules(given(&[("Procfile", "web: puma -p 40000\n")])),
                rules(given(&[("compose.yml", "services:\n  a:\n    ports: [\"127.0.0.1:50000:80\"]\n")])),
            ],
            silent: vec![
                rules(given(&[("Procfile", "web: puma -p 3000\n")])),
                given(&[("Procfile", "web: puma -p 40000\n")]),
                rules(given(&[(".env.production", "PORT=40000\n")])),
                rules(given(&[("compose.yml", "services:\n  a:\n    ports: [\"127.0.0.1:8080:50000\"]\n")])),
                rules(given(&[("Dockerfile", "FROM a\nEXPOSE 50000\n")])),
                rules(given(&[(".env", "API=http://localhost:50000\n")])),
            ],
        }
    }

    #[test]
    fn the_published_side_of_a_mapping_is_written_and_not_the_containers() {
        let compose = "services:\n  a:\n    ports: [\"127.0.0.1:40001:40001\", \"127.0.0.1:40000:40000/udp\"]\n";
        let mut project = given(&[("compose.yml", compose)]);
        project.life.rules = crate::fixture::machine().rules;
        let lines: Vec<String> = super::run(&project)
            .iter()
            .flat_map(|finding| &finding.remedies)
            .filter_map(|remedy| Some(remedy.edits()?.then.first()?.shown()))
            .collect();
        let expected =
            ["127.0.0.1:20001:40001\", \"127.0.0.1:40000:40000/udp", "127.0.0.1:40001:40001\", \"127.0.0.1:20000:40000/udp"];
        assert_eq!(lines, expected.map(|ports| format!("    ports: [\"{ports}\"]")));
    }
}
