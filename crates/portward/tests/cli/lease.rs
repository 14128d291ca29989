//! `portward lease`: what is taken, listed and given back, and a store that cannot be used.

use std::{fs, os::unix::fs::MetadataExt};

use portward_testkit::{Outcome, World, WorldKind, skip};
use serde_json::Value;

use crate::world;

const STATE: &str = "home/.local/state/portward";

/// Runs portward in a folder of the world.
fn at(world: &World, folder: &str, words: &[&str]) -> Outcome {
    world.enter().directory(world.path().join(folder)).portward(words)
}

fn leases(outcome: &Outcome) -> Vec<Value> {
    outcome.json()["leases"].as_array().unwrap().clone()
}

fn port(outcome: &Outcome) -> u16 {
    u16::try_from(leases(outcome)[0]["port"].as_u64().unwrap()).unwrap()
}

#[test]
fn a_lease_has_everything_that_scripts_rely_on() {
    let Some(world) = world() else { return };
    let shop = world.git_repository("shop", "main");
    let taken = at(&world, "shop", &["lease", "take", "3000", "--name", "web", "--json"]).expect(0);
    let lease = &leases(&taken)[0];
    let number = lease["port"].as_u64().unwrap();
    assert_eq!((&lease["project"], &lease["name"], &lease["asked"]), (&"shop".into(), &"web".into(), &3000.into()));
    assert_eq!((&lease["root"], &lease["state"]), (&shop.to_str().unwrap().into(), &"free".into()), "{lease:#}");
    assert_eq!(lease["block"], format!("{}-{}", number / 100 * 100, number / 100 * 100 + 99));
    assert_eq!(number % 100, 0, "the last two digits stay: {lease:#}");
    assert!(!(32768..=60999).contains(&number) && lease["created_at"].as_str().unwrap().ends_with('Z'), "{lease:#}");
    let listed = world.portward(&["lease", "list", "--json"]).expect(0);
    assert_eq!(leases(&listed), std::slice::from_ref(lease), "{listed}");
    let text = world.portward(&["lease"]).expect(0);
    assert!(text.stdout.contains(&number.to_string()) && text.stdout.contains("shop"), "{text}");
    for (path, mode) in [("", 0o700), ("/leases.db", 0o600), ("/leases.lock", 0o600)] {
        let found = fs::metadata(world.path().join(format!("{STATE}{path}"))).unwrap();
        assert_eq!(found.mode() & 0o777, mode, "{path}");
    }
}

#[test]
fn the_same_for_ever_and_never_for_two() {
    let Some(world) = world() else { return };
    for name in ["a/shop", "b/shop"] {
        world.git_repository(name, "main");
    }
    world.git_worktree("a/shop", "fix-42", "fix/42");
    world.file("plain/package.json", "{}");
    let places = ["a/shop", "b/shop", "fix-42", "plain", "home"];
    let take = |place: &&str| port(&at(&world, place, &["lease", "take", "3000", "--json"]).expect(0));
    let first: Vec<u16> = places.iter().map(take).collect();
    let again: Vec<u16> = places.iter().map(take).collect();
    assert_eq!(first, again);
    let mut blocks: Vec<u16> = first.iter().map(|port| port / 100).collect();
    blocks.sort_unstable();
    blocks.dedup();
    assert_eq!(blocks.len(), places.len(), "{first:?}");
    let names: Vec<Value> =
        leases(&world.portward(&["lease", "--json"]).expect(0)).iter().map(|lease| lease["project"].clone()).collect();
    assert!(names.contains(&"shop@fix-42".into()) && names.contains(&Value::Null), "{names:?}");
}

