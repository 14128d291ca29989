cause! {
    "crash-loop": "the server starts and ends again and again",
    Process, Endpoint(run),
    what: "A supervisor starts a program that ends soon after. Between two lives the port is refused, within one it may even
answer. The port is not the problem; what the program prints as it ends is.",
    evidence: "The endpoint was looked at several times: its listener came and went, or one and the same parent had another child
each time.",
    fix: "Read the last output and the exit status of the child.",
}

use std::collections::BTreeMap;

use portward_model::{Sample, shell};

use crate::{bind::words::supervisor_of, cause::prelude::*, why::starts_again};

fn run(case: &Case<'_>) -> Ruling {
    let samples = case.exam.samples.as_slice();
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return Ruling::Silent };
    if !case.connects() {
        return Ruling::Silent;
    }
    let seconds = last.at_ms.saturating_sub(first.at_ms).div_ceil(1000);
    let holders = changes(samples.iter().filter_map(|sample| sample.listeners.first().copied()));
    if samples.iter().all(|sample| sample.listening) && holders == 0 {
        return Ruling::out(format!("it listened all of {seconds} s"));
    }
    let ends = samples.windows(2).filter(|pair| matches!(pair, [before, after] if before.listening && !after.listening)).count();
    let starts =
        samples.windows(2).filter(|pair| matches!(pair, [before, after] if !before.listening && after.listening)).count();
    let reborn = reborn(case, samples);
    let lives = reborn.as_ref().map_or(0, |(_, pids)| pids.len());
    let serving = reborn.as_ref().is_some_and(|(parent, pids)| serves(case, *parent, pids));
    let scripts: Vec<_> = reborn.as_ref().map_or_else(Vec::new, |(_, pids)| {
        pids.iter().filter_map(|pid| case.snapshot.process(*pid)).filter(|process| kin::is_script(process)).collect()
    });
    let likelihood = match (ends, starts, holders, lives) {
        (_, _, 2.., _) => Likelihood::Certain,
        // A listener that came and has stayed is a server that was starting, whatever some shell does meanwhile.
        (0, 1, 0, lives) if last.listening && !(serving && lives > 2) => return Ruling::Silent,
        // Any loop has children in turn; what shows that they would serve this port is what they were told.
        (0, 0, 0, _) if !serving => return Ruling::Silent,
        (_, _, _, 3..) if serving => Likelihood::Certain,
        (1.., 1.., _, _) | (_, _, 1, _) | (_, _, _, 2..) => Likelihood::Likely,
        _ => return Ruling::Silent,
    };
    let mut evidence = Vec::new();
    if ends + starts > 0 {
        let fact = format!("within {seconds} s it began to listen {starts} times and ceased {ends} times");
        evidence.push(Evidence::new("sock_diag", fact));
    }
    if holders > 0 {
        evidence.push(Evidence::new("sock_diag", format!("its holder changed {holders} times within {seconds} s")));
    }
    let parent = reborn.as_ref().and_then(|(parent, _)| case.snapshot.process(*parent));
    if let Some((pid, pids)) = &reborn {
        let name = parent.map_or_else(|| format!("pid {pid}"), words::named);
        // A loop's pauses are children too; where the programs can be told, they are the ones to name.
        let shown: Vec<String> = match scripts.len() {
            0 | 1 => pids.iter().take(6).map(u32::to_string).collect(),
            _ => scripts.iter().take(4).map(|process| words::named(process)).collect(),
        };
        evidence.push(Evidence::new("/proc/PID/stat", format!("{name} had the children {} in turn", shown.join(", "))));
    }
    let supervisor = parent.and_then(|parent| supervisor_of(case.snapshot, parent));
    let title = "Read why it ends: where its output goes";
    let log = match (&supervisor, &reborn) {
        (Some(found), _) if found.name.raw().ends_with(b".service") && found.name.plain().is_some() => {
            Remedy::look(title, shell!("journalctl -n 50 -u {}", found.name))
        }
        (_, Some((pid, _))) => Remedy::look(title, shell!("ls -l /proc/{}/fd/1 /proc/{}/fd/2", pid, pid)),
        (_, None) => offer::explain(title, words::target(case)),
    };
    let fixes = vec![log];
    let who = parent.map(|parent| format!(" under {}", words::named(parent))).unwrap_or_default();
    let summary = format!("{} has a server that starts and ends again and again{who}.", words::port(case));
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// True when the parent or a child that was seen has to do with serving the port: something says so, or its work is to start the
/// programs of the reader's own project again. That a loop runs in the same folder ties it to no port.
fn serves(case: &Case<'_>, parent: u32, pids: &[u32]) -> bool {
    let all = std::iter::once(&parent).chain(pids).filter_map(|pid| case.snapshot.process(*pid));
    let readers = kin::readers_project(case);
    all.filter(|process| !kin::is_reader(case, process)).any(|process| {
        let of_the_project = readers.is_some() && kin::project(case, process) == readers;
        kin::is_meant_to_serve(case, process) || (of_the_project && starts_again(process))
    })
}

