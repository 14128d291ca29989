//! What keeps a process running, and how to stop that for good.
//!
//! Looked for in this order, and the first that is found is the answer:
//!
//! 1. the container that the process runs in, or that a proxy serves;
//! 2. a process manager with a command of its own (pm2, supervisord), since a unit above it holds many programs;
//! 3. the systemd service in whose control group it runs, unless a person's shell, editor or login stands
//!    between them;
//! 4. a watcher or a master that starts it again (nodemon, `node --watch`, gunicorn);
//! 5. the session that it runs in (`portward run`), which starts nothing again; what starts a program again inside one is stopped
//!    with it;
//! 6. the nearest package script, editor, shell, terminal or login;
//! 7. none of them, and the parent is pid 1 or a user's manager: what started it has ended.

use portward_model::{Container, Own, Process, ShellLine, Supervisor, SupervisorKind, Text, shell};

use super::{
    cgroup::{CgroupUnit, unit_of_cgroup},
    invocation::{command, is_interactive_shell},
};
use crate::program::{self, Kind, Program};

/// What keeps a process running. `ancestors` are nearest first; `container` is the one it runs in or serves.
///
/// `None` when nothing above it is known: its parents could not be read.
pub fn supervisor(process: &Process, ancestors: &[&Process], container: Option<&Container>) -> Option<Supervisor> {
    if let Some(container) = container {
        return Some(in_container(container));
    }
    let near = until_person(ancestors);
    near.iter()
        .find_map(|(above, _)| keeper(above).filter(|(_, stop)| stop.is_some()).map(|known| kept(above, known)))
        .or_else(|| unit(process, ancestors))
        .or_else(|| near.iter().find_map(|(above, below)| watcher(above, below.unwrap_or(process))))
        .or_else(|| session(process, ancestors))
        .or_else(|| ancestors.iter().find_map(|above| person(above)))
        .or_else(|| orphan(process, ancestors))
}

/// The session that a process runs in, or is a part of. The front is nobody's, and a forward ends by itself alone.
fn session(process: &Process, ancestors: &[&Process]) -> Option<Supervisor> {
    if Own::of(process) == Some(Own::Front) {
        let stop = Some(ShellLine::from("portward front --off"));
        return Some(Supervisor { stop, ..started(SupervisorKind::Session, Text::from("portward front"), process) });
    }
    if Own::of(process) == Some(Own::Forward) {
        let stop = Some(shell!("portward forward remove {}", process.id.pid));
        return Some(Supervisor { stop, ..started(SupervisorKind::Session, Text::from("portward forward"), process) });
    }
    let above = std::iter::once(process).chain(ancestors.iter().copied()).find(|above| Own::of(above) == Some(Own::Session))?;
    Some(Supervisor {
        stop: Some(ShellLine::from("portward stop")),
        ..started(SupervisorKind::Session, Text::from("portward run"), above)
    })
}

/// The ancestors below the first interactive shell, terminal or login, each with the process below it.
fn until_person<'a>(ancestors: &[&'a Process]) -> Vec<(&'a Process, Option<&'a Process>)> {
    let mut below = None;
    let mut out = Vec::new();
    for above in ancestors.iter().copied() {
        // What stands above a session keeps that one, and starts nothing in it.
        if is_interactive_shell(above) || is_login(above) || Own::of(above) == Some(Own::Session) {
            break;
        }
        out.push((above, below));
        below = Some(above);
    }
    out
}

fn in_container(container: &Container) -> Supervisor {
    let name = container.name.clone().unwrap_or_else(|| Text::new(container.id.chars().take(12).collect::<String>()));
    let service = container.service.as_ref().and_then(|service| {
        let shown = std::str::from_utf8(service.raw()).ok()?;
        shown.split_once('/').filter(|(project, service)| !project.is_empty() && !service.is_empty())
    });
    let stop = match (container.runtime.as_str(), service) {
        ("docker", Some((project, service))) => Some(shell!("docker compose -p {} stop", project).operand(service)),
        ("docker", None) => Some(ShellLine::from("docker stop").operand(&name)),
        ("podman", _) => Some(ShellLine::from("podman stop").operand(&name)),
        ("containerd", _) => Some(ShellLine::from("nerdctl stop").operand(&name)),
        ("cri-o", _) => Some(ShellLine::from("crictl stop").operand(&name)),
        ("lxc", _) => Some(shell!("lxc-stop -n {}", name)),
        ("systemd-nspawn", _) => Some(ShellLine::from("sudo machinectl poweroff").operand(&name)),
        _ => None,
    };
    let stop = stop.and_then(ShellLine::typeable).filter(|_| !name.is_empty());
    Supervisor { kind: SupervisorKind::Container, name, pid: None, restarts: false, stop }
}

