lint! {
    "expose-differs": "an image's EXPOSE is not the port that its program asks for, or that Compose publishes",
    Medium, reads: ["dockerfile", "compose"],
    why: "\
EXPOSE opens nothing; it tells people and tools (`docker run -P`, Compose, editors) where the program listens. Where it names another port than
the program is told, they connect to nothing.",
    fix: "Write the port that the program asks for.",
}

use super::prelude::*;

fn run(project: &Project) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in project.of_kind("dockerfile") {
        let exposed: Vec<&Fact> = tcp(file).filter(|fact| fact.what == What::Exposed).collect();
        let asked: Vec<&Fact> = tcp(file).filter(|fact| matches!(fact.what, What::Asked { .. })).collect();
        let Some(first) = exposed.first() else { continue };
        // Of several, the last word counts: an option goes before a variable.
        if let Some(told) = asked.last().filter(|told| exposed.iter().all(|fact| fact.port != told.port)) {
            let summary = format!("EXPOSE names {}, and the program is told {}.", first.port, told.port);
            let mut finding = words::at(&RULE, Likelihood::Likely, file, first, summary);
            finding.evidence.push(words::seen(file, told));
            let title = format!("Name {}", told.port);
            finding.remedies.push(words::line(project, file, first.line, &first.port.to_string(), &told.port.to_string(), title));
            found.push(finding);
        }
        if file.name() == "Dockerfile" {
            found.extend(published(project, file, &exposed));
        }
    }
    found
}

fn tcp(file: &File) -> impl Iterator<Item = &Fact> {
    file.found.facts.iter().filter(|fact| fact.transport == Transport::Tcp)
}

/// Services that are built from this image, and publish none of its ports.
fn published(project: &Project, image: &File, exposed: &[&Fact]) -> Vec<Finding> {
    let mut found = Vec::new();
    let built = |unit: &&Unit<'_>| unit.file.kind.name == "compose" && unit.start.build.as_deref() == Some(image.folder());
    for unit in units(project).iter().filter(built) {
        let start = unit.start;
        let of = || {
            let facts = project.of_kind("compose").flat_map(tcp);
            facts.filter(|fact| fact.service.as_deref() == Some(&start.name))
        };
        let ports: Vec<(&File, &Fact, u16)> = unit
            .ports
            .iter()
            .filter(|(_, fact)| fact.transport == Transport::Tcp)
            .filter_map(|(file, fact)| match fact.what {
                What::Published { container, .. } => Some((*file, *fact, container)),
                _ => None,
            })
            .collect();
        let told = |port: u16| of().any(|fact| fact.what == What::Exposed && fact.port == port);
        let misses = |port: u16| exposed.iter().all(|fact| fact.port != port) && !told(port);
        let is_missed = ports.iter().all(|(.., port)| misses(*port));
        let Some((file, fact, container)) = ports.first().filter(|_| is_missed) else { continue };
        let expected = exposed.first().map_or(0, |fact| fact.port);
        let summary = format!("{} publishes port {container} of its container, and its image exposes {expected}.", start.name);
        let mut finding = words::at(&RULE, Likelihood::Likely, file, fact, summary);
        finding.evidence.extend(exposed.iter().map(|fact| words::seen(image, fact)));
        let title = format!("Publish {expected}");
        let (now, then) = (format!(":{container}"), format!(":{expected}"));
        finding.remedies.push(words::line(project, file, fact.line, &now, &then, title));
        found.push(finding);
    }
    found
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use super::{Cases, given};

    pub(crate) fn cases() -> Cases {
        let compose =
            |port: &str| format!("services:\n  web:\n    build: ./web\n    ports:\n      - \"127.0.0.1:3000:{port}\"\n");
        let image = "FROM node\nEXPOSE 3000\n";
        Cases {
            fires: vec![
                given(&[("Dockerfile", "FROM node\nENV PORT=8080\nEXPOSE 3000\nCMD node a.js\n")]),
                given(&[("Dockerfile", "FROM node\nEXPOSE 3000\nCMD [\"serve\",\"-p\",\"8080\"]\n")]),
                given(&[("web/Dockerfile", image), ("compose.yml", &compose("80"))]),
            ],
            silent: vec![
                given(&[("Dockerfile", "FROM node\nENV PORT=3000\nEXPOSE 3000 9229\nCMD node a.js\n")]),
                given(&[("Dockerfile", "FROM node\nENV PORT=80\nEXPOSE 3000\nCMD [\"serve\",\"-p\",\"3000\"]\n")]),
                given(&[("Dockerfile", "FROM node\nCMD [\"serve\",\"-p\",\"8080\"]\n")]),
                given(&[("web/Dockerfile", image), ("compose.yml", &compose("3000"))]),
                given(&[
                    ("web/Dockerfile", image),
                    ("compose.yml", &format!("{}    environment: {{ PORT: 80 }}\n", compose("80"))),
                ]),
                given(&[("api/Dockerfile", image), ("compose.yml", &compose("80"))]),
            ],
        }
    }
}
