cause! {
    "reuseport-split": "two programs share one address, and each gets a part of the connections",
    Reading, Endpoint(run) if Case::connects_by_tcp,
    what: "\
Both programs set SO_REUSEPORT, so both could listen on the same address, and the kernel gives each connection to one of
them by a hash. An old server that was never stopped answers a part of the requests.",
    evidence: "\
Two listening sockets with exactly the same address, port and device, which TCP allows to sockets with SO_REUSEPORT only; their
holders differ in program, folder or parent. Workers of one parent share a port on purpose and are left alone.",
    fix: "Stop the one that should not be there, usually the older.",
}

use portward_model::shell;

use crate::{
    case::sameness::{Sameness, sameness},
    cause::prelude::*,
};

fn run(case: &Case<'_>) -> Ruling {
    let mut alike: Option<String> = None;
    for address in &case.asked.addresses {
        let takers = case.takers(*address);
        let Some(first) = takers.first().copied() else { continue };
        for other in takers.iter().skip(1).copied() {
            match sameness(case, first, other) {
                Sameness::Two(fact) => return split(case, first, other, fact.into()),
                Sameness::One(fact) => alike = Some(fact),
                Sameness::Unknown => {}
            }
        }
    }
    alike.map_or(Ruling::Silent, |fact| Ruling::out(format!("two sockets listen there, and {fact}")))
}

fn split(case: &Case<'_>, one: (usize, &Socket), other: (usize, &Socket), fact: Sentence) -> Ruling {
    let age = |index: usize| case.holder(index).map(|process| process.started_at);
    let (older, newer) = if age(one.0) <= age(other.0) { (one, other) } else { (other, one) };
    let evidence = vec![words::seen(case, older.0, older.1), words::seen(case, newer.0, newer.1), Evidence::new("/proc", fact)];
    let listens = words::endpoint(case.snapshot, older.1);
    let (left, right) = (words::who(case, older.0, older.1), words::who(case, newer.0, newer.1));
    let summary = format!("{listens} is two servers, {left} and {right}, and each gets a part of the connections.");
    let fixes = stop_older(case, older);
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

/// Stopping the older of two servers, after a look at both.
pub(super) fn stop_older(case: &Case<'_>, older: (usize, &Socket)) -> Vec<Remedy> {
    let Some(process) = case.holder(older.0) else {
        return vec![offer::explain("See who holds both", words::target(case)).behind("sudo ")];
    };
    let sudo = words::sudo(case, process.uid);
    vec![
        Remedy::end(format!("Stop the older one, {}", words::named(process)), shell!("kill {}", process.id.pid).behind(sudo)),
        offer::explain("Look at both first", words::target(case)),
    ]
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Seen, Snapshot, Text};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{holding, listener, process, world},
    };

    /// Two listeners with one address, held by processes with these arguments, parents and ages.
    fn two(one: (&[&str], u32, i64), other: (&[&str], u32, i64)) -> Snapshot {
        let mut second = listener("127.0.0.1", 3000);
        second.inode = 9;
        world(
            vec![listener("127.0.0.1", 3000), second],
            vec![
                process(11, one.1, one.0, one.2),
                process(12, other.1, other.0, other.2),
                process(5, 1, &["gunicorn: master"], 9000),
                process(6, 1, &["bash"], 9000),
                process(7, 1, &["bash"], 9000),
            ],
            vec![holding(0, 11, 3), holding(1, 12, 3)],
        )
    }

    pub(crate) fn cases() -> Cases {
        let python = &["python3", "web.py"][..];
        let node = &["node", "web.js"][..];
        let mut folders = two((node, 6, 100), (node, 7, 5));
        folders.processes.iter_mut().find(|p| p.id.pid == 12).unwrap().cwd = Seen::Known(Text::from("/home/ana/other"));
        let mut hidden = two((python, 6, 100), (node, 7, 5));
        hidden.holdings.clear();
        let mut service = two((python, 1, 100), (python, 1, 5));
        for process in &mut service.processes {
            process.cgroup = Seen::Known(Text::from("/system.slice/web.service"));
        }
        let on = |snapshot: Snapshot| Scene::on(snapshot, "127.0.0.1:3000");
        Cases {
            fires: vec![
                on(two((python, 6, 100), (node, 7, 5))),
                on(two((python, 6, 100), (python, 7, 5))),
                on(two((&["python3", "old.py"], 6, 100), (&["python3", "new.py"], 6, 5))),
                on(folders),
            ],
            silent: vec![
                on(two((python, 5, 100), (python, 5, 5))),
                on(two((&["python3", "web.py", "--worker=1"], 5, 100), (&["python3", "web.py", "--worker=2"], 5, 5))),
                on(two((python, 11, 100), (python, 11, 5))),
                on(two((python, 6, 6), (python, 7, 5))),
                on(service),
                on(hidden),
                Scene::on(two((python, 6, 100), (node, 7, 5)), "127.0.0.1:3001"),
            ],
        }
    }
}