#[test]
fn a_renamed_project_keeps_its_port_and_a_deleted_one_until_it_is_pruned() {
    let Some(world) = world() else { return };
    world.git_repository("shop", "main");
    let before = port(&at(&world, "shop", &["lease", "take", "3000", "--json"]).expect(0));
    fs::rename(world.path().join("shop"), world.path().join("store")).unwrap();
    assert_eq!(port(&at(&world, "store", &["lease", "take", "3000", "--json"]).expect(0)), before);
    fs::remove_dir_all(world.path().join("store")).unwrap();
    let listed = world.portward(&["lease", "--json"]).expect(0);
    assert_eq!(leases(&listed)[0]["state"], "gone", "{listed}");

    // Something still listens there: it is not pruned.
    let mut server = world.actor(&["listen", &format!("tcp/127.0.0.1:{before}")]);
    assert_eq!(leases(&world.portward(&["lease", "--json"]).expect(0))[0]["state"], "listening");
    let kept = world.portward(&["lease", "prune", "--yes", "--json"]).expect(0).json();
    assert_eq!((&kept["projects"], &kept["leases"]), (&serde_json::json!([]), &serde_json::json!([])));
    world.signal(server.pid(), "KILL");
    assert_eq!(server.ended_by(), Some(9));

    let asked = world.portward(&["lease", "prune"]).expect(2);
    assert!(asked.stderr.contains("Nobody is there to answer") && asked.stderr.contains("store"), "{asked}");
    let dry_run = world.portward(&["lease", "prune", "--dry-run", "--json"]).expect(0).json();
    assert_eq!((&dry_run["kept"], &dry_run["projects"][0]["project"]), (&true.into(), &"store".into()), "{dry_run:#}");
    assert_eq!(leases(&world.portward(&["lease", "--json"]).expect(0)).len(), 1);
    let pruned = world.portward(&["lease", "prune", "--yes"]).expect(0);
    assert!(pruned.stdout.contains("store") && pruned.stdout.contains("is gone"), "{pruned}");
    assert!(leases(&world.portward(&["lease", "--json"]).expect(0)).is_empty());
}

#[test]
fn what_listens_is_not_released() {
    let Some(world) = world() else { return };
    let taken = port(&world.portward(&["lease", "take", "3000", "--name", "web", "--json"]).expect(0));
    let mut server = world.actor(&["listen", &format!("tcp/127.0.0.1:{taken}")]);
    for word in ["web", "3000", &taken.to_string()] {
        let refused = world.portward(&["lease", "release", word]).expect(1);
        assert!(refused.stderr.contains(&format!("(pid {}) listens on {taken}", server.pid())), "{refused}");
    }
    let refused = world.portward(&["lease", "release", "--all", "--yes", "--json"]).expect(1).json();
    assert_eq!(refused["refused"][0]["pid"], server.pid(), "{refused:#}");
    world.signal(server.pid(), "KILL");
    assert_eq!(server.ended_by(), Some(9));
    let released = world.portward(&["lease", "release", "web"]).expect(0);
    assert!(released.stderr.contains("1 lease released"), "{released}");
    assert!(leases(&world.portward(&["lease", "--json"]).expect(0)).is_empty());
}

#[test]
fn a_port_that_somebody_has_is_not_given_out() {
    let Some(world) = world() else { return };
    let first = port(&world.portward(&["lease", "take", "3000", "--json"]).expect(0));
    let _server = world.actor(&["listen", &format!("tcp/127.0.0.1:{}", first + 1)]);
    assert_eq!(port(&world.portward(&["lease", "take", "3001", "--json"]).expect(0)), first + 2);
}

#[test]
fn the_kernels_ranges_are_read_and_not_assumed() {
    let Some(world) = world() else { return };
    let write =
        "echo 10000 60999 >/proc/sys/net/ipv4/ip_local_port_range; echo 61000-64999 >/proc/sys/net/ipv4/ip_local_reserved_ports";
    let _ = world.run(&["sh", "-c", write]).expect(0);
    let taken = port(&world.portward(&["lease", "take", "3000", "--json"]).expect(0));
    assert!(taken >= 65000 || (1024..10000).contains(&taken), "{taken}");
    let _ = world.run(&["sh", "-c", "echo 1024 65535 >/proc/sys/net/ipv4/ip_local_port_range"]).expect(0);
    world.git_repository("shop", "main");
    let refused = at(&world, "shop", &["lease", "take", "3000"]).expect(2);
    assert!(refused.stderr.contains("1024-65535") && refused.stderr.contains("hint: "), "{refused}");
    assert_eq!(port(&world.portward(&["lease", "take", "3000", "--json"]).expect(0)), taken, "what was leased stays");
}

