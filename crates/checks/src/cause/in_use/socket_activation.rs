cause! {
    "socket-activation": "systemd holds the port for a service that it starts on demand",
    Reading, Bind(run),
    what: "A systemd socket unit opened the port; the service starts with the first client and is handed the socket.
Stopping the service alone does not free the port: systemd keeps the socket and starts the service again.",
    evidence: "systemd is among the holders of the socket.",
    fix: "Stop the socket unit, not the service. `systemctl list-sockets` tells which one it is.",
}

use crate::{bind::words, cause::prelude::*};

fn run(view: &View<'_>) -> Option<Finding> {
    let (first, all) = words::of_kind(view, Kind::Activation)?;
    let snapshot = view.snapshot;
    let holders = snapshot.holders(first.index).iter().filter_map(|holding| snapshot.process(holding.pid));
    let (managers, services): (Vec<_>, Vec<_>) = holders.partition(|process| process.name.raw().starts_with(b"systemd"));
    let of_user = managers.iter().all(|process| process.id.pid != 1);
    let service = services.first().map(|process| format!(", and was handed to {}", words::described(snapshot, process)));
    let summary = format!(
        "{} is held by systemd, for a service that it starts on demand{}.",
        words::port(view),
        service.unwrap_or_default()
    );
    let list = if of_user { "systemctl --user list-sockets --all" } else { "systemctl list-sockets --all" };
    let fixes = vec![Remedy::look("Find the socket unit, then stop that unit", list), words::another_port(view)];
    Some(words::cause(view, CAUSE.code, &all, summary, fixes))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::Transport;

    use crate::{
        bind::BindQuestion,
        cause::{Binds, Cases},
        fixture::{held, holding, listener, process, world},
    };

    pub(crate) fn cases() -> Binds {
        let question = BindQuestion::new(Transport::Tcp, "0.0.0.0".parse().unwrap(), 6310);
        let systemd = process(1, 0, &["/lib/systemd/systemd"], 1000);
        let cups = process(60, 1, &["cupsd"], 10);
        let idle = world(vec![listener("0.0.0.0", 6310)], vec![systemd.clone()], vec![holding(0, 1, 40)]);
        let started = world(vec![listener("0.0.0.0", 6310)], vec![systemd, cups], vec![holding(0, 1, 40), holding(0, 60, 3)]);
        let tool = process(70, 1, &["systemd-socket-activate", "-l", "6310", "cat"], 10);
        let tried = world(vec![listener("0.0.0.0", 6310)], vec![tool], vec![holding(0, 70, 3)]);
        Cases {
            fires: vec![(idle, question.clone()), (started, question.clone()), (tried, question.clone())],
            silent: vec![(held(listener("0.0.0.0", 6310)), question)],
        }
    }
}
