//! How something is started inside a world: where, as whom, with which environment.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    outcome::Outcome,
    running::{Actor, Running},
    skip::PROGRAM_DIRECTORIES,
    world::{NOBODY, World, WorldKind, cast_argv},
};

/// A way into a world. Made by [`World::enter`], changed by its builder methods, used by the four verbs
/// [`Entry::run`], [`Entry::portward`], [`Entry::actor`] and [`Entry::start`].
#[must_use]
pub struct Entry<'w> {
    world: &'w World,
    netns: Option<String>,
    directory: PathBuf,
    environment: Vec<(OsString, OsString)>,
    wrappers: Vec<OsString>,
    stranger: bool,
    input: Option<Vec<u8>>,
}

impl<'w> Entry<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        let environment = hermetic(world.path()).into_iter().map(|(name, value)| (name.into(), value)).collect();
        let directory = world.path().join("home");
        Self { world, netns: None, directory, environment, wrappers: Vec::new(), stranger: false, input: None }
    }

    /// In the named network namespace instead of the world's own.
    pub fn netns(mut self, name: &str) -> Self {
        self.netns = Some(name.to_owned());
        self
    }

    /// With another current directory.
    pub fn directory(mut self, path: impl AsRef<Path>) -> Self {
        path.as_ref().clone_into(&mut self.directory);
        self
    }

    /// With an environment variable more.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// With this text on stdin.
    pub fn input(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.input = Some(text.into());
        self
    }

    /// Through another program that runs the rest of its arguments, such as `prlimit --nofile=64`.
    pub fn through<S: AsRef<OsStr>>(mut self, wrapper: &[S]) -> Self {
        self.wrappers.extend(wrapper.iter().map(|word| word.as_ref().to_owned()));
        self
    }

    /// With nothing in `/proc`.
    pub fn without_proc(self) -> Self {
        self.through(&["unshare", "--mount", "--", "sh", "-c", r#"mount -t tmpfs none /proc; exec "$@""#, "without_proc"])
    }

    /// As someone who may not look into the processes of the others.
    ///
    /// In root's world that is nobody. In a user's world there is no second user to be: it is a process of a
    /// nested user namespace, to which the kernel denies the same looks, and which calls itself nobody too.
    pub fn stranger(mut self) -> Self {
        self.stranger = true;
        self
    }

    /// The command, ready to be started.
    fn command(&self, argv: &[OsString]) -> Command {
        let world = self.world;
        let door = world.door();
        let mut words: Vec<OsString> = Vec::new();
        let mut say = |more: &[&str]| words.extend(more.iter().map(OsString::from));
        if world.kind() == WorldKind::Nobody {
            say(&["setpriv"]);
            say(&NOBODY);
            say(&["--"]);
        }
        say(&["nsenter", &format!("--target={door}"), "--mount", "--net", &format!("--pid=/proc/{door}/ns/pid_for_children")]);
        if world.kind() != WorldKind::Root {
            say(&["--user", "--preserve-credentials"]);
        }
        say(&["--"]);
        if let Some(name) = &self.netns {
            say(&["nsenter", &format!("--net=/run/netns/{name}"), "--"]);
        }
        // The signal at the parent's death ends what runs inside when the outer half is killed.
        match (self.stranger, world.kind()) {
            (false, _) => say(&["setpriv", "--pdeathsig=KILL", "--"]),
            (true, WorldKind::Root) => {
                say(&["setpriv", "--pdeathsig=KILL"]);
                say(&NOBODY);
                say(&["--"]);
            }
            (true, WorldKind::User | WorldKind::Nobody) => {
                say(&["setpriv", "--pdeathsig=KILL", "--", "unshare", "--user", "--map-user=65534", "--map-group=65534", "--"]);
            }
        }
        words.extend(self.wrappers.iter().cloned());
        words.extend(["env".into(), "-C".into(), self.directory.clone().into()]);
        words.extend(argv.iter().cloned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear().envs(self.environment.iter().cloned()).current_dir("/");
        command
    }

    /// Runs a program until it ends.
    pub fn run<S: AsRef<OsStr>>(self, argv: &[S]) -> Outcome {
        let argv: Vec<OsString> = argv.iter().map(|word| word.as_ref().to_owned()).collect();
        self.finish(argv)
    }

    /// Runs portward until it ends.
    pub fn portward<S: AsRef<OsStr>>(self, arguments: &[S]) -> Outcome {
        let argv = self.portward_argv(arguments);
        self.finish(argv)
    }

    /// Starts portward, to be read line by line.
    pub fn start_portward<S: AsRef<OsStr>>(self, arguments: &[S]) -> Running {
        let argv = self.portward_argv(arguments);
        self.launch(&argv)
    }

    /// Starts a program, to be read line by line.
    pub fn start<S: AsRef<OsStr>>(self, argv: &[S]) -> Running {
        let argv: Vec<OsString> = argv.iter().map(|word| word.as_ref().to_owned()).collect();
        self.launch(&argv)
    }

    /// Starts an actor of the cast and waits for its `READY` line.
    pub fn actor<S: AsRef<OsStr>>(self, role: &[S]) -> Actor {
        let mut argv = cast_argv(self.world);
        argv.extend(role.iter().map(|word| word.as_ref().to_owned()));
        Actor::from_running(self.launch(&argv))
    }

    fn portward_argv<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Vec<OsString> {
        let mut argv = vec![self.world.portward_path().into()];
        argv.extend(arguments.iter().map(|word| word.as_ref().to_owned()));
        argv
    }

    fn launch(self, argv: &[OsString]) -> Running {
        assert!(self.input.is_none(), "a running program is spoken to by Running::tell");
        let command = self.command(argv);
        Running::start(command, argv)
    }

    fn finish(mut self, argv: Vec<OsString>) -> Outcome {
        let input = self.input.take();
        let mut command = self.command(&argv);
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        Outcome::of(command, input, argv, self.world.portward_path())
    }
}

/// The whole environment of everything in a world.
pub(crate) fn hermetic(directory: &Path) -> Vec<(&'static str, OsString)> {
    vec![
        ("PATH", PROGRAM_DIRECTORIES.join(":").into()),
        ("HOME", directory.join("home").into()),
        ("TMPDIR", directory.join("tmp").into()),
        ("XDG_CONFIG_HOME", directory.join("home/.config").into()),
        ("XDG_DATA_HOME", directory.join("home/.local/share").into()),
        ("XDG_STATE_HOME", directory.join("home/.local/state").into()),
        ("XDG_CACHE_HOME", directory.join("home/.cache").into()),
        ("XDG_RUNTIME_DIR", directory.join("run").into()),
        ("LC_ALL", "C.UTF-8".into()),
        ("TERM", "dumb".into()),
        ("COLUMNS", "120".into()),
        ("USER", "root".into()),
    ]
}
