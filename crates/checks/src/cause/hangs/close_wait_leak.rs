cause! {
    "close-wait-leak": "the server does not close connections that its clients have left",
    Process, Endpoint(run) if Case::connects_by_tcp,
    what: "A client closes, the kernel tells the server, and the server never closes its own end: each such connection stays in
CLOSE-WAIT for ever and keeps a descriptor, until there are none left.",
    evidence: "Many connections of the port in CLOSE-WAIT that the program holds and has read to the end.",
    fix: "Restart it, and close connections in its code when a read returns nothing.",
}

use portward_model::shell;

use crate::{case::serving::left_behind, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    let all = doors(case);
    let Some(door) = all.first() else { return Ruling::Silent };
    // The end of the stream counts as one byte; who has more to read is late, and does not leak.
    let leaked = left_behind(case).into_iter().filter(|(_, socket)| socket.queue.used <= 1).count();
    let failing = Reached::of(case).hangs().is_some();
    let likelihood = match leaked {
        MANY.. => Likelihood::Likely,
        SOME.. if failing => Likelihood::Possible,
        _ => return Ruling::Silent,
    };
    let mut evidence = vec![Evidence::new(
        "sock_diag",
        format!("{leaked} connections to port {} are in CLOSE-WAIT, held by the server and read to the end", case.asked.port),
    )];
    let mut likelihood = likelihood;
    for (process, vitals) in &door.holders {
        let Some(vitals) = vitals else { continue };
        let (Some(used), Some(limit)) = (vitals.descriptors.known(), vitals.descriptor_limit.known()) else { continue };
        let fact = format!("{} has {used} of {limit} descriptors open", words::named(process));
        evidence.push(Evidence::new(format!("/proc/{}/fd", process.id.pid), fact));
        // Two readings of one thing: the descriptors are the connections.
        if fills(leaked, *used) && u64::from(*used) * 10 >= u64::from(*limit) * 9 {
            likelihood = Likelihood::Certain;
        }
        break;
    }
    let sudo = words::sudo(case, door.socket.uid);
    let fixes = vec![
        offer::free("Stop it and start it again, which frees them", words::target(case)).behind(sudo),
        Remedy::look("Count them while it runs", shell!("ss -tn state close-wait sport = :{}", case.asked.port)),
    ];
    let summary = format!(
        "{leaked} connections that their clients have left are still held by {}.",
        words::whom(case, door.index, door.socket)
    );
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// True when connections left behind are most of what a process has open.
pub(super) fn fills(leaked: usize, used: u32) -> bool {
    leaked >= MANY && u64::try_from(leaked).is_ok_and(|leaked| leaked * 2 >= u64::from(used))
}

/// More than any server has for a moment while it closes.
const MANY: usize = 12;
/// Enough to name where nothing else explains a hang.
const SOME: usize = 5;

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, Seen, Snapshot, Socket, SocketState, Vitals};

    use crate::{
        case::scene::{Scene, well},
        cause::Cases,
        fixture::{connection, held, listener},
    };

    fn left(count: u16, unread: u32, inode: u64) -> Snapshot {
        let mut snapshot = held(listener("127.0.0.1", 3000));
        snapshot.sockets.extend((1..=count).map(|port| {
            let mut end = Socket { state: SocketState::CloseWait, inode, ..connection("127.0.0.1", 3000, "127.0.0.1", port) };
            end.queue.used = unread;
            end
        }));
        snapshot
    }

    pub(crate) fn cases() -> Cases {
        let scene = |count, unread, inode| Scene::on(left(count, unread, inode), "127.0.0.1:3000").tried(Met::Connected);
        let full = Vitals { descriptors: Seen::Known(60), descriptor_limit: Seen::Known(64), ..well(4121) };
        Cases {
            fires: vec![scene(30, 0, 7), scene(40, 1, 7).vitals(full)],
            silent: vec![
                scene(4, 0, 7),
                // Their requests lie unread: it hangs.
                scene(30, 90, 7),
                // Nobody has taken them.
                scene(30, 1, 0),
            ],
        }
    }
}
