//! A walk through a project's folders that opens those files alone which are known by their names.
//!
//! What git ignores is not entered, nor what other people's packages and builds fill: `node_modules`, `target`, `vendor`, virtual
//! environments, and repositories within the repository. Links to folders are not followed, so that no circle is walked. Files that
//! programs read though git ignores them (`.env`) are read where their folder is not ignored.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    rc::Rc,
};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use portward_model::Text;
use portward_wire::source::{PROGRAMS, kind_of};
use rustix::{fs::FileType, io::Errno};

use super::{
    files::{Mounts, Place, is_stalling},
    reader::{self, Question},
    rights::with_rights,
};
use crate::{SourceFile, Sources, SysError, Unread};

/// The known files below a folder. Where its file system may never answer, a reader process is asked.
pub(super) fn find(root: &Path) -> Result<Sources, SysError> {
    let mounts = Mounts::now();
    if mounts.may_stall(root) {
        return reader::ask(&Question::Sources(Text::new(root.as_os_str().as_bytes())), reader::LONG);
    }
    walk(&mounts, root)
}

/// The same in a reader process, which may wait.
pub(super) fn patiently(root: &Text) -> Option<Sources> {
    walk(&Mounts::patient(), Path::new(OsStr::from_bytes(root.raw()))).ok()
}

fn walk(mounts: &Mounts, root: &Path) -> Result<Sources, SysError> {
    let failed = |source: io::Error| SysError::Read { path: root.display().to_string(), source };
    let place = mounts.find(root).map_err(failed)?;
    let walked = with_rights(place.word(), || {
        let mut walk = Walk { found: Sources::default(), open: Vec::new() };
        let rules = exclude(&place).map(|own| Rc::new(Rules { own, above: None }));
        walk.open.push(Folder { place, path: PathBuf::new(), rules, depth: 0, above: Vec::new() });
        while let Some(folder) = walk.open.pop() {
            walk.enter(&folder);
        }
        Ok(walk.found)
    });
    let mut found = walked.map_err(|error| failed(error.into()))?;
    found.files.sort_by(|one, other| one.path.raw().cmp(other.path.raw()));
    found.unread.sort_by(|one, other| one.path.raw().cmp(other.path.raw()));
    Ok(found)
}

/// What git leaves out in this clone alone (gitrepository-layout(5), `info/exclude`).
fn exclude(root: &Place) -> Option<Gitignore> {
    let file = root.find(Path::new(".git/info/exclude")).ok()?;
    rules_of(Path::new(""), &file)
}

/// The rules of one file about what stands below this folder.
fn rules_of(folder: &Path, file: &Place) -> Option<Gitignore> {
    let bytes = file.read(LONGEST_RULES).ok()?;
    let mut builder = GitignoreBuilder::new(folder);
    for line in String::from_utf8_lossy(&bytes).lines() {
        // A line that is no rule is none for git either.
        let _ = builder.add_line(None, line);
    }
    builder.build().ok().filter(|rules| !rules.is_empty())
}

struct Walk<'m> {
    found: Sources,
    open: Vec<Folder<'m>>,
}

struct Folder<'m> {
    place: Place<'m>,
    path: PathBuf,
    rules: Option<Rc<Rules>>,
    depth: usize,
    /// The names of the folder above, of one that holds the programs of the package there.
    above: Vec<OsString>,
}

/// The rules of a folder, before those of the folders above it.
struct Rules {
    own: Gitignore,
    above: Option<Rc<Rules>>,
}

impl Rules {
    fn ignore(&self, path: &Path, is_folder: bool) -> bool {
        let own = self.own.matched(path, is_folder);
        if own.is_none() { self.above.as_ref().is_some_and(|above| above.ignore(path, is_folder)) } else { own.is_ignore() }
    }
}

