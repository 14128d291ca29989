//! The column that says what a process belongs to and why it runs.

use portward_model::{Container, Project, Supervisor, SupervisorKind, Text};

/// A short phrase for the column PROJECT, WHY: `shop@fix-42, npm run dev`, `postgresql@15-main.service`,
/// `docker web (shop/web)`, `zsh`.
///
/// The container comes first, then the project with its script, then what keeps it running. Empty when
/// nothing is known.
pub fn why_sentence(
    project: Option<&Project>,
    container: Option<&Container>,
    script: Option<&Text>,
    supervisor: Option<&Supervisor>,
) -> String {
    if let Some(container) = container {
        return contained(container);
    }
    let place = project.map(place);
    let script = script.or_else(|| project.and_then(|project| project.script.as_ref())).map(Text::shown);
    // A unit or a manager would start it again, which matters more than the script that it runs.
    let reason = match (supervisor, script) {
        (Some(supervisor), script) if keeps(supervisor) => Some(script_after(supervisor.name.shown(), script)),
        (_, Some(script)) => Some(script),
        (Some(supervisor), None) => Some(reason(supervisor)),
        (None, None) => None,
    };
    [place, reason].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn contained(container: &Container) -> String {
    let name = container.name.as_ref().map_or_else(|| container.id.chars().take(12).collect(), Text::shown);
    let service = container.service.as_ref().map(|service| format!(" ({service})")).unwrap_or_default();
    let port = container.inner_port.map(|port| format!(", port {port} inside")).unwrap_or_default();
    format!("{} {name}{service}{port}", Text::from(container.runtime.as_str()))
}

fn place(project: &Project) -> String {
    match &project.worktree {
        Some(worktree) if *worktree != project.name => format!("{}@{worktree}", project.name),
        Some(_) | None => project.name.shown(),
    }
}

fn keeps(supervisor: &Supervisor) -> bool {
    matches!(supervisor.kind, SupervisorKind::Systemd | SupervisorKind::Manager)
}

fn script_after(name: String, script: Option<String>) -> String {
    match script {
        Some(script) if !script.contains(&name) => format!("{name}, {script}"),
        Some(_) | None => name,
    }
}

fn reason(supervisor: &Supervisor) -> String {
    match supervisor.kind {
        SupervisorKind::Systemd
        | SupervisorKind::Manager
        | SupervisorKind::Session
        | SupervisorKind::Editor
        | SupervisorKind::Script
        | SupervisorKind::Shell
        | SupervisorKind::Ssh => supervisor.name.shown(),
        SupervisorKind::Container => format!("container {}", supervisor.name),
        SupervisorKind::Orphan => "orphan".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use portward_model::{Container, Project, Supervisor, SupervisorKind, Text};

    use super::why_sentence;

    fn project(worktree: Option<&str>) -> Project {
        Project {
            root: Text::from("/home/ana/shop"),
            name: Text::from("shop"),
            branch: None,
            worktree: worktree.map(Text::from),
            script: None,
        }
    }

    fn by(kind: SupervisorKind, name: &str) -> Supervisor {
        Supervisor { kind, name: Text::from(name), pid: None, restarts: false, stop: None }
    }

    #[test]
    fn as_on_the_screen() {
        let dev = Text::from("npm run dev");
        let zsh = by(SupervisorKind::Shell, "zsh");
        let script = by(SupervisorKind::Script, "npm run dev");
        assert_eq!(why_sentence(Some(&project(None)), None, Some(&dev), Some(&script)), "shop, npm run dev");
        assert_eq!(why_sentence(Some(&project(Some("fix-42"))), None, Some(&dev), None), "shop@fix-42, npm run dev");
        assert_eq!(why_sentence(Some(&project(None)), None, None, Some(&zsh)), "shop, zsh");
        assert_eq!(why_sentence(None, None, None, Some(&zsh)), "zsh");
        let unit = by(SupervisorKind::Systemd, "postgresql@15-main.service");
        assert_eq!(why_sentence(None, None, None, Some(&unit)), "postgresql@15-main.service");
        assert_eq!(why_sentence(None, None, Some(&dev), Some(&by(SupervisorKind::Manager, "nodemon"))), "nodemon, npm run dev");
        assert_eq!(why_sentence(None, None, None, Some(&by(SupervisorKind::Orphan, "what started it has ended"))), "orphan");
        assert_eq!(why_sentence(None, None, None, None), "");
    }

    #[test]
    fn containers_with_service_and_port() {
        let mut web = Container {
            runtime: "docker".to_owned(),
            id: "0123456789abcdef".to_owned(),
            name: Some(Text::from("web")),
            image: None,
            service: Some(Text::from("shop/web")),
            inner_port: None,
            addresses: Vec::new(),
        };
        assert_eq!(why_sentence(Some(&project(None)), Some(&web), None, None), "docker web (shop/web)");
        web.inner_port = Some(80);
        web.service = None;
        web.name = None;
        assert_eq!(why_sentence(None, Some(&web), None, None), "docker 0123456789ab, port 80 inside");
    }
}
