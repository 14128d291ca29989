cause! {
    "stale-instance": "an old build still answers",
    Reading, Endpoint(run) if Case::connects,
    what: "\
The program was built again, and the process that answers still runs the file that was there before. Every change since then
seems to have no effect.",
    evidence: "\
The file of the running program was deleted or replaced since it started (/proc/PID/exe ends in \"(deleted)\"), and it was one that a
person builds: not part of the system, whose packages replace the files of running services as a matter of course.",
    fix: "Stop the old process and start the new build.",
}

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let serving = case.serving_processes();
    // Where one worker runs the new file, the service was restarted, or is being.
    if serving.is_empty() || !serving.iter().all(|(process, _)| process.exe_deleted) {
        return Ruling::Silent;
    }
    let Some((process, path)) = serving.iter().find_map(|(process, _)| Some((*process, built(process)?))) else {
        return Ruling::Silent;
    };
    let Some((index, socket)) = case.served().first().copied() else { return Ruling::Silent };
    let evidence = vec![
        Evidence::new(
            format!("/proc/{}/exe", process.id.pid),
            format!("{path} was deleted or replaced since the process started"),
        ),
        words::seen(case, index, socket),
    ];
    let summary = format!("{} still runs a build that was replaced or deleted since it started.", words::named(process));
    let sudo = words::sudo(case, process.uid);
    let fixes = vec![offer::free("Stop the old process, then start the new build", words::target(case)).behind(sudo)];
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

/// The path of a program that a person builds; `None` for the system's, for tools that update themselves in hidden
/// folders, and for programs in memory alone.
fn built(process: &Process) -> Option<String> {
    let exe = process.exe.known()?;
    let path = String::from_utf8_lossy(exe.raw());
    let system = SYSTEM.iter().any(|prefix| path.starts_with(prefix));
    let hidden = path.split('/').any(|part| part.starts_with('.') && part.len() > 1);
    (path.starts_with('/') && !system && !hidden).then(|| exe.shown().trim_end_matches(" (deleted)").to_owned())
}

const SYSTEM: &[&str] =
    &["/usr/", "/bin/", "/sbin/", "/lib", "/opt/", "/snap/", "/nix/", "/gnu/", "/memfd:", "/var/lib/", "/app/", "/proc/"];

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Ended, Said, Seen, Snapshot, Text};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener},
    };

    fn running(path: &str, deleted: bool) -> Snapshot {
        let mut snapshot = held(listener("127.0.0.1", 3000));
        let process = snapshot.processes.iter_mut().find(|process| process.id.pid == 4121).unwrap();
        process.exe = Seen::Known(Text::from(path));
        process.exe_deleted = deleted;
        snapshot
    }

    pub(crate) fn cases() -> Cases {
        let on = |snapshot: Snapshot| Scene::on(snapshot, "127.0.0.1:3000");
        let built = "/home/ana/shop/target/debug/shop";
        Cases {
            fires: vec![
                on(running(built, true)),
                on(running(built, true)).talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
            ],
            silent: vec![
                on(running(built, false)),
                on(running("/usr/sbin/nginx", true)),
                on(running("/memfd:runc_cloned (deleted)", true)),
                on(running("/home/ana/.vscode-server/bin/1/node", true)),
            ],
        }
    }
}
