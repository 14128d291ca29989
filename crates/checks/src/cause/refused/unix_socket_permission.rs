cause! {
    "unix-socket-permission": "this user may not connect to the Unix socket",
    Rule, Endpoint(run),
    what: "Connecting to a Unix socket takes write permission on its file and search permission on every folder above it
(unix(7)). The usual case is a socket for root and one group, such as Docker's, and a user who is not in it, or
joined it after logging in.",
    evidence: "EACCES from connect(2); the file's mode and owner, or the folder that may not be searched (stat(2), access(2)).",
    fix: "Join the group and log in again, or run the client as a user who may.",
}

use portward_model::{FileKind, PathFacts, ShellLine, shell};

use crate::{bind::words::user, case::subject, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    let Some(path) = case.asked.path.as_ref().filter(|path| case.connects() && !path.raw().starts_with(b"@")) else {
        return Ruling::Silent;
    };
    if let Some(paste) = case.paste.filter(|paste| paste.symptom == Symptom::PermissionDenied && paste.path.is_some())
        && let Some(ruling) = case.exam.path(path).and_then(|facts| of_another(case, paste, facts))
    {
        return ruling;
    }
    let tried = case.exam.attempts.iter().find(|attempt| case.is_target(&attempt.at));
    let denied = tried.is_some_and(|attempt| attempt.met == Met::Failed(13));
    if tried.is_some() && !denied {
        return Ruling::Silent;
    }
    let Some(facts) = case.exam.path(path) else {
        return if denied { bare(case) } else { Ruling::Silent };
    };
    let unsearchable = facts.stops_at.as_ref().filter(|_| facts.kind.is_none() && denied);
    let unwritable = facts.kind == Some(FileKind::Socket) && !facts.writable;
    if !unwritable && unsearchable.is_none() {
        // The modes allow it: what denies is a sandbox.
        return if denied { Ruling::out(format!("the modes of {path} and its folders allow it")) } else { Ruling::Silent };
    }
    let me = user(case.snapshot, case.snapshot.host.uid);
    let owner = user(case.snapshot, facts.uid);
    let mut evidence = Vec::new();
    let mut fixes = Vec::new();
    let summary = if let Some(folder) = unsearchable {
        evidence.push(Evidence::new("access(2)", format!("{folder} may not be searched by {me}")));
        let command = shell!("sudo setfacl -m u:{}:x", me).operand(folder).typeable();
        fixes.extend(command.map(|command| Remedy::change("Let this user search the folder", command)));
        format!("{path} cannot be reached: {me} may not search {folder}.")
    } else {
        let mode = facts.mode & 0o7777;
        evidence.push(Evidence::new("stat(2)", format!("{path} has mode {mode:04o}, user {owner}, group {}", facts.gid)));
        // Group 0 is root's: who joins it may do far more than speak to one server.
        let joins = mode & 0o020 != 0 && facts.gid != 0 && facts.uid != case.snapshot.host.uid;
        if joins {
            let command = shell!("sudo usermod -aG \"$(getent group {} | cut -d: -f1)\"", facts.gid).operand(&me);
            fixes.push(Remedy::change("Join its group, then log in again", command));
        } else if let Some(command) = shell!("setfacl -m u:{}:rw", me).operand(path).typeable() {
            fixes.push(Remedy::change("Let this user write to it", command.behind(words::sudo(case, facts.uid))));
        }
        format!("{path} may not be written to by {me}: its mode is {mode:04o}, its owner {owner}.")
    };
    evidence.extend(tried.map(words::tried));
    fixes.push(Remedy::look("Or run the client as its owner", shell!("sudo -u {} CLIENT", owner)));
    words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes)
}