fn unit(process: &Process, ancestors: &[&Process]) -> Option<Supervisor> {
    let unit = unit_of_cgroup(process.cgroup.known()?)?;
    let is_service = unit.id.rsplit_once('.').is_some_and(|(_, kind)| kind == "service");
    // `systemd-run --scope`; other scopes hold what a desktop or a login started.
    if !is_service && !unit.id.starts_with("run-") {
        return None;
    }
    let started_by_manager = ancestors.first().is_none_or(|parent| is_service_manager(parent));
    let hosts_others = HOSTS_OF_OTHERS.split(' ').any(|host| host == unit.id);
    let person_between = ancestors.iter().any(|above| is_interactive_shell(above) || is_login(above) || editor(above).is_some());
    if person_between && !started_by_manager {
        return None;
    }
    // Stopping the unit would stop what it hosts for others as well.
    let stop = if hosts_others && !started_by_manager { None } else { stop_unit(&unit) };
    Some(Supervisor { kind: SupervisorKind::Systemd, stop, name: unit.name, pid: None, restarts: false })
}

fn stop_unit(unit: &CgroupUnit) -> Option<ShellLine> {
    let ctl = ShellLine::from(if unit.user { "systemctl --user stop" } else { "sudo systemctl stop" });
    ctl.operand(&unit.id).typeable()
}

fn is_service_manager(process: &Process) -> bool {
    process.id.pid == 1 || process.name.raw() == b"systemd"
}

/// A process manager or a watcher, with its command that stops a program.
fn keeper(process: &Process) -> Option<(&'static Program, Option<&'static str>)> {
    let known = program::find(process, |known| matches!(known.kind, Kind::Keeper { .. }))?;
    let Kind::Keeper { stop } = known.kind else { return None };
    Some((known, stop))
}

/// True for a program whose work is to start another one again when it ends: a process manager, a watcher.
pub(crate) fn starts_again(process: &Process) -> bool {
    keeper(process).is_some() || watches(process)
}

/// True for a shell, whether a person types into it or a script is run by it.
pub(crate) fn is_shell(process: &Process) -> bool {
    program::find(process, |known| known.kind == Kind::Shell).is_some()
}

fn kept(process: &Process, (known, stop): (&Program, Option<&'static str>)) -> Supervisor {
    let title = process.title();
    // What a process calls itself may have a version or a path in it.
    let name = if title.contains(' ') { known.called(&title) } else { title.as_str() };
    manager(Text::from(name), process, stop.map_or_else(|| shell!("kill {}", process.id.pid), ShellLine::from))
}

/// A watcher, or the master of a worker, that starts `below` again when it ends.
fn watcher(above: &Process, below: &Process) -> Option<Supervisor> {
    if let Some(keeper) = keeper(above) {
        return Some(kept(above, keeper));
    }
    let end = shell!("kill {}", above.id.pid);
    if watches(above) {
        return Some(manager(Text::new(format!("{} in watch mode", above.title())), above, end));
    }
    let master = program::find(above, |known| known.kind == Kind::Master && known.is(below))?;
    Some(manager(Text::new(format!("{} master", master.called(&above.name.shown()))), above, end))
}

/// True for a runtime or server that was told to start its program again when files change.
fn watches(process: &Process) -> bool {
    program::find(process, |known| known.is_told_to_watch(process)).is_some()
}

/// A package script, editor, shell, terminal or login.
fn person(process: &Process) -> Option<Supervisor> {
    if let Some(command) = command(process) {
        return Some(started(SupervisorKind::Script, command.text(), process));
    }
    if let Some(name) = editor(process) {
        return Some(started(SupervisorKind::Editor, Text::from(name), process));
    }
    let own = process.name.shown();
    if is_interactive_shell(process) {
        let shell = own.strip_prefix('-').unwrap_or(&own);
        return Some(started(SupervisorKind::Shell, Text::from(shell), process));
    }
    let known = program::named(&own);
    if let Some(terminal) = known.filter(|known| known.kind == Kind::Terminal) {
        return Some(started(SupervisorKind::Shell, Text::from(terminal.called(&own)), process));
    }
    is_login(process)
        .then(|| started(SupervisorKind::Ssh, Text::from(if own.starts_with("sshd") { "ssh" } else { &own }), process))
}

fn editor(process: &Process) -> Option<&'static str> {
    match program::named(&process.name.shown()).map(|known| (known.kind, known.called(""))) {
        Some((Kind::Editor { .. }, title)) => return Some(title),
        Some((Kind::Shell, _)) => return None,
        _ => {}
    }
    let argv = process.argv.known()?;
    let editors: Vec<&Program> = program::all().filter(|known| !known.marks.is_empty()).collect();
    let marked = |argument: String| editors.iter().find(|known| known.marks.iter().any(|mark| argument.contains(mark)));
    argv.arguments().iter().take(LOOKED_AT).map(Text::shown).find_map(marked).map(|known| known.called(""))
}

