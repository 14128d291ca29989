lint! {
    "client-elsewhere": "a client dials another port than the one at which its server is published",
    High, reads: ["dotenv", "compose", "spring", "django", "package"],
    why: "\
The address of a database or a broker in one file, and the port at which Compose publishes it in another, have drifted apart: the client is
refused, or speaks to another project's server that happens to be there. It is said where the project publishes a server of that very protocol, and
nothing of the project is at the port that is dialled. Files for tests and deployments are left out.",
    fix: "Let the client dial the published port, or publish the server where its clients expect it.",
}

use portward_wire::protocol;

use super::prelude::*;
use crate::lint::project::is_for_others;

fn run(project: &Project) -> Vec<Finding> {
    let mut found = Vec::new();
    for (file, fact) in project.facts() {
        let What::Dialled(url) = &fact.what else { continue };
        let Some(known) =
            url.scheme.as_deref().and_then(|scheme| protocol::of_scheme(scheme.split('+').next()?)).map(|(known, _)| known)
        else {
            continue;
        };
        if matches!(known.name, "http" | "tls" | "http2")
            || file.kind.name == "compose"
            || is_for_others(file.name())
            || project.knows(fact.port)
        {
            continue;
        }
        let servers: Vec<(&File, &Fact)> = project
            .of_kind("compose")
            .flat_map(|file| file.found.facts.iter().map(move |fact| (file, fact)))
            .filter(|(_, other)| match other.what {
                What::Published { container, .. } => known.ports.iter().any(|usual| usual.port == container),
                _ => false,
            })
            .collect();
        let Some((other, server)) = servers.first() else { continue };
        let (title, place) = (known.title, words::place(other, server));
        let summary = format!("Port {} is dialled for {title}, which is published at {}, in {place}.", fact.port, server.port);
        let mut finding = words::at(&RULE, Likelihood::Likely, file, fact, summary);
        finding.evidence.push(words::seen(other, server));
        let words_for = format!("Dial {}", server.port);
        finding.remedies.push(if servers.len() == 1 {
            words::line(project, file, fact.line, &fact.port.to_string(), &server.port.to_string(), words_for)
        } else {
            words::decide("Dial one of those that are published", format!("{title} is published {} times", servers.len()))
        });
        found.push(finding);
    }
    found
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use super::{Cases, given};

    pub(crate) fn cases() -> Cases {
        let db = ("compose.yml", "services:\n  db:\n    image: postgres:16\n    ports: [\"127.0.0.1:5433:5432\"]\n");
        Cases {
            fires: vec![
                given(&[db, (".env", "DATABASE_URL=postgres://app@localhost:5432/shop\n")]),
                given(&[db, ("api/.env", "DB=postgresql://app@127.0.0.1/shop\n")]),
                given(&[db, (".env.example", "PGPORT=5434\n")]),
                given(&[
                    db,
                    (
                        "src/main/resources/application.yml",
                        "spring:\n  datasource:\n    url: jdbc:postgresql://localhost:5432/x\n",
                    ),
                ]),
            ],
            silent: vec![
                given(&[db, (".env", "DATABASE_URL=postgres://app@localhost:5433/shop\n")]),
                given(&[(".env", "DATABASE_URL=postgres://app@localhost:5432/shop\n")]),
                given(&[db, (".env", "REDIS_URL=redis://localhost:6379\n")]),
                given(&[db, (".env.test", "DATABASE_URL=postgres://app@localhost:5432/shop\n")]),
                given(&[db, (".env", "DATABASE_URL=postgres://app@db.example.com:5432/shop\n")]),
                given(&[db, (".env", "API=http://localhost:8080\n")]),
                given(&[db, (".env", "PGHOST=db.internal\nPGPORT=5432\nPOSTGRES_HOST=db\nPOSTGRES_PORT=5432\n")]),
                given(&[
                    ("compose.yml", "services:\n  db:\n    ports: [\"127.0.0.1:${DB:-1}:5432\"]\n"),
                    (".env", "DB=5440\nDATABASE_URL=postgres://a@localhost:5440/x\n"),
                ]),
            ],
        }
    }
}
