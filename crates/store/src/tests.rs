//! The store against real files: stability, moves, damage, other processes' writes.

#![allow(clippy::unwrap_used)] // A test ends where something unexpected is.

mod hostile;
mod upgrade;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use portward_model::{Failure, Project, ProjectIdentity, Text};
use portward_sys::{Act, FileMark, StateFolder, SystemClock, this_machine};
use rusqlite::Connection;

use super::{Store, file, leases::Want, repair::renew_in};

/// A machine, and a folder for the store and the projects.
pub(super) struct Bench {
    host: Box<dyn Act>,
    directory: tempfile::TempDir,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self { host: this_machine().unwrap(), directory: tempfile::tempdir().unwrap() }
    }

    fn folder(&self) -> StateFolder {
        StateFolder::at(self.directory.path().join("state/portward"), self.host.facts().unwrap().uid)
    }

    pub(super) fn open(&self) -> Store<'_> {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<Store<'_>, Failure> {
        Store::open_in(self.host.as_ref(), &SystemClock, self.folder())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder().path.join(name)
    }

    /// A project in a folder of its own.
    pub(super) fn project(&self, place: &str) -> ProjectIdentity {
        let root = self.directory.path().join(place);
        fs::create_dir_all(root.join(".git")).unwrap();
        identity(&root, &root.join(".git"), None)
    }
}

fn identity(root: &Path, common: &Path, worktree: Option<&str>) -> ProjectIdentity {
    let text = |path: &Path| Text::from(path.to_str().unwrap());
    let name = Text::from(root.file_name().unwrap().to_str().unwrap());
    let project = Project { root: text(root), name, branch: None, worktree: worktree.map(Text::from), script: None };
    ProjectIdentity { project, common: Some(text(common)), folder: FileMark::folder(root) }
}

#[test]
fn a_lease_is_the_same_for_ever_and_for_everybody() {
    let bench = Bench::new();
    let shop = bench.project("shop");
    let mut store = bench.open();
    let project = store.project(Some(&shop)).unwrap();
    let first = store.lease(project.id, 3000).unwrap();
    assert!(first.new && project.block.contains(first.port));
    let mut other = bench.open();
    let again = other.project(Some(&shop)).unwrap();
    assert_eq!(again, project);
    assert_eq!(other.lease(again.id, 3000).unwrap(), super::Lease { new: false, ..first.clone() });
    assert_eq!(store.mapping(project.id).unwrap(), [(3000, first.port)]);
    drop((store, other));
    let reading = Store::reading_in(bench.host.as_ref(), &SystemClock, bench.folder()).unwrap().unwrap();
    let known = reading.known_project(Some(&shop)).unwrap().unwrap();
    assert_eq!(reading.known(known.id, Want { asked: Some(3000), name: None }).unwrap().unwrap().port, first.port);
}

/// Takes, releases and prunes in a random order through several openings, and checks after each step that no two holders
/// have one port and that nobody's port has changed.
#[test]
fn no_two_leases_are_equal_under_any_interleaving() {
    let bench = Bench::new();
    let projects: Vec<ProjectIdentity> = (0..5).map(|number| bench.project(&format!("project-{number}"))).collect();
    let mut stores: Vec<Store<'_>> = (0..3).map(|_| bench.open()).collect();
    let mut noise = Noise(42);
    let mut expected: BTreeMap<(usize, u16), u16> = BTreeMap::new();
    for step in 0..200 {
        let index = noise.below(stores.len());
        let store = &mut stores[index];
        let at = noise.below(projects.len());
        match noise.below(20) {
            0 => {
                if let Some((key, port)) =
                    expected.iter().nth(noise.below(expected.len().max(1))).map(|(key, port)| (*key, *port))
                {
                    assert_eq!(store.release(&[port]).unwrap(), 1);
                    expected.remove(&key);
                }
            }
            1 if step % 3 == 0 => {
                let row = store.project(Some(&projects[at])).unwrap();
                store.release_projects(&[row.id]).unwrap();
                expected.retain(|(project, _), _| *project != at);
            }
            _ => {
                let asked = 3000 + u16::try_from(noise.below(130)).unwrap();
                let row = store.project(Some(&projects[at])).unwrap();
                let lease = store.lease(row.id, asked).unwrap();
                let earlier = *expected.entry((at, asked)).or_insert(lease.port);
                assert_eq!(lease.port, earlier, "step {step}: {asked} of project {at} has moved");
                assert!(store.blocks(row.id).unwrap().iter().any(|block| block.contains(lease.port)));
            }
        }
        let distinct: BTreeSet<u16> = expected.values().copied().collect();
        assert_eq!(distinct.len(), expected.len(), "step {step}");
    }
    let rows = stores[0].all().unwrap();
    assert_eq!(rows.iter().map(|row| row.port).collect::<BTreeSet<_>>(), expected.values().copied().collect());
}

