//! The project that a directory belongs to: a git worktree's root, or the folder of a manifest.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use portward_model::{Project, ProjectIdentity, Text};
use portward_wire::procfs::{GitHead, git_head};

use crate::FileMark;

/// The project of each directory that has one. A directory is trusted only when it is the same one that the
/// process itself is in: a path from inside a container names another place here.
pub(super) fn find(directories: &[(u32, Text)]) -> Vec<(Text, Project)> {
    let mut found: Vec<(Text, Project)> = Vec::new();
    for (pid, directory) in directories {
        if directory.raw().first() != Some(&b'/') || directory.raw() == b"/" {
            continue;
        }
        let path = Path::new(OsStr::from_bytes(directory.raw()));
        if is_same_place(*pid, path) {
            found.extend(project_of(path).map(|project| (directory.clone(), project)));
        }
    }
    found
}

/// The project of a directory, with the repository and the folder that make it the same one again.
pub(super) fn identity_of(directory: &Path) -> Option<ProjectIdentity> {
    let project = project_of(directory)?;
    let root = PathBuf::from(OsStr::from_bytes(project.root.raw()));
    let common = common_directory(&root).map(|path| text(path.as_os_str()));
    Some(ProjectIdentity { project, common, folder: FileMark::folder(&root) })
}

/// What `git rev-parse --git-common-dir` prints, absolute (gitrepository-layout(5), `commondir`).
fn common_directory(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    let own = if fs::metadata(&git).ok()?.is_dir() { git } else { linked_directory(root, &git)? };
    let common = match fs::read(own.join("commondir")) {
        Ok(bytes) => own.join(OsStr::from_bytes(bytes.trim_ascii())),
        Err(_) => own,
    };
    Some(fs::canonicalize(&common).unwrap_or(common))
}

fn is_same_place(pid: u32, path: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    let own = identity(path);
    own.is_some() && own == identity(Path::new(&format!("/proc/{pid}/cwd")))
}

/// The nearest git worktree or `portward.toml` above a directory, otherwise the nearest manifest.
fn project_of(directory: &Path) -> Option<Project> {
    let mut manifest = None;
    for folder in directory.ancestors().take(DEEPEST) {
        if is_nobodys_project(folder) {
            break;
        }
        let git = folder.join(".git");
        if let Ok(metadata) = fs::metadata(&git) {
            return Some(worktree(folder, &git, metadata.is_dir()));
        }
        if folder.join("portward.toml").exists() {
            return Some(plain(folder));
        }
        if manifest.is_none() && MANIFESTS.iter().any(|name| folder.join(name).exists()) {
            manifest = Some(folder);
        }
    }
    manifest.map(plain)
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

fn worktree(folder: &Path, git: &Path, is_main: bool) -> Project {
    let mut project = plain(folder);
    let mut directory = git.to_path_buf();
    if !is_main {
        // A linked worktree's `.git` is a file: `gitdir: /main/.git/worktrees/NAME` (gitrepository-layout(5)).
        let Some(linked) = linked_directory(folder, git) else { return project };
        if linked.parent().and_then(Path::file_name) == Some(OsStr::new("worktrees")) {
            project.worktree = linked.file_name().map(text);
            let main = linked.ancestors().nth(3).and_then(Path::file_name);
            project.name = main.map_or(project.name, text);
        }
        directory = linked;
    }
    if let Some(GitHead::Branch(branch)) = fs::read(directory.join("HEAD")).ok().and_then(|bytes| git_head(&bytes)) {
        project.branch = Some(branch);
    }
    project
}

fn linked_directory(folder: &Path, git: &Path) -> Option<PathBuf> {
    let bytes = fs::read(git).ok()?;
    let target = bytes.strip_prefix(b"gitdir:")?.trim_ascii();
    Some(folder.join(OsStr::from_bytes(target)))
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
/// Folders looked at above a directory.
const DEEPEST: usize = 24;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{identity_of, project_of, text};

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
        let (one, other) = (identity_of(&main).unwrap(), identity_of(&linked.join("web")).unwrap());
        let git = fs::canonicalize(main.join(".git")).unwrap();
        assert_eq!((one.common.clone(), other.common), (Some(text(git.as_os_str())), one.common));
        assert!(one.folder.is_some() && one.folder != other.folder, "two worktrees are two folders");
        assert_eq!(other.project.root, text(linked.as_os_str()));
        assert_eq!(project_of(&base.join("plain/deep")).unwrap().name.shown(), "plain");
        fs::remove_dir_all(&base).unwrap();
    }
}
