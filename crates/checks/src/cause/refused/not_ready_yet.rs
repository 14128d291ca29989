cause! {
    "not-ready-yet": "the server is starting and does not listen yet",
    Process, Endpoint(run) if Case::connects,
    what: "A program that was started seconds ago reads its configuration, compiles, connects to its database, and only then
listens. A client that comes before is refused, and the same client a moment later is served.",
    evidence: "A process whose arguments name the port, seconds old, without a listener; or the listener appeared while it was
watched.",
    fix: "Wait for the port instead of for a time.",
}

use portward_model::ProcessState;

use crate::{bind::words::age, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    let fixes = vec![offer::wait("Wait until it listens", words::target(case))];
    if let Some(paste) = case.paste.filter(|_| case.says(CAUSE.code)) {
        let evidence = vec![words::text_line(paste)];
        let summary = format!("{} has a server that says itself that it is still starting.", words::port(case));
        return words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes);
    }
    if let Some(came) = came(case) {
        let mut evidence = vec![Evidence::new("sock_diag", format!("it began to listen after {came} ms of watching"))];
        evidence.extend(case.exam.attempts.iter().take(1).map(words::tried));
        let summary = format!("{} was not ready: its server began to listen after {came} ms.", words::port(case));
        return words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes);
    }
    if !case.is_deserted() {
        return Ruling::Silent;
    }
    let Some((process, seconds)) = youngest(case) else { return Ruling::Silent };
    let likelihood = if seconds <= YOUNG { Likelihood::Likely } else { Likelihood::Possible };
    let argv = process.argv.known().map(CommandLine::arguments).unwrap_or_default();
    let line: Vec<String> = argv.iter().take(8).map(Text::shown).collect();
    let old = age(process.started_at, case.snapshot.host.now);
    let pid = process.id.pid;
    let told = match kin::told_elsewhere(case, process) {
        Some(told) if !kin::is_told_to_serve(process, case.asked.port) => words::told(told),
        _ => Evidence::new(format!("/proc/{pid}/cmdline"), format!("{} names port {}", line.join(" "), case.asked.port)),
    };
    let mut evidence =
        vec![told, Evidence::new(format!("/proc/{pid}/stat"), format!("it started {old} ago and listens on no port"))];
    evidence.extend(case.exam.attempts.iter().take(1).map(words::tried));
    let summary = format!("{} started {old} ago for port {} and does not listen yet.", words::named(process), case.asked.port);
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// When the listener came to stay, where it was watched and was not there at first.
fn came(case: &Case<'_>) -> Option<u64> {
    let samples = case.exam.samples.as_slice();
    let (first, last) = (samples.first()?, samples.last()?);
    let turns = samples.windows(2).filter(|pair| matches!(pair, [before, after] if before.listening != after.listening)).count();
    (!first.listening && last.listening && turns == 1)
        .then(|| samples.iter().find(|sample| sample.listening).map_or(last.at_ms, |sample| sample.at_ms))
}

/// The youngest process that was told to serve the port and listens nowhere, with its age in seconds.
fn youngest<'a>(case: &Case<'a>) -> Option<(&'a Process, i64)> {
    let now = case.snapshot.host.now.0;
    let all = case.processes().filter(|process| {
        process.state == ProcessState::Alive
            && (kin::is_told_to_serve(process, case.asked.port) || kin::told_elsewhere(case, process).is_some())
            && !kin::is_reader(case, process)
            && !kin::is_client(case, process.id.pid)
            // Whose folder is hidden has its sockets hidden, too: it may listen long since.
            && process.cwd.known().is_some()
            && kin::ports_of(case, process.id.pid).is_empty()
            && debuggee(process).is_none_or(|found| !found.waits)
    });
    let aged = all.map(|process| (process, now.saturating_sub(process.started_at.0).max(0) / 1000));
    aged.filter(|(_, seconds)| *seconds <= OLD).min_by_key(|(process, seconds)| (*seconds, std::cmp::Reverse(process.id.pid)))
}

/// Most servers listen within this time, in seconds.
const YOUNG: i64 = 60;
/// No server starts for longer, in seconds.
const OLD: i64 = 600;

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, Snapshot};

    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{holding, listener, process, world},
    };

    fn started(argv: &[&str], age: i64) -> Snapshot {
        world(Vec::new(), vec![process(300, 1, argv, age)], Vec::new())
    }

    pub(crate) fn cases() -> Cases {
        let slow = ["java", "-Dserver.port=8080", "-jar", "shop.jar"];
        let on = |argv: &[&str], age| Scene::on(started(argv, age), "127.0.0.1:8080").tried(Met::Failed(111));
        let elsewhere = world(vec![listener("127.0.0.1", 8081)], vec![process(300, 1, &slow, 4)], vec![holding(0, 300, 5)]);
        let starting = "FATAL: the database system is starting up";
        let mut reader = on(&["sh", "-c", "serve --port 8080"], 3);
        reader.snapshot.host.pid = 300;
        let mut hidden = on(&slow, 4);
        hidden.snapshot.processes[0].cwd = portward_model::Seen::Hidden(portward_model::Need::Root);
        let by_variable = on(&["node", "server.js"], 3).told(300, "/proc/300/environ", "PORT=8080");
        Cases {
            fires: vec![
                by_variable,
                on(&slow, 4),
                on(&["python3", "-c", "time.sleep(3); s.bind(('127.0.0.1', 8080))"], 1),
                Scene::connect("127.0.0.1:8080").tried(Met::Failed(111)).watched(&[(false, &[]), (false, &[]), (true, &[])]),
                Scene::connect("127.0.0.1:5432").tried(Met::Connected).said(Symptom::Other, Some("not-ready-yet"), starting),
            ],
            silent: vec![
                on(&slow, 4000),
                on(&["curl", "127.0.0.1:8080"], 1),
                on(&["java", "-jar", "shop.jar"], 4),
                Scene::on(elsewhere, "127.0.0.1:8080").tried(Met::Failed(111)),
                hidden,
                on(&["sleep", "8080"], 1),
                on(&["timeout", "8080", "tail", "-f", "log"], 1),
                on(&["head", "-c", "8080", "/dev/zero"], 1),
                Scene::connect("127.0.0.1:8080").watched(&[(false, &[]), (true, &[]), (false, &[])]),
                reader,
            ],
        }
    }
}
