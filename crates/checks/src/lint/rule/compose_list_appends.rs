lint! {
    "compose-list-appends": "an override file's list of ports is added to the other list instead of replacing it",
    High, reads: ["compose"],
    why: "\
Compose merges lists of two files by adding them to each other. A port that an override file maps anew is published twice: at the old port
and at the new one, so that the old port stays taken and a second copy of the project cannot start.",
    fix: "Write `ports: !override` (Compose 2.24 and later), which replaces the list.",
}

use portward_wire::source::Ports;

use super::prelude::*;
use crate::lint::unit::is_over;

fn run(project: &Project) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in project.of_kind("compose") {
        let Some(base) = base(project, file) else { continue };
        for start in &file.found.starts {
            let Ports::Added { line } = start.ports else { continue };
            let of = |file: &'_ File| -> Vec<(u16, u16)> {
                let own = file.found.facts.iter().filter(|fact| fact.service.as_deref() == Some(&start.name));
                own.filter_map(|fact| match fact.what {
                    What::Published { container, .. } => Some((fact.port, container)),
                    _ => None,
                })
                .collect()
            };
            let (before, after) = (of(base), of(file));
            // Another container's port is an addition that is meant.
            let Some((old, new)) = after.iter().find_map(|(port, container)| {
                let old = before.iter().find(|(known, own)| own == container && known != port)?;
                Some((old.0, *port))
            }) else {
                continue;
            };
            let name = &start.name;
            let summary =
                format!("{name} is published at {old}, by {}, and at {new}, by this list, which is added to it.", base.path);
            let evidence = vec![
                Evidence::new(format!("{}:{line}", file.path), format!("`ports` of {name} has no tag `!override`")),
                Evidence::new(base.path.clone(), format!("{name} is published at {old}, from the same port of the container")),
            ];
            let mut finding = words::placed(&RULE, Likelihood::Certain, &file.path, line, summary, evidence);
            finding.remedies.push(words::line(
                project,
                file,
                line,
                "ports:",
                "ports: !override",
                "Let the list replace the other one".to_owned(),
            ));
            found.push(finding);
        }
    }
    found
}

/// The file that an override file is laid over.
fn base<'p>(project: &'p Project, file: &File) -> Option<&'p File> {
    project.of_kind("compose").find(|base| is_over(file, base))
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
