cause! {
    "shadowed-by-specific": "a listener on the specific address takes what one on the wildcard expects",
    Reading, Endpoint(run) if Case::connects_by_tcp,
    what: "\
One program listens on 127.0.0.1, another on all addresses, both on the same port. The kernel gives a connection to the most specific
address, so the first gets what comes over loopback and the second never sees it.",
    evidence: "Two listeners of different programs that both would take the dialled address; the kernel prefers the exact one
(inet_lookup_listener).",
    fix: "Stop the one that should not be there, or give one of them another port.",
}

use super::reuseport_split::stop_older;
use crate::{
    case::sameness::{Sameness, sameness},
    cause::prelude::*,
};

fn run(case: &Case<'_>) -> Ruling {
    let mut alike = None;
    for address in &case.asked.addresses {
        let Some(taker) = case.takers(*address).first().copied() else { continue };
        if taker.1.is_wildcard() {
            continue;
        }
        let beneath = case.listeners().filter(|(_, other)| other.is_wildcard() && other.interface == 0 && other.takes(*address));
        for shadowed in beneath {
            let fact = match sameness(case, taker, shadowed) {
                Sameness::Two(fact) => fact,
                Sameness::One(fact) => {
                    alike = Some(fact);
                    continue;
                }
                Sameness::Unknown if taker.1.uid != shadowed.1.uid => "they belong to different users".to_owned(),
                Sameness::Unknown => continue,
            };
            let evidence = vec![
                words::seen(case, taker.0, taker.1),
                words::seen(case, shadowed.0, shadowed.1),
                Evidence::new("/proc", fact),
            ];
            let (who, other) = (words::who(case, taker.0, taker.1), words::who(case, shadowed.0, shadowed.1));
            let at = words::endpoint(case.snapshot, taker.1);
            let wild = words::endpoint(case.snapshot, shadowed.1);
            let summary = format!("{who} listens on {at} and takes what {other} on {wild} would get.");
            let age = |index: usize| case.holder(index).map(|process| process.started_at);
            let older = if age(taker.0) <= age(shadowed.0) { taker } else { shadowed };
            return words::found(CAUSE.code, Likelihood::Likely, summary, evidence, stop_older(case, older));
        }
    }
    alike.map_or(Ruling::Silent, |fact| Ruling::out(format!("a wildcard listens beside it, and {fact}")))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Ended, Said, Snapshot, Socket};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{holding, listener, process, world},
    };

    fn two(specific: Socket, wildcard: Socket) -> Snapshot {
        let mut wildcard = wildcard;
        wildcard.inode = 9;
        world(
            vec![specific, wildcard],
            vec![
                process(11, 6, &["python3", "old.py"], 100),
                process(12, 7, &["node", "/w/node_modules/.bin/vite"], 50),
                process(6, 1, &["bash"], 900),
                process(7, 1, &["bash"], 900),
            ],
            vec![holding(0, 11, 3), holding(1, 12, 3)],
        )
    }

    pub(crate) fn cases() -> Cases {
        let on = |snapshot: Snapshot, target: &str| Scene::on(snapshot, target);
        let v4 = || two(listener("127.0.0.1", 3000), listener("0.0.0.0", 3000));
        let dual = || two(listener("127.0.0.1", 3000), listener("::", 3000));
        let mut one = v4();
        one.holdings = vec![holding(0, 11, 3), holding(1, 11, 4)];
        let mut v6_only = listener("::", 3000);
        v6_only.v6_only = Some(true);
        let mut pinned = listener("0.0.0.0", 3000);
        pinned.interface = 2;
        Cases {
            fires: vec![
                on(v4(), "127.0.0.1:3000"),
                on(dual(), "127.0.0.1:3000"),
                on(dual(), "127.0.0.1:3000").named("localhost", &["127.0.0.1", "::1"]),
                on(v4(), "127.0.0.1:3000").talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
            ],
            silent: vec![
                on(one, "127.0.0.1:3000"),
                on(v4(), "192.168.1.20:3000"),
                on(two(listener("127.0.0.1", 3000), v6_only), "127.0.0.1:3000"),
                on(two(listener("127.0.0.1", 3000), pinned), "127.0.0.1:3000"),
            ],
        }
    }
}
