//! What makes a project the same one again, over restarts, moves and years.

use serde::{Deserialize, Serialize};

use crate::{Project, Text};

/// A project as leases know it: a worktree of a repository, or a folder with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectIdentity {
    /// Its root, name and worktree.
    pub project: Project,
    /// The repository's common directory, which all its worktrees share (`git rev-parse --git-common-dir`), absolute;
    /// `None` outside git.
    pub common: Option<Text>,
    /// The root as the file system knows it; `None` where the file system does not say when a folder was made.
    pub folder: Option<FolderMark>,
}

/// A folder whatever it is called: it stays the same when the folder is renamed, and no other folder has it.
///
/// An inode alone is used again after its folder is gone; together with the moment of its making it is not. Device
/// numbers are left out: some change at every boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FolderMark {
    /// The inode's number.
    pub inode: u64,
    /// When the inode was made: nanoseconds since 1970 (`statx(2)`, `stx_btime`).
    pub born_ns: u64,
}

impl ProjectIdentity {
    /// The name that people call it by: `shop`, and `shop@fix-42` for a linked worktree.
    pub fn title(&self) -> Text {
        match &self.project.worktree {
            None => self.project.name.clone(),
            Some(worktree) => Text::new([self.project.name.raw(), b"@", worktree.raw()].concat()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ProjectIdentity;
    use crate::{Project, Text};

    #[test]
    fn a_linked_worktree_is_called_by_both_names() {
        let project = Project { root: Text::from("/w"), name: Text::from("shop"), branch: None, worktree: None, script: None };
        let mut identity = ProjectIdentity { project, common: None, folder: None };
        assert_eq!(identity.title(), Text::from("shop"));
        identity.project.worktree = Some(Text::from("fix-42"));
        assert_eq!(identity.title(), Text::from("shop@fix-42"));
    }
}
