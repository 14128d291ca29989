//! The project that a directory belongs to: a git worktree's root, or the folder of a manifest.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use portward_model::{Gap, Lack, Need, Project, ProjectIdentity, Text};
use portward_wire::procfs::{GitHead, git_head};
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

use super::{
    files::{Mounts, Place, is_stalling},
    reader::{self, Question},
    rights::with_rights,
};
use crate::{Partial, SysError, state::folder_mark};

/// The project of each directory that has one. A directory is trusted only when it is the same one that the
/// process itself is in: a path from inside a container names another place here.
///
/// Where a file system may never answer, a reader process is asked, and what it does not tell in time is a gap.
pub(super) fn find(directories: &[(u32, Text)]) -> Partial<Vec<(Text, Project)>> {
    let mounts = Mounts::now();
    let (stalling, directories): (Vec<_>, Vec<_>) = directories.iter().partition(|(_, path)| mounts.may_stall(path_of(path)));
    let mut found = Partial { value: Vec::new(), gaps: Vec::new() };
    let mut doubtful: Vec<(u32, Text)> = stalling.into_iter().cloned().collect();
    for (pid, directory) in directories {
        match of_process(&mounts, *pid, directory) {
            Ok(project) => found.value.extend(project.map(|project| (directory.clone(), project))),
            Err(Stalls) => doubtful.push((*pid, directory.clone())),
        }
    }
    if !doubtful.is_empty() {
        match reader::ask::<Vec<(Text, Project)>>(&Question::Projects(doubtful), reader::BRIEFLY) {
            Ok(projects) => found.value.extend(projects),
            Err(error) => found.gaps.push(Gap { lack: Lack::Projects, need: Need::Platform, error: Some(error.to_string()) }),
        }
    }
    found
}

/// The same in a reader process, which may wait.
pub(super) fn read_patiently(directories: &[(u32, Text)]) -> Vec<(Text, Project)> {
    let mounts = Mounts::patient();
    let project = |(pid, directory): &(u32, Text)| Some((directory.clone(), of_process(&mounts, *pid, directory).ok()??));
    directories.iter().filter_map(project).collect()
}

/// The project of a directory, with the repository and the folder that make it the same one again.
pub(super) fn identity_of(directory: &Path) -> Result<Option<ProjectIdentity>, SysError> {
    let mounts = Mounts::now();
    if mounts.may_stall(directory) {
        return reader::ask(&Question::ProjectAt(text(directory.as_os_str())), reader::LONG);
    }
    Ok(identity_on(&mounts, directory))
}

/// The same in a reader process, which may wait.
pub(super) fn identity_patiently(directory: &Text) -> Option<ProjectIdentity> {
    identity_on(&Mounts::patient(), path_of(directory))
}

fn identity_on(mounts: &Mounts, directory: &Path) -> Option<ProjectIdentity> {
    let (root, project) = project_of(mounts.find(directory).ok()?).ok()??;
    let common = common_directory(&root).map(|path| text(path.as_os_str()));
    Some(ProjectIdentity { project, common, folder: folder_mark(root.facts()) })
}

/// A file system that may never answer is on the way.
struct Stalls;

fn of_process(mounts: &Mounts, pid: u32, directory: &Text) -> Result<Option<Project>, Stalls> {
    let path = path_of(directory);
    if !path.is_absolute() || path.parent().is_none() {
        return Ok(None);
    }
    let place = match mounts.find(path) {
        Ok(place) => place,
        Err(error) if is_stalling(&error) => return Err(Stalls),
        Err(_) => return Ok(None),
    };
    let flags = AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
    let own = statx(CWD, format!("/proc/{pid}/cwd"), flags, StatxFlags::INO);
    if !own.is_ok_and(|own| place.is((own.stx_dev_major, own.stx_dev_minor), own.stx_ino)) {
        return Ok(None);
    }
    Ok(project_of(place)?.map(|(_, project)| project))
}

/// What `git rev-parse --git-common-dir` prints, absolute (gitrepository-layout(5), `commondir`).
fn common_directory(root: &Place) -> Option<PathBuf> {
    let git = root.find(Path::new(".git")).ok()?;
    let own = if git.is_folder() { git } else { root.find(&linked_directory(&git)?).ok()? };
    let common = match own.find(Path::new("commondir")).and_then(|file| file.read(LONGEST)) {
        Ok(bytes) => own.find(Path::new(OsStr::from_bytes(bytes.trim_ascii()))).ok()?,
        Err(_) => own,
    };
    Some(common.path().to_owned())
}

/// The nearest git worktree or `portward.toml` above a directory, otherwise the nearest manifest.
fn project_of(directory: Place) -> Result<Option<(Place, Project)>, Stalls> {
    let mut manifest = None;
    let mut folder = directory;
    for _ in 0..DEEPEST {
        if is_nobodys_project(folder.path()) {
            break;
        }
        let (is_worktree, is_ours, has_manifest) = with_rights(folder.word(), || {
            let is_worktree = folder.has(".git");
            let is_ours = !is_worktree && folder.has("portward.toml");
            let is_known = is_worktree || is_ours || manifest.is_some();
            Ok((is_worktree, is_ours, !is_known && MANIFESTS.iter().any(|name| folder.has(name))))
        })
        .unwrap_or_default();
        if is_worktree {
            match folder.find(Path::new(".git")) {
                Ok(git) if git.is_folder() || git.is_file() => {
                    let project = worktree(&folder, &git);
                    return Ok(Some((folder, project)));
                }
                Err(error) if is_stalling(&error) => return Err(Stalls),
                Ok(_) | Err(_) => {}
            }
        }
        if is_ours {
            let project = plain(folder.path());
            return Ok(Some((folder, project)));
        }
        let above = folder.parent();
        if has_manifest {
            manifest = Some(folder);
        }
        folder = match above {
            Ok(above) => above,
            Err(error) if is_stalling(&error) => return Err(Stalls),
            Err(_) => break,
        };
    }
    Ok(manifest.map(|folder| {
        let project = plain(folder.path());
        (folder, project)
    }))
}

