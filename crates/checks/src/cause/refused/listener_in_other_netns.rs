cause! {
    "listener-in-other-netns": "the listener is in another network namespace",
    Reading, Endpoint(run) if Case::is_deserted,
    what: "Each network namespace has its own ports and its own loopback. A server in a container whose port is not published,
or in a namespace made by `ip netns` or `unshare -n`, listens there and not here.",
    evidence: "A listener with the port in another namespace (sock_diag after setns(2)), and none in this one.",
    fix: "Publish the container's port, dial the address that it has on its own network, or run the client in that namespace.",
}

use portward_model::{ShellLine, Text, shell};

use crate::{
    bind::words::{ancestors, container_of},
    cause::prelude::*,
};

fn run(case: &Case<'_>) -> Ruling {
    let nearest = case.elsewhere().min_by_key(|(index, socket)| is_foreign(case, *index, socket));
    let Some((index, socket)) = nearest else {
        let others = case.snapshot.namespaces.iter().filter(|namespace| !namespace.own).count();
        if others == 0 {
            return Ruling::Silent;
        }
        let port = case.asked.port;
        return Ruling::out(format!("nothing listens on port {port} in the {others} other namespaces that were read"));
    };
    let place = place(case, index, socket);
    let there = words::seen(case, index, socket);
    let mut evidence = vec![
        Evidence::new(there.source, format!("{}, in {place}", there.fact)),
        Evidence::new("sock_diag", format!("no socket of this namespace listens on port {}", case.asked.port)),
    ];
    evidence.extend(case.exam.attempts.iter().take(1).map(words::tried));
    let who = words::who(case, index, socket);
    let summary = format!("{who} listens on {} in {place}, and not here.", words::endpoint(case.snapshot, socket));
    let likelihood = if is_foreign(case, index, socket) { Likelihood::Possible } else { Likelihood::Likely };
    words::found(CAUSE.code, likelihood, summary, evidence, fixes(case, index, socket))
}

/// True when nothing ties the other namespace to this one: it is no container and has no name, and neither its holder nor
/// what started that lives here. Machines are full of such worlds, and the same port in two of them is chance.
fn is_foreign(case: &Case<'_>, index: usize, socket: &Socket) -> bool {
    let named = case.snapshot.namespaces.get(usize::from(socket.netns)).is_some_and(|namespace| namespace.name.is_some());
    let Some(process) = case.holder(index).filter(|process| !named && container_of(case.snapshot, process).is_none()) else {
        return false;
    };
    let line = ancestors(case.snapshot, process);
    let mut places = line.iter().copied().chain([process]).filter_map(|process| case.shares_network(process)).peekable();
    places.peek().is_some() && places.all(|here| !here)
}

/// `the network namespace blue`, `the network namespace of pid 4121`
fn place(case: &Case<'_>, index: usize, socket: &Socket) -> String {
    if let Some(container) = case.holder(index).and_then(|process| container_of(case.snapshot, process)) {
        let name = container.name.as_ref().map_or_else(|| container.id.clone(), Text::shown);
        return format!("the {} container {name}", container.runtime);
    }
    let namespace = case.snapshot.namespaces.get(usize::from(socket.netns));
    match namespace.map(|namespace| (&namespace.name, namespace.pid)) {
        Some((Some(name), _)) => format!("the network namespace {name}"),
        Some((None, Some(pid))) => format!("the network namespace of pid {pid}"),
        Some((None, None)) | None => "another network namespace".to_owned(),
    }
}

fn fixes(case: &Case<'_>, index: usize, socket: &Socket) -> Vec<Remedy> {
    let port = case.asked.port;
    let mut fixes = Vec::new();
    let loopback = socket.address().is_some_and(|address| AddressClass::of(unmap(address)) == AddressClass::Loopback);
    if let Some(container) = case.holder(index).and_then(|process| container_of(case.snapshot, process)) {
        let image = container.image.as_ref().and_then(Text::plain).filter(|image| !image.is_empty()).unwrap_or("IMAGE");
        let run = if container.runtime == "podman" { "podman run" } else { "docker run" };
        let also = if loopback { ", and let it listen on 0.0.0.0 inside" } else { "" };
        let publish = ShellLine::from(run).then("--publish").word(format!("127.0.0.1:{port}:{port}")).operand(image);
        fixes.push(Remedy::change(format!("Start the container with its port published{also}"), publish));
        if let Some(address) = container.addresses.first().filter(|_| !loopback) {
            fixes.push(offer::explain("Or dial the container's own address", words::address(*address, port)));
        }
        return fixes;
    }
    let namespace = case.snapshot.namespaces.get(usize::from(socket.netns));
    let name = namespace.and_then(|namespace| namespace.name.as_ref()).and_then(Text::plain);
    let pid = case.holder(index).map(|process| process.id.pid).or_else(|| namespace.and_then(|namespace| namespace.pid));
    let enter = match (name, pid) {
        (Some(name), _) => shell!("sudo ip netns exec {} CLIENT", name),
        (None, Some(pid)) => shell!("sudo nsenter --target {} --net CLIENT", pid),
        (None, None) => "sudo lsns --type net".into(),
    };
    fixes.push(Remedy::look("Run the client in that namespace", enter));
    fixes
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, Namespace, Seen, Snapshot, Text};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        doctor::diagnose,
        fixture::{held, listener, machine},
    };

    fn there(name: Option<&str>) -> Snapshot {
        let mut socket = listener("0.0.0.0", 3000);
        socket.netns = 1;
        let mut snapshot = held(socket);
        snapshot.namespaces.push(Namespace { inode: 9, name: name.map(Text::from), pid: Some(4121), own: false });
        snapshot
    }

    pub(crate) fn cases() -> Cases {
        let mut both = there(None);
        both.sockets.push(listener("127.0.0.1", 3000));
        let mut other_address = there(None);
        other_address.sockets.push(listener("127.0.0.2", 3000));
        let mut empty = machine();
        empty.namespaces.push(Namespace { inode: 9, name: None, pid: None, own: false });
        Cases {
            fires: vec![
                Scene::on(there(None), "127.0.0.1:3000").tried(Met::Failed(111)),
                Scene::on(there(Some("blue")), "127.0.0.1:3000"),
            ],
            silent: vec![
                Scene::on(both, "127.0.0.1:3000").tried(Met::Connected),
                Scene::on(other_address, "127.0.0.1:3000").tried(Met::Failed(111)),
                Scene::on(empty, "127.0.0.1:3000").tried(Met::Failed(111)),
                Scene::on(there(None), "127.0.0.1:3001").tried(Met::Failed(111)),
            ],
        }
    }

    #[test]
    fn a_world_that_nothing_ties_to_this_one_is_chance() {
        let mut foreign = there(None);
        foreign.processes.iter_mut().for_each(|process| process.netns = Seen::Known(9));
        let first =
            |snapshot| diagnose(&Scene::on(snapshot, "127.0.0.1:3000").tried(Met::Failed(111)).case()).causes.remove(0).code;
        assert_eq!(first(foreign.clone()), "no-listener");
        let own = foreign.namespaces.iter().find(|namespace| namespace.own).map(|own| own.inode).unwrap();
        foreign.processes.iter_mut().find(|process| process.id.pid == 4000).unwrap().netns = Seen::Known(own);
        assert_eq!(first(foreign), "listener-in-other-netns", "what started it lives here");
    }
}
