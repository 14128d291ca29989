//! Databases of NSS: one for each profile of Firefox, and one for all that is made of Chromium.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::{Anchor, Holds, Mounts, PATIENCE, Refused, Store, done};
use crate::{StateFolder, linux::programs};

/// The databases below a home, and Chromium's where that is installed and has made none yet.
pub(super) fn all(mounts: &Mounts, home: &Path) -> Vec<Store> {
    let mut folders: Vec<PathBuf> = PLACES.iter().flat_map(|pattern| matching(mounts, home, pattern)).collect();
    folders.retain(|folder| mounts.find(&folder.join(DATABASE)).is_ok_and(|place| place.is_file()));
    folders.sort();
    folders.dedup();
    let shared = home.join(SHARED);
    let lacks = !folders.contains(&shared) && CHROMIUMS.iter().any(|name| programs::find(name).is_some());
    let made = lacks.then_some(Store::Nss { folder: shared, is_there: false });
    folders.into_iter().map(|folder| Store::Nss { folder, is_there: true }).chain(made).collect()
}

/// Folders that a pattern means, in which a star is any one name.
fn matching(mounts: &Mounts, home: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![home.to_owned()];
    for part in pattern.split('/') {
        found = match part {
            "*" => found.iter().flat_map(|folder| within(mounts, folder)).collect(),
            name => found.into_iter().map(|folder| folder.join(name)).collect(),
        };
    }
    found
}

fn within(mounts: &Mounts, folder: &Path) -> Vec<PathBuf> {
    let names = mounts.find(folder).map(|place| place.names(MOST)).unwrap_or_default();
    names.into_iter().map(|name| folder.join(name)).collect()
}

pub(super) fn holds(folder: &Path, anchor: &Anchor<'_>) -> Holds {
    match listed(folder, anchor) {
        Ok(pem) if pem.is_empty() => Holds::Not,
        Ok(pem) if anchor.is(&pem) && one(&pem) => Holds::It,
        Ok(_) => Holds::Another,
        Err(refused) => Holds::Unknown(refused),
    }
}

/// The certificates of its name; nothing where there is none.
fn listed(folder: &Path, anchor: &Anchor<'_>) -> Result<Vec<u8>, Refused> {
    let (certutil, database) = (certutil()?, database(folder));
    match done(&certutil, &["-L", "-d", &database, "-n", anchor.name, "-a"], PATIENCE) {
        // So it says for a name that nobody has (`PR_FILE_NOT_FOUND_ERROR`, SEC_ERROR_UNRECOGNIZED_OID in older ones).
        Err(Refused::Said(words)) if words.contains("Could not find cert") => Ok(Vec::new()),
        listed => listed,
    }
}

fn one(pem: &[u8]) -> bool {
    pem.windows(BEGIN.len()).filter(|part| *part == BEGIN).count() == 1
}

pub(super) fn add(folder: &Path, is_there: bool, anchor: &Anchor<'_>) -> Result<(), Refused> {
    let (certutil, database) = (certutil()?, database(folder));
    if !is_there {
        StateFolder::at(folder.to_owned(), rustix::process::geteuid().as_raw()).prepare()?;
        done(&certutil, &["-N", "-d", &database, "--empty-password"], PATIENCE)?;
    }
    // Believed for servers, and for nothing else.
    let file = anchor.file.to_string_lossy();
    done(&certutil, &["-A", "-d", &database, "-n", anchor.name, "-t", "C,,", "-i", &file], PATIENCE).map(drop)
}

pub(super) fn remove(folder: &Path, anchor: &Anchor<'_>) -> Result<(), Refused> {
    done(&certutil()?, &["-D", "-d", &database(folder), "-n", anchor.name], PATIENCE).map(drop)
}

fn certutil() -> Result<PathBuf, Refused> {
    programs::find(CERTUTIL).ok_or(Refused::Lacks(CERTUTIL))
}

fn database(folder: &Path) -> String {
    format!("sql:{}", OsStr::from_bytes(folder.as_os_str().as_bytes()).to_string_lossy())
}

const CERTUTIL: &str = "certutil";
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
/// The file by which such a folder is known.
const DATABASE: &str = "cert9.db";
/// Chromium's, and that of all programs that have none of their own.
const SHARED: &str = ".pki/nssdb";
/// Where databases are, below a home: plain, in a snap, in a flatpak.
const PLACES: [&str; 12] = [
    SHARED,
    ".local/share/pki/nssdb",
    "snap/*/current/.pki/nssdb",
    "snap/*/current/.local/share/pki/nssdb",
    ".var/app/*/.pki/nssdb",
    ".var/app/*/data/pki/nssdb",
    ".mozilla/firefox/*",
    ".config/mozilla/firefox/*",
    ".librewolf/*",
    "snap/*/common/.mozilla/firefox/*",
    ".var/app/*/.mozilla/firefox/*",
    ".var/app/*/config/mozilla/firefox/*",
];
const CHROMIUMS: [&str; 6] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "brave-browser", "microsoft-edge"];
/// Names of a folder that are looked at.
const MOST: usize = 1000;
