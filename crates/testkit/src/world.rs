//! A private set of namespaces that ends with the test.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use tempfile::TempDir;

use crate::{
    entry::{Entry, hermetic},
    outcome::Outcome,
    running::Actor,
    skip::{is_root, skip},
};

/// Whose world it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorldKind {
    /// Root's own: no user namespace, root inside is root outside.
    Root,
    /// An unprivileged user's: inside a user namespace where that user is called root.
    User,
    /// As [`WorldKind::User`], made for `nobody` by a test that runs as root.
    Nobody,
}

/// A network, a mount table and a set of pids of its own, with `lo` up, `/run` empty and nothing else in it.
///
/// Everything in it ends when it is dropped, or when the test's process ends in any way: the world's first
/// process reads a pipe from the test and leaves at its end, and the kernel ends a pid namespace with its
/// first process.
pub struct World {
    kind: WorldKind,
    portward: PathBuf,
    programs: PathBuf,
    // Dropped in this order: the pipe, the first process, the directory.
    first: First,
    directory: TempDir,
}

struct First {
    child: Child,
    alive: Option<ChildStdin>,
}

impl Drop for First {
    fn drop(&mut self) {
        drop(self.alive.take());
        // It ends by itself at the end of the pipe; there is nothing to do about one that cannot be waited for.
        let _ = self.child.wait();
    }
}

impl World {
    /// A world for this test, run by the user who runs the test; a loud skip where the machine forbids it.
    ///
    /// `portward` is the binary that [`World::portward`] runs: `env!("CARGO_BIN_EXE_portward")` in its tests.
    #[track_caller]
    pub fn new(portward: impl AsRef<Path>) -> Option<Self> {
        Self::of(if is_root() { WorldKind::Root } else { WorldKind::User }, portward)
    }

    /// A world that an unprivileged user made, even where the test runs as root.
    #[track_caller]
    pub fn as_nobody(portward: impl AsRef<Path>) -> Option<Self> {
        Self::of(if is_root() { WorldKind::Nobody } else { WorldKind::User }, portward)
    }

    #[track_caller]
    fn of(kind: WorldKind, portward: impl AsRef<Path>) -> Option<Self> {
        let directory = TempDir::with_prefix("portward-world-").expect("a temporary directory");
        let path = directory.path();
        furnish(path, kind);
        let programs = installed_programs(portward.as_ref());
        let portward = reachable(portward.as_ref(), path);
        let mut command = Command::new("unshare");
        if kind == WorldKind::Nobody {
            command = Command::new("setpriv");
            command.args(NOBODY).args(["--", "unshare"]);
        }
        if kind != WorldKind::Root {
            command.args(["--user", "--map-root-user"]);
        }
        command
            .args(["--net", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc", "--kill-child=KILL"])
            .args(["--", "sh", "-c", FIRST, "first"])
            .arg(path)
            .arg(&programs)
            .env_clear()
            .envs(hermetic(path))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                skip(&format!("util-linux's unshare and setpriv ({error})"));
                return None;
            }
        };
        let alive = child.stdin.take();
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe was asked for"))
            .read_line(&mut line)
            .expect("the world's first line is readable");
        if line.trim_end() != "READY" {
            let mut why = String::new();
            drop(alive);
            child.stderr.take().expect("a pipe was asked for").read_to_string(&mut why).expect("its stderr is readable");
            child.wait().expect("it can be waited for");
            skip(&format!("leave to make namespaces ({})", why.trim().replace('\n', "; ")));
            return None;
        }
        Some(Self { kind, portward, programs, first: First { child, alive }, directory })
    }

    /// Whose world it is.
    pub fn kind(&self) -> WorldKind {
        self.kind
    }

    /// The binary that [`World::portward`] runs, as a path that is readable inside.
    pub fn portward_path(&self) -> &Path {
        &self.portward
    }

