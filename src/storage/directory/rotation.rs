//! The lease of a rotation: the lock of a file, which ends with its process.

use std::fs::File;

use super::{Directory, StorageError, atomic, json_file};
use crate::storage::login::Login;
use crate::storage::pair::UnsavedPair;

impl Directory {
    /// Takes the lease of the login of `profile`, which is held as long as the file is open; `None` if it is taken, or if there is
    /// no login: the file would be a trace of a profile that was forgotten.
    pub(in crate::storage) async fn lease(&self, profile: &str) -> Result<Option<File>, StorageError> {
        let (directory, name) = (self.clone(), profile.to_owned());
        let lease = self.disk().write(move || {
            let Some(_lock) = directory.lock_login(&name, None)? else { return Ok(None) };
            let path = directory.path("logins", &name, "lock");
            let file = atomic::open_private(&path)?;
            Ok(atomic::try_lock(&file, &path)?.then_some(file))
        });
        lease.await
    }

    /// Stores a pair; `None` if the login is another one by now.
    pub(in crate::storage) async fn store_pair(
        &self,
        profile: &str,
        unsaved: UnsavedPair,
    ) -> Result<Option<Login>, StorageError> {
        let (directory, path) = (self.clone(), self.path("logins", profile, "json"));
        let stored = self.disk().write(move || {
            let _lock = directory.lock_logins()?;
            let Some(stored) = json_file::load::<Login>(&path)? else { return Ok(None) };
            if unsaved.is_in(&stored) {
                return Ok(Some(stored));
            }
            let rotated = unsaved.rotated(stored);
            if let Some(login) = &rotated {
                json_file::save(&path, login)?;
            }
            Ok(rotated)
        });
        stored.await
    }
}
