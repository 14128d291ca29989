cause! {
    "split-by-family": "different programs answer on the two address families of one name",
    Reading, Endpoint(run) if Case::connects_by_tcp,
    what: "\
`localhost` means 127.0.0.1 and ::1. One program listens on the first, another on the second, and which of them a client
gets depends on the order in which it tries.",
    evidence: "The listener that takes 127.0.0.1 and the one that takes ::1 belong to different programs (sock_diag, /proc).",
    fix: "Stop the one that should not be there, or dial the address instead of the name.",
}

use super::reuseport_split::stop_older;
use crate::{
    case::sameness::{Sameness, sameness},
    cause::prelude::*,
};

fn run(case: &Case<'_>) -> Ruling {
    let first = |ipv4: bool| case.asked.addresses.iter().copied().find(|address| unmap(*address).is_ipv4() == ipv4);
    let (Some(v4), Some(v6)) = (first(true), first(false)) else { return Ruling::Silent };
    let (Some(four), Some(six)) = (case.takers(v4).first().copied(), case.takers(v6).first().copied()) else {
        return Ruling::Silent;
    };
    // One socket for both families is one server.
    if four.0 == six.0 {
        return Ruling::Silent;
    }
    let fact = match sameness(case, four, six) {
        Sameness::Two(fact) => fact,
        Sameness::One(fact) => return Ruling::out(format!("each family has a listener of its own, and {fact}")),
        // Two users are two programs, whoever they are.
        Sameness::Unknown if four.1.uid != six.1.uid => "they belong to different users".to_owned(),
        Sameness::Unknown => return Ruling::Silent,
    };
    let port = case.asked.port;
    let evidence = vec![words::seen(case, four.0, four.1), words::seen(case, six.0, six.1), Evidence::new("/proc", fact)];
    let name = case.asked.name.as_deref().unwrap_or("localhost");
    let (at4, at6) = (words::who(case, four.0, four.1), words::who(case, six.0, six.1));
    let summary = format!("{name}:{port} is two servers: {at4} answers on {v4}, {at6} on [{v6}].");
    let age = |index: usize| case.holder(index).map(|process| process.started_at);
    let older = if age(four.0) <= age(six.0) { four } else { six };
    let mut fixes = stop_older(case, older);
    fixes.push(offer::explain("Or dial the address that is meant", words::address(v4, port)));
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Ended, Said, Snapshot, Socket};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{holding, listener, process, world},
    };

    fn two(v4: Socket, v6: Socket, one: &[&str], other: &[&str]) -> Snapshot {
        let mut v6 = v6;
        v6.inode = 9;
        world(
            vec![v4, v6],
            vec![
                process(11, 6, one, 100),
                process(12, 7, other, 50),
                process(6, 1, &["bash"], 900),
                process(7, 1, &["bash"], 900),
            ],
            vec![holding(0, 11, 3), holding(1, 12, 3)],
        )
    }

    fn v6_only() -> Socket {
        let mut socket = listener("::", 5173);
        socket.v6_only = Some(true);
        socket
    }

    pub(crate) fn cases() -> Cases {
        let (vite, flask) = (&["node", "/w/node_modules/.bin/vite"][..], &["python3", "-m", "flask", "run"][..]);
        let both = |snapshot: Snapshot| Scene::on(snapshot, "127.0.0.1:5173").named("localhost", &["127.0.0.1", "::1"]);
        let apart = || two(listener("127.0.0.1", 5173), listener("::1", 5173), flask, vite);
        let mut one_process = apart();
        one_process.holdings = vec![holding(0, 11, 3), holding(1, 11, 4)];
        let mut hidden = apart();
        hidden.holdings.clear();
        let mut users = apart();
        users.holdings.clear();
        users.sockets[0].uid = 33;
        let proxy = |host: &str| {
            format!("docker-proxy -proto tcp -host-ip {host} -host-port 5173 -container-ip 172.17.0.2 -container-port 80")
        };
        let (proxy4, proxy6) = (proxy("0.0.0.0"), proxy("::"));
        let (proxy4, proxy6): (Vec<&str>, Vec<&str>) = (proxy4.split(' ').collect(), proxy6.split(' ').collect());
        Cases {
            fires: vec![
                both(apart()),
                both(two(listener("0.0.0.0", 5173), v6_only(), flask, vite)),
                both(apart()).talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
                both(users),
            ],
            silent: vec![
                Scene::on(apart(), "127.0.0.1:5173"),
                both(one_process),
                both(hidden),
                both(two(listener("0.0.0.0", 5173), v6_only(), &proxy4, &proxy6)),
                both(world(vec![listener("::", 5173)], vec![process(11, 6, vite, 9)], vec![holding(0, 11, 3)])),
            ],
        }
    }
}