#[test]
fn words_that_mean_nothing() {
    let Some(world) = world() else { return };
    for wrong in [
        &["take"][..],
        &["take", "0"],
        &["take", "65536"],
        &["take", "a b"],
        &["take", "3000", "--name", "80"],
        &["take", "web", "--name", "api"],
        &["take", "3000", "3001", "--name", "web"],
        &["list", "3000"],
        &["release"],
        &["release", "9999"],
        &["release", "--all", "web"],
        &["prune", "--all"],
        &["take", "3000", "--dry-run"],
        &["give"],
    ] {
        let words: Vec<&str> = std::iter::once("lease").chain(wrong.iter().copied()).collect();
        let outcome = world.portward(&words).expect(2);
        assert!(outcome.stdout.is_empty() && outcome.stderr.contains("hint: "), "{outcome}");
    }
    assert!(!world.path().join(STATE).join("leases.db").exists(), "nothing was made on the way");
}

#[test]
fn a_corrupt_store_is_named_kept_and_renewed_on_request() {
    let Some(world) = world() else { return };
    let _ = world.portward(&["lease", "take", "3000"]).expect(0);
    let store = world.path().join(STATE).join("leases.db");
    let damage = vec![0x42; 5000];
    fs::write(&store, &damage).unwrap();
    for words in [&["lease"][..], &["lease", "take", "3000"], &["port", "web"], &["url", "web"]] {
        let outcome = world.portward(words).expect(2);
        assert!(outcome.stderr.contains("is corrupt") && outcome.stderr.contains("nothing was replaced"), "{outcome}");
        assert!(outcome.stderr.contains("leases.db.corrupt-") && outcome.stderr.contains("portward lease repair"), "{outcome}");
    }
    assert!(fs::read(&store).unwrap() == damage, "the corrupt file is as it was");
    let unasked = world.portward(&["lease", "repair"]).expect(2);
    assert!(unasked.stderr.contains("Nobody is there to answer"), "{unasked}");
    let free = world.portward(&["port", "--free"]).expect(0);
    assert!(free.stderr.contains("which ports are leased"), "a free port is found all the same: {free}");
    let renewed = world.portward(&["lease", "repair", "--yes", "--json"]).expect(0).json();
    assert_eq!((&renewed["repair"]["sound"], &renewed["repair"]["saved"]), (&false.into(), &0.into()), "{renewed:#}");
    assert!(fs::read(renewed["repair"]["copy"].as_str().unwrap()).unwrap() == damage, "the copy is the corrupt file");
    let _ = world.portward(&["lease", "take", "3000"]).expect(0);
    let sound = world.portward(&["lease", "repair"]).expect(0);
    assert!(sound.stdout.contains("is sound, with 1 lease"), "{sound}");
}