    /// The world's directory, the same path inside and outside; writable for everyone inside.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file below the world's directory, with its folders, and gives its path.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        let folder = path.parent().expect("a file name below the directory");
        let mut made = Vec::new();
        for above in folder.ancestors().take_while(|above| !above.exists()) {
            made.push(above.to_owned());
        }
        fs::create_dir_all(folder).expect("folders can be made");
        fs::write(&path, contents).expect("a file can be written");
        made.push(path.clone());
        for new in made {
            self.give(&new);
        }
        path
    }

    /// Makes a path, and what is below it, writable for everyone in the world.
    pub fn give(&self, path: &Path) {
        let mode = if path.is_dir() { 0o777 } else { 0o666 | (fs::metadata(path).expect("it exists").mode() & 0o111) };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode can be set");
        if self.kind == WorldKind::Nobody {
            chown(path, Some(NOBODY_UID), Some(NOBODY_UID)).expect("root gives files away");
        }
    }

    /// The pid of the process that made the namespaces, outside: the way in.
    pub(crate) fn door(&self) -> u32 {
        self.first.child.id()
    }

    /// A way to run something inside with other settings than the usual.
    pub fn enter(&self) -> Entry<'_> {
        Entry::new(self)
    }

    /// The folder of a package that `cargo xtask test` installed from the npm registry, as everyone inside can read it; a
    /// loud skip where it is not there.
    #[track_caller]
    pub fn npm_package(&self, name: &str) -> Option<PathBuf> {
        let inside = Path::new("npm/node_modules").join(name);
        if self.programs.join(&inside).is_dir() {
            return Some(Path::new(PROGRAMS).join(inside));
        }
        skip(&format!("the npm package {name}"));
        None
    }

    /// A file that `cargo xtask test` installed, as everyone inside finds it.
    pub(crate) fn installed_program(&self, inside: &str) -> Option<PathBuf> {
        self.programs.join(inside).is_file().then(|| Path::new(PROGRAMS).join(inside))
    }

    /// Runs a program inside until it ends.
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, argv: &[S]) -> Outcome {
        self.enter().run(argv)
    }

    /// Runs portward inside until it ends.
    pub fn portward<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Outcome {
        self.enter().portward(arguments)
    }

    /// Starts an actor of the cast inside and waits for its `READY` line. `cast/roles.md` has the roles.
    pub fn actor<S: AsRef<std::ffi::OsStr>>(&self, role: &[S]) -> Actor {
        self.enter().actor(role)
    }

    /// Sends a signal to a process inside, by its pid inside.
    pub fn signal(&self, pid: u64, signal: &str) {
        let _ = self.run(&["kill", &format!("-{signal}"), &pid.to_string()]).expect(0);
    }

    /// Makes a named network namespace inside, with `lo` up, as `ip netns add` does.
    pub fn add_netns(&self, name: &str) {
        let _ = self.run(&["ip", "netns", "add", name]).expect(0);
        let _ = self.run(&["ip", "-n", name, "link", "set", "lo", "up"]).expect(0);
    }

    /// Makes a pair of Ethernet devices with link-local addresses that are usable at once.
    pub fn add_veth(&self, one: &str, other: &str) {
        let _ = self.run(&["ip", "link", "add", one, "type", "veth", "peer", "name", other]).expect(0);
        for (name, address) in [(one, "fe80::1/64"), (other, "fe80::2/64")] {
            let _ = self.run(&["ip", "link", "set", name, "addrgenmode", "none"]).expect(0);
            let _ = self.run(&["ip", "link", "set", name, "up"]).expect(0);
            let _ = self.run(&["ip", "addr", "add", address, "dev", name, "nodad"]).expect(0);
        }
    }

    /// Makes a device that looks like a network card with this address, such as `eth0` with `192.168.77.1/24`.
    ///
    /// A veth pair alone looks like a container's; the card stands on one of its ends.
    pub fn add_lan(&self, name: &str, address: &str) {
        self.add_veth("cable0", "cable1");
        let _ = self.run(&["ip", "link", "add", "link", "cable0", "name", name, "type", "macvlan"]).expect(0);
        let _ = self.run(&["ip", "link", "set", name, "up"]).expect(0);
        let _ = self.run(&["ip", "addr", "add", address, "dev", name]).expect(0);
    }

    /// Makes the folder of a git repository with `branch` checked out, without needing git.
    pub fn git_repository(&self, name: &str, branch: &str) -> PathBuf {
        self.file(&format!("{name}/.git/HEAD"), format!("ref: refs/heads/{branch}\n"));
        self.file(&format!("{name}/.git/config"), "[core]\n\trepositoryformatversion = 0\n\tbare = false\n");
        self.file(&format!("{name}/.git/objects/info/none"), "");
        self.file(&format!("{name}/.git/refs/heads/none"), "");
        self.path().join(name)
    }

    /// Adds a linked worktree to a repository of [`World::git_repository`], as `git worktree add` lays it out.
    pub fn git_worktree(&self, repository: &str, worktree: &str, branch: &str) -> PathBuf {
        let git = self.path().join(repository).join(".git");
        let inner = format!("{repository}/.git/worktrees/{worktree}");
        self.file(&format!("{inner}/HEAD"), format!("ref: refs/heads/{branch}\n"));
        self.file(&format!("{inner}/commondir"), "../..\n");
        let root = self.path().join(worktree);
        self.file(&format!("{inner}/gitdir"), format!("{}/.git\n", root.display()));
        self.file(&format!("{worktree}/.git"), format!("gitdir: {}/worktrees/{worktree}\n", git.display()));
        root
    }
}

