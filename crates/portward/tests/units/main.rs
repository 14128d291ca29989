//! Units by real control groups: a group named as systemd names them, with a listener inside.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // Tests make the machine that they look at.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    fs,
    path::{Path, PathBuf},
    process,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use portward_testkit::{Actor, World, forgotten_files, require_root, skip, until};

const PORTWARD: &str = env!("CARGO_BIN_EXE_portward");

/// Held while the slice is made or removed.
static GATE: Mutex<()> = Mutex::new(());

/// A version 2 control group for one test, removed afterwards.
struct Unit {
    name: String,
    path: PathBuf,
    /// True when the slice above it is ours too, made by this or another test of this program.
    slice_is_ours: bool,
}

impl Unit {
    /// `system.slice/portward-test-N.service`, or a loud skip.
    #[track_caller]
    fn new() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        static SLICE_IS_OURS: OnceLock<bool> = OnceLock::new();
        if !require_root("make a control group") {
            return None;
        }
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let mounted =
            |place: &&str| mounts.lines().any(|line| line.split(' ').nth(1) == Some(place) && line.contains(" cgroup2 "));
        let Some(root) = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].into_iter().find(mounted) else {
            skip("a mounted version 2 control group hierarchy");
            return None;
        };
        let slice = Path::new(root).join("system.slice");
        let slice_is_ours = *SLICE_IS_OURS.get_or_init(|| !slice.exists());
        let name = format!("portward-test-{}-{}.service", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = slice.join(&name);
        let _gate = GATE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = fs::create_dir_all(&path) {
            skip(&format!("leave to make a control group ({error})"));
            return None;
        }
        Some(Self { name, path, slice_is_ours })
    }

    /// An actor that opens its sockets inside the group: the kernel remembers the group of the opening.
    fn actor(&self, world: &World, role: &[&str]) -> Actor {
        let enter = format!("echo 0 >{}/cgroup.procs && exec \"$@\"", self.path.display());
        world.enter().through(&["sh", "-c", &enter, "sh"]).actor(role)
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        // The world has ended; its processes leave the group as the kernel reaps them.
        until("the group to be empty", || {
            let gone = fs::remove_dir(&self.path).is_ok() || !self.path.exists();
            gone.then_some(())
        });
        if self.slice_is_ours {
            // Another test's unit may still be in it, or just about to be.
            let _gate = GATE.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = fs::remove_dir(self.path.parent().unwrap());
        }
    }
}

#[test]
fn a_unit_is_the_supervisor() {
    let Some(unit) = Unit::new() else { return };
    let Some(world) = World::new(PORTWARD) else { return };
    let actor = unit.actor(&world, &["listen", "tcp/127.0.0.1:3000"]);
    let reading = world.portward(&["list", "--json"]).expect(0).reading();
    let socket = reading.only(3000);
    let owner = reading.owner(socket, actor.pid());
    assert_eq!(owner["supervisor"]["kind"], "systemd", "{owner:#}");
    assert_eq!(owner["supervisor"]["name"], unit.name, "{owner:#}");
    let cgroup = socket["cgroup"].as_str().unwrap();
    assert!(cgroup.ends_with(&format!("/system.slice/{}", unit.name)), "{cgroup}");
    let text = world.enter().env("COLUMNS", "160").portward(&["list"]).expect(0);
    assert!(text.stdout.contains(&unit.name), "{text}");
}

#[test]
fn a_filter_by_unit() {
    let Some(unit) = Unit::new() else { return };
    let Some(world) = World::new(PORTWARD) else { return };
    let _inside = unit.actor(&world, &["listen", "tcp/127.0.0.1:3000"]);
    let _outside = world.actor(&["listen", "tcp/127.0.0.1:4000"]);
    let reading = world.portward(&["list", "--json", &format!("unit:{}", unit.name)]).expect(0).reading();
    assert_eq!((reading.on_port(3000).len(), reading.on_port(4000).len()), (1, 0));
}

#[test]
fn a_hidden_owner_still_has_its_user_and_group() {
    let Some(unit) = Unit::new() else { return };
    let Some(world) = World::new(PORTWARD) else { return };
    let _actor = unit.actor(&world, &["listen", "tcp/127.0.0.1:3000"]);
    let reading = world.enter().stranger().portward(&["list", "--json"]).expect(0).reading();
    let socket = reading.only(3000);
    assert_eq!(socket["owners"], serde_json::Value::Null, "{socket:#}");
    assert_eq!(socket["user"], "root");
    assert!(socket["cgroup"].as_str().is_some_and(|cgroup| cgroup.ends_with(&unit.name)), "{socket:#}");
    let text = world.enter().stranger().env("COLUMNS", "160").portward(&["list"]).expect(0);
    assert!(text.stdout.contains(&unit.name), "the unit is named although its process is hidden: {text}");
}

#[test]
fn free_names_the_command_that_stops_the_unit() {
    let Some(unit) = Unit::new() else { return };
    let Some(world) = World::new(PORTWARD) else { return };
    let mut actor = unit.actor(&world, &["listen", "tcp/127.0.0.1:3000"]);
    let outcome = world.portward(&["free", "3000", "--dry-run", "--json"]);
    let document = outcome.json();
    assert_eq!(document["supervisor"]["name"], unit.name, "{document:#}");
    let text = world.portward(&["free", "3000", "--dry-run"]);
    let said = format!("{}{}", text.stdout, text.stderr);
    assert!(said.contains(&format!("systemctl stop {}", unit.name)), "{text}");
    assert!(actor.is_alive());
}

#[test]
fn no_test_file_is_forgotten() {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/units");
    assert_eq!(forgotten_files(here), Vec::<String>::new());
}