#[test]
fn a_store_of_a_later_version_is_left_alone() {
    let Some(world) = world() else { return };
    let _ = world.portward(&["lease", "take", "3000"]).expect(0);
    let store = world.path().join(STATE).join("leases.db");
    let change = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute('PRAGMA user_version=7'); c.close()";
    let changed = world.run(&["python3", "-c", change, store.to_str().unwrap()]);
    assert_eq!(changed.code, Some(0), "{changed}");
    for words in [&["lease"][..], &["lease", "take", "3000"], &["lease", "repair"], &["port", "3000"]] {
        let outcome = world.portward(words).expect(2);
        assert!(outcome.stderr.contains("version is 7") && outcome.stderr.contains("update this Portward"), "{outcome}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_to_keeps_its_leases() {
    let Some(world) = world() else { return };
    let state = world.path().join(STATE);
    let taken = port(&world.portward(&["lease", "take", "3000", "--name", "web", "--json"]).expect(0));
    let close = r#"mount --bind "$0" "$0" && mount -o remount,bind,ro "$0""#;
    let _ = world.run(&["sh", "-c", close, state.to_str().unwrap()]).expect(0);
    assert_eq!(world.portward(&["port", "web"]).expect(0).stdout, format!("{taken}\n"));
    assert_eq!(world.portward(&["url", "web"]).expect(0).stdout, format!("http://localhost:{taken}\n"));
    let refused = world.portward(&["lease", "take", "4000"]).expect(2);
    assert!(refused.stderr.contains("cannot be written to") && refused.stderr.contains("XDG_STATE_HOME"), "{refused}");
}

#[test]
fn a_full_disk_is_named_and_what_was_recorded_holds() {
    let Some(world) = world() else { return };
    let state = world.path().join(STATE);
    world.file(&format!("{STATE}/x"), "");
    let _ = world.run(&["mount", "-t", "tmpfs", "-o", "size=160k,mode=700", "small", state.to_str().unwrap()]).expect(0);
    let _ = world.portward(&["lease", "take", "1"]).expect(0);
    let refused =
        (2..60).map(|asked| world.portward(&["lease", "take", &asked.to_string()])).find(|outcome| outcome.code != Some(0));
    let refused = refused.expect("160 kB are full sooner or later").expect(2);
    assert!(refused.stderr.contains("is full") && refused.stderr.contains("still holds"), "{refused}");
    let listed = world.portward(&["lease", "--json"]).expect(0);
    assert_eq!(leases(&listed)[0]["asked"], 1, "{listed}");
}

#[test]
fn without_a_home_leases_end_with_the_run_and_that_is_said() {
    let Some(world) = world() else { return };
    let homeless = ["env", "-u", "XDG_STATE_HOME", "HOME=/nonexistent"];
    let take = || world.enter().through(&homeless).portward(&["lease", "take", "3000", "--json"]).expect(0);
    let document = take().json();
    assert!(document["gaps"][0]["effect"].as_str().unwrap().contains("end with this run"), "{document:#}");
    assert_eq!(take().json()["leases"], document["leases"]);
    assert!(world.path().join("run/portward/leases.db").exists());
    let text = world.enter().through(&homeless).portward(&["port", "web"]).expect(0);
    assert!(text.stderr.contains("/nonexistent is no home folder"), "{text}");
    fs::set_permissions(world.path().join("run/portward"), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let doubted = world.enter().through(&homeless).portward(&["lease", "take", "4000"]).expect(2);
    assert!(doubted.stderr.contains("open to other users"), "{doubted}");
}

#[test]
fn with_sudo_it_is_the_store_of_who_called_it() {
    let Some(world) = world() else { return };
    if world.kind() != WorldKind::Root {
        return skip("root, to be somebody who calls sudo");
    }
    let home = world.path().join("home/ana");
    let passwd = world.file("etc/passwd", format!("root:x:0:0::/root:/bin/sh\nana:x:65534:65534::{}:/bin/sh\n", home.display()));
    let _ = world.run(&["mount", "--bind", passwd.to_str().unwrap(), "/etc/passwd"]).expect(0);
    let _ = world.run(&["sh", "-c", r#"mkdir "$0" && chown 65534:65534 "$0""#, home.to_str().unwrap()]).expect(0);
    let own = format!("HOME={}", home.display());
    let as_ana = |words: &[&str]| {
        world.enter().stranger().through(&["env", "-u", "XDG_STATE_HOME", &own]).portward(words).expect(0).stdout
    };
    let sudo = ["env", "-u", "XDG_STATE_HOME", "HOME=/root", "SUDO_UID=65534", "SUDO_GID=65534"];
    let with_sudo = |words: &[&str]| world.enter().through(&sudo).portward(words).expect(0).stdout;
    // Root is first, and leaves nothing behind that is root's.
    let web = with_sudo(&["port", "web"]);
    assert_eq!(as_ana(&["port", "web"]), web);
    let api = as_ana(&["port", "api"]);
    assert_eq!(with_sudo(&["port", "api"]), api);
    let files = world.run(&["find", home.to_str().unwrap(), "!", "-uid", "65534"]).expect(0);
    assert_eq!(files.stdout, "", "{files}");
    // A link where the folder should be is not followed by root.
    let state = home.join(".local/state/portward");
    let _ = world.run(&["sh", "-c", r#"mv "$0" "$0.old" && ln -s /etc "$0""#, state.to_str().unwrap()]).expect(0);
    let refused = world.enter().through(&sudo).portward(&["lease", "take", "5000"]).expect(2);
    assert!(refused.stderr.contains("is a link or no folder"), "{refused}");
}