/// Puts the directories, the cast and the private `/etc` files where the world expects them.
fn furnish(path: &Path, kind: WorldKind) {
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(path, open).expect("the temporary directory is ours");
    for name in ["home", "tmp", "cast", "etc", "run"] {
        let folder = path.join(name);
        fs::create_dir(&folder).expect("the temporary directory is empty");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).expect("it is ours");
    }
    for (name, text) in CAST {
        fs::write(path.join("cast").join(name), text).expect("the cast can be written");
    }
    for (name, text) in ETC {
        fs::write(path.join("etc").join(name), text).expect("the private /etc can be written");
    }
    if kind == WorldKind::Nobody {
        for name in ["", "home", "tmp", "cast", "etc", "run"] {
            chown(path.join(name), Some(NOBODY_UID), Some(NOBODY_UID)).expect("root gives files away");
        }
    }
}

/// Where `cargo xtask test` puts programs that are no Debian packages: beside the folder of the binary.
fn installed_programs(portward: &Path) -> PathBuf {
    portward.ancestors().nth(2).unwrap_or(Path::new("/")).join("programs")
}

/// A path of the binary that every user inside can run: its own, or a copy where a folder above it is closed.
fn reachable(binary: &Path, directory: &Path) -> PathBuf {
    let open_to_all = |path: &Path| fs::metadata(path).is_ok_and(|found| found.mode() & 0o001 != 0);
    if binary.ancestors().filter(|path| !path.as_os_str().is_empty()).all(open_to_all) || File::open(binary).is_err() {
        return binary.to_owned();
    }
    let copy = directory.join("portward");
    fs::copy(binary, &copy).expect("the binary can be copied");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("the copy is ours");
    copy
}

/// The arguments of `setpriv` that make it nobody.
pub(crate) const NOBODY: [&str; 5] =
    ["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"];
pub(crate) const NOBODY_UID: u32 = 65534;

/// What the first process does: furnish the namespaces, say so, and live as long as its stdin is open.
/// `SIGCHLD` stays ignored through `exec`, so that the kernel reaps orphans as a real init would. It says READY
/// only then: an orphan that ends while the signal is not yet ignored would stay a zombie for good.
const FIRST: &str = r#"
set -e
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/netns /run/lock
ip link set lo up
if [ -d "$2" ]; then
    mkdir /run/programs
    mount --rbind "$2" /run/programs
fi
for name in hosts nsswitch.conf resolv.conf; do
    if [ -e "/etc/$name" ]; then mount --bind "$1/etc/$name" "/etc/$name"; fi
done
echo READY >/run/ready
exec env --ignore-signal=CHLD cat /run/ready -
"#;

/// Where a world has what was installed for it; `FIRST` mounts it.
const PROGRAMS: &str = "/run/programs";

const ETC: [(&str, &str); 3] = [
    ("hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"),
    ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n"),
    ("resolv.conf", "# nobody is asked\n"),
];

const CAST: [(&str, &str); 6] = [
    ("cast.py", include_str!("cast/cast.py")),
    ("stage.py", include_str!("cast/stage.py")),
    ("holders.py", include_str!("cast/holders.py")),
    ("links.py", include_str!("cast/links.py")),
    ("programs.py", include_str!("cast/programs.py")),
    ("spaces.py", include_str!("cast/spaces.py")),
];

/// The words that start an actor: the interpreter, isolated from its user's settings, and the script.
pub(crate) fn cast_argv(world: &World) -> Vec<OsString> {
    vec!["python3".into(), "-B".into(), "-E".into(), "-s".into(), world.path().join("cast/cast.py").into()]
}
