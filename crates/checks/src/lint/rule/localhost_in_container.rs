lint! {
    "localhost-in-container": "a container's program is told to dial a server on localhost, which is the container itself",
    High, reads: ["compose"],
    why: "\
In a container `localhost` and 127.0.0.1 are the container's own. A database of another service is not there: the connection is refused. URLs of
web pages are left out, for a browser on this machine may be meant.",
    fix: "Name the other service as host: `db:5432`, with the container's port.",
}

use portward_wire::{protocol, source::Start};

use super::prelude::*;

fn run(project: &Project) -> Vec<Finding> {
    let mut found = Vec::new();
    for (file, fact) in project.of_kind("compose").flat_map(|file| file.found.facts.iter().map(move |fact| (file, fact))) {
        let (What::Dialled(url), Some(variable)) = (&fact.what, &fact.variable) else { continue };
        let known =
            url.scheme.as_deref().and_then(|scheme| protocol::of_scheme(scheme.split('+').next()?)).map(|(known, _)| known);
        let Some(known) = known.filter(|known| !matches!(known.name, "http" | "tls" | "http2")) else { continue };
        let service = fact.service.as_deref().unwrap_or_default();
        // A server of the same container is at its localhost.
        let Some((place, other)) = beside(project, file, service)
            .into_iter()
            .find(|(_, start)| serves(project, &start.name, start.image.as_deref(), known))
        else {
            continue;
        };
        let summary = format!("{variable} of {service} dials {} at {}, which is the container itself.", known.title, url.host);
        let mut finding = words::at(&RULE, Likelihood::Likely, file, fact, summary);
        finding.evidence.push(Evidence::new(
            format!("{}:{}", place.path, other.line),
            format!("{} is the service {}", known.title, other.name),
        ));
        let title = format!("Dial the service {}", other.name);
        finding.remedies.push(words::line(project, file, fact.line, &url.host, &other.name, title));
        found.push(finding);
    }
    found
}

/// The other services of the stack that a service is one of.
fn beside<'p>(project: &'p Project, file: &File, service: &str) -> Vec<(&'p File, &'p Start)> {
    let all = || project.of_kind("compose").flat_map(|file| file.found.starts.iter().map(move |start| (file, start)));
    let own = || all().filter(|(_, start)| start.name == service);
    let Some((whose, own)) = own().find(|(whose, _)| whose.path == file.path).or_else(|| own().next()) else {
        return Vec::new();
    };
    let is_near = |(other, start): &(&File, &Start)| {
        start.name != service
            && start.folder == own.folder
            && start.is_apart == own.is_apart
            && (!own.is_apart || other.path == whose.path)
    };
    all().filter(is_near).collect()
}

fn serves(project: &Project, name: &str, image: Option<&str>, known: &protocol::Protocol) -> bool {
    let names = |image: &str| [known.name].iter().chain(known.aliases).any(|alias| image.contains(*alias));
    let publishes = |fact: &Fact| match fact.what {
        What::Published { container, .. } => known.ports.iter().any(|usual| usual.port == container),
        What::Exposed => known.ports.iter().any(|usual| usual.port == fact.port),
        _ => false,
    };
    let mut facts = project.of_kind("compose").flat_map(|file| &file.found.facts);
    image.is_some_and(names) || facts.any(|fact| fact.service.as_deref() == Some(name) && publishes(fact))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use super::{Cases, given};

    pub(crate) fn cases() -> Cases {
        let file = |url: &str, more: &str| {
            let text = format!(
                "services:\n  db:\n    image: postgres:16\n  web:\n    build: .\n{more}    environment:\n      DATABASE_URL: {url}\n"
            );
            given(&[("compose.yml", &text)])
        };
        Cases {
            fires: vec![file("postgres://app@localhost:5432/shop", ""), file("postgresql://app@127.0.0.1/shop", "")],
            silent: vec![
                file("postgres://app@db:5432/shop", ""),
                file("http://localhost:3000", ""),
                file("redis://localhost:6379", ""),
                file("postgres://app@localhost:5432/shop", "    network_mode: host\n"),
            ],
        }
    }
}
