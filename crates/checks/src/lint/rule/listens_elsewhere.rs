lint! {
    "listens-elsewhere": "a program of the project listens on another port than its files say",
    Medium, reads: ["package", "procfile", "makefile", "development", "program", "dotenv", "just", "taskfile"],
    why: "\
What runs now does not listen where the files say: a development server found its port taken and moved on, or somebody started it with
another one. Clients that follow the files reach nothing, or another program. Programs in sessions are where their project has leased them, and are
not meant.",
    fix: "Stop what has the port (`portward doctor PORT --bind` says who), or write the port into the file.",
}

use super::prelude::*;

fn run(project: &Project) -> Vec<Finding> {
    let all = units(project);
    let mut found = Vec::new();
    for listener in &project.life.listeners {
        let is_given = project.life.rules.as_ref().is_some_and(|rules| rules.is_ephemeral(listener.port));
        if project.knows(listener.port) || is_given {
            continue;
        }
        let here = all.iter().filter(|unit| unit.file.kind.name != "compose" && unit.start.folder == listener.folder);
        let ports: Vec<(&File, &Fact)> = here.flat_map(|unit| unit.ports.iter().copied()).collect();
        let same = || project.life.listeners.iter().filter(|other| other.folder == listener.folder);
        // One that is where it belongs leaves the other without a place to belong to.
        let is_there = ports.iter().any(|(_, fact)| {
            project.life.listeners.iter().any(|other| other.port == fact.port && other.folder == listener.folder)
        });
        let is_one = ports.iter().all(|(_, fact)| ports.first().is_some_and(|(_, first)| first.port == fact.port));
        let Some((file, fact)) = ports.first().filter(|_| !is_there && is_one && same().count() == 1) else { continue };
        let summary = format!("{} listens on {}, and by this line it asks for {}.", listener.holder, listener.port, fact.port);
        let mut finding = words::at(&RULE, Likelihood::Likely, file, fact, summary);
        finding.evidence.push(Evidence::new("sock_diag", format!("{} is the only listener of its folder", listener.port)));
        let port = fact.port;
        finding.remedies.push(portward_model::Remedy::look(
            format!("See what has {port}"),
            portward_model::shell!("portward doctor {} --bind", port),
        ));
        found.push(finding);
    }
    found
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use super::{Cases, given};
    use crate::lint::Listener;

    pub(crate) fn cases() -> Cases {
        let with = |ports: &[u16], folder: &str| {
            let mut project = given(&[("web/package.json", "{\"scripts\":{\"dev\":\"vite\"}}")]);
            project.life.rules = crate::fixture::machine().rules;
            project.life.listeners = ports
                .iter()
                .map(|port| Listener { port: *port, folder: folder.to_owned(), holder: "node (pid 4121)".to_owned() })
                .collect();
            project
        };
        Cases {
            fires: vec![with(&[5174], "web")],
            silent: vec![
                with(&[5173], "web"),
                with(&[5173, 24678], "web"),
                with(&[5174], "api"),
                with(&[40000], "web"),
                with(&[5174, 9000], "web"),
            ],
        }
    }
}
