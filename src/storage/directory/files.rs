//! Which files belong to a profile, and how they are named.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{StorageError, atomic, budget_file};

/// The file whose presence says that what was here has moved into a database.
pub(super) const MOVED: &str = "MOVED";

/// The file whose presence says that an export from a database into this directory is not finished.
pub(super) const EXPORTING: &str = "EXPORTING";

/// The folders that hold a file for each profile. The logins are the last: a deletion that is cut short leaves the login, and
/// `forget` can be called again.
const FOLDERS: [&str; 4] = ["readings", "events", "callbacks", "logins"];

/// The folders below `root` that hold files of profiles, whether they are there or not.
pub(super) fn folders(root: &Path) -> Vec<PathBuf> {
    FOLDERS.iter().map(|folder| root.join(folder)).collect()
}

/// The files of the installation itself that are in `root`; none where it cannot be listed. Other things may lie there, such
/// as the `lost+found` of a disk.
pub(super) fn of_installation(root: &Path) -> Vec<PathBuf> {
    let is_ours = |path: &PathBuf| {
        let extension = path.extension().unwrap_or_default();
        extension == "json" || extension == "lock" || path.ends_with(budget_file::NAME)
    };
    atomic::files(root).unwrap_or_default().into_iter().filter(is_ours).collect()
}

/// Every file of `profile` below `root`, its lock included.
pub(super) fn of_profile(root: &Path, profile: &str) -> Result<Vec<PathBuf>, StorageError> {
    let stem = format!("{}.", stem(profile));
    let is_its = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&stem));
    let mut files = Vec::new();
    for folder in FOLDERS {
        files.extend(atomic::files(&root.join(folder))?.into_iter().filter(is_its));
    }
    Ok(files)
}

/// Every file that says its format, of the installation and of all profiles.
pub(super) fn with_format(root: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let mut files = atomic::json_files(root)?;
    for folder in FOLDERS {
        files.extend(atomic::json_files(&root.join(folder))?);
    }
    files.retain(|path| path.is_file());
    Ok(files)
}

/// A file name for a profile of any name: readable where the name is ASCII, different for different names, never a path.
pub(in crate::storage) fn stem(profile: &str) -> String {
    let readable: String = profile.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
    let digest = Sha256::digest(profile.as_bytes());
    let half: [u8; 16] = digest[..16].try_into().expect("a SHA-256 digest has 32 bytes");
    format!("{}-{:032x}", readable.to_ascii_lowercase(), u128::from_be_bytes(half))
}
