cause! {
    "backend-dns-hang": "the server waits for an answer of its resolver",
    Reading, Endpoint(run) if Case::connects,
    what: "\
Before it answers, the server looks up a name: of its database, of an API, or of the client's own address for its log. The
resolver does not answer, so each request takes five or ten seconds more, or for ever.",
    evidence: "While a request has no answer, the server holds a UDP socket (or a TCP connection that is not made) to port 53 of a
resolver.",
    fix: "Repair the resolver that /etc/resolv.conf names, or turn off the reverse lookup of clients.",
}

use portward_model::shell;

use crate::{case::serving::outgoing, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    let reached = Reached::of(case);
    if reached.hangs_connected().is_none() {
        return Ruling::Silent;
    }
    let asks = |(pid, socket): &(u32, &Socket)| {
        let (address, port) = socket.remote()?;
        let asked = socket.transport == Transport::Udp || socket.state == SocketState::SynSent;
        (port == DNS && asked).then_some((*pid, address))
    };
    let Some((pid, resolver)) = outgoing(case).iter().find_map(asks) else { return Ruling::Silent };
    let who = case.snapshot.process(pid).map_or_else(|| format!("pid {pid}"), words::named);
    let mut evidence = waited(reached);
    evidence.insert(0, Evidence::new("sock_diag", format!("{who} waits for an answer of the resolver {resolver}")));
    let fixes = vec![
        Remedy::look("See whether the resolver answers", shell!("dig @{} localhost +time=2 +tries=1", resolver)),
        Remedy::change("Name one that answers, in resolv.conf", "sudo editor /etc/resolv.conf"),
    ];
    let summary = format!("{who} looks up a name before it answers, and the resolver {resolver} does not answer.");
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

/// RFC 1035 section 4.2.
const DNS: u16 = 53;

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Ended, Said, Snapshot, Transport};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{connection, holding, listener, process, world},
    };

    fn asking(port: u16) -> Snapshot {
        let mut lookup = connection("192.168.1.20", 40_000, "192.168.1.1", port);
        lookup.transport = Transport::Udp;
        lookup.inode = 9;
        let holdings = vec![holding(0, 50, 5), holding(1, 50, 7)];
        world(vec![listener("127.0.0.1", 3000), lookup], vec![process(50, 1, &["web"], 60)], holdings)
    }

    pub(crate) fn cases() -> Cases {
        let scene = |port| Scene::on(asking(port), "127.0.0.1:3000");
        Cases {
            fires: vec![
                scene(53).talked(Said::Http, b"", Ended::Silence),
                scene(53).talked(Said::Http, b"", Ended::Silence).untaken().queue((0, 128, 0), (1, 128, 0)),
            ],
            silent: vec![
                scene(53).talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
                scene(8125).talked(Said::Http, b"", Ended::Silence),
                scene(53),
            ],
        }
    }
}