struct Noise(u64);

impl Noise {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(end).unwrap()).unwrap()
    }
}

#[test]
fn a_full_block_is_followed_by_another() {
    let bench = Bench::new();
    let mut store = bench.open();
    let project = store.project(None).unwrap();
    assert_eq!(project.root, None);
    for asked in 1..=120 {
        store.lease(project.id, asked).unwrap();
    }
    let blocks = store.blocks(project.id).unwrap();
    assert_eq!(blocks.len(), 2);
    assert_eq!(store.mapping(project.id).unwrap().len(), 120);
}

#[test]
fn names_and_asked_ports_come_together() {
    let bench = Bench::new();
    let mut store = bench.open();
    let id = store.project(None).unwrap().id;
    let web = store.named(id, "web").unwrap().port;
    let both = |asked, name| Want { asked: Some(asked), name: Some(name) };
    assert_eq!(store.take(id, both(3000, "web")).unwrap().port, web, "the name's port is given the number");
    assert_eq!(store.lease(id, 3000).unwrap().port, web);
    let api = store.lease(id, 4000).unwrap().port;
    assert_eq!(store.take(id, both(4000, "api")).unwrap().port, api, "the number's port is given the name");
    assert_eq!(store.named(id, "api").unwrap().port, api);
    for (asked, name) in [(4000, "web"), (5000, "api"), (3000, "other")] {
        let failure = store.take(id, both(asked, name)).unwrap_err();
        assert!(failure.hint.is_some() && failure.message.ends_with('.'), "{failure}");
    }
    assert_eq!(store.all().unwrap().len(), 2, "a refusal leaves nothing behind");
}

#[test]
fn two_projects_of_one_name_and_worktrees_have_blocks_of_their_own() {
    let bench = Bench::new();
    let (one, other) = (bench.project("a/shop"), bench.project("b/shop"));
    let linked = bench.directory.path().join("shop-fix");
    fs::create_dir(&linked).unwrap();
    let common = bench.directory.path().join("a/shop/.git");
    let linked = identity(&linked, &common, Some("fix"));
    let mut store = bench.open();
    let rows: Vec<_> = [Some(&one), Some(&other), Some(&linked), None].map(|project| store.project(project).unwrap()).into();
    let blocks: BTreeSet<u16> = rows.iter().map(|row| row.block.first).collect();
    assert_eq!(blocks.len(), 4);
    assert_eq!((&rows[0].name, &rows[2].name.shown()), (&rows[1].name, &"shop-fix@fix".to_owned()));
    let ports: BTreeSet<u16> = rows.iter().map(|row| store.lease(row.id, 3000).unwrap().port).collect();
    assert_eq!(ports.len(), 4);
}

#[test]
fn a_project_that_was_renamed_keeps_its_block() {
    let bench = Bench::new();
    let before = bench.project("shop");
    if before.folder.is_none() {
        return portward_testkit::skip("a file system that tells when a folder was made");
    }
    let mut store = bench.open();
    let row = store.project(Some(&before)).unwrap();
    let (from, to) = (bench.directory.path().join("shop"), bench.directory.path().join("store"));
    fs::rename(&from, &to).unwrap();
    let after = identity(&to, &to.join(".git"), None);
    assert_eq!(store.known_project(Some(&after)).unwrap().unwrap().id, row.id, "known before anything is written");
    let moved = store.project(Some(&after)).unwrap();
    assert_eq!((moved.id, moved.block, moved.root), (row.id, row.block, Some(after.project.root.clone())));
    // A new project at the old place is another one.
    let new = bench.project("shop");
    assert_ne!(store.project(Some(&new)).unwrap().block, row.block);
    // A copy of a project is another one, too.
    let copy = bench.project("copy");
    assert_ne!(store.project(Some(&copy)).unwrap().block, row.block);
}

#[test]
fn a_worktree_that_was_moved_to_another_disk_keeps_its_block_and_a_copy_does_not_share_it() {
    let bench = Bench::new();
    let common = bench.directory.path().join("shop/.git");
    let place = |name: &str| {
        let root = bench.directory.path().join(name);
        fs::create_dir_all(&root).unwrap();
        identity(&root, &common, Some("fix"))
    };
    let mut store = bench.open();
    let first = store.project(Some(&place("fix"))).unwrap();
    let copy = store.project(Some(&place("fix-copy"))).unwrap();
    assert_ne!(copy.block, first.block, "the original still stands");
    // Another disk: another folder under another name, and the old one is gone.
    fs::remove_dir(bench.directory.path().join("fix")).unwrap();
    assert_eq!(store.project(Some(&place("elsewhere"))).unwrap().block, first.block);
}

