//! Logins as they are stored.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A login: whose it is, its tokens and how they may be used. `Debug` shows no token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Login {
    /// The profile's name: the file's own name is a digest.
    pub profile: String,
    /// Grows by one with each change of the tokens. It begins with the time of the consent, so that no login after a forgotten
    /// one has a version that the former had.
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
    /// The refresh token before it, until the access token is first used: until then, and for 8 hours at most, Withings
    /// accepts it too
    /// (<https://developer.withings.com/developer-guide/v3/integration-guide/public-health-data-api/get-access/access-and-refresh-tokens-no-recover/>).
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

/// A consent that a person has just given, and that is not stored yet.
#[derive(Clone, Debug)]
pub struct NewConsent {
    /// The profile that it was given for.
    pub profile: Arc<str>,
    /// The pair.
    pub new: NewLogin,
    /// Whether it is Withings' demo user's.
    pub demo: bool,
}

/// What may be known of a login without its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginInfo {
    /// Grows with each change of the tokens.
    pub version: u64,
    /// Withings' id of the person.
    pub user_id: Arc<str>,
    /// When the access token ends, Unix seconds.
    pub expires_at: i64,
    /// When the person gave the consent, Unix seconds.
    pub connected_at: i64,
    /// Whether this is Withings' demo user.
    pub demo: bool,
}

impl LoginInfo {
    /// What tells one consent from another.
    #[must_use]
    pub fn consent(&self) -> (i64, &str) {
        (self.connected_at, &self.user_id)
    }
}

impl From<&Login> for LoginInfo {
    fn from(login: &Login) -> Self {
        Self {
            version: login.version,
            user_id: login.user_id.as_str().into(),
            expires_at: login.expires_at,
            connected_at: login.connected_at,
            demo: login.demo,
        }
    }
}

impl Login {
    /// The login of a new consent, in the place of one of the version `former`.
    #[must_use]
    pub fn of_consent(consent: &NewConsent, former: u64, connected_at: i64) -> Self {
        let NewConsent { profile, new, demo } = consent;
        Self {
            profile: profile.to_string(),
            version: former.max(u64::try_from(connected_at).unwrap_or(0)) + 1,
            user_id: new.user_id.clone(),
            access_token: new.access_token.clone(),
            expires_at: new.expires_at,
            refresh_token: new.refresh_token.clone(),
            previous_refresh_token: None,
            scopes: new.scopes.clone(),
            connected_at,
            demo: *demo,
        }
    }

    /// The login with the pair that a refresh brought. The token that was refreshed stays, flagged, until the new access token
    /// was used.
    pub(super) fn rotated(self, refreshed: &SecretString, new: &NewLogin) -> Self {
        Self {
            version: self.version + 1,
            access_token: new.access_token.clone(),
            expires_at: new.expires_at,
            refresh_token: new.refresh_token.clone(),
            previous_refresh_token: Some(refreshed.clone()),
            scopes: if new.scopes.is_empty() { self.scopes } else { new.scopes.clone() },
            ..self
        }
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
    Option::<String>::deserialize(deserializer).map(|token| token.map(SecretString::from))
}
