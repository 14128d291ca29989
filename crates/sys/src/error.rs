//! What can go wrong between Portward and the kernel.

use std::io;

use portward_model::{Failure, Gap, Kind, Lack, Need, capitalised, hint};

/// An operation that failed, with the thing it was about.
#[derive(Debug, thiserror::Error)]
pub enum SysError {
    /// A file could not be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A file could not be written; it is as it was.
    #[error("{path} cannot be {operation}: {source}")]
    Write {
        /// The file.
        path: String,
        /// `written`, `replaced`.
        operation: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// A file is of a kind that is not written.
    #[error("{path} is left as it is: {why}")]
    LeftAlone {
        /// The file.
        path: String,
        /// What it is.
        why: &'static str,
    },
    /// A line is not what it was when it was read; the file is as it was.
    #[error("line {line} of {path} is not what it was when it was read")]
    Changed {
        /// The file.
        path: String,
        /// The line, from 1.
        line: u32,
    },
    /// The kernel refused a question over netlink.
    #[error("the kernel does not answer a {what} question over netlink: {source}")]
    Netlink {
        /// What was asked.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// A name could not be resolved.
    #[error("{name} does not resolve: {source}")]
    Resolve {
        /// The name.
        name: String,
        /// The resolver's reason.
        source: io::Error,
    },
    /// A namespace could not be entered.
    #[error("network namespace {inode} cannot be entered: {source}")]
    Enter {
        /// Its inode.
        inode: u64,
        /// The system's reason.
        source: io::Error,
    },
    /// A process could not be signalled or watched.
    #[error("pid {pid} cannot be {operation}: {source}")]
    Process {
        /// The process.
        pid: u32,
        /// `signalled`, `opened`, `watched`.
        operation: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The pid now belongs to another process, or to none.
    #[error("pid {pid} is gone or belongs to another process now")]
    Replaced {
        /// The pid.
        pid: u32,
    },
    /// A socket operation of a probe failed before it reached the endpoint.
    #[error("a probe socket cannot be {operation}: {source}")]
    Probe {
        /// `opened`, `bound`.
        operation: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("`{program}` cannot be started: {source}")]
    Start {
        /// Its name as it was given.
        program: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A program of the system that is needed is not installed.
    #[error("`{program}` is not installed")]
    Missing {
        /// Its name.
        program: &'static str,
        /// The package that has it.
        package: &'static str,
    },
    /// The packet filter did not take what it was given.
    #[error("the packet filter refuses: {said}")]
    Filter {
        /// What its tool said.
        said: String,
        /// True when more privilege would have changed that.
        denied: bool,
    },
    /// This kind of host has no such thing.
    #[error("this host does not support {what}")]
    Unsupported {
        /// What was asked of it.
        what: String,
    },
    /// A recorded machine was not asked this when it was recorded.
    #[error("the snapshot holds no {what}; take it with --for")]
    NotRecorded {
        /// What was asked of it: `dialogue with 127.0.0.1:3000`.
        what: String,
    },
    /// What failed when a machine was recorded.
    #[error("{said}")]
    Recorded {
        /// What was said then.
        said: String,
        /// True when more privilege would have changed that.
        denied: bool,
    },
    /// A snapshot file is not one.
    #[error("{why}")]
    Snapshot {
        /// What is wrong with it.
        why: String,
    },
    /// A test made this call fail.
    #[error("call {call} was made to fail")]
    Injected {
        /// The call's number, from 1.
        call: usize,
    },
}

impl SysError {
    /// A machine that answers another question than was asked.
    pub(crate) fn mismatch(what: &str) -> Self {
        Self::Snapshot { why: format!("the answer to {what} is of another kind") }
    }

    /// True when more privilege would have changed the answer.
    pub fn is_denied(&self) -> bool {
        match self {
            Self::Read { source, .. }
            | Self::Write { source, .. }
            | Self::Netlink { source, .. }
            | Self::Resolve { source, .. }
            | Self::Enter { source, .. }
            | Self::Process { source, .. }
            | Self::Probe { source, .. }
            | Self::Start { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            Self::Filter { denied, .. } | Self::Recorded { denied, .. } => *denied,
            Self::LeftAlone { .. }
            | Self::Missing { .. }
            | Self::Changed { .. }
            | Self::Replaced { .. }
            | Self::Unsupported { .. }
            | Self::NotRecorded { .. }
            | Self::Snapshot { .. }
            | Self::Injected { .. } => false,
        }
    }

    /// What would have changed the answer.
    pub fn need(&self) -> Need {
        if self.is_denied() { Need::Root } else { Need::Platform }
    }

    /// What is lacking because of it.
    pub fn gap(&self, lack: Lack) -> Gap {
        Gap { lack, need: self.need(), error: Some(self.to_string()) }
    }
}

impl From<SysError> for Failure {
    fn from(error: SysError) -> Self {
        let denied = error.is_denied();
        let kind = match &error {
            SysError::Snapshot { .. } | SysError::NotRecorded { .. } | SysError::Unsupported { .. } => Kind::Usage,
            _ if denied => Kind::Denied,
            _ => Kind::System,
        };
        let hint = match &error {
            SysError::Read { path, .. } if path.starts_with("/proc") => {
                Some("mount -t proc proc /proc    in a container: run it with a /proc of its own".into())
            }
            SysError::Changed { .. } => Some("ask again, and look at the line first".into()),
            SysError::LeftAlone { path, .. } => Some(hint!("change {} with an editor", path)),
            _ if denied => Some("the same command with sudo".into()),
            _ => None,
        };
        Self { kind, hint, ..Self::system(format!("{}.", capitalised(&error.to_string()))) }
    }
}
