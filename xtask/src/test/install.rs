//! Installing Debian packages without starting a service and without asking.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
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
    if let Err(failure) = patiently(|| door.apt(&["update"])) {
        println!("The package lists may be old: {failure}");
    }
    let _quiet = NoServices::begin(&door)?;
    if patiently(|| door.install(names)).is_err() {
        for name in names {
            // Each failure is told here, and once more in the list of what is missing.
            if let Err(failure) = patiently(|| door.install(&[name])) {
                println!("{failure}");
            }
        }
    }
    Ok(())
}

/// Runs apt, and again for as long as another program has its locks or dpkg's. apt's own option for that waits for one of them alone.
fn patiently(apt: impl Fn() -> Command) -> Result<(), Failure> {
    let said = std::cell::Cell::new(false);
    let pause = |holder: &str| {
        if !said.replace(true) {
            println!(
                "Another program installs packages ({holder}); waiting for it, up to {} minutes.",
                LONGEST_WAIT.as_secs() / 60
            );
        }
        thread::sleep(BETWEEN);
    };
    let run = || command::quietly(apt());
    unlocked(run, pause, usize::try_from(LONGEST_WAIT.as_secs() / BETWEEN.as_secs()).unwrap_or(usize::MAX))
}

/// Tries again while the words of a failure are those of a lock, at most so often.
fn unlocked(run: impl Fn() -> Result<(), Failure>, pause: impl Fn(&str), most: usize) -> Result<(), Failure> {
    for _ in 0..most {
        match run() {
            Err(failure) if is_lock(&failure.to_string()) => pause(holder(&failure.to_string())),
            done => return done,
        }
    }
    run().map_err(|failure| {
        let bound = LONGEST_WAIT.as_secs() / 60;
        if !is_lock(&failure.to_string()) {
            return failure;
        }
        Failure::new(format!(
            "Another program had apt's or dpkg's lock for {bound} minutes, and nothing was installed: {failure}"
        ))
        .hint("wait until it has ended, then cargo xtask test --only install")
    })
}

/// True for what apt and dpkg say where another program has one of their locks (apt-pkg/contrib/fileutl.cc, dpkg's lib/dpkg/lockutil.c).
fn is_lock(words: &str) -> bool {
    LOCKED.iter().any(|known| words.contains(known))
}

/// Who has it, as far as apt says so: `process 4121 (apt-get)`.
fn holder(words: &str) -> &str {
    let named = words.find("process ").and_then(|at| words.get(at..));
    named.and_then(|named| Some(named.split_once(')')?.0)).map_or("apt or dpkg", |named| named.trim_end_matches(['.', ',']))
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
        // Its words are read, and must be English.
        apt.args(["DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "apt-get", "--quiet", "--quiet"]).args(arguments);
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

const LOCKED: &[&str] = &[
    "Could not get lock",
    "Unable to lock",
    "Unable to acquire the dpkg",
    "is locked by another process",
    "was locked by another process",
];
/// A large upgrade takes minutes.
const LONGEST_WAIT: Duration = Duration::from_mins(10);
const BETWEEN: Duration = Duration::from_secs(2);
/// Asked by Debian's packages before they start a service.
const POLICY: &str = "/usr/sbin/policy-rc.d";

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::{holder, is_lock, unlocked};
    use crate::failure::Failure;

    const LISTS: &str = "`apt-get update` ended with exit status: 100: E: Could not get lock /var/lib/apt/lists/lock. It is held by process 4121 (apt-get).";

    #[test]
    fn a_lock_is_waited_for_and_no_other_failure_is() {
        let (tries, pauses) = (Cell::new(0), Cell::new(0));
        let run = || {
            tries.set(tries.get() + 1);
            if tries.get() < 4 { Err(Failure::new(LISTS)) } else { Ok(()) }
        };
        let pause = |who: &str| {
            assert_eq!(who, "process 4121 (apt-get");
            pauses.set(pauses.get() + 1);
        };
        assert!(unlocked(run, pause, 10).is_ok());
        assert_eq!((tries.get(), pauses.get()), (4, 3));
        let fails = || Err(Failure::new("E: Unable to locate package shop"));
        assert!(unlocked(fails, |_| panic!("it waits"), 10).is_err());
    }

    #[test]
    fn a_lock_that_stays_ends_in_a_sentence() {
        let failure = unlocked(|| Err(Failure::new(LISTS)), |_| (), 3).unwrap_err().to_string();
        assert!(failure.starts_with("Another program had apt's or dpkg's lock for 10 minutes"), "{failure}");
    }

    #[test]
    fn words_of_locks() {
        for words in [
            LISTS,
            "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (unattended-upgr)",
            "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?",
            "dpkg: error: dpkg frontend lock was locked by another process with pid 7",
            "E: Unable to lock directory /var/cache/apt/archives/",
        ] {
            assert!(is_lock(words), "{words}");
        }
        assert_eq!(holder("E: Unable to lock directory /var/cache/apt/archives/"), "apt or dpkg");
    }
}
