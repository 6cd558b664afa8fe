//! Whose the storage directory is. Tokens lie in folders of ours (0700) inside of it, in files of ours (0600): so it may be a
//! link, and may belong to root or be open to a group, as systemd and Kubernetes make it.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{atomic, budget_file, files};
use crate::process;

/// Everybody may write to a directory, and delete or replace what others have in it.
const EVERYBODY_WRITES: u32 = 0o002;

/// In a directory with this bit everybody may delete or replace what is their own.
const STICKY: u32 = 0o1000;

/// What others than the owner may do.
const OTHERS: u32 = 0o077;

/// The storage directory is not ours alone.
#[derive(Debug, thiserror::Error)]
pub enum OwnershipError {
    /// A folder or a file in it belongs to another user.
    #[error("{path} belongs to user {owner}, and this is user {user}: run withings-exporter as the former, or give everything to the latter with `chown -R {user} {root}`", path = path.display(), root = root.display())]
    AnotherUser {
        /// What belongs to the other user.
        path: PathBuf,
        /// The storage directory.
        root: PathBuf,
        /// The number of its owner.
        owner: u32,
        /// The number of the user that this process runs as.
        user: u32,
    },
    /// Everybody may write to it.
    #[error("{root}: everybody may write to the storage directory, and could put other logins there; take that away with `chmod o-w {root}`, or choose another one with --storage.path", root = .0.display())]
    EverybodyWrites(PathBuf),
    /// A symbolic link is in it.
    #[error("{path} is a symbolic link, which could lead logins anywhere; move what it leads to into its place, or choose another directory with --storage.path", path = .0.display())]
    Link(PathBuf),
}

/// Refuses the directory at `root` if something in it may be another user's work. What cannot be looked at is reported when it
/// is needed. Changes nothing.
pub(super) fn check(root: &Path) -> Result<(), OwnershipError> {
    let mode = fs::metadata(root).map_or(0, |root| root.mode());
    if mode & EVERYBODY_WRITES != 0 && mode & STICKY == 0 {
        return Err(OwnershipError::EverybodyWrites(root.to_owned()));
    }
    // The budget may be a link of a former start, which is made anew.
    let is_own_link = |path: &PathBuf| path.ends_with(budget_file::NAME) && path.is_symlink();
    for path in files::of_installation(root).into_iter().filter(|path| !is_own_link(path)) {
        check_owner(root, &path)?;
    }
    for folder in files::folders(root) {
        check_owner(root, &folder)?;
        for path in atomic::files(&folder).unwrap_or_default() {
            check_owner(root, &path)?;
        }
    }
    Ok(())
}

fn check_owner(root: &Path, path: &Path) -> Result<(), OwnershipError> {
    let (Ok(found), user) = (fs::symlink_metadata(path), process::user()) else { return Ok(()) };
    if found.uid() != user {
        let (path, root, owner) = (path.to_owned(), root.to_owned(), found.uid());
        return Err(OwnershipError::AnotherUser { path, root, owner, user });
    }
    if found.is_symlink() {
        return Err(OwnershipError::Link(path.to_owned()));
    }
    Ok(())
}

/// Takes from others what they may do in our folders: Kubernetes gives them to a group with each mount. Where that has no
/// effect, it is said once.
pub(super) fn close_folders(root: &Path) {
    let close = |folder: &Path| fs::set_permissions(folder, Permissions::from_mode(0o700));
    let open: Vec<_> = files::folders(root).into_iter().filter(|folder| !is_closed_by(folder, close)).collect();
    if let Some(folder) = open.first() {
        tracing::warn!(
            folder = %folder.display(),
            "the file system does not keep permissions, as CIFS and exFAT do not: whoever reads its files has the logins; \
             mount it for this user alone, with umask or file_mode and dir_mode, or choose another one with --storage.path"
        );
    }
}

/// Whether nobody but the owner may enter `folder` after `close`, which is called where others may. One that is missing is
/// closed.
fn is_closed_by(folder: &Path, close: impl FnOnce(&Path) -> io::Result<()>) -> bool {
    let is_closed = |found: Metadata| found.mode() & OTHERS == 0;
    // What is done is what counts, and not whether it was said to work.
    fs::metadata(folder).map_or(true, is_closed) || {
        drop(close(folder));
        fs::metadata(folder).map_or(true, is_closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that its group may enter.
    fn open_folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o770)).unwrap();
        folder
    }

    #[test]
    fn where_permissions_have_no_effect_a_folder_stays_open() {
        let folder = open_folder();
        assert!(!is_closed_by(folder.path(), |_| Ok(())), "as on a mount with fixed permissions");
        assert!(is_closed_by(folder.path(), |path| fs::set_permissions(path, Permissions::from_mode(0o700))));
        assert!(is_closed_by(folder.path(), |_| panic!("it is closed already")));
    }
}
