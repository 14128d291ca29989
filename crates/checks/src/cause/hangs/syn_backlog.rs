cause! {
    "syn-backlog": "more handshakes are half finished than the listener has room for",
    Rule, Endpoint(run) if Case::connects_by_tcp,
    what: "\
Between a client's first packet and its last of the handshake, the kernel keeps a half-open connection. A flood of first
packets, or clients whose packets are lost, fills that table; without SYN cookies new clients are then dropped.",
    evidence: "\
Many sockets in SYN-RECV on the port; TcpExt.TCPReqQFullDrop or the listener's drops rise while a client tries, although its
accept queue has room.",
    fix: "Turn SYN cookies on, or raise net.ipv4.tcp_max_syn_backlog and the listener's backlog.",
}

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let reached = Reached::of(case);
    let all = doors(case);
    let Some(door) = all.first() else { return Ruling::Silent };
    let limit = door.socket.queue.limit;
    let cookies = case.exam.network.as_ref().and_then(|network| network.syn_cookies);
    // A client on this machine whose handshake is half finished misses our reply: packets are lost, the table is not flooded.
    let strangers = case
        .in_state(SocketState::SynRecv)
        .filter(|(_, socket)| socket.remote().is_some_and(|(address, _)| !address.is_loopback()));
    let half_open = strangers.count();
    let crowded = half_open > usize::try_from(limit).unwrap_or(usize::MAX);
    let (evidence, likelihood) = match reached {
        Reached::Unheard(attempt) => {
            let counted = words::rose(attempt, "TcpExt.TCPReqQFullDrop");
            let room = attempt.queue.is_none_or(|(_, after)| after.used <= after.limit);
            let dropped = dropped(attempt);
            if !room || (counted == 0 && !(crowded && (dropped > 0 || cookies == Some(0)))) {
                return Ruling::Silent;
            }
            let mut evidence = Vec::new();
            if counted > 0 {
                evidence.push(Evidence::new("/proc/net/netstat", format!("TCPReqQFullDrop rose by {counted}")));
            }
            if dropped > 0 {
                evidence.push(Evidence::new(
                    "sock_diag",
                    format!("the listener dropped {dropped} packets, and its accept queue has room"),
                ));
            }
            (evidence, if counted > 0 { Likelihood::Certain } else { Likelihood::Likely })
        }
        Reached::Nowhere if crowded && cookies == Some(0) && case.exam.attempts.is_empty() => (Vec::new(), Likelihood::Likely),
        Reached::Nowhere | Reached::Queued(_) | Reached::Unanswered(..) | Reached::Served(_) => return Ruling::Silent,
    };
    let mut evidence = evidence;
    if half_open > 0 {
        evidence.push(Evidence::new(
            "sock_diag",
            format!("{half_open} connections to the port are half open (SYN-RECV), its backlog is {limit}"),
        ));
    }
    if cookies == Some(0) {
        evidence.push(Evidence::new("/proc/sys/net/ipv4/tcp_syncookies", "SYN cookies are off"));
    }
    evidence.extend(waited(reached));
    let cookie = Remedy::change("Turn SYN cookies on", "sudo sysctl -w net.ipv4.tcp_syncookies=1");
    let room = Remedy::change("Make room for more half-open connections", "sudo sysctl -w net.ipv4.tcp_max_syn_backlog=4096");
    let fixes = if cookies == Some(0) { vec![cookie, room] } else { vec![room] };
    let summary =
        format!("{half_open} handshakes with port {} are half finished, and the kernel drops new clients.", case.asked.port);
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

fn dropped(attempt: &Attempt) -> u32 {
    attempt.queue.map_or(0, |(before, after)| after.drops.saturating_sub(before.drops))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, NetworkSettings, Snapshot, Socket, SocketState};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{connection, held, listener},
    };

    fn flooded(count: u16, from: &str) -> Snapshot {
        let mut socket = listener("0.0.0.0", 3000);
        socket.queue.limit = 8;
        let mut snapshot = held(socket);
        let half = |port| Socket { state: SocketState::SynRecv, inode: 0, ..connection("192.168.1.20", 3000, from, port) };
        snapshot.sockets.extend((1..=count).map(half));
        snapshot
    }

    pub(crate) fn cases() -> Cases {
        let scene = |count| {
            let mut scene = Scene::on(flooded(count, "10.9.8.7"), "192.168.1.20:3000");
            scene.exam.network = Some(NetworkSettings { syn_cookies: Some(0), ..NetworkSettings::default() });
            scene
        };
        let mut cookies = scene(20);
        cookies.exam.network = Some(NetworkSettings { syn_cookies: Some(1), ..NetworkSettings::default() });
        Cases {
            fires: vec![
                scene(20).tried(Met::Silence).queue((0, 8, 0), (0, 8, 3)),
                scene(2).tried(Met::Silence).rose(&[("TcpExt.TCPReqQFullDrop", 1)]).queue((0, 8, 0), (0, 8, 0)),
                scene(20),
            ],
            silent: vec![
                scene(2),
                scene(2).tried(Met::Silence).queue((0, 8, 0), (0, 8, 0)),
                scene(20).tried(Met::Connected),
                cookies,
                Scene::on(flooded(20, "127.0.0.1"), "127.0.0.1:3000").tried(Met::Silence).queue((0, 8, 0), (0, 8, 0)),
            ],
        }
    }
}
