//! Test files that nobody runs.

use std::{fs, path::Path};

/// The `.rs` files beside a `main.rs` that no `mod` line of it names: tests that never run.
pub fn forgotten_files(directory: impl AsRef<Path>) -> Vec<String> {
    let directory = directory.as_ref();
    let main = fs::read_to_string(directory.join("main.rs")).expect("main.rs is readable");
    let named = |stem: &str| main.lines().any(|line| line.trim() == format!("mod {stem};"));
    let mut forgotten = Vec::new();
    for entry in fs::read_dir(directory).expect("the directory is readable") {
        let path = entry.expect("its entries are readable").path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let is_module = path.extension().is_some_and(|extension| extension == "rs") || path.join("mod.rs").exists();
        if is_module && stem != "main" && !named(&stem) {
            forgotten.push(path.display().to_string());
        }
    }
    forgotten.sort();
    forgotten
}
