//! What can go wrong with the store, each in one sentence with the next step.

use std::io;

use portward_model::{Failure, Kind, Span, hint};
use portward_sys::{FileMark, StateFolder};
use rusqlite::ErrorCode;

use super::file::{LOG, NAME, PATIENCE, SHARED, is_full};

/// What went wrong.
#[derive(Debug)]
pub(super) enum StoreError {
    /// The database says so.
    Sql(rusqlite::Error),
    /// The folder or a file in it cannot be used.
    File(io::Error),
    /// A later Portward wrote it.
    Newer { version: i64 },
    /// It is a database of another program.
    Foreign,
    /// It holds tables, triggers or views that no Portward made.
    Altered,
    /// It was there and is not, again and again.
    Vanishing,
    /// It was said already.
    Said(Failure),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        Self::Said(failure)
    }
}

impl StoreError {
    /// True when the file's contents are damaged.
    pub(super) fn is_corrupt(&self) -> bool {
        match self {
            Self::Sql(error) => {
                matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
                    || matches!(error, rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::IntegralValueOutOfRange(..))
            }
            Self::Foreign | Self::Altered => true,
            Self::File(_) | Self::Newer { .. } | Self::Vanishing | Self::Said(_) => false,
        }
    }

    /// What is wrong with a file that is no store of ours.
    pub(super) fn why(&self) -> &'static str {
        match self {
            Self::Altered => "it holds what no Portward put there, as a trigger or a view would be",
            _ => "it is no lease store",
        }
    }

    /// The sentence. A corrupt store is kept under a second name first; it stays where it is.
    pub(super) fn told(self, folder: &StateFolder) -> Failure {
        let path = folder.path.join(NAME);
        let path = path.display();
        if self.is_corrupt() {
            return corrupt(&self, folder);
        }
        match self {
            Self::Said(failure) => failure,
            Self::Newer { version } => Failure::system(format!(
                "{path} was written by a later Portward (its version is {version}, this one knows {}).",
                super::file::CURRENT
            ))
            .hint("update this Portward; the store is left as it is"),
            Self::Vanishing => Failure::system(format!("{path} is removed again and again while it is used."))
                .hint("find what cleans that folder"),
            Self::File(error) => unusable(&error, folder),
            Self::Foreign | Self::Altered => corrupt(&self, folder),
            Self::Sql(error) if is_full(&error) => full(folder),
            Self::Sql(error) => match error.sqlite_error_code() {
                Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => closed(folder),
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                    Failure::system(format!("Another program has kept {path} to itself for {}.", Span(PATIENCE)))
                        .hint(hint!("fuser -v {}    names it", folder.path.join(NAME).as_path()))
                }
                _ => Failure::system(format!("{path} cannot be used: {error}.")).hint("portward lease repair    looks at it"),
            },
        }
    }
}

/// Keeps a corrupt store under a second name, with what belongs to it, and says so. The name is made of the time at which the store
/// was last written to, so that every run that meets it makes the same one.
fn corrupt(error: &StoreError, folder: &StateFolder) -> Failure {
    let path = folder.path.join(NAME);
    let why = match error {
        StoreError::Sql(error) => error.to_string(),
        error => error.why().to_owned(),
    };
    let copy = aside(folder);
    let copied = [(NAME, ""), (LOG, "-wal"), (SHARED, "-shm")].into_iter().try_for_each(|(name, end)| {
        match folder.keep(name, &format!("{copy}{end}")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && name != NAME => Ok(()),
            other => other.map(|_| ()),
        }
    });
    let copied = match copied {
        Ok(()) => format!("it is kept beside as {copy}"),
        Err(error) => format!("it could not be kept under another name: {error}"),
    };
    Failure::system(format!("{} is corrupt ({why}); {copied}, and nothing was replaced.", path.display()))
        .hint("portward lease repair    takes over what is still readable and starts anew, when you say so")
}

/// The name of the copy of the store as it is now.
pub(super) fn aside(folder: &StateFolder) -> String {
    let written = FileMark::of(&folder.path.join(NAME)).and_then(|mark| mark.written.duration_since(std::time::UNIX_EPOCH).ok());
    let written = jiff::Timestamp::from_millisecond(i64::try_from(written.unwrap_or_default().as_millis()).unwrap_or(0));
    let date = written.unwrap_or_default().strftime("%Y%m%dT%H%M%S%3fZ");
    format!("{NAME}.corrupt-{date}")
}

fn unusable(error: &io::Error, folder: &StateFolder) -> Failure {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => full(folder),
        io::ErrorKind::ReadOnlyFilesystem => closed(folder),
        io::ErrorKind::PermissionDenied if error.raw_os_error().is_some() => closed(folder),
        io::ErrorKind::PermissionDenied => Failure { kind: Kind::Denied, ..Failure::system(format!("{error}.")) }.hint(ELSEWHERE),
        _ => Failure::system(format!("Leases cannot be kept in {}: {error}.", folder.path.display())).hint(ELSEWHERE),
    }
}

fn full(folder: &StateFolder) -> Failure {
    Failure::system(format!("The disk of {} is full, so nothing more could be recorded.", folder.path.display()))
        .hint(hint!("df -h {}    every lease that was recorded still holds", folder.path.as_path()))
}

fn closed(folder: &StateFolder) -> Failure {
    let message = format!("{} cannot be written to, so no lease could be recorded.", folder.path.display());
    Failure { kind: Kind::Denied, ..Failure::system(message) }.hint(ELSEWHERE)
}

const ELSEWHERE: &str = "XDG_STATE_HOME=DIR with a folder of yours keeps leases there";