/// What the text's own program may do, by its user: the reader's rights are other ones.
fn of_another(case: &Case<'_>, paste: &crate::Paste, facts: &PathFacts) -> Option<Ruling> {
    let path = &facts.path;
    let mut evidence = vec![words::text_line(paste)];
    let owner = user(case.snapshot, facts.uid);
    let mode = facts.mode & 0o7777;
    let stands = Evidence::new("stat(2)", format!("{path} has mode {mode:04o}, user {owner}, group {}", facts.gid));
    let Some(asker) = subject::asker(case) else {
        // A client that was run by hand is the reader's own; a server runs as a user of its own, which nobody here has.
        return paste
            .program
            .filter(|program| program::author(program).is_some_and(|author| author.is_service))
            .and_then(|program| by_modes(case, paste, facts, program));
    };
    let me = user(case.snapshot, asker.process.uid);
    let runs = format!("it runs as user {me}");
    evidence.push(Evidence::new(format!("/proc/{}/status", asker.process.id.pid), runs));
    let who = format!("{me}, as whom {} runs", words::named(asker.process));
    let mut fixes = Vec::new();
    let summary = if let Some(folder) = asker.stopped_at(facts) {
        let folder_owner = user(case.snapshot, folder.uid);
        let fact = format!("{} has mode {:04o}, user {folder_owner}, group {}", folder.path, folder.mode, folder.gid);
        evidence.push(Evidence::new("stat(2)", fact));
        let command = shell!("sudo setfacl -m u:{}:x", me).operand(&folder.path).typeable();
        fixes.extend(command.map(|command| Remedy::change(format!("Let {me} search the folder"), command)));
        format!("{path} cannot be reached by {who}: it may not search {}.", folder.path)
    } else {
        // A reader who does not see the file knows nothing of its modes.
        facts.kind?;
        match asker.may_write(facts) {
            Some(true) => return Some(Ruling::out(format!("{who} may write to {path} by its modes"))),
            None => return None,
            Some(false) => evidence.push(stands),
        }
        if mode & 0o020 != 0 && facts.gid != 0 {
            let command = shell!("sudo usermod -aG \"$(getent group {} | cut -d: -f1)\"", facts.gid).operand(&me);
            fixes.push(Remedy::change(format!("Put {me} into its group, then restart the program"), command));
        } else if let Some(command) = shell!("sudo setfacl -m u:{}:rw", me).operand(path).typeable() {
            fixes.push(Remedy::change(format!("Let {me} write to it"), command));
        }
        format!("{path} may not be written to by {who}: its mode is {mode:04o}, its owner {owner}.")
    };
    fixes.push(Remedy::look("See the modes on the way", ShellLine::from("namei -l").operand(path)));
    Some(words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes))
}

/// A server of the text that does not run now, judged by what the modes leave to others.
fn by_modes(case: &Case<'_>, paste: &crate::Paste, facts: &PathFacts, program: &str) -> Option<Ruling> {
    let closed = facts.folders.iter().find(|folder| folder.mode & 0o001 == 0);
    let unwritable = facts.kind == Some(FileKind::Socket) && facts.mode & 0o002 == 0;
    let (what, mode, uid, gid, right) = match closed {
        Some(folder) => (&folder.path, folder.mode, folder.uid, folder.gid, "searched"),
        None if unwritable => (&facts.path, facts.mode & 0o7777, facts.uid, facts.gid, "written to"),
        None => return None,
    };
    let owner = user(case.snapshot, uid);
    let stands = Evidence::new("stat(2)", format!("{what} has mode {mode:04o}, user {owner}, group {gid}"));
    let fixes = vec![
        Remedy::look(format!("See as whom {program} runs"), shell!("ps -o user=,group= -C {}", program)),
        Remedy::look("See the modes on the way", ShellLine::from("namei -l").operand(&facts.path)),
    ];
    let summary = format!("{what} may be {right} by {owner} and its group alone; the user that {program} runs as is neither.");
    Some(words::found(CAUSE.code, Likelihood::Likely, summary, vec![words::text_line(paste), stands], fixes))
}

/// Only the error is known.
fn bare(case: &Case<'_>) -> Ruling {
    let evidence = case.exam.attempts.iter().take(1).map(words::tried).collect();
    let path = case.asked.path.clone().unwrap_or_default();
    let named = ShellLine::from("namei -l").operand(path);
    let fixes = vec![Remedy::look("See the modes on the way", named)];
    let summary = format!("{} may not be connected to by this user.", words::port(case));
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{FileKind, Met, SocketState, Text};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, machine, unix},
    };

    pub(crate) fn cases() -> Cases {
        let path = "/var/run/docker.sock";
        let served = || Scene::unix(held(unix(Some(path), SocketState::Listen)), path);
        let closed = |mode| served().stands(Some(FileKind::Socket), mode, false);
        let mut behind = Scene::unix(machine(), path).stands(None, 0, false).tried(Met::Failed(13));
        behind.exam.paths[0].stops_at = Some(Text::from("/var/run"));
        Cases {
            fires: vec![
                closed(0o660).tried(Met::Failed(13)),
                closed(0o600),
                behind,
                Scene::unix(machine(), path).tried(Met::Failed(13)),
            ],
            silent: vec![
                served().stands(Some(FileKind::Socket), 0o666, true).tried(Met::Connected),
                served().stands(Some(FileKind::Socket), 0o666, true).tried(Met::Failed(13)),
                Scene::unix(machine(), path).stands(None, 0, false).tried(Met::Failed(2)),
                Scene::connect("127.0.0.1:3000").tried(Met::Failed(13)),
            ],
        }
    }
}
