//! Any damage to the file of leases and its log: it is read as far as it is sound, or refused in words, and nothing is made beside
//! it but its own second name.
#![no_main]

use std::{
    fs,
    path::PathBuf,
    sync::{LazyLock, Mutex},
};

use libfuzzer_sys::fuzz_target;
use portward_store::{LeaseName, Store, Wanted};
use portward_sys::{Act, StateFolder, SystemClock, this_machine};

/// A folder, this machine, and a sound store as its files are.
struct Ground {
    folder: tempfile::TempDir,
    machine: Box<dyn Act>,
    sound: Vec<(PathBuf, Vec<u8>)>,
}

static GROUND: LazyLock<Mutex<Ground>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let machine = this_machine().expect("a machine");
    {
        let state = place(&folder, machine.as_ref());
        let mut store = Store::open_in(machine.as_ref(), &SystemClock, state).expect("a store");
        let project = store.project(None).expect("a project").id;
        for name in ["web", "api", "db"] {
            let name: LeaseName = name.parse().expect("a name");
            let _ = store.take(project, Wanted::Name(name).want()).expect("a lease");
        }
    }
    let files = ["leases.db", "leases.db-wal"].map(|name| {
        let path = folder.path().join("portward").join(name);
        let bytes = fs::read(&path).expect("a file of the store");
        (path, bytes)
    });
    Mutex::new(Ground { folder, machine, sound: files.into() })
});

fn place(folder: &tempfile::TempDir, machine: &dyn Act) -> StateFolder {
    StateFolder::at(folder.path().join("portward"), machine.facts().expect("facts").uid)
}

fuzz_target!(|damage: &[u8]| {
    let ground = GROUND.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let state = place(&ground.folder, ground.machine.as_ref());
    for entry in fs::read_dir(&state.path).expect("the folder") {
        let _ = fs::remove_file(entry.expect("an entry").path());
    }
    let length: usize = ground.sound.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut files = ground.sound.clone();
    // Four bytes are one change: three for the place, one for what stands there.
    for change in damage.chunks_exact(4) {
        let mut at = (usize::from(change[0]) << 16 | usize::from(change[1]) << 8 | usize::from(change[2])) % length;
        for (_, bytes) in &mut files {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = change[3];
                break;
            }
            at -= bytes.len();
        }
    }
    for (path, bytes) in files {
        fs::write(path, bytes).expect("written");
    }
    let machine = ground.machine.as_ref();
    if let Ok(Some(store)) = Store::reading_in(machine, &SystemClock, state.clone()) {
        let _ = (store.all().is_ok(), store.runs().is_ok(), store.projects().is_ok(), store.front().is_ok());
    }
    if let Ok(mut store) = Store::open_in(machine, &SystemClock, state.clone())
        && let Ok(project) = store.project(None)
    {
        let _ = store.take(project.id, Wanted::Asked(3000).want()).is_ok();
    }
    for entry in fs::read_dir(&state.path).expect("the folder") {
        let name = entry.expect("an entry").file_name();
        assert!(name.to_str().is_some_and(|name| name.starts_with("leases.")), "{name:?}");
    }
});