/// Arguments of a long command line that are searched for an editor's mark.
const LOOKED_AT: usize = 64;

fn is_login(process: &Process) -> bool {
    program::named(&process.name.shown()).is_some_and(|known| known.kind == Kind::Login)
}

fn orphan(process: &Process, ancestors: &[&Process]) -> Option<Supervisor> {
    let adopted = match ancestors.first() {
        Some(parent) => is_service_manager(parent) && process.id.pid != 1,
        None => process.parent == 1,
    };
    adopted.then(|| Supervisor {
        kind: SupervisorKind::Orphan,
        name: Text::from("what started it has ended"),
        pid: Some(process.parent),
        restarts: false,
        stop: None,
    })
}

fn manager(name: Text, process: &Process, stop: ShellLine) -> Supervisor {
    Supervisor { kind: SupervisorKind::Manager, name, pid: Some(process.id.pid), restarts: true, stop: Some(stop) }
}

fn started(kind: SupervisorKind, name: Text, process: &Process) -> Supervisor {
    Supervisor { kind, name, pid: Some(process.id.pid), restarts: false, stop: None }
}

/// Services in whose control group other people's programs run, so that the unit is no reason for those.
const HOSTS_OF_OTHERS: &str = "ssh.service sshd.service cron.service crond.service atd.service docker.service containerd.service podman.service \
     gnome-terminal-server.service dbus.service dbus-broker.service emacs.service tmux.service getty@tty1.service \
     display-manager.service";

#[cfg(test)]
mod tests {
    use portward_model::{CommandLine, Container, Process, Seen, ShellLine, Supervisor, SupervisorKind, Text};

    use super::supervisor;
    use crate::fixture::process;

    /// The first of the chain is asked about; parents follow, nearest first.
    fn of(chain: &[&[&str]], cgroup: &str) -> Option<Supervisor> {
        let mut processes: Vec<Process> = Vec::new();
        for (at, argv) in chain.iter().enumerate() {
            let at = u32::try_from(at).unwrap();
            let mut process = process(100 - at, 99 - at, argv, i64::from(at));
            process.cgroup = Seen::Known(Text::from(cgroup));
            processes.push(process);
        }
        if let Some(last) = processes.last_mut() {
            last.parent = 1;
        }
        let init = process(1, 0, &["/lib/systemd/systemd"], 1000);
        processes.push(init);
        let (first, rest) = processes.split_first()?;
        supervisor(first, &rest.iter().collect::<Vec<_>>(), None)
    }

    fn told(chain: &[&[&str]], cgroup: &str) -> (SupervisorKind, String, bool, Option<String>) {
        let found = of(chain, cgroup).unwrap();
        (found.kind, found.name.shown(), found.restarts, found.stop.map(|stop| stop.to_string()))
    }

    const SESSION: &str = "/user.slice/user-1000.slice/session-2.scope";
    const ZSH: &[&str] = &["-zsh"];
    const SH: &[&str] = &["sh", "-c", "x"];
    const APP: &[&str] = &["node", "server.js"];

