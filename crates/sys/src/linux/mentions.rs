//! Files of projects and services that may name a port: which folders and units are read. What a line means is
//! `portward_wire::mention`'s to say.

use std::{
    collections::BTreeSet,
    env,
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use portward_model::{Mention, MentionKind, Text};
use portward_wire::mention;

use super::files::Mounts;

/// Reads the well-known files of these folders, and of those above up to the one that holds `.git`, and the
/// machine's own units and clusters of `PostgreSQL`.
pub(super) fn read(folders: &[Text], ports: &[u16]) -> Vec<Mention> {
    let mut found = Vec::new();
    if ports.is_empty() {
        return found;
    }
    let mut budget = MOST_FILES;
    let mounts = &Mounts::now();
    for folder in project_folders(mounts, folders) {
        for place in PLACES {
            for (file, kind) in files_of(mounts, &folder.join(place)) {
                // A web of nested configurations is cut off, not walked.
                if budget == 0 {
                    break;
                }
                budget -= 1;
                take(mounts, &file, kind, ports, &mut found);
            }
        }
    }
    let enabled = enabled_units(mounts);
    let mut seen = BTreeSet::new();
    for folder in UNIT_FOLDERS {
        for (file, kind) in files_of(mounts, Path::new(folder)) {
            let Some(name) = file.file_name().map(OsStr::to_owned) else { continue };
            // Another name of a unit that is read under its own.
            let alias = mounts.find(&file).is_ok_and(|unit| unit.path().file_name() != Some(&name));
            // A unit of /etc stands for the one of the same name that the distribution ships.
            if kind != MentionKind::UnitDisabled || alias || !seen.insert(name.clone()) {
                continue;
            }
            let kind = if enabled.contains(&template(&name)) { MentionKind::UnitEnabled } else { kind };
            take(mounts, &file, kind, ports, &mut found);
        }
    }
    for (folder, name) in [("/etc/postgresql", "postgresql.conf"), ("/var/lib/postgresql", "postmaster.pid")] {
        for cluster in subfolders(mounts, Path::new(folder)).iter().flat_map(|version| subfolders(mounts, version)) {
            let kind = if name == "postgresql.conf" { MentionKind::Server } else { MentionKind::PidFile };
            take(mounts, &cluster.join(name), kind, ports, &mut found);
        }
    }
    for folder in ["/run/postgresql", "/tmp"] {
        for port in ports {
            take(mounts, &Path::new(folder).join(format!(".s.PGSQL.{port}.lock")), MentionKind::PidFile, ports, &mut found);
        }
    }
    found
}

/// The folders and those above them, each once. The home directory and the root are no project's.
fn project_folders(mounts: &Mounts, folders: &[Text]) -> Vec<PathBuf> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let is_project = |folder: &Path| folder.parent().is_some() && home.as_deref() != Some(folder);
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let folder = Path::new(OsStr::from_bytes(folder.raw()));
        let above: Vec<&Path> = folder.ancestors().take(MOST_LEVELS + 1).take_while(|above| is_project(above)).collect();
        // Without a repository nothing says that what stands above belongs to the same project.
        let last = above.iter().position(|above| mounts.find(above).is_ok_and(|above| above.has(".git"))).unwrap_or(0);
        for folder in above.into_iter().take(last + 1) {
            if !found.iter().any(|known| known == folder) {
                found.push(folder.to_owned());
            }
        }
    }
    found
}

/// The well-known files of one folder, by name.
fn files_of(mounts: &Mounts, folder: &Path) -> Vec<(PathBuf, MentionKind)> {
    let is_run_configuration = folder.ends_with(".idea/runConfigurations");
    let named = entries(mounts, folder).into_iter().filter_map(|name| {
        let kind = if is_run_configuration && name.as_bytes().ends_with(b".xml") {
            Some(MentionKind::Script)
        } else {
            mention::kind_of_file(name.as_bytes())
        };
        Some((folder.join(name), kind?))
    });
    let mut files: Vec<_> = named.collect();
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    files
}

fn entries(mounts: &Mounts, folder: &Path) -> Vec<OsString> {
    mounts.find(folder).map(|folder| folder.names(MOST_ENTRIES)).unwrap_or_default()
}

fn take(mounts: &Mounts, file: &Path, kind: MentionKind, ports: &[u16], found: &mut Vec<Mention>) {
    // One that may not be read names nothing.
    let Ok(bytes) = mounts.find(file).and_then(|file| file.read(LONGEST_FILE)) else { return };
    mention::mentions(&Text::new(file.as_os_str().as_bytes()), kind, &bytes, ports, found);
}

/// Names of the units that a link in a `.wants` folder enables, instances by their template.
fn enabled_units(mounts: &Mounts) -> BTreeSet<OsString> {
    let mut found = BTreeSet::new();
    for folder in UNIT_FOLDERS {
        let wants =
            subfolders(mounts, Path::new(folder)).into_iter().filter(|folder| folder.as_os_str().as_bytes().ends_with(b".wants"));
        for name in wants.flat_map(|folder| entries(mounts, &folder)) {
            found.insert(template(&name));
        }
    }
    found
}

/// `web@blue.service` is an instance of `web@.service`.
fn template(name: &OsStr) -> OsString {
    let text = name.to_string_lossy();
    match (text.split_once('@'), text.rsplit_once('.')) {
        (Some((before, _)), Some((_, kind))) => format!("{before}@.{kind}").into(),
        _ => name.to_owned(),
    }
}

fn subfolders(mounts: &Mounts, folder: &Path) -> Vec<PathBuf> {
    let paths = entries(mounts, folder).into_iter().map(|name| folder.join(name));
    let mut found: Vec<PathBuf> = paths.filter(|path| mounts.find(path).is_ok_and(|place| place.is_folder())).collect();
    found.sort();
    found
}

/// Folders of a project in which well-known files stand.
const PLACES: &[&str] = &["", "src", "config", ".vscode", ".idea/runConfigurations", "src/main/resources"];
/// The first one wins, as in systemd itself.
const UNIT_FOLDERS: &[&str] = &["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"];
const MOST_FILES: usize = 64;
const MOST_LEVELS: usize = 4;
const MOST_ENTRIES: usize = 4_096;
const LONGEST_FILE: u64 = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::template;

    #[test]
    fn an_instance_is_enabled_by_its_template() {
        assert_eq!(template("web@blue.service".as_ref()), "web@.service");
        assert_eq!(template("web@.service".as_ref()), "web@.service");
        assert_eq!(template("web.socket".as_ref()), "web.socket");
    }
}
