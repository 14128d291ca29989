lint! {
    "file-disagrees": "portward.toml says another port than the file from which its service is started",
    High, reads: ["portward", "package", "procfile", "compose", "makefile", "just", "taskfile"],
    why: "\
The service is started by that file, and asks for the port that stands there. Whoever believes portward.toml (values, URLs, the table of ports, `up`
waiting until it is ready) looks at the wrong place.",
    fix: "Write the port that the program asks for into portward.toml, or change it where the program is told.",
}

use portward_model::{
    Edit, Remedy, Text,
    plan::{Service, ServiceCommand},
};

use super::prelude::*;

fn run(project: &Project) -> Vec<Finding> {
    let Some(plan) = &project.plan else { return Vec::new() };
    let all = units(project);
    let mut found = Vec::new();
    for service in &plan.services {
        let Some(declared) = service.port() else { continue };
        // What the declaration itself tells the program goes before its file.
        if service.values.iter().any(|value| value.name.contains("PORT")) || plan.values.iter().any(|value| value.name == "PORT")
        {
            continue;
        }
        let Some(unit) = all.iter().find(|unit| starts(service, unit)) else { continue };
        let asked: Vec<u16> = unit.ports.iter().map(|(_, fact)| fact.port).collect();
        let Some((file, fact)) = unit.ports.first().filter(|_| !asked.contains(&declared.asked)) else { continue };
        let summary = format!(
            "{} is to ask for {}, and by {} it asks for {}.",
            service.name,
            declared.asked,
            words::place(file, fact),
            fact.port
        );
        let mut finding = words::placed(
            &RULE,
            Likelihood::Likely,
            "portward.toml",
            declared.origin.line,
            summary,
            vec![words::seen(file, fact)],
        );
        finding.remedies.push(remedy(project, declared.origin.line, declared.asked, fact.port));
        found.push(finding);
    }
    found
}

/// True where a service is started by what a file declares.
fn starts(service: &Service, unit: &Unit<'_>) -> bool {
    let Some(ServiceCommand::Line(line)) = &service.command else { return false };
    let folder = service.folder.as_deref().unwrap_or_default().trim_end_matches('/');
    let is_here = folder == unit.start.folder;
    match &unit.start.command {
        Some(command) => is_here && command == line,
        None => {
            line.strip_prefix("docker compose up ").is_some_and(|rest| rest.split(' ').next_back() == Some(&unit.start.name))
                && is_here
        }
    }
}

fn remedy(project: &Project, line: u32, now: u16, then: u16) -> Remedy {
    let title = format!("Let it be {then}");
    let at = usize::try_from(line).ok().and_then(|line| line.checked_sub(1));
    let text = at.and_then(|at| project.plan_text.split('\n').nth(at)).map(|line| line.trim_end_matches('\r'));
    match text.filter(|text| text.matches(&now.to_string()).count() == 1 && !project.root.is_empty()) {
        Some(text) => {
            let file = Text::new([project.root.raw(), b"/portward.toml"].concat());
            let then = vec![Text::from(text.replace(&now.to_string(), &then.to_string()).as_str())];
            Remedy::edit(title, Edit { file, line, now: Text::from(text), then, after: None }, "portward check --fix")
        }
        None => words::decide(title, format!("port = {then}")),
    }
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use super::{Cases, given};

    pub(crate) fn cases() -> Cases {
        let package = ("web/package.json", "{\"scripts\":{\"dev\":\"vite --port 5180\"}}");
        let plan = |rest: &str| format!("[services.web]\ncommand = \"npm run dev\"\nfolder = \"web\"\n{rest}");
        let db = ("compose.yml", "services:\n  db:\n    ports: [\"127.0.0.1:5433:5432\"]\n");
        Cases {
            fires: vec![
                given(&[package, ("portward.toml", &plan("port = 3000 # ours\n"))]),
                given(&[db, ("portward.toml", "[services.db]\ncommand = \"docker compose up db\"\nport = 5432\n")]),
            ],
            silent: vec![
                given(&[package, ("portward.toml", &plan("port = 5180\n"))]),
                given(&[package, ("portward.toml", &plan(""))]),
                given(&[package, ("portward.toml", &plan("port = 3000\nenv = { PORT = \"3000\" }\n"))]),
                given(&[package, ("portward.toml", "[services.web]\ncommand = \"npm run dev\"\nport = 3000\n")]),
                given(&[db, ("portward.toml", "[services.db]\ncommand = \"docker compose up db\"\nport = 5433\n")]),
            ],
        }
    }
}
