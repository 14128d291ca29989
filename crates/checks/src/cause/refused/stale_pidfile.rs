cause! {
    "stale-pidfile": "a pid file was left behind by a server that is gone",
    Rule, Event(run),
    what: "A server that was killed leaves its pid file. When it is started again it believes that it runs already, or finds
that the number now belongs to another program, and ends.",
    evidence: "The pid file that names the port, and the table of processes: the pid is nobody's, or belongs to a process that
started after the file was written.",
    fix: "Remove the file after making sure that no server runs. Never end the process that has the number now: it is another
one.",
}

use portward_model::shell;

use crate::{
    case::subject::{self, Subject},
    cause::prelude::*,
};

fn run(case: &Case<'_>) -> Ruling {
    let served = case.listeners().next().is_some();
    let spoken = case.paste.filter(|_| case.says(CAUSE.code));
    if served || (spoken.is_none() && case.unserved().is_none()) {
        return Ruling::Silent;
    }
    let all = subject::subjects(case);
    // Who is alive under that number may be the server: nothing is said to be stale, nor removed.
    let program = spoken.and_then(|paste| paste.program);
    let other = |process: &Process| program.and_then(|program| subject::is_of_program(process, program)) == Some(false);
    if all.iter().any(|subject| subject.process.is_some_and(|process| !other(process))) {
        return Ruling::Silent;
    }
    if let (Some(paste), Some(subject)) = (spoken, all.first()) {
        return of_subject(case, paste, subject);
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
        let absent = spoken
            .is_some_and(|paste| case.exam.paths.iter().any(|facts| paste.files.contains(&facts.path) && facts.kind.is_none()));
        if absent {
            evidence.push(Evidence::new(
                "stat(2)",
                "the file of the text does not stand on this machine: it is in a container, or gone",
            ));
        }
        let fixes = vec![Remedy::look(
            "See whether the pid in the file is alive, and the server's, before anything is removed",
            "ps -fp PID",
        )];
        let (likelihood, summary) = if case.asked.port != 0 {
            (Likelihood::Likely, "A pid or lock file says that the server runs already, and nothing listens on its port.")
        } else {
            (Likelihood::Possible, "A pid or lock file says that the server runs already; whether it does was not to be seen.")
        };
        return words::found(CAUSE.code, likelihood, summary, evidence, fixes);
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

/// The text names the number, or the file that holds it, and no server has it.
fn of_subject(case: &Case<'_>, paste: &crate::Paste, subject: &Subject<'_>) -> Ruling {
    let pid = subject.pid;
    let mut evidence = vec![words::text_line(paste)];
    evidence.extend(subject.file.map(|file| Evidence::new(file.path.shown(), format!("it holds the number {pid}"))));
    let fact = match subject.process {
        Some(process) => format!("pid {pid} is {}, which is another program", words::named(process)),
        None => format!("no process has the pid {pid}"),
    };
    evidence.push(Evidence::new("/proc", fact));
    let mut fixes = vec![Remedy::look("See that nobody has the number", shell!("ps -fp {}", pid))];
    if let Some(file) = subject.file.filter(|_| subject.process.is_none())
        && let Some(command) = shell!("rm -- {}", file.path).typeable()
    {
        let command = command.behind(words::sudo(case, file.uid));
        fixes.insert(0, Remedy::end("Remove the file, then start the server", command));
    }
    let summary = match subject.file {
        Some(file) => format!("{} names pid {pid}, which is no server any more.", file.path),
        None => format!("The server that the text calls pid {pid} is gone; what says that it runs was left behind."),
    };
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
        // A text that names pid 812, which is nobody or this program.
        let left = |program: Option<&str>| {
            let all = program.into_iter().map(|program| process(812, 1, &[program], 900)).collect();
            let told = Scene::on(world(Vec::new(), all, Vec::new()), "127.0.0.1:5432");
            told.said(Symptom::InUse, Some("stale-pidfile"), exists).but(|scene| {
                let paste = scene.paste.as_mut().unwrap();
                (paste.program, paste.pids, paste.call) = (Some("postgresql"), vec![812], Some(crate::Call::Listen));
                scene.exam.named = vec![812];
            })
        };
        Cases {
            fires: vec![
                file(refused(), 812, 1_799_990_000),
                file(with("chrome", 100), 812, 1_799_990_000),
                refused().said(Symptom::InUse, Some("stale-pidfile"), exists),
                left(None),
                left(Some("chrome")),
            ],
            silent: vec![
                left(Some("postgres")),
                file(with("postgres", 10_000), 812, 1_799_990_001),
                file(Scene::on(held(listener("127.0.0.1", 5432)), "127.0.0.1:5432").tried(Met::Connected), 812, 1_799_990_000),
                unprivileged,
                refused(),
            ],
        }
    }
}