    #[test]
    fn units_system_and_user() {
        assert_eq!(
            told(&[&["postgres"]], "/system.slice/system-postgresql.slice/postgresql@15-main.service"),
            (
                SupervisorKind::Systemd,
                "postgresql@15-main.service".to_owned(),
                false,
                Some("sudo systemctl stop postgresql@15-main.service".to_owned())
            )
        );
        let user = "/user.slice/user-1000.slice/user@1000.service/app.slice/my\\x2dapp.service";
        let (kind, name, _, stop) = told(&[APP, SH], user);
        assert_eq!((kind, name.as_str()), (SupervisorKind::Systemd, "my-app.service"));
        assert_eq!(stop.as_deref(), Some("systemctl --user stop 'my'\\\\'x2dapp.service'"));
        assert_eq!(told(&[APP], "/system.slice/run-r7.scope").0, SupervisorKind::Systemd);
        assert_eq!(told(&[&["nginx"], &["nginx"]], "/system.slice/nginx.service").0, SupervisorKind::Systemd);
    }

    #[test]
    fn a_service_that_hosts_people_is_no_reason_for_their_programs() {
        let (kind, name, ..) = told(&[APP, ZSH, &["sshd: ana@pts/0"]], "/system.slice/ssh.service");
        assert_eq!((kind, name.as_str()), (SupervisorKind::Shell, "zsh"));
        assert_eq!(told(&[&["sshd"]], "/system.slice/ssh.service").0, SupervisorKind::Systemd);
        let (kind, name, _, stop) = told(&[&["docker-proxy"], &["dockerd"]], "/system.slice/docker.service");
        assert_eq!((kind, name.as_str(), stop), (SupervisorKind::Systemd, "docker.service", None));
    }

    #[test]
    fn managers_with_commands_come_before_their_unit() {
        let (kind, name, restarts, stop) =
            told(&[APP, &["PM2 v5.3.0: God Daemon (/home/ana/.pm2)"]], "/system.slice/pm2-ana.service");
        assert_eq!(
            (kind, name.as_str(), restarts, stop.as_deref()),
            (SupervisorKind::Manager, "pm2", true, Some("pm2 stop NAME"))
        );
        let (_, name, _, stop) = told(&[APP, SH, &["python3", "/usr/bin/supervisord"]], "/system.slice/supervisor.service");
        assert_eq!((name.as_str(), stop.as_deref()), ("supervisord", Some("supervisorctl stop NAME")));
    }

    #[test]
    fn watchers_and_masters_restart() {
        for (chain, name) in [
            (&[APP, &["node", "/w/node_modules/.bin/nodemon", "x"], ZSH] as &[&[&str]], "nodemon"),
            (&[APP, SH, &["node", "/w/node_modules/.bin/nodemon"], SH, &["npm run dev"], ZSH], "nodemon"),
            (&[APP, &["node", "--watch", "server.js"], ZSH], "node in watch mode"),
            (&[&["app"], &["air"], ZSH], "air"),
            (&[&["web"], &["cargo-watch", "watch"], ZSH], "cargo-watch"),
            (&[&["gunicorn"], &["gunicorn"], ZSH], "gunicorn master"),
            (&[&["web"], &["dotnet", "watch"], ZSH], "dotnet in watch mode"),
            (&[APP, SH, &["ruby", "/usr/bin/foreman", "start"], ZSH], "foreman"),
        ] {
            let (kind, found, restarts, stop) = told(chain, SESSION);
            assert_eq!((kind, found.as_str(), restarts), (SupervisorKind::Manager, name, true), "{chain:?}");
            assert!(stop.is_some_and(|stop| stop.starts_with("kill ")));
        }
        let (kind, name, ..) = told(&[&["nginx"], &["nginx: master process /usr/sbin/nginx"]], SESSION);
        assert_eq!((kind, name.as_str()), (SupervisorKind::Manager, "nginx master"));
    }

