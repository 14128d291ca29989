cause! {
    "docker-ghost-allocation": "the container engine counts a port as given that no container has",
    Process, Endpoint(run),
    what: "\
Docker keeps a list of its own of the ports that it gave away. After a crash, or beside a stopped container, an entry can
outlive its use: \"port is already allocated\", though nothing listens; or a `docker-proxy` is left whose container is gone.",
    evidence: "\
The text is the allocator's and no socket listens at the port; or the proxy that holds it serves an address that no container
has.",
    fix: "Remove the stopped container that publishes the port; if none does, restart the daemon.",
}

use portward_model::{Text, shell};

use super::docker_duplicate_publish::allocator_says;
use crate::{
    bind::words::container_of,
    case::held::{Held, held, servers},
    cause::prelude::*,
    docker_proxy,
};

fn run(case: &Case<'_>) -> Ruling {
    if !case.listens() || case.asked.port == 0 {
        return Ruling::Silent;
    }
    let port = case.asked.port;
    let (evidence, likelihood, what) = match held(case) {
        Some(Held { index, socket, process }) => {
            let Some(proxy) = docker_proxy(process, case.snapshot.host.uid) else {
                return Ruling::Silent;
            };
            // Containers that could not be listed, or that hide their addresses, cannot be missed.
            let listed = case.snapshot.containers.iter().any(|container| !container.addresses.is_empty());
            if !listed {
                return Ruling::Silent;
            }
            if let Some(container) = container_of(case.snapshot, process) {
                let name = container.name.as_ref().map_or_else(|| container.id.clone(), Text::shown);
                return Ruling::out(format!("{} serves the container {name}", words::named(process)));
            }
            let fact = format!("it forwards to {}, which no container has", proxy.container_address);
            let evidence =
                vec![words::seen(case, index, socket), Evidence::new(format!("/proc/{}/cmdline", process.id.pid), fact)];
            (evidence, Likelihood::Likely, format!("by {}, whose container is gone", words::named(process)))
        }
        None if allocator_says(case) && servers(case).is_empty() => {
            let mut evidence = vec![Evidence::new("sock_diag", format!("nothing listens on port {port}"))];
            evidence.extend(case.paste.map(words::text_line));
            (evidence, Likelihood::Likely, "in the engine's own list, though nothing listens on it".to_owned())
        }
        None => return Ruling::Silent,
    };
    let fixes = vec![
        Remedy::end(
            "Remove the stopped container that publishes it",
            shell!("docker rm $(docker ps -aq --filter publish={} --filter status=exited --filter status=created)", port),
        ),
        Remedy::end("If none does, restart the daemon, which makes its list anew", "sudo systemctl restart docker"),
    ];
    let summary = format!("{} is allocated {what}.", words::port(case));
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use super::super::docker_duplicate_publish::tests::{allocated, proxied};
    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener, machine},
    };

    pub(crate) fn cases() -> Cases {
        let asks = |snapshot| Scene::listen(snapshot, "0.0.0.0:8080", true);
        let mut unlisted = proxied(false);
        unlisted.containers.clear();
        Cases {
            fires: vec![allocated(machine()), asks(proxied(false))],
            silent: vec![allocated(proxied(true)), asks(unlisted), asks(machine()), allocated(held(listener("0.0.0.0", 8080)))],
        }
    }
}
