cause! {
    "folder-closed": "the folder of the Unix socket may not be written to by the server's user",
    Rule, Endpoint(run) if Case::listens,
    what: "A bind to a Unix path makes a file, which takes write and search permission on its folder (unix(7)). /run and /var/run belong to
root: a server that gives up its rights before it binds, or never had them, is refused there.",
    evidence: "The text; mode and owner of the folder (stat(2)), and the user of the program where it runs.",
    fix: "Give the server a folder of its own (RuntimeDirectory= of a systemd unit, tmpfiles.d), or another path.",
}

use portward_model::{ShellLine, shell};

use crate::{bind::words::user, case::subject, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    let told = case.paste.filter(|paste| paste.symptom == Symptom::PermissionDenied);
    let (Some(paste), Some(path)) = (told, case.asked.path.as_ref()) else { return Ruling::Silent };
    let Some(folder) = case.exam.path(path).and_then(|facts| facts.folders.last()) else { return Ruling::Silent };
    let owner = user(case.snapshot, folder.uid);
    let stands =
        Evidence::new("stat(2)", format!("{} has mode {:04o}, user {owner}, group {}", folder.path, folder.mode, folder.gid));
    let mut evidence = vec![words::text_line(paste), stands];
    let asker = subject::asker(case);
    let (who, likelihood) = match &asker {
        Some(asker) if asker.may_make(folder) == Some(true) => {
            return Ruling::out(format!("{} may make files in {}", words::named(asker.process), folder.path));
        }
        Some(asker) => {
            let me = user(case.snapshot, asker.process.uid);
            evidence.push(Evidence::new(format!("/proc/{}/status", asker.process.id.pid), format!("it runs as user {me}")));
            (format!("{me}, as whom {} runs", words::named(asker.process)), Likelihood::Certain)
        }
        None if folder.mode & 0o002 != 0 => return Ruling::out(format!("everybody may make files in {}", folder.path)),
        None => ("the user of the program that printed this".to_owned(), Likelihood::Likely),
    };
    let mut fixes = Vec::new();
    if let Some(asker) = &asker {
        let me = user(case.snapshot, asker.process.uid);
        let command = shell!("sudo setfacl -m u:{}:wx", me).operand(&folder.path).typeable();
        fixes.extend(command.map(|command| Remedy::change(format!("Let {me} make files there"), command)));
    }
    fixes.push(Remedy::look("See the modes on the way", ShellLine::from("namei -l").operand(path)));
    let summary = format!("{path} cannot be bound: {} may not be written to by {who}.", folder.path);
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::FolderFacts;

    use crate::{
        Call, Symptom,
        case::scene::Scene,
        cause::Cases,
        doctor::Asking,
        fixture::{machine, process, world},
    };

    pub(crate) fn cases() -> Cases {
        let told = |scene: Scene, mode: u32| {
            scene.stands(None, 0, false).said(Symptom::PermissionDenied, None, "bind: Permission denied").but(|scene| {
                scene.asked.asking = Asking::Listen;
                let paste = scene.paste.as_mut().unwrap();
                (paste.call, paste.program) = (Some(Call::Bind), Some("nginx"));
                scene.exam.paths[0].folders = vec![FolderFacts { path: "/run".into(), mode, uid: 0, gid: 0 }];
            })
        };
        let bare = || Scene::unix(machine(), "/run/app.sock");
        let mut worker = process(812, 1, &["nginx: worker process"], 60);
        worker.uid = 33;
        let running = Scene::unix(world(Vec::new(), vec![worker], Vec::new()), "/run/app.sock");
        Cases { fires: vec![told(bare(), 0o755), told(running, 0o755)], silent: vec![told(bare(), 0o777), bare()] }
    }
}
