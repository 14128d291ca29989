//! Installing Debian packages without starting a service and without asking.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    command,
    failure::{Failure, on_path},
    test::packages::Wanted,
};

/// What is still missing after the attempt, as sentences.
pub(crate) struct Missing(pub(crate) Vec<String>);

/// Installs what is wanted and not there.
pub(super) fn wanted(wanted: &[&Wanted]) -> Result<Missing, Failure> {
    let open: Vec<_> = wanted.iter().filter(|wanted| !present(wanted)).collect();
    let names: Vec<&str> = open.iter().filter_map(|wanted| wanted.any_of.first().copied()).collect();
    packages(&names)?;
    let missing = open.iter().filter(|wanted| !present(wanted));
    let told =
        missing.map(|wanted| format!("{} could not be installed; needed for {}", wanted.any_of.join(" or "), wanted.purpose));
    Ok(Missing(told.collect()))
}

fn present(wanted: &Wanted) -> bool {
    wanted.program.is_some_and(|name| command::which(name).is_some()) || wanted.any_of.iter().any(|name| installed(name))
}

/// True when dpkg has the package in place.
pub(crate) fn installed(package: &str) -> bool {
    let query = command::program("dpkg-query", ["--show", "--showformat=${db:Status-Status}", package]);
    command::output(query).is_ok_and(|status| status == "installed")
}

/// Installs Debian packages, all together and, where that fails, one by one.
pub(crate) fn packages(names: &[&str]) -> Result<(), Failure> {
    if names.is_empty() {
        return Ok(());
    }
    if command::which("apt-get").is_none() {
        println!("This machine has no apt-get; missing here: {}.", names.join(" "));
        return Ok(());
    }
    let Some(door) = Door::find() else {
        println!("Packages are missing and we are neither root nor allowed to use sudo: {}.", names.join(" "));
        println!("hint: sudo apt-get install --no-install-recommends {}", names.join(" "));
        return Ok(());
    };
    println!("installing {}", names.join(" "));
    if !command::succeeds(door.apt(&["update"])) {
        println!("`apt-get update` failed; the package lists may be old.");
    }
    let _quiet = NoServices::begin(&door)?;
    if command::run(door.install(names)).is_err() {
        for name in names {
            // Each failure is told by apt itself, and once more in the list of what is missing.
            drop(command::run(door.install(&[name])));
        }
    }
    Ok(())
}

/// How we may install: as root, or through sudo.
enum Door {
    Root,
    Sudo,
}

impl Door {
    fn find() -> Option<Self> {
        if command::is_root() {
            return Some(Self::Root);
        }
        command::succeeds(command::program("sudo", ["-n", "true"])).then_some(Self::Sudo)
    }

    fn command(&self, name: &str) -> Command {
        match self {
            Self::Root => command::program(name, [""; 0]),
            Self::Sudo => command::program("sudo", ["-n", name]),
        }
    }

    fn apt(&self, arguments: &[&str]) -> Command {
        let mut apt = self.command("env");
        apt.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", "--quiet"]).args(arguments);
        apt
    }

    fn install(&self, names: &[&str]) -> Command {
        let mut install = self.apt(&["--yes", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", "install"]);
        install.args(names).stdout(std::process::Stdio::null());
        install
    }
}

/// A policy that keeps packages from starting their services, taken back when dropped.
struct NoServices<'a> {
    /// None when a policy was there before us.
    ours: Option<(PathBuf, &'a Door)>,
}

impl<'a> NoServices<'a> {
    fn begin(door: &'a Door) -> Result<Self, Failure> {
        let place = Path::new(POLICY);
        if place.exists() {
            return Ok(Self { ours: None });
        }
        let draft = tempfile::NamedTempFile::new()
            .map_err(|error| Failure::new(format!("A temporary file could not be made: {error}.")))?;
        // 101: action forbidden by policy, invoke-rc.d(8).
        fs::write(draft.path(), "#!/bin/sh\nexit 101\n").map_err(|error| on_path("written", draft.path(), &error))?;
        fs::set_permissions(draft.path(), fs::Permissions::from_mode(0o755))
            .map_err(|error| on_path("made executable", draft.path(), &error))?;
        let mut copy = door.command("cp");
        copy.arg("--preserve=mode").arg(draft.path()).arg(place);
        command::run(copy)?;
        Ok(Self { ours: Some((place.to_path_buf(), door)) })
    }
}

impl Drop for NoServices<'_> {
    fn drop(&mut self) {
        if let Some((place, door)) = &self.ours {
            let mut remove = door.command("rm");
            remove.arg(place);
            if command::run(remove).is_err() {
                println!("{} was ours and is still there.\nhint: sudo rm {}", place.display(), place.display());
            }
        }
    }
}

/// Asked by Debian's packages before they start a service.
const POLICY: &str = "/usr/sbin/policy-rc.d";
