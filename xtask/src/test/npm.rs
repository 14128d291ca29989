//! What the tests need from the npm registry: packages of exact versions, in a folder of cargo's output that every test's
//! world shows to its programs.

use std::fs;

use crate::{
    command,
    failure::{Failure, on_path},
    places,
};

/// Installs the packages where they are not there in these versions; what is missing after the attempt, as a sentence.
pub(super) fn wanted() -> Result<Option<String>, Failure> {
    let folder = places::programs().join("npm");
    let done = folder.join("installed.txt");
    let list = PACKAGES.join("\n");
    if fs::read_to_string(&done).is_ok_and(|there| there == list) {
        return Ok(None);
    }
    let names = PACKAGES.join(", ");
    if command::which("npm").is_none() {
        return Ok(Some(format!("{names} could not be installed: there is no npm")));
    }
    println!("installing {names}");
    fs::create_dir_all(&folder).map_err(|error| on_path("made", &folder, &error))?;
    // It keeps npm from looking for a project above.
    places::write(&folder.join("package.json"), "{\"private\": true}\n")?;
    let mut npm = command::program("npm", ["install", "--no-audit", "--no-fund", "--no-save", "--loglevel=error"]);
    npm.args(PACKAGES).current_dir(&folder).stdout(std::process::Stdio::null());
    if let Err(failure) = command::run(npm) {
        return Ok(Some(format!("{names} could not be installed: {failure}")));
    }
    places::write(&done, &list)?;
    Ok(None)
}

/// Each with what it is for: Express, Vite (with esbuild, a static Go binary), Next with what it renders, Nushell, and the
/// standard's schema of SARIF.
const PACKAGES: &[&str] = &[
    "express@4.21.2",
    "vite@6.3.5",
    "next@14.2.28",
    "react@18.3.1",
    "react-dom@18.3.1",
    "nushell@0.115.1",
    "@microsoft/jest-sarif@1.0.0-beta.0",
];
