//! What storage could not do.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

#[cfg(feature = "postgres")]
use super::postgres::{DatabaseError, RotationSuspended, SealError};
use crate::telemetry::log::with_causes;

/// Storage could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A file could not be read or written.
    #[error("{path}: cannot {operation}", path = path.display())]
    File {
        /// What was tried, as an infinitive.
        operation: &'static str,
        /// The file or the directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The database could not be read or written.
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// What the database had is in a directory.
    #[cfg(feature = "postgres")]
    #[error(
        "what the database had was exported to {0}; use that directory, or bring it back with `withings-exporter storage import`"
    )]
    Moved(String),
    /// What is stored in the database cannot be opened with the keys.
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// What is stored in the database was opened, and is of no form that this version knows.
    #[cfg(feature = "postgres")]
    #[error("the database has {0} in a form that this withings-exporter does not know")]
    Content(&'static str),
    /// No login may be rotated.
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Suspended(#[from] RotationSuspended),
}

impl StorageError {
    /// The error and its cause in one line, for people.
    #[must_use]
    pub fn with_cause(&self) -> String {
        with_causes(self)
    }

    /// Whether it is about a file of a directory; else it is about the database.
    #[must_use]
    pub fn is_of_file(&self) -> bool {
        self.of_file().is_some()
    }

    /// Whether no login may be rotated, which was said in the log where it was noticed.
    #[must_use]
    pub fn is_suspension(&self) -> bool {
        match self {
            Self::File { .. } => false,
            #[cfg(feature = "postgres")]
            Self::Suspended(_) => true,
            #[cfg(feature = "postgres")]
            Self::Database(_) | Self::Moved(_) | Self::Sealed(_) | Self::Content(_) => false,
        }
    }

    /// Whether the permissions of the file, or of a directory above it, keep this process out.
    pub(super) fn is_permission_denied(&self) -> bool {
        self.io_kind() == Some(io::ErrorKind::PermissionDenied)
    }

    /// Whether the file system knows no such operation.
    pub(super) fn is_unsupported(&self) -> bool {
        self.of_file().is_some_and(is_unsupported)
    }

    pub(super) fn is_missing(&self) -> bool {
        self.io_kind() == Some(io::ErrorKind::NotFound)
    }

    fn of_file(&self) -> Option<&io::Error> {
        match self {
            Self::File { source, .. } => Some(source),
            #[cfg(feature = "postgres")]
            Self::Database(_) | Self::Moved(_) | Self::Sealed(_) | Self::Content(_) | Self::Suspended(_) => None,
        }
    }

    fn io_kind(&self) -> Option<io::ErrorKind> {
        self.of_file().map(io::Error::kind)
    }

    /// Makes the error of an operation with the file at `path` from what the system says.
    pub(super) fn file(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { operation, path, source }
    }
}

/// Whether a file system knows no such operation, as some of networks and of FUSE do not: they say it in many ways.
pub(super) fn is_unsupported(error: &io::Error) -> bool {
    let unsupported = [Errno::INVAL, Errno::NOTSUP, Errno::NOSYS, Errno::NOTTY, Errno::NOLCK, Errno::BADF];
    Errno::from_io_error(error).is_some_and(|errno| unsupported.contains(&errno))
}