    #[test]
    fn scripts_editors_shells_terminals_and_logins() {
        for (chain, kind, name) in [
            (&[APP, SH, &["npm run dev"], ZSH] as &[&[&str]], SupervisorKind::Script, "npm run dev"),
            (&[APP, &["cargo", "run"], ZSH], SupervisorKind::Script, "cargo run"),
            (&[APP, &["code"]], SupervisorKind::Editor, "VS Code"),
            (&[APP, &["node", "/home/ana/.vscode-server/bin/x/out/server-main.js"]], SupervisorKind::Editor, "VS Code"),
            (&[APP, &["java", "-Didea.paths.selector=IntelliJIdea", "x.Main"]], SupervisorKind::Editor, "a JetBrains IDE"),
            (&[APP, ZSH, &["tmux: server"]], SupervisorKind::Shell, "zsh"),
            (&[APP, &["tmux: server"]], SupervisorKind::Shell, "tmux"),
            (&[APP, SH, &["sshd: ana@notty"]], SupervisorKind::Ssh, "ssh"),
        ] {
            let (found, text, restarts, _) = told(chain, SESSION);
            assert_eq!((found, text.as_str(), restarts), (kind, name, false), "{chain:?}");
        }
    }

    #[test]
    fn a_manager_above_a_persons_shell_is_no_reason() {
        assert_eq!(told(&[APP, ZSH, &["nodemon"]], SESSION).0, SupervisorKind::Shell);
    }

    #[test]
    fn a_session_starts_nothing_again_and_is_no_orphan() {
        let run: &[&str] = &["portward", "session-supervisor", "7", "npm", "run", "dev"];
        let front: &[&str] = &["portward", "run", "npm", "run", "dev"];
        let session = (SupervisorKind::Session, "portward run".to_owned(), false, Some("portward stop".to_owned()));
        for chain in
            [&[APP, run][..], &[APP, run, front, ZSH], &[APP, &["npm", "run", "dev"], run, &["nodemon"]], &[run], &[run, front]]
        {
            assert_eq!(told(chain, SESSION), session, "{chain:?}");
        }
        // A watcher inside one does start it again.
        assert_eq!(told(&[APP, &["nodemon"], run], SESSION).0, SupervisorKind::Manager);
        let lends = told(&[&["portward", "front-forwarder", ""]], SESSION);
        assert_eq!((lends.0, lends.3.as_deref()), (SupervisorKind::Session, Some("portward front --off")));
    }

    #[test]
    fn orphans_and_the_unknown() {
        let found = of(&[APP], SESSION).unwrap();
        assert_eq!((found.kind, found.pid), (SupervisorKind::Orphan, Some(1)));
        let lost = process(50, 49, APP, 1);
        assert_eq!(supervisor(&lost, &[], None), None);
        let mut bare = process(50, 1, APP, 1);
        bare.argv = Seen::Known(CommandLine::from_kernel(b""));
        bare.cgroup = Seen::Gone;
        assert_eq!(supervisor(&bare, &[], None).map(|found| found.kind), Some(SupervisorKind::Orphan));
    }

    fn container(runtime: &str, name: Option<&str>, service: Option<&str>) -> Container {
        Container {
            runtime: runtime.to_owned(),
            id: "0123456789abcdef".to_owned(),
            name: name.map(Text::from),
            image: None,
            service: service.map(Text::from),
            inner_port: None,
            addresses: Vec::new(),
        }
    }

    #[test]
    fn containers_are_stopped_by_their_runtime() {
        let lone = process(50, 1, APP, 1);
        for (container, stop) in [
            (container("docker", Some("web"), None), Some("docker stop web")),
            (container("docker", Some("shop-web-1"), Some("shop/web")), Some("docker compose -p shop stop web")),
            (container("docker", None, None), Some("docker stop 0123456789ab")),
            (container("docker", Some("a b"), None), Some("docker stop 'a b'")),
            (container("docker", Some("a\x1b[2J"), None), None),
            (container("podman", Some("web"), Some("shop/web")), Some("podman stop web")),
            (container("lxc", Some("web"), None), Some("lxc-stop -n web")),
            (container("systemd-nspawn", Some("web"), None), Some("sudo machinectl poweroff web")),
            (container("kubernetes", Some("web"), None), None),
        ] {
            let found = supervisor(&lone, &[], Some(&container)).unwrap();
            assert_eq!((found.kind, found.stop.as_ref().map(ShellLine::line)), (SupervisorKind::Container, stop));
        }
    }
}
