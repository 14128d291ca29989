lint! {
    "localhost-one-family": "a server is told to listen on one loopback address, and is dialled at the other",
    Low, reads: ["package", "procfile", "development", "program", "dotenv", "makefile", "just", "taskfile"],
    why: "\
`localhost` is two addresses, 127.0.0.1 and ::1. A server that is told 127.0.0.1 is not at ::1, and a proxy of a development server that dials
`localhost` tries ::1 first and, in many versions of Node, nothing else: connect ECONNREFUSED ::1.",
    fix: "Let both name the same address: 127.0.0.1 in the client, or `localhost` where the server is told to listen.",
}

use super::prelude::*;

fn run(project: &Project) -> Vec<Finding> {
    let mut found = Vec::new();
    for (file, fact) in project.facts() {
        let What::Dialled(url) = &fact.what else { continue };
        let servers: Vec<(&File, &Fact, &str)> = project
            .serving()
            .filter(|(_, server)| server.port == fact.port)
            .map(|(own, server)| match &server.what {
                What::Asked { host: Some(host) } => (own, server, host.as_str()),
                _ => (own, server, ""),
            })
            .collect();
        // One that nobody told an address takes both.
        let [(own, server, host)] = &servers[..] else { continue };
        let proxies = file.kind.name == "development" && fact.service.as_deref() == Some("proxy");
        let misses = match (*host, url.host.as_str()) {
            ("127.0.0.1", "::1") | ("::1", "127.0.0.1") => true,
            ("127.0.0.1", "localhost") => proxies,
            _ => false,
        };
        if !misses {
            continue;
        }
        let summary = format!(
            "{} is dialled at {}, and its server is told to listen on {host} alone, in {}.",
            fact.port,
            url.host,
            words::place(own, server)
        );
        let mut finding = words::at(&RULE, Likelihood::Likely, file, fact, summary);
        finding.evidence.push(words::seen(own, server));
        let then = if *host == "::1" { "[::1]" } else { host };
        let now = if url.host == "::1" { "[::1]" } else { url.host.as_str() };
        let port = fact.port;
        finding.remedies.push(words::line(
            project,
            file,
            fact.line,
            &format!("{now}:{port}"),
            &format!("{then}:{port}"),
            format!("Dial {host}"),
        ));
        found.push(finding);
    }
    found
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use super::{Cases, given};

    pub(crate) fn cases() -> Cases {
        let proxy =
            |host: &str| format!("export default {{\n  server: {{\n    proxy: {{ '/api': 'http://{host}:8000' }},\n  }},\n}}\n");
        let api = |host: &str| format!("api: uvicorn app:app --port 8000 --host {host}\n");
        Cases {
            fires: vec![
                given(&[("vite.config.ts", &proxy("localhost")), ("Procfile", &api("127.0.0.1"))]),
                given(&[("Procfile", &api("127.0.0.1")), (".env", "API=http://[::1]:8000\n")]),
            ],
            silent: vec![
                given(&[("vite.config.ts", &proxy("127.0.0.1")), ("Procfile", &api("127.0.0.1"))]),
                given(&[("vite.config.ts", &proxy("localhost")), ("Procfile", &api("0.0.0.0"))]),
                given(&[("vite.config.ts", &proxy("localhost")), ("Procfile", "api: uvicorn app:app --port 8000\n")]),
                given(&[("Procfile", &api("127.0.0.1")), (".env", "API=http://localhost:8000\n")]),
            ],
        }
    }
}
