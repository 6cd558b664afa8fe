//! A profile's login on disk, and the only ways to change it.

use std::fs::File;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Storage, StorageError, atomic, file, is_lock, pending, work};

/// A login: whose it is, its tokens and how they may be used. `Debug` shows no token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Login {
    /// The profile's name, for whoever looks into the file.
    pub profile: String,
    /// Grows by one with each change of the tokens.
    pub version: u64,
    /// Withings' id of the person.
    pub user_id: String,
    /// The access token.
    #[serde(serialize_with = "expose", deserialize_with = "hide")]
    pub access_token: SecretString,
    /// When the access token ends, Unix seconds.
    pub expires_at: i64,
    /// The refresh token that came with the access token.
    #[serde(serialize_with = "expose", deserialize_with = "hide")]
    pub refresh_token: SecretString,
    /// The refresh token before it, until the access token is first used: so long Withings accepts the old one too.
    #[serde(default, serialize_with = "expose_some", deserialize_with = "hide_some")]
    pub previous_refresh_token: Option<SecretString>,
    /// The granted scopes.
    pub scopes: Vec<String>,
    /// When the person gave the consent, Unix seconds.
    pub connected_at: i64,
    /// Whether this is Withings' demo user.
    #[serde(default)]
    pub demo: bool,
}

/// A token pair as Withings gave it.
#[derive(Clone, Debug)]
pub struct NewLogin {
    /// Withings' id of the person.
    pub user_id: String,
    /// The access token.
    pub access_token: SecretString,
    /// When it ends, Unix seconds.
    pub expires_at: i64,
    /// The refresh token.
    pub refresh_token: SecretString,
    /// The granted scopes.
    pub scopes: Vec<String>,
}

/// A new pair was not stored.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// Somebody else changed the login meanwhile; this is what is stored now, `None` if it was removed.
    #[error("the login was changed meanwhile")]
    Stale(Option<Box<Login>>),
    /// It could not be written.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The right to change a profile's login, held until dropped.
#[derive(Debug)]
pub struct LockedLogin {
    storage: Storage,
    profile: String,
    /// The lock ends when the file is closed.
    _lock: File,
}

impl LockedLogin {
    pub(super) fn new(storage: Storage, profile: &str, lock: File) -> Self {
        Self { storage, profile: profile.to_owned(), _lock: lock }
    }

    /// The login as it is on disk now.
    pub fn read(&self) -> Result<Option<Login>, StorageError> {
        self.storage.login(&self.profile)
    }

    /// Stores the pair that a refresh brought, if the stored login still has the version that was refreshed. The
    /// refreshed token stays in the file, flagged, until [`LockedLogin::mark_used`].
    pub fn rotate(&self, held: &Login, new: &NewLogin) -> Result<Login, RotateError> {
        let stored = self.read()?;
        if stored.as_ref().is_none_or(|it| it.version != held.version) {
            return Err(RotateError::Stale(stored.map(Box::new)));
        }
        let login = Login {
            version: held.version + 1,
            access_token: new.access_token.clone(),
            expires_at: new.expires_at,
            refresh_token: new.refresh_token.clone(),
            previous_refresh_token: Some(held.refresh_token.clone()),
            scopes: if new.scopes.is_empty() { held.scopes.clone() } else { new.scopes.clone() },
            ..held.clone()
        };
        Ok(self.write(login)?)
    }

    /// Stores the login of a new consent in place of whatever is there.
    pub fn replace(&self, new: &NewLogin, connected_at: i64, demo: bool) -> Result<Login, StorageError> {
        // A file that cannot be read any more does not stop a new consent.
        let version = self.read().ok().flatten().map_or(0, |it| it.version);
        self.write(Login {
            profile: self.profile.clone(),
            version: version + 1,
            user_id: new.user_id.clone(),
            access_token: new.access_token.clone(),
            expires_at: new.expires_at,
            refresh_token: new.refresh_token.clone(),
            previous_refresh_token: None,
            scopes: new.scopes.clone(),
            connected_at,
            demo,
        })
    }

    /// Stores the login that the profile `former` has, with its readings, as this profile's, and leaves nothing of it
    /// under the former name. `None` if the former profile has no login.
    pub fn adopt(&self, former: &Self) -> Result<Option<Login>, StorageError> {
        let Some(login) = former.read()? else { return Ok(None) };
        let login = self.write(Login { profile: self.profile.clone(), ..login })?;
        // The readings carry the person's id: a crash before this line costs a read of everything, no more.
        for folder in ["readings", "callbacks"] {
            let file = |it: &Self| it.storage.path(folder, &it.profile, "json");
            atomic::rename(&file(former), &file(self))?;
        }
        former.forget()?;
        Ok(Some(login))
    }

    /// Deletes everything that is stored of the profile, files that were set aside included; how many files there were.
    pub fn forget(&self) -> Result<usize, StorageError> {
        let mut deleted = 0;
        for path in self.storage.files_of(&self.profile)? {
            // The lock lives as long as its file is open; who waits for it finds no login afterwards.
            deleted += usize::from(atomic::remove(&path)? && !is_lock(&path));
        }
        pending::forget(&self.storage, &self.profile)?;
        // What an interrupted backfill has fetched is of everybody together; it begins anew.
        work::remove(&self.storage.backfill_directory())?;
        Ok(deleted)
    }

    /// Deletes the readings of the profile, which are of another person than its next login.
    pub fn forget_readings(&self) -> Result<(), StorageError> {
        atomic::remove(&self.storage.path("readings", &self.profile, "json")).map(|_| ())
    }

    /// Notes that the access token of `held` was used: the refresh token before it is dead now, and is dropped.
    pub fn mark_used(&self, held: &Login) -> Result<Login, RotateError> {
        let stored = self.read()?;
        if stored.as_ref().is_none_or(|it| it.version != held.version) {
            return Err(RotateError::Stale(stored.map(Box::new)));
        }
        Ok(self.write(Login { previous_refresh_token: None, ..held.clone() })?)
    }

    fn write(&self, login: Login) -> Result<Login, StorageError> {
        file::save(&self.storage.path("logins", &self.profile, "json"), &login)?;
        Ok(login)
    }
}

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn expose_some<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(ExposeSecret::expose_secret).serialize(serializer)
}

fn hide<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

fn hide_some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    Option::<String>::deserialize(deserializer).map(|it| it.map(SecretString::from))
}
