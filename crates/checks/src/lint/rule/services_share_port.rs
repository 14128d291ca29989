lint! {
    "services-share-port": "two services that run together ask for one port",
    High, reads: ["package", "workspace", "procfile", "compose", "launch"],
    why: "\
The second one to start is refused (address already in use), or moves to another port without a word, and its clients speak to the first.
It is said of lines of one Procfile, services of one Compose project, packages of one workspace, configurations of one compound, and scripts that one script runs at once. Other scripts of one package are alternatives; examples, templates and fixtures of tests are started one at a time.",
    fix: "Give one of them another port, and tell its clients.",
}

use std::collections::BTreeMap;

use portward_wire::source::WORKSPACES;

use super::prelude::*;
use crate::lint::unit::{is_aside, usual};

fn run(project: &Project) -> Vec<Finding> {
    let all = units(project);
    let mut groups: BTreeMap<String, Vec<&Unit<'_>>> = BTreeMap::new();
    for (at, unit) in all.iter().enumerate() {
        let group = match unit.file.kind.name {
            "procfile" => Some(format!("procfile {}", unit.file.path)),
            "compose" if !unit.start.is_apart => Some(format!("compose {}", unit.start.folder)),
            "package" if usual(&all, &unit.start.folder) == Some(at) && !is_aside(&unit.start.folder) => {
                workspace(project, &unit.start.folder).map(|root| format!("packages {root}"))
            }
            _ => None,
        };
        if let Some(group) = group {
            groups.entry(group).or_default().push(unit);
        }
        if unit.start.together {
            groups.entry(format!("scripts {} {}", unit.file.path, unit.start.name)).or_default().extend(unit.started());
        }
        if unit.file.kind.name == "launch" {
            for other in
                all.iter().filter(|other| other.file.path == unit.file.path && unit.start.with.contains(&other.start.name))
            {
                let mut names = [&unit.start.name, &other.start.name];
                names.sort();
                let group = groups.entry(format!("compound {} {names:?}", unit.file.path)).or_default();
                if group.is_empty() {
                    group.extend([unit, other]);
                }
            }
        }
    }
    groups.values().flat_map(|group| shared(project, group)).collect()
}

fn shared(project: &Project, group: &[&Unit<'_>]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut taken: Vec<(&Unit<'_>, &File, &Fact)> = Vec::new();
    for unit in group {
        for (file, fact) in &unit.ports {
            let clash = taken.iter().find(|(other, _, known)| {
                other.start.name.as_str().cmp(&unit.start.name).then(other.start.folder.cmp(&unit.start.folder)).is_ne()
                    && (known.port, known.transport) == (fact.port, fact.transport)
                    && meet(known, fact)
                    && together(other, unit)
            });
            if let Some((other, before, known)) = clash {
                let summary = format!(
                    "{} and {} both ask for port {}, in {} and here.",
                    title(other),
                    title(unit),
                    fact.port,
                    words::place(before, known)
                );
                let mut finding = words::at(&RULE, Likelihood::Certain, file, fact, summary);
                finding.evidence.push(words::seen(before, known));
                let next = (fact.port.saturating_add(1)..=u16::MAX).find(|port| !project.knows(*port)).unwrap_or(fact.port);
                let title = format!("Let {} ask for {next}", title(unit));
                finding.remedies.push(match fact.what {
                    What::Usual => words::decide(title, format!("tell it the port {next} where {} starts it", file.path)),
                    _ => words::port(project, file, fact, next, title),
                });
                found.push(finding);
            }
            taken.push((unit, file, fact));
        }
    }
    found
}

fn title(unit: &Unit<'_>) -> String {
    if unit.file.kind.name == "package" && !unit.start.folder.is_empty() && unit.label.is_none() {
        unit.start.folder.clone()
    } else {
        unit.start.name.clone()
    }
}

