cause! {
    "stale-pidfile": "a pid file was left behind by a server that is gone",
    Rule, Endpoint(run),
    what: "A server that was killed leaves its pid file. When it is started again it believes that it runs already, or finds
that the number now belongs to another program, and ends.",
    evidence: "The pid file that names the port, and the table of processes: the pid is nobody's, or belongs to a process that
started after the file was written.",
    fix: "Remove the file after making sure that no server runs. Never end the process that has the number now: it is another
one.",
}

use portward_model::shell;

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let served = case.listeners().next().is_some();
    let spoken = case.paste.filter(|_| case.says(CAUSE.code));
    if served || (spoken.is_none() && case.unserved().is_none()) {
        return Ruling::Silent;
    }
    let pid_files = || kin::mentions(case).filter(|mention| mention.kind == MentionKind::PidFile);
    let left = pid_files().find_map(|mention| Some((mention, fate(case, mention)?)));
    let mut evidence = Vec::new();
    if let Some(paste) = spoken {
        evidence.push(words::text_line(paste));
    }
    let Some((mention, fate)) = left else {
        if spoken.is_none() || pid_files().next().is_some() {
            return Ruling::Silent;
        }
        if case.asked.port != 0 {
            evidence.push(Evidence::new("sock_diag", format!("nothing listens on port {}", case.asked.port)));
        }
        let fixes = vec![Remedy::look("See whether the pid in the file is the server's, then remove the file", "ps -p PID")];
        let summary = "A pid file says that the server runs, and it does not.";
        return words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes);
    };
    evidence.push(words::mentioned(mention));
    evidence.push(Evidence::new("/proc", fate.fact.clone()));
    evidence.extend(case.exam.attempts.iter().take(1).map(words::tried));
    let mut fixes = Vec::new();
    if let Some(command) = shell!("rm -- {}", mention.file).typeable() {
        let sudo = if case.snapshot.host.privileged { "" } else { "sudo " };
        fixes.push(Remedy::end("Remove the file, then start the server", command.behind(sudo)));
    }
    fixes.push(Remedy::look("See what it named", shell!("ps -p {}", fate.pid)));
    let summary = format!("{} names pid {}, which is no server of port {} any more.", mention.file, fate.pid, mention.port);
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

/// What became of the process that a pid file names, where it is gone.
struct Fate {
    pid: u32,
    fact: Sentence,
}

/// The line is the file's lines in one: pid, folder, start in seconds since 1970, port.
fn fate(case: &Case<'_>, mention: &Mention) -> Option<Fate> {
    let text = mention.text.lossy();
    let mut words = text.split_ascii_whitespace();
    let pid: u32 = words.next()?.parse().ok()?;
    // The folder may hold blanks; of what follows only the start has ten digits.
    let written = words.filter_map(|word| word.parse::<i64>().ok()).find(|seconds| *seconds > 1_000_000_000);
    match case.snapshot.process(pid) {
        None => {
            let all_seen = case.exam.every_process && case.snapshot.host.privileged;
            all_seen.then(|| Fate { pid, fact: format!("no process has the pid {pid}").into() })
        }
        Some(process) => is_younger(process, written?).then(|| Fate {
            pid,
            fact: format!("pid {pid} is {} now, which started after the file was written", words::named(process)).into(),
        }),
    }
}

/// True with more than a minute between: clocks are set, and a server writes its file soon after its start.
fn is_younger(process: &Process, written: i64) -> bool {
    process.started_at.0 / 1000 > written.saturating_add(60)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{MentionKind, Met};

    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener, process, world},
    };

    pub(crate) fn cases() -> Cases {
        let file = |scene: Scene, pid: u32, started: u64| {
            let text = format!("{pid} /var/lib/postgresql/data {started} 5432");
            scene.mention(MentionKind::PidFile, "/var/lib/postgresql/data/postmaster.pid", 4, &text, 5432)
        };
        let refused = || Scene::connect("127.0.0.1:5432").tried(Met::Failed(111));
        let with = |program: &str, age| {
            let snapshot = world(Vec::new(), vec![process(812, 1, &[program], age)], Vec::new());
            Scene::on(snapshot, "127.0.0.1:5432").tried(Met::Failed(111))
        };
        let exists = "FATAL: lock file \"postmaster.pid\" already exists";
        let mut unprivileged = file(refused(), 812, 1_799_990_000);
        unprivileged.snapshot.host.privileged = false;
        Cases {
            fires: vec![
                file(refused(), 812, 1_799_990_000),
                file(with("chrome", 100), 812, 1_799_990_000),
                refused().said(Symptom::InUse, Some("stale-pidfile"), exists),
            ],
            silent: vec![
                file(with("postgres", 10_000), 812, 1_799_990_001),
                file(Scene::on(held(listener("127.0.0.1", 5432)), "127.0.0.1:5432").tried(Met::Connected), 812, 1_799_990_000),
                unprivileged,
                refused(),
            ],
        }
    }
}