/// How often neighbours differ.
fn changes(mut values: impl Iterator<Item = u32>) -> usize {
    let Some(mut before) = values.next() else { return 0 };
    values.filter(|value| std::mem::replace(&mut before, *value) != *value).count()
}

/// The parent with the most children one after the other that may be one program, and these, first of those that have to do with the
/// port; children that lived side by
/// side are workers.
fn reborn(case: &Case<'_>, samples: &[Sample]) -> Option<(u32, Vec<u32>)> {
    let mut of: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for sample in samples {
        for (parent, child) in &sample.children {
            let beside = sample.children.iter().any(|(other, sibling)| other == parent && sibling != child);
            let known = of.entry(*parent).or_default();
            if !known.contains(child) && !beside {
                known.push(*child);
            }
        }
    }
    let of = of.into_iter().map(|(parent, pids)| (parent, one_program(case, pids)));
    // On a busy machine other loops turn faster than the one that is asked about.
    of.filter(|(_, pids)| pids.len() > 1).max_by_key(|(parent, pids)| (serves(case, *parent, pids), pids.len()))
}

/// Of children in turn, those that may be lives of one program: with the same arguments, or gone before they were read. Different
/// programs one after another are the steps of a script.
fn one_program(case: &Case<'_>, pids: Vec<u32>) -> Vec<u32> {
    let arguments = |pid: u32| case.snapshot.process(pid)?.argv.known().map(CommandLine::arguments);
    let twins = |pid: u32| pids.iter().filter(|other| arguments(**other) == arguments(pid)).count();
    let most = pids.iter().copied().filter(|pid| arguments(*pid).is_some()).max_by_key(|pid| twins(*pid));
    let Some(most) = most else { return pids };
    pids.iter().copied().filter(|pid| arguments(*pid).is_none_or(|known| arguments(most) == Some(known))).collect()
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::Met;

    use crate::{
        case::scene::Scene,
        cause::Cases,
        doctor::diagnose,
        fixture::{process, world},
    };

    pub(crate) fn cases() -> Cases {
        let scene = || {
            Scene::on(world(Vec::new(), vec![process(50, 1, &["nodemon"], 900)], Vec::new()), "127.0.0.1:3000")
                .tried(Met::Failed(111))
        };
        let told = || scene().told(50, "/proc/50/environ", "PORT=3000");
        let mut replaced = scene().watched(&[(true, &[]), (true, &[]), (true, &[])]);
        for (sample, pid) in replaced.exam.samples.iter_mut().zip([71, 72, 73]) {
            sample.listeners = vec![pid];
        }
        let turns: &[(bool, &[(u32, u32)])] = &[(false, &[(50, 61)]), (false, &[(50, 62)])];
        let steps = |second: &[&str]| {
            let shell = process(50, 1, &["sh", "run.sh"], 900);
            let children = vec![shell, process(61, 50, &["node", "a.js"], 1), process(62, 50, second, 0)];
            Scene::on(world(Vec::new(), children, Vec::new()), "127.0.0.1:3000").tried(Met::Failed(111))
        };
        Cases {
            fires: vec![
                steps(&["node", "a.js"]).told(61, "/srv/a.js:3", "app.listen(3000)").watched(turns),
                scene().watched(&[(false, &[]), (true, &[]), (false, &[]), (true, &[]), (false, &[])]),
                told().watched(&[(false, &[(50, 61)]), (false, &[(50, 62)]), (false, &[(50, 63)])]),
                told().watched(&[(false, &[(50, 61)]), (false, &[(50, 62)])]),
                replaced,
            ],
            silent: vec![
                steps(&["node", "b.js"]).watched(turns),
                scene().watched(&[(false, &[(50, 61)]), (false, &[(50, 62)]), (true, &[])]),
                scene().watched(&[(true, &[(50, 61)]), (true, &[(50, 61)])]),
                scene().watched(&[(true, &[(50, 61), (50, 62)]), (true, &[(50, 63), (50, 62)])]),
                scene().watched(&[(false, &[(50, 61)]), (false, &[(50, 61)])]),
                scene().watched(&[(false, &[]), (false, &[]), (true, &[])]),
                scene(),
            ],
        }
    }

    #[test]
    fn a_loop_that_nothing_ties_to_the_port_is_not_told() {
        let scene = Scene::on(world(Vec::new(), vec![process(50, 1, &["bash", "tests.sh"], 900)], Vec::new()), "127.0.0.1:3000");
        let loops = scene.tried(Met::Failed(111)).watched(&[(false, &[(50, 61)]), (false, &[(50, 62)]), (false, &[(50, 63)])]);
        let causes = diagnose(&loops.case()).causes;
        let codes: Vec<&str> = causes.iter().map(|cause| cause.code.as_str()).collect();
        assert_eq!(codes, ["no-listener"]);
    }
}
