lint! {
    "compose-open-to-all": "a container's port is published on every address of this machine",
    Medium, reads: ["compose"],
    why: "\
`\"5432:5432\"` without an address means 0.0.0.0 and [::]: everybody in the same network reaches it, and Docker's own packet filter rules go
before those of ufw and firewalld. A laptop takes its database into every café.",
    fix: "Put `127.0.0.1:` before the published port. Who has to reach it from elsewhere says so in an override file of their own.",
}

use super::prelude::*;

fn run(project: &Project) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut seen: Vec<(&str, u32)> = Vec::new();
    for (file, fact) in project.of_kind("compose").flat_map(|file| file.found.facts.iter().map(move |fact| (file, fact))) {
        let What::Published { address, .. } = &fact.what else { continue };
        let is_open = address.as_deref().is_none_or(|address| matches!(address, "0.0.0.0" | "::" | "*"));
        // What a deployment publishes is meant for others.
        if !is_open || is_deployment(file.name()) || seen.contains(&(&file.path, fact.line)) {
            continue;
        }
        seen.push((&file.path, fact.line));
        let service = fact.service.as_deref().unwrap_or("a service");
        let summary = format!("Port {} of {service} is published on every address of this machine.", fact.port);
        let mut finding = words::at(&RULE, Likelihood::Certain, file, fact, summary);
        finding.remedies.push(remedy(project, file, fact, address.as_deref()));
        found.push(finding);
    }
    found
}

fn remedy(project: &Project, file: &File, fact: &Fact, address: Option<&str>) -> portward_model::Remedy {
    let title = "Publish it for this machine alone".to_owned();
    let by_hand = || words::decide(title.clone(), format!("127.0.0.1:{}:CONTAINER, or host_ip: 127.0.0.1", fact.port));
    let Some(line) = file.line(fact.line) else { return by_hand() };
    if let Some(address) = address {
        return words::line(project, file, fact.line, address, "127.0.0.1", title);
    }
    // `- "3000:80"`: the address goes where the mapping begins. A list in one line has several.
    let Some(at) =
        usize::try_from(fact.column).ok().and_then(|column| line.char_indices().nth(column.checked_sub(1)?)).map(|(at, _)| at)
    else {
        return by_hand();
    };
    let (Some(before), Some(rest)) = (line.get(..at), line.get(at..)) else { return by_hand() };
    let is_short =
        before.trim_start().starts_with('-') && rest.starts_with(|c: char| c.is_ascii_digit() || c == '$') && rest.contains(':');
    let is_listed = before.contains('[') && rest.starts_with(|c: char| c.is_ascii_digit() || c == '$');
    if !(is_short || is_listed) || line.contains("published") {
        return by_hand();
    }
    words::lines(project, file, fact.line, vec![format!("{before}127.0.0.1:{rest}")], title)
}

fn is_deployment(name: &str) -> bool {
    ["prod", "production", "staging", "deploy", "swarm"].iter().any(|word| name.split('.').any(|part| part == *word))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use super::{Cases, given};

    pub(crate) fn cases() -> Cases {
        let file = |ports: &str| format!("services:\n  db:\n    ports:\n{ports}");
        Cases {
            fires: vec![
                given(&[("compose.yml", &file("      - \"5432:5432\" # ours\n"))]),
                given(&[("compose.yml", &file("      - 0.0.0.0:5432:5432\n"))]),
                given(&[("compose.yml", &file("      - ${DB:-5432}:5432\n"))]),
                given(&[("compose.yml", &file("      - target: 80\n        published: 8080\n"))]),
                given(&[("compose.yml", "services:\n  db:\n    ports: [\"1:2\", \"3:4\"]\n")]),
            ],
            silent: vec![
                given(&[("compose.yml", &file("      - \"127.0.0.1:5432:5432\"\n      - \"[::1]:5432:5432\"\n"))]),
                given(&[("compose.yml", &file("      - \"5432\"\n"))]),
                given(&[("compose.yml", &file("      - ${BIND:-127.0.0.1}:5432:5432\n"))]),
                given(&[("compose.prod.yml", &file("      - \"80:80\"\n"))]),
                given(&[("compose.yml", "services:\n  db:\n    expose: [\"5432\"]\n")]),
            ],
        }
    }

    #[test]
    fn the_line_to_write_keeps_what_stands_around_it() {
        let written = |line: &str| {
            let project = given(&[("compose.yml", &format!("services:\n  db:\n    ports:\n{line}\n"))]);
            super::run(&project).remove(0).remedies[0].edits().map(|edit| edit.then[0].shown())
        };
        assert_eq!(written("      - \"5432:5432\" # ours").as_deref(), Some("      - \"127.0.0.1:5432:5432\" # ours"));
        assert_eq!(written("      - 5432:5432").as_deref(), Some("      - 127.0.0.1:5432:5432"));
        assert_eq!(written("      - '${DB:-1}:5432'").as_deref(), Some("      - '127.0.0.1:${DB:-1}:5432'"));
        assert_eq!(written("      - \"0.0.0.0:1:2\"").as_deref(), Some("      - \"127.0.0.1:1:2\""));
        assert_eq!(written("      - {target: 1, published: 2}"), None);
    }
}
