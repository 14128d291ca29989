//! Any bytes as the files by which a project is known: it is found or not, and its names are read back to the same.
#![no_main]

use std::{
    fs,
    sync::{LazyLock, Mutex},
};

use libfuzzer_sys::fuzz_target;
use portward_model::Text;
use portward_sys::this_machine;

static FOLDER: LazyLock<Mutex<tempfile::TempDir>> = LazyLock::new(|| Mutex::new(tempfile::tempdir().expect("a folder")));

fuzz_target!(|bytes: &[u8]| {
    let folder = FOLDER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let root = folder.path().join("project");
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(root.join("real/worktrees/one")).expect("folders");
    // What stands in each file, in turn; a line feed of its own ends one, as it ends most of what git writes.
    let mut parts = bytes.split(|byte| *byte == 0);
    let mut part = |name: &str| {
        let _ = fs::write(root.join(name), parts.next().unwrap_or_default());
    };
    part("real/HEAD");
    part("real/worktrees/one/HEAD");
    part("real/worktrees/one/commondir");
    part("portward.toml");
    part("package.json");
    if bytes.first().is_some_and(|byte| byte % 2 == 0) {
        let _ = fs::rename(root.join("real"), root.join(".git"));
    } else {
        part(".git");
    }
    let machine = this_machine().expect("a machine");
    let Ok(Some(found)) = machine.project_at(&root) else { return };
    for text in [Some(found.title()), found.project.branch, found.common, Some(found.project.root)].into_iter().flatten() {
        assert_eq!(Text::from_shown(&text.shown()), text);
    }
});
