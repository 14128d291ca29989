cause! {
    "port-held-by-process": "another process listens on the port",
    Reading, Bind(run),
    what: "A process listens on an address that overlaps the one asked for. Two listeners may share a port only when
their addresses do not overlap, when they are pinned to different devices, or when both set SO_REUSEPORT and
belong to one user. SO_REUSEADDR does not help against a listener.",
    evidence: "The socket and its state from sock_diag; the process that opened it, its age and its directory from /proc.",
    fix: "Stop the holder, through what supervises it where something would start it again; or take another port.",
}

use crate::{bind::words, cause::prelude::*};

fn run(view: &View<'_>) -> Option<Finding> {
    let (first, all) = words::of_kind(view, Kind::Process)?;
    let mut summary = format!("{} is held by {}", words::port(view), words::named(view.snapshot, first));
    if view.question.options.reuse_port && first.socket.uid == view.snapshot.host.uid {
        summary.push_str("; both can have it only if both set SO_REUSEPORT, and whether the holder did was not seen");
    }
    summary.push('.');
    Some(words::cause(view, CAUSE.code, &all, summary, words::holder_fixes(view, first)))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Likelihood, SocketState, Transport};

    use super::run;
    use crate::{
        bind::{BindQuestion, View},
        cause::{Binds, Cases},
        fixture::{held, listener, machine, socket},
    };

    fn asks(address: &str) -> BindQuestion {
        BindQuestion::new(Transport::Tcp, address.parse().unwrap(), 5173)
    }

    pub(crate) fn cases() -> Binds {
        let mut pinned = listener("0.0.0.0", 5173);
        pinned.interface = 2;
        let on_lo = BindQuestion { interface: 1, ..asks("0.0.0.0") };
        let mut away = held(listener("127.0.0.1", 5173));
        away.namespaces[0].own = false;
        let udp = socket(Transport::Udp, SocketState::Bound, "0.0.0.0", 5173);
        Cases {
            fires: vec![
                (held(listener("127.0.0.1", 5173)), asks("127.0.0.1")),
                (held(listener("0.0.0.0", 5173)), asks("127.0.0.1")),
                (held(listener("127.0.0.1", 5173)), asks("0.0.0.0")),
                (held(listener("127.0.0.1", 5173)), BindQuestion::any(Transport::Tcp, 5173)),
                (held(listener("::1", 5173)), BindQuestion::any(Transport::Tcp, 5173)),
                (held(pinned.clone()), asks("0.0.0.0")),
                (held(udp.clone()), BindQuestion { transport: Transport::Udp, ..asks("127.0.0.1") }),
            ],
            silent: vec![
                (machine(), asks("127.0.0.1")),
                (held(listener("127.0.0.2", 5173)), asks("127.0.0.1")),
                (held(listener("::1", 5173)), asks("127.0.0.1")),
                (held(listener("127.0.0.1", 5174)), asks("127.0.0.1")),
                (held(pinned), on_lo),
                (held(udp), asks("127.0.0.1")),
                (away, asks("127.0.0.1")),
            ],
        }
    }

    #[test]
    fn it_names_the_holder_its_age_and_place() {
        let snapshot = held(listener("127.0.0.1", 5173));
        let cause = run(&View::new(&snapshot, &asks("127.0.0.1"))).unwrap();
        assert_eq!(cause.summary.to_string(), "Port 5173 is held by vite (pid 4121), started 3 h ago in /home/ana/shop.");
        assert_eq!(
            cause.evidence[0].fact.to_string(),
            "127.0.0.1:5173 LISTEN, held by vite (pid 4121), started 3 h ago in /home/ana/shop"
        );
        let commands: Vec<&str> = cause.remedies.iter().map(portward_model::Remedy::line).collect();
        assert_eq!(commands, ["portward free 5173", "portward next 5174"]);
    }

    #[test]
    fn sharing_by_reuse_port_depends_on_the_holder() {
        let mut question = asks("127.0.0.1");
        question.options.reuse_port = true;
        let mut snapshot = held(listener("127.0.0.1", 5173));
        let cause = run(&View::new(&snapshot, &question)).unwrap();
        assert_eq!(cause.likelihood, Likelihood::Likely);
        assert!(cause.summary.to_string().contains("SO_REUSEPORT"));
        let mut twin = listener("127.0.0.1", 5173);
        twin.inode = 77;
        snapshot.sockets.push(twin);
        assert_eq!(run(&View::new(&snapshot, &question)), None);
    }

    #[test]
    fn a_unit_is_stopped_through_systemd() {
        let mut snapshot = held(listener("127.0.0.1", 5173));
        snapshot.processes[1].cgroup = portward_model::Seen::Known("/system.slice/shop.service".into());
        snapshot.processes[1].parent = 1;
        let cause = run(&View::new(&snapshot, &asks("127.0.0.1"))).unwrap();
        assert_eq!(cause.remedies[0].line(), "sudo systemctl stop shop.service");
    }

    #[test]
    fn its_accepted_connections_are_not_causes_of_their_own() {
        let mut snapshot = held(listener("127.0.0.1", 5173));
        snapshot.sockets.push(crate::fixture::connection("127.0.0.1", 5173, "127.0.0.1", 40000));
        let answer = crate::bind(&snapshot, &asks("127.0.0.1"));
        assert_eq!(answer.causes.len(), 1);
    }
}