impl<'m> Walk<'m> {
    fn enter(&mut self, folder: &Folder<'m>) {
        let entries = match folder.place.entries(MOST_NAMES) {
            Ok(entries) => entries,
            Err(error) => return self.unread(&folder.path, &error),
        };
        self.found.names += entries.len();
        let has = |name: &str| entries.iter().any(|(own, _)| own == name);
        let is_another = folder.depth > 0 && (has(".git") || has("pyvenv.cfg") || has("CACHEDIR.TAG"));
        if is_another || self.found.names > MOST_IN_ALL {
            return;
        }
        let rules = match folder.place.find(Path::new(".gitignore")).ok().filter(|_| has(".gitignore")) {
            Some(file) => match rules_of(&folder.path, &file) {
                Some(own) => Some(Rc::new(Rules { own, above: folder.rules.clone() })),
                None => folder.rules.clone(),
            },
            None => folder.rules.clone(),
        };
        let beside = |name: &str| has(name) || folder.above.iter().any(|own| own == name);
        for (name, kind) in &entries {
            let path = folder.path.join(name);
            let ignored = |is_folder| rules.as_ref().is_some_and(|rules| rules.ignore(&path, is_folder));
            let known = path.to_str().and_then(|path| kind_of(path, &beside));
            match kind {
                FileType::Directory if folder.depth < DEEPEST && !is_foreign(name) && !ignored(true) => {
                    match folder.place.find(Path::new(name)) {
                        Ok(place) if place.is_folder() => {
                            let (rules, depth) = (rules.clone(), folder.depth + 1);
                            let above = if name == PROGRAMS {
                                entries.iter().map(|(name, _)| name.clone()).take(MOST_ABOVE).collect()
                            } else {
                                Vec::new()
                            };
                            self.open.push(Folder { place, path, rules, depth, above });
                        }
                        Ok(_) => {}
                        Err(error) => self.unread(&path, &error),
                    }
                }
                FileType::RegularFile | FileType::Symlink | FileType::Unknown
                    if known.is_some_and(|known| known.personal || !ignored(false)) =>
                {
                    self.take(&folder.place, name, &path);
                }
                _ => {}
            }
        }
    }

    fn take(&mut self, folder: &Place<'m>, name: &OsStr, path: &Path) {
        if self.found.files.len() >= MOST_FILES {
            return;
        }
        let place = match folder.find(Path::new(name)) {
            Ok(place) if place.is_file() => place,
            // A pipe or a folder of that name is no such file.
            Ok(_) => return,
            Err(error) => return self.unread(path, &error),
        };
        if place.facts().stx_size > LONGEST_FILE {
            return self.unread(path, &io::ErrorKind::FileTooLarge.into());
        }
        match place.read(LONGEST_FILE) {
            Ok(bytes) => {
                self.found.files.push(SourceFile { path: Text::new(path.as_os_str().as_bytes()), text: Text::new(bytes) });
            }
            Err(error) => self.unread(path, &error),
        }
    }

    fn unread(&mut self, path: &Path, error: &io::Error) {
        // What went away meanwhile is not there.
        if error.raw_os_error() == Some(Errno::NOENT.raw_os_error()) || self.found.unread.len() >= MOST_UNREAD {
            return;
        }
        let why = match error.kind() {
            io::ErrorKind::PermissionDenied => "nobody but its owner may read it".to_owned(),
            io::ErrorKind::FileTooLarge => "it is longer than 16 MB".to_owned(),
            _ if is_stalling(error) => "its file system may not answer".to_owned(),
            _ if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => "it is a link that leads to itself".to_owned(),
            _ => error.to_string(),
        };
        self.found.unread.push(Unread { path: Text::new(path.as_os_str().as_bytes()), why });
    }
}

/// Folders that other people's packages, builds and tools fill.
fn is_foreign(name: &OsString) -> bool {
    const FOREIGN: &[&str] = &[
        ".git",
        ".hg",
        ".svn",
        ".jj",
        "node_modules",
        "bower_components",
        "jspm_packages",
        "target",
        "vendor",
        "venv",
        ".venv",
        "virtualenv",
        "__pycache__",
        "site-packages",
        ".tox",
        ".nox",
        ".mypy_cache",
        ".pytest_cache",
        ".next",
        ".nuxt",
        ".output",
        ".svelte-kit",
        ".angular",
        ".turbo",
        ".yarn",
        ".pnpm-store",
        ".cache",
        ".parcel-cache",
        ".gradle",
        ".m2",
        ".terraform",
        ".direnv",
        "Pods",
        "DerivedData",
    ];
    FOREIGN.iter().any(|foreign| name == foreign)
}

