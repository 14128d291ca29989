cause! {
    "kernel-holds": "no process holds the port: the kernel itself does",
    Reading, Bind(run),
    what: "The kernel opens sockets of its own for NFS, WireGuard, ksmbd, VXLAN and the like. No process has a descriptor
of them, so nothing can be stopped by its pid. A descriptor that is in flight between two processes
(SCM_RIGHTS) looks the same.",
    evidence: "Root saw every process, and none of them holds the socket.",
    fix: "Stop the subsystem that opened it: the NFS server, the WireGuard interface, the share.",
}

use crate::{bind::words, cause::prelude::*};

fn run(view: &View<'_>) -> Option<Finding> {
    let (first, all) = words::of_kind(view, Kind::Kernel)?;
    let summary = format!(
        "{} is held at {} by no process: the kernel holds it itself, or its descriptor is in flight between two.",
        words::port(view),
        words::endpoint(view.snapshot, first.socket)
    );
    let mut cause = words::cause(
        view,
        CAUSE.code,
        &all,
        summary,
        vec![
            Remedy::look("See which kernel services use ports", "rpcinfo -p; wg show; ip -d link show type vxlan"),
            words::another_port(view),
        ],
    );
    cause.likelihood = all.iter().map(|conflict| conflict.likelihood).min().unwrap_or(cause.likelihood);
    Some(cause)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{SocketState, Transport};

    use crate::{
        bind::BindQuestion,
        cause::{Binds, Cases},
        fixture::{held, listener, socket, world},
    };

    pub(crate) fn cases() -> Binds {
        let udp = |port| BindQuestion::new(Transport::Udp, "0.0.0.0".parse().unwrap(), port);
        let wireguard = socket(Transport::Udp, SocketState::Bound, "0.0.0.0", 51820);
        let mut unprivileged = world(vec![wireguard.clone()], Vec::new(), Vec::new());
        unprivileged.host.privileged = false;
        Cases {
            fires: vec![(world(vec![wireguard], Vec::new(), Vec::new()), udp(51820))],
            silent: vec![
                (unprivileged, udp(51820)),
                (held(listener("0.0.0.0", 2049)), BindQuestion::new(Transport::Tcp, "0.0.0.0".parse().unwrap(), 2049)),
            ],
        }
    }
}