/// Homes and the file system's own folders may hold a `.git` of someone's settings; they are no project.
fn is_nobodys_project(folder: &Path) -> bool {
    let depth = folder.components().count();
    depth <= 1
        || folder == Path::new("/root")
        || (depth == 3 && folder.starts_with("/home"))
        || matches!(folder.to_str(), Some("/home" | "/tmp" | "/usr" | "/var"))
}

fn plain(folder: &Path) -> Project {
    Project {
        root: text(folder.as_os_str()),
        name: text(folder.file_name().unwrap_or_default()),
        branch: None,
        worktree: None,
        script: None,
    }
}

fn worktree(folder: &Place, git: &Place) -> Project {
    let mut project = plain(folder.path());
    let head = if git.is_folder() {
        git.find(Path::new("HEAD"))
    } else {
        // A linked worktree's `.git` is a file: `gitdir: /main/.git/worktrees/NAME` (gitrepository-layout(5)).
        let Some(linked) = linked_directory(git) else { return project };
        let linked = folder.path().join(linked);
        if linked.parent().and_then(Path::file_name) == Some(OsStr::new("worktrees")) {
            project.worktree = linked.file_name().map(text);
            let main = linked.ancestors().nth(3).and_then(Path::file_name);
            project.name = main.map_or(project.name, text);
        }
        folder.find(&linked.join("HEAD"))
    };
    let head = head.and_then(|head| head.read(LONGEST));
    if let Some(GitHead::Branch(branch)) = head.ok().and_then(|bytes| git_head(&bytes)) {
        project.branch = Some(branch);
    }
    project
}

/// What a linked worktree's `.git` file names.
fn linked_directory(git: &Place) -> Option<PathBuf> {
    let bytes = git.read(LONGEST).ok()?;
    let target = bytes.strip_prefix(b"gitdir:")?.trim_ascii();
    Some(PathBuf::from(OsStr::from_bytes(target)))
}

fn path_of(text: &Text) -> &Path {
    Path::new(OsStr::from_bytes(text.raw()))
}

fn text(name: &OsStr) -> Text {
    Text::new(name.as_bytes())
}

/// Files whose folder is a project where there is no git.
const MANIFESTS: &[&str] = &[
    "package.json",
    "Cargo.toml",
    "pyproject.toml",
    "go.mod",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "Gemfile",
    "composer.json",
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "deno.json",
    "mix.exs",
    "manage.py",
    "requirements.txt",
    "Procfile",
];
/// No path that git writes into such a file is longer.
const LONGEST: u64 = 8 * 1024;
/// Folders looked at above a directory.
const DEEPEST: usize = 24;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Mounts, Project, identity_of, text};

    fn project_of(directory: &std::path::Path) -> Option<Project> {
        let mounts = Mounts::now();
        let found = super::project_of(mounts.find(directory).ok()?);
        found.ok()?.map(|(_, project)| project)
    }

    #[test]
    fn worktrees_and_manifests() {
        let base = std::env::temp_dir().join(format!("portward-projects-{}", std::process::id()));
        let main = base.join("shop");
        let linked = base.join("shop-fix");
        fs::create_dir_all(main.join(".git/worktrees/fix-42")).unwrap();
        fs::create_dir_all(main.join("web/src")).unwrap();
        fs::create_dir_all(linked.join("web")).unwrap();
        fs::create_dir_all(base.join("plain/deep")).unwrap();
        fs::write(main.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::write(main.join("web/package.json"), "{}").unwrap();
        fs::write(main.join(".git/worktrees/fix-42/HEAD"), "ref: refs/heads/fix/42\n").unwrap();
        fs::write(main.join(".git/worktrees/fix-42/commondir"), "../..\n").unwrap();
        fs::write(linked.join(".git"), format!("gitdir: {}\n", main.join(".git/worktrees/fix-42").display())).unwrap();
        fs::write(base.join("plain/package.json"), "{}").unwrap();

        let project = project_of(&main.join("web/src")).unwrap();
        assert_eq!(
            (project.name.shown().as_str(), project.branch.unwrap().shown().as_str(), project.worktree),
            ("shop", "main", None)
        );
        let project = project_of(&linked.join("web")).unwrap();
        assert_eq!(project.name.shown(), "shop");
        assert_eq!((project.branch.unwrap().shown().as_str(), project.worktree.unwrap().shown().as_str()), ("fix/42", "fix-42"));
        let (one, other) = (identity_of(&main).unwrap().unwrap(), identity_of(&linked.join("web")).unwrap().unwrap());
        let git = fs::canonicalize(main.join(".git")).unwrap();
        assert_eq!((one.common.clone(), other.common), (Some(text(git.as_os_str())), one.common));
        assert!(one.folder.is_some() && one.folder != other.folder, "two worktrees are two folders");
        assert_eq!(other.project.root, text(linked.as_os_str()));
        assert_eq!(project_of(&base.join("plain/deep")).unwrap().name.shown(), "plain");
        fs::remove_dir_all(&base).unwrap();
    }
}
