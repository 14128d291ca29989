//! Files of projects and services that may name a port: which folders and units are read. What a line means is
//! `portward_wire::mention`'s to say.

use std::{
    collections::BTreeSet,
    env,
    ffi::{OsStr, OsString},
    fs::{self, OpenOptions},
    io::Read,
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::{Path, PathBuf},
};

use portward_model::{Mention, MentionKind, Text};
use portward_wire::mention;

/// Reads the well-known files of these folders, and of those above up to the one that holds `.git`, and the
/// machine's own units and clusters of `PostgreSQL`.
pub(super) fn read(folders: &[Text], ports: &[u16]) -> Vec<Mention> {
    let mut found = Vec::new();
    if ports.is_empty() {
        return found;
    }
    let mut budget = MOST_FILES;
    for folder in project_folders(folders) {
        for place in PLACES {
            for (file, kind) in files_of(&folder.join(place)) {
                // A web of nested configurations is cut off, not walked.
                if budget == 0 {
                    break;
                }
                budget -= 1;
                take(&file, kind, ports, &mut found);
            }
        }
    }
    let enabled = enabled_units();
    let mut seen = BTreeSet::new();
    for folder in UNIT_FOLDERS {
        for (file, kind) in files_of(Path::new(folder)) {
            let Some(name) = file.file_name().map(OsStr::to_owned) else { continue };
            // Another name of a unit that is read under its own.
            let alias = fs::read_link(&file).is_ok_and(|target| target.file_name() != Some(&name));
            // A unit of /etc stands for the one of the same name that the distribution ships.
            if kind != MentionKind::UnitDisabled || alias || !seen.insert(name.clone()) {
                continue;
            }
            let kind = if enabled.contains(&template(&name)) { MentionKind::UnitEnabled } else { kind };
            take(&file, kind, ports, &mut found);
        }
    }
    for (folder, name) in [("/etc/postgresql", "postgresql.conf"), ("/var/lib/postgresql", "postmaster.pid")] {
        for cluster in subfolders(Path::new(folder)).iter().flat_map(|version| subfolders(version)) {
            let kind = if name == "postgresql.conf" { MentionKind::Server } else { MentionKind::PidFile };
            take(&cluster.join(name), kind, ports, &mut found);
        }
    }
    for folder in ["/run/postgresql", "/tmp"] {
        for port in ports {
            take(&Path::new(folder).join(format!(".s.PGSQL.{port}.lock")), MentionKind::PidFile, ports, &mut found);
        }
    }
    found
}

/// The folders and those above them, each once. The home directory and the root are no project's.
fn project_folders(folders: &[Text]) -> Vec<PathBuf> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let is_project = |folder: &Path| folder.parent().is_some() && home.as_deref() != Some(folder);
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let folder = Path::new(OsStr::from_bytes(folder.raw()));
        let above: Vec<&Path> = folder.ancestors().take(MOST_LEVELS + 1).take_while(|above| is_project(above)).collect();
        // Without a repository nothing says that what stands above belongs to the same project.
        let last = above.iter().position(|above| above.join(".git").exists()).unwrap_or(0);
        for folder in above.into_iter().take(last + 1) {
            if !found.iter().any(|known| known == folder) {
                found.push(folder.to_owned());
            }
        }
    }
    found
}

/// The well-known files of one folder, by name.
fn files_of(folder: &Path) -> Vec<(PathBuf, MentionKind)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let is_run_configuration = folder.ends_with(".idea/runConfigurations");
    let named = entries.flatten().take(MOST_ENTRIES).filter_map(|entry| {
        let name = entry.file_name();
        let kind = if is_run_configuration && name.as_bytes().ends_with(b".xml") {
            Some(MentionKind::Script)
        } else {
            mention::kind_of_file(name.as_bytes())
        };
        Some((entry.path(), kind?))
    });
    let mut files: Vec<_> = named.collect();
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    files
}

fn take(file: &Path, kind: MentionKind, ports: &[u16], found: &mut Vec<Mention>) {
    // A pipe or a device is not opened: reading it could wait for ever, or do something.
    if !fs::metadata(file).is_ok_and(|metadata| metadata.is_file()) {
        return;
    }
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(file);
    let mut bytes = Vec::new();
    // One that may not be read, or that ends early, names what it names.
    let _ = opened.and_then(|file| file.take(LONGEST_FILE).read_to_end(&mut bytes));
    mention::mentions(&Text::new(file.as_os_str().as_bytes()), kind, &bytes, ports, found);
}

/// Names of the units that a link in a `.wants` folder enables, instances by their template.
fn enabled_units() -> BTreeSet<OsString> {
    let mut found = BTreeSet::new();
    for folder in UNIT_FOLDERS {
        let wants = subfolders(Path::new(folder)).into_iter().filter(|folder| folder.as_os_str().as_bytes().ends_with(b".wants"));
        for entry in wants.filter_map(|folder| fs::read_dir(folder).ok()).flat_map(Iterator::flatten) {
            found.insert(template(&entry.file_name()));
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

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> =
        entries.flatten().take(MOST_ENTRIES).map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

/// Folders of a project in which well-known files stand.
const PLACES: &[&str] = &["", "config", ".vscode", ".idea/runConfigurations", "src/main/resources"];
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
