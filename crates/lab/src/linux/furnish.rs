//! The inside of a scene before anybody acts in it: mounts, files, the network's settings, rules.

use portward_model::hint;

use std::{
    env,
    ffi::{CString, OsString},
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

use rustix::{
    io::Errno,
    mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change},
};

use super::{COMMANDS, LAB, LOGS, PIDS, SANDBOX, SELF, SERVICE, STATE, TWIN, WORKPLACE, door, scene::quiet};
use crate::{Lab, LabError, error::While};

/// Furnishes this process's namespaces, which are new, for a lab.
pub(super) fn furnish(lab: &Lab, which: &str) -> Result<(), LabError> {
    // Its path is read while the machine's own /proc, /tmp and /run are in sight.
    let own = fs::read_link(SELF).unwrap_or_default();
    let hosts = lab.world.hosts.clone().or_else(|| fs::read_to_string("/etc/hosts").ok());
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE).or_say(|| "part its mounts".to_owned())?;
    fresh("/run", "mode=755")?;
    for folder in [COMMANDS, LOGS, PIDS, &format!("{STATE}/shell"), &format!("{STATE}/etc"), "/run/lock", "/run/user"] {
        fs::create_dir_all(folder).or_say(|| format!("make {folder}"))?;
    }
    bring(&own)?;
    fresh("/tmp", "mode=1777")?;
    fs::create_dir_all(WORKPLACE).or_say(|| format!("make {WORKPLACE}"))?;
    processes(lab.world.hide_processes)?;
    if let Some(hosts) = hosts {
        cover("/etc/hosts", &hosts)?;
    }
    if lab.world.hosts.is_some() {
        // What the file does not say nobody else shall say.
        cover("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")?;
    }
    for (name, text) in &lab.world.files {
        write(&format!("{WORKPLACE}/{name}"), text, 0o644)?;
    }
    write(&format!("{STATE}/lab"), &lab.name, 0o644)?;
    if which == TWIN {
        write(&format!("{STATE}/{TWIN}"), "", 0o644)?;
    }
    if lab.world.sandbox.is_some() {
        write(&format!("{COMMANDS}/sandbox"), &format!("#!/bin/sh\nexec {COMMANDS}/portward {SANDBOX} \"$@\"\n"), 0o755)?;
    }
    for service in &lab.services {
        let script = format!("#!/bin/sh\nexec {COMMANDS}/portward {SERVICE} {} \"$@\"\n", service.name);
        write(&format!("{COMMANDS}/{}", service.name), &script, 0o755)?;
    }
    prompts(&lab.name)?;
    network(lab)
}

fn fresh(place: &str, options: &str) -> Result<(), LabError> {
    let options = CString::new(options).or_say(|| "name its options".to_owned())?;
    mount("lab", place, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())
        .or_say(|| format!("mount a fresh {place}"))
}

/// A `/proc` of this pid namespace. The kernel allows it where the old one hides nothing, as those of containers do.
fn processes(hidden: bool) -> Result<(), LabError> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let options = if hidden { c"hidepid=2" } else { c"" };
    mount("proc", "/proc", "proc", flags, options).map_err(|error| match error {
        Errno::PERM => {
            LabError::new("a lab needs a /proc of its own, and the kernel refuses one while parts of the old are covered")
                .hint("in a container: docker run --security-opt systempaths=unconfined ...")
        }
        error => door::forbidden("mount /proc", &error.to_string()),
    })
}

/// This program, at a place that stays in sight.
fn bring(own: &Path) -> Result<(), LabError> {
    let place = format!("{COMMANDS}/portward");
    write(&place, "", 0o755)?;
    if mount_bind(own, place.as_str()).is_ok() {
        return Ok(());
    }
    // Its file may have been replaced since it started.
    fs::copy(SELF, &place).or_say(|| "copy this program".to_owned())?;
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).or_say(|| "make its copy a program".to_owned())
}

/// Shows another text at the place of a file.
fn cover(place: &str, text: &str) -> Result<(), LabError> {
    let own = format!("{STATE}{place}");
    write(&own, text, 0o644)?;
    if Path::new(place).exists() {
        mount_bind(own.as_str(), place).or_say(|| format!("show its own {place}"))?;
    }
    Ok(())
}

fn write(path: &str, text: &str, mode: u32) -> Result<(), LabError> {
    let folder = Path::new(path).parent().map_or(Ok(()), fs::create_dir_all);
    let written = folder.and_then(|()| fs::write(path, text));
    written.and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode))).or_say(|| format!("write {path}"))
}

/// What makes shells say where they are.
fn prompts(name: &str) -> Result<(), LabError> {
    // The folder of the commands goes to the front again: a user's own file may have put others there.
    let path = format!("PATH={COMMANDS}:$PATH\n");
    let own = |file: &str| format!("if [ -f \"$HOME/{file}\" ]; then . \"$HOME/{file}\"; fi\n{path}");
    for (file, text) in [
        ("bashrc", format!("{}PS1=\"(lab {name}) \\w \\$ \"\n", own(".bashrc"))),
        (".zshrc", format!("{}PS1=\"(lab {name}) %~ %# \"\n", own(".zshrc"))),
        ("profile", format!("{path}PS1='(lab {name}) $ '\n")),
    ] {
        write(&format!("{STATE}/shell/{file}"), &text, 0o644)?;
    }
    Ok(())
}

fn network(lab: &Lab) -> Result<(), LabError> {
    if !lab.world.loopback_down {
        loopback_up()?;
    }
    for (name, value) in &lab.world.sysctl {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        fs::write(&path, value).or_say(|| format!("set {name} to {value}"))?;
    }
    for program in &lab.world.needs {
        let found = env::split_paths(&path()).any(|folder| folder.join(program).is_file());
        if !found {
            let package = PACKAGES.iter().find(|(name, _)| name == program).map_or(program.as_str(), |(_, package)| package);
            return Err(
                LabError::new(format!("this lab needs the program {program}")).hint(hint!("sudo apt install {}", package))
            );
        }
    }
    commands(&lab.world.commands)
}

/// Runs the scene's own shell commands; one that fails ends the lab with what it said.
pub(super) fn commands(lines: &[String]) -> Result<(), LabError> {
    for line in lines {
        let mut shell = Command::new("/bin/sh");
        let shell = shell.args(["-c", line]).env("PATH", path()).env(LAB, "").current_dir(WORKPLACE);
        let output = quiet(shell).output().or_say(|| format!("run `{line}`"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
            return Err(LabError::new(format!("the lab's own command `{line}` failed: {said}")));
        }
    }
    Ok(())
}

/// Where programs are looked for inside: the scene's commands first, administrators' programs too.
pub(super) fn path() -> OsString {
    let mut folders = vec![COMMANDS.into()];
    folders.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    folders.extend(["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(Into::into));
    env::join_paths(folders).unwrap_or_else(|_| COMMANDS.into())
}

/// Raises `lo` of this process's network namespace.
pub(super) fn loopback_up() -> Result<(), LabError> {
    portward_sys::loopback_up().or_say(|| "raise lo".to_owned())
}

/// Debian's packages of programs that have another name.
const PACKAGES: &[(&str, &str)] = &[("nft", "nftables"), ("ip", "iproute2"), ("ss", "iproute2"), ("sysctl", "procps")];