/// True where both are at one address.
fn meet(one: &Fact, other: &Fact) -> bool {
    let address = |fact: &Fact| match &fact.what {
        What::Published { address, .. } => address.clone().filter(|address| address != "0.0.0.0" && address != "::"),
        _ => None,
    };
    match (address(one), address(other)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

/// False where no profile starts both.
fn together(one: &Unit<'_>, other: &Unit<'_>) -> bool {
    let (one, other) = (&one.start.profiles, &other.start.profiles);
    one.is_empty() || other.is_empty() || one.iter().any(|profile| other.contains(profile))
}

/// The root of the workspace that a folder is a package of.
fn workspace(project: &Project, folder: &str) -> Option<String> {
    let roots = project.files.iter().filter(|file| matches!(file.kind.name, "package" | "workspace"));
    let mut settings = roots.flat_map(|file| {
        file.found.settings.iter().filter(|setting| setting.name == WORKSPACES).map(move |setting| (file, setting))
    });
    settings.find_map(|(file, setting)| {
        let root = file.folder();
        let below = if root.is_empty() { folder } else { folder.strip_prefix(root)?.strip_prefix('/')? };
        let is = |pattern: &str| {
            let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
            match pattern.split_once('*') {
                None => below == pattern,
                Some((start, end)) => {
                    below.strip_prefix(start).is_some_and(|rest| !rest.is_empty() && (end == "*" || !rest.contains('/')))
                }
            }
        };
        setting.value.split(' ').any(is).then(|| root.to_owned())
    })
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use super::{Cases, given};

    pub(crate) fn cases() -> Cases {
        let package = |script: &str| format!("{{\"scripts\":{{\"dev\":\"{script}\"}}}}");
        let (next, vite) = (package("next dev"), package("vite --port 3000"));
        let root = "{\"workspaces\":[\"apps/*\"],\"scripts\":{\"dev\":\"turbo run dev\"}}";
        let compose = |rest: &str| format!("services:\n  a:\n    ports: [\"127.0.0.1:3000:1\"]\n  b:\n{rest}");
        let compound = |with: &str| {
            format!(
                "{{\"configurations\":[{{\"name\":\"a\",\"type\":\"node\",\"program\":\"a.js\",\"env\":{{\"PORT\":\"3000\"}}}},{{\"name\":\"b\",\"type\":\"node\",\"program\":\"b.js\",\"env\":{{\"PORT\":\"3000\"}}}}]{with}}}"
            )
        };
        Cases {
            fires: vec![
                given(&[("Procfile", "web: puma -p 3000\napi: PORT=3000 node a.js\n")]),
                given(&[("package.json", root), ("apps/a/package.json", &next), ("apps/b/package.json", &vite)]),
                given(&[
                    ("pnpm-workspace.yaml", "packages:\n  - apps/*\n"),
                    ("apps/a/package.json", &next),
                    ("apps/b/package.json", &next),
                ]),
                given(&[("compose.yml", &compose("    ports: [\"3000:2\"]\n"))]),
                given(&[
                    ("compose.yml", "include: [infra/compose.db.yml]\nservices:\n  a:\n    ports: [\"127.0.0.1:3000:1\"]\n"),
                    ("infra/compose.db.yml", "services:\n  b:\n    ports: [\"127.0.0.1:3000:2\"]\n"),
                ]),
                given(&[(
                    "package.json",
                    "{\"scripts\":{\"dev\":\"run-p dev:*\",\"dev:web\":\"next dev\",\"dev:api\":\"serve -p 3000\"}}",
                )]),
                given(&[(".vscode/launch.json", &compound(",\"compounds\":[{\"configurations\":[\"a\",\"b\"]}]"))]),
            ],
            silent: vec![
                given(&[("Procfile", "web: puma -p 3000\napi: PORT=3001 node a.js\n")]),
                given(&[("package.json", "{\"scripts\":{\"dev\":\"next dev\",\"start\":\"next start\"}}")]),
                given(&[("examples/a/package.json", &next), ("examples/b/package.json", &next)]),
                given(&[
                    ("package.json", "{\"workspaces\":[\"packages/*\",\"examples/*\"]}"),
                    ("examples/a/package.json", &next),
                    ("examples/b/package.json", &next),
                ]),
                given(&[("package.json", root), ("apps/a/package.json", &next), ("other/package.json", &next)]),
                given(&[("compose.yml", &compose("    ports: [\"127.0.0.2:3000:2\"]\n"))]),
                given(&[("compose.yml", &compose("    ports: [\"3000:2/udp\"]\n"))]),
                given(&[
                    ("compose.yml", &compose("    ports: [\"3000:2\"]\n")),
                    ("compose.override.yml", "services:\n  b:\n    ports: !override [\"3001:2\"]\n"),
                ]),
                given(&[(
                    "compose.yml",
                    "services:\n  a:\n    profiles: [x]\n    ports: [\"3000:1\"]\n  b:\n    profiles: [y]\n    ports: [\"3000:2\"]\n",
                )]),
                given(&[
                    ("compose.yml", "services:\n  a:\n    ports: [\"3000:1\"]\n"),
                    ("compose.prod.yml", "services:\n  b:\n    ports: [\"3000:1\"]\n"),
                ]),
                given(&[("compose.yml", "services:\n  a:\n    ports: [\"3000:80\"]\n  b:\n    ports: [\"3001:80\"]\n")]),
                given(&[(".vscode/launch.json", &compound(""))]),
            ],
        }
    }
}