#[test]
fn a_corrupt_store_is_copied_aside_once_and_never_replaced() {
    let bench = Bench::new();
    let mut store = bench.open();
    // The log holds what was written last, and must not be moved into the damage.
    let id = store.project(None).unwrap().id;
    store.lease(id, 3000).unwrap();
    drop(store);
    let damage = vec![0x42; 9000];
    fs::write(bench.file(file::NAME), &damage).unwrap();
    for _ in 0..3 {
        let failure = bench.try_open().err().unwrap();
        assert!(failure.message.contains("is corrupt") && failure.message.contains("nothing was replaced"), "{failure}");
        assert!(failure.hint.unwrap().contains("portward lease repair"));
    }
    assert!(fs::read(bench.file(file::NAME)).unwrap() == damage);
    let copies = bench.folder().names("leases.db.corrupt-", "");
    let copies: Vec<_> = copies.iter().filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm")).collect();
    assert_eq!(copies.len(), 1, "{copies:?}");
    assert!(fs::read(bench.file(copies[0])).unwrap() == damage);
}

#[test]
fn a_repair_asks_and_takes_over_what_can_be_read() {
    let bench = Bench::new();
    let mut store = bench.open();
    let mut expected = BTreeMap::new();
    for number in 0..8 {
        let row = store.project(Some(&bench.project(&format!("p{number}")))).unwrap();
        for asked in 3000..3060 {
            expected.insert(store.lease(row.id, asked).unwrap().port, asked);
        }
    }
    let identity = store.identity.clone();
    drop(store);
    // Everything into the file, and then a hole in the middle of it.
    let plain = Connection::open(bench.file(file::NAME)).unwrap();
    plain.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let page: usize = plain
        .query_row("SELECT rootpage FROM sqlite_master WHERE name = 'projects_by_folder'", [], |row| row.get::<_, i64>(0))
        .unwrap()
        .try_into()
        .unwrap();
    drop(plain);
    let mut bytes = fs::read(bench.file(file::NAME)).unwrap();
    bytes[(page - 1) * 4096..][..4096].fill(0xa5);
    fs::write(bench.file(file::NAME), &bytes).unwrap();

    let declined = renew_in(&bench.folder(), &mut |_| Ok(false)).unwrap();
    assert!(matches!(declined, super::Repaired::Declined { .. }), "{declined:?}");
    assert!(fs::read(bench.file(file::NAME)).unwrap() == bytes, "nothing happens without a yes");
    let mut asked = String::new();
    let renewed = renew_in(&bench.folder(), &mut |question| {
        question.clone_into(&mut asked);
        Ok(true)
    });
    let super::Repaired::Renewed { copy, saved } = renewed.unwrap() else { panic!("it was corrupt") };
    assert_eq!(saved, expected.len(), "{asked}");
    assert!(fs::read(bench.file(&copy)).unwrap() == bytes, "the corrupt one is kept");
    assert_eq!(bench.open().identity, identity, "numbers mean the same in it");
    let found: BTreeMap<u16, u16> = bench.open().all().unwrap().into_iter().map(|row| (row.port, row.asked.unwrap())).collect();
    assert_eq!(found, expected);
    let sound = renew_in(&bench.folder(), &mut |_| panic!("nothing to ask")).unwrap();
    assert_eq!(sound, super::Repaired::Sound { leases: saved });
}

#[test]
fn reading_leaves_a_store_of_an_earlier_version_as_it_is() {
    let bench = Bench::new();
    let shop = bench.project("shop");
    let mut store = bench.open();
    let leased = store.project(Some(&shop)).and_then(|project| store.lease(project.id, 3000)).unwrap();
    drop(store);
    let older = Connection::open(bench.file(file::NAME)).unwrap();
    let tables = ["meta", "services", "listeners", "runs", "front", "front_ports"].map(|table| format!("DROP TABLE {table};"));
    let columns = ["leases", "blocks"].map(|table| format!("ALTER TABLE {table} DROP COLUMN holder;"));
    let later = format!("{} {} DROP TABLE holders;", tables.concat(), columns.concat());
    older.execute_batch(&format!("{later} PRAGMA user_version=1")).unwrap();
    let mut reading = Store::reading_in(bench.host.as_ref(), &SystemClock, bench.folder()).unwrap().unwrap();
    let project = reading.known_project(Some(&shop)).unwrap().unwrap().id;
    assert_eq!(reading.mapping(project).unwrap(), [(3000, leased.port)]);
    assert!(reading.front().unwrap().is_none() && reading.lease(project, 3001).is_err());
    let version: i64 = older.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    let rows: i64 = older.query_row("SELECT count(*) FROM leases", [], |row| row.get(0)).unwrap();
    assert_eq!((version, rows), (1, 1));
    assert_eq!(bench.open().mapping(project).unwrap(), [(3000, leased.port)]);
}

