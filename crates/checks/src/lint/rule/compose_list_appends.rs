lint! {
    "compose-list-appends": "an override file's list of ports is added to the other list instead of replacing it",
    High, reads: ["compose"],
    why: "\
Compose merges lists of two files by adding them to each other. A port that an override file maps anew is published twice: at the old port
and at the new one, so that the old port stays taken and a second copy of the project cannot start.",
    fix: "Write `ports: !override` (Compose 2.24 and later), which replaces the list.",
}

use portward_wire::source::Spot;

use super::prelude::*;

fn run(project: &Project) -> Vec<Finding> {
    let mut found = Vec::new();
    for start in project.of_kind("compose").flat_map(|file| &file.found.starts) {
        for list in &start.added {
            let Some(file) = project.of_kind("compose").find(|file| file.path == list.file) else { continue };
            // What stands behind the first port of this list is laid over it in turn.
            let (before, after): (Vec<&Spot>, Vec<&Spot>) = start.published.iter().partition(|spot| spot.file != list.file);
            // Another container's port is an addition that is meant.
            let moved = after.iter().find_map(|new| {
                let is_it =
                    |old: &&&Spot| (old.container, old.transport) == (new.container, new.transport) && old.port != new.port;
                Some((before.iter().find(is_it)?, new))
            });
            let Some((old, new)) = moved else { continue };
            let name = &start.name;
            let summary = format!(
                "{name} is published at {}, by {}, and at {}, by this list, which is added to it.",
                old.port, old.file, new.port
            );
            let line = list.line;
            let evidence = vec![
                Evidence::new(format!("{}:{line}", file.path), format!("`ports` of {name} has no tag `!override`")),
                Evidence::new(
                    format!("{}:{}", old.file, old.line),
                    format!("{name} is published at {}, from the same port of the container", old.port),
                ),
            ];
            let mut finding = words::placed(&RULE, Likelihood::Certain, &file.path, line, summary, evidence);
            let title = "Let the list replace the other one".to_owned();
            finding.remedies.push(words::line(project, file, line, "ports:", "ports: !override", title));
            found.push(finding);
        }
    }
    found
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use super::{Cases, given};

    pub(crate) fn cases() -> Cases {
        let base = "services:\n  web:\n    ports:\n      - \"127.0.0.1:3000:80\"\n";
        let over = |text: &str| given(&[("docker-compose.yml", base), ("docker-compose.override.yml", text)]);
        Cases {
            fires: vec![
                over("services:\n  web:\n    ports:\n      - \"127.0.0.1:3001:80\"\n"),
                given(&[("a/compose.yaml", base), ("a/compose.override.yaml", "services:\n  web:\n    ports: [\"3001:80\"]\n")]),
            ],
            silent: vec![
                over("services:\n  web:\n    ports: !override\n      - \"127.0.0.1:3001:80\"\n"),
                over("services:\n  web:\n    ports:\n      - \"127.0.0.1:9229:9229\"\n"),
                over("services:\n  web:\n    ports:\n      - \"127.0.0.1:3000:80\"\n"),
                over("services:\n  other:\n    ports:\n      - \"127.0.0.1:3001:80\"\n"),
                given(&[("compose.yml", base), ("compose.prod.yml", "services:\n  web:\n    ports: [\"80:80\"]\n")]),
            ],
        }
    }
}