/// Names of one folder.
const MOST_NAMES: usize = 100_000;
/// Names of a whole project.
const MOST_IN_ALL: usize = 1_000_000;
const MOST_FILES: usize = 5_000;
/// Names that are carried into the folder of a package's programs.
const MOST_ABOVE: usize = 500;
const MOST_UNREAD: usize = 200;
const DEEPEST: usize = 40;
const LONGEST_FILE: u64 = 16 << 20;
const LONGEST_RULES: u64 = 256 * 1024;

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, lchown, symlink},
        path::Path,
    };

    use tempfile::TempDir;

    use super::find;

    fn put(root: &Path, path: &str, text: &str) {
        let file = root.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn paths(root: &Path) -> Vec<String> {
        find(root).unwrap().files.iter().map(|file| file.path.shown()).collect()
    }

    #[test]
    fn what_git_ignores_and_others_fill_is_not_entered() {
        let folder = TempDir::new().unwrap();
        let root = folder.path();
        put(root, ".gitignore", "/dist\n*.local.yml\n.env\nlogs/\n!keep/logs/\n");
        put(root, ".git/info/exclude", "mine/\n");
        for path in [
            "package.json",
            ".env",
            "dist/package.json",
            "logs/package.json",
            "keep/logs/package.json",
            "mine/package.json",
            "node_modules/a/package.json",
            "web/package.json",
            "web/.gitignore",
            "web/target/package.json",
            "python/pyvenv.cfg",
            "python/lib/package.json",
            "other/.git",
            "other/package.json",
            "application-x.local.yml",
        ] {
            put(root, path, "x/\n");
        }
        put(root, "web/x/package.json", "{}");
        assert_eq!(paths(root), [".env", "keep/logs/package.json", "package.json", "web/package.json"]);
    }

    #[test]
    fn circles_pipes_and_dead_links_hold_up_nothing() {
        let folder = TempDir::new().unwrap();
        let root = folder.path();
        put(root, "a/package.json", "{}");
        symlink("..", root.join("a/up")).unwrap();
        symlink(root, root.join("a/root")).unwrap();
        symlink("compose.yml", root.join("compose.yml")).unwrap();
        symlink("nowhere", root.join("Procfile")).unwrap();
        symlink("a/package.json", root.join("package.json")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, root.join("Makefile"), rustix::fs::FileType::Fifo, 0o644.into(), 0).unwrap();
        let found = find(root).unwrap();
        assert_eq!(found.files.iter().map(|file| file.path.shown()).collect::<Vec<_>>(), ["a/package.json", "package.json"]);
        let unread: Vec<_> = found.unread.iter().map(|file| format!("{}: {}", file.path, file.why)).collect();
        assert_eq!(unread, ["compose.yml: it is a link that leads to itself"]);
    }

    #[test]
    fn what_may_not_be_read_is_said() {
        let folder = TempDir::new().unwrap();
        let root = folder.path();
        put(root, "shut/package.json", "{}");
        put(root, ".env", "PORT=1");
        let long = fs::File::create(root.join("package.json")).unwrap();
        long.set_len(17 << 20).unwrap();
        fs::set_permissions(root.join(".env"), fs::Permissions::from_mode(0o0)).unwrap();
        fs::set_permissions(root.join("shut"), fs::Permissions::from_mode(0o0)).unwrap();
        // Root may read all of that, but not what a user could have chosen and may not read.
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
        if portward_testkit::is_root() && lchown(root, Some(65534), Some(65534)).is_err() {
            portward_testkit::skip("root: a folder of another user's cannot be made");
            return;
        }
        let found = find(root).unwrap();
        assert!(found.files.is_empty(), "{found:?}");
        let unread: Vec<_> = found.unread.iter().map(|file| file.path.shown()).collect();
        assert_eq!(unread, [".env", "package.json", "shut"]);
        fs::set_permissions(root.join("shut"), fs::Permissions::from_mode(0o755)).unwrap();
    }
}