#[test]
fn a_store_of_a_later_version_is_left_alone() {
    let bench = Bench::new();
    drop(bench.open());
    Connection::open(bench.file(file::NAME)).unwrap().execute_batch("PRAGMA user_version=99").unwrap();
    for failure in [bench.try_open().err(), Store::reading_in(bench.host.as_ref(), &SystemClock, bench.folder()).err()] {
        let failure = failure.unwrap();
        assert!(failure.message.contains("its version is 99"), "{failure}");
        assert!(failure.hint.unwrap().contains("update this Portward"));
    }
    assert!(bench.folder().names("leases.db.corrupt", "").is_empty());
}

#[test]
fn a_foreign_database_is_no_store() {
    let bench = Bench::new();
    bench.folder().prepare().unwrap();
    Connection::open(bench.file(file::NAME)).unwrap().execute_batch("CREATE TABLE cookies (a)").unwrap();
    assert!(bench.try_open().err().unwrap().message.contains("it is no lease store"));
}

#[test]
fn leftovers_of_killed_makers_are_swept_and_nobody_is_in_the_way() {
    let bench = Bench::new();
    bench.folder().prepare().unwrap();
    fs::write(bench.file("leases.db.4242.new"), "half").unwrap();
    drop(bench.open());
    assert!(bench.folder().names("", ".new").is_empty());
}

#[test]
fn a_stamp_changes_with_every_write_of_others_and_stays_without() {
    let bench = Bench::new();
    let (reader, mut writer) = (bench.open(), bench.open());
    let id = writer.project(None).unwrap().id;
    let settled = || loop {
        let stamp = reader.stamp();
        if stamp == reader.stamp() {
            return stamp;
        }
        std::thread::yield_now();
    };
    let mut stamps = vec![settled()];
    for asked in 1..5 {
        writer.lease(id, asked).unwrap();
        let fresh = reader.stamp();
        assert!(!stamps.contains(&fresh));
        stamps.push(settled());
        assert_eq!(stamps.iter().filter(|stamp| Some(*stamp) == stamps.last()).count(), 1);
    }
    // A repair or a removal puts another file in its place.
    fs::remove_file(bench.file(file::NAME)).unwrap();
    drop(bench.open());
    assert!(!stamps.contains(&settled()));
}

#[test]
fn a_store_that_was_replaced_is_opened_anew() {
    let bench = Bench::new();
    let mut old = bench.open();
    old.project(None).unwrap();
    for name in [file::NAME, file::LOG, file::SHARED] {
        fs::remove_file(bench.file(name)).unwrap();
    }
    let id = old.project(None).unwrap().id;
    let port = old.lease(id, 3000).unwrap().port;
    assert_eq!(bench.open().all().unwrap().iter().map(|row| row.port).collect::<Vec<_>>(), [port]);
}

#[test]
fn a_number_from_one_store_means_nothing_in_another() {
    let bench = Bench::new();
    let mut old = bench.open();
    let id = old.project(Some(&bench.project("one"))).unwrap().id;
    for name in [file::NAME, file::LOG, file::SHARED] {
        fs::remove_file(bench.file(name)).unwrap();
    }
    assert_eq!(bench.open().project(Some(&bench.project("two"))).unwrap().id, id, "the number is another project's there");
    let refused = [old.lease(id, 3000).err(), old.release_projects(&[id]).err(), old.release(&[20000]).err()];
    assert!(refused.iter().all(|failure| failure.as_ref().unwrap().message.contains("was replaced")), "{refused:?}");
    let new = bench.open();
    assert!(new.all().unwrap().is_empty() && new.projects().unwrap().len() == 1);
}

#[test]
fn an_older_store_is_brought_up_to_date_by_its_first_writer() {
    let bench = Bench::new();
    bench.folder().prepare().unwrap();
    let old = Connection::open(bench.file(file::NAME)).unwrap();
    old.execute_batch(&format!("PRAGMA application_id={}", file::MARK)).unwrap();
    drop(old);
    let reading = Store::reading_in(bench.host.as_ref(), &SystemClock, bench.folder()).unwrap().unwrap();
    assert!(reading.all().unwrap().is_empty() && reading.runs().unwrap().is_empty());
    let version = || Connection::open(bench.file(file::NAME)).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0));
    assert_eq!(version(), Ok(0), "reading has written");
    assert_eq!(bench.open().connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).unwrap(), file::CURRENT);
}
