//! What stands at a path.

use serde::{Deserialize, Serialize};

use crate::{SocketFile, Text};

/// What stands at a path, and whether this reader may connect to it (`unix(7)`, `path_resolution(7)`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathFacts {
    /// The path.
    pub path: Text,
    /// Where it is, links resolved; empty for nothing.
    #[serde(default)]
    pub real: Text,
    /// What stands there; `None` for nothing.
    pub kind: Option<FileKind>,
    /// Inode of the file, as `unix_diag` names the file of a bound socket; 0 where unknown.
    pub inode: u64,
    /// The file, as `unix_diag` names that of a bound socket; `None` for nothing.
    #[serde(default)]
    pub file: Option<SocketFile>,
    /// Whether some socket is bound to the file, in whatever network namespace and by whatever name; `None` for what is no
    /// socket's file, and where this reader may not ask.
    #[serde(default)]
    pub bound: Option<bool>,
    /// True where this reader may not look so far, so that nothing is known of what stands there.
    #[serde(default)]
    pub closed: bool,
    /// Its permission bits.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// True when the reader may write to it, which connecting takes.
    pub writable: bool,
    /// The first folder on the way that the reader may not search or that does not exist.
    pub stops_at: Option<Text>,
    /// Other sockets in the same folder with a name like it.
    pub nearby: Vec<Text>,
    /// The folders on the way, from the root down, as far as they could be looked at.
    #[serde(default)]
    pub folders: Vec<FolderFacts>,
    /// The number in a pid or lock file.
    #[serde(default)]
    pub pid: Option<u32>,
}

/// Who may pass through a folder (`path_resolution(7)`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderFacts {
    /// Its path.
    pub path: Text,
    /// Its permission bits.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A socket.
    Socket,
    /// An ordinary file.
    File,
    /// A folder.
    Folder,
    /// Another kind.
    Other,
}
