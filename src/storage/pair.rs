//! A token pair on its way into storage.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::login::{Login, NewLogin};

/// Who has the lease of a rotation, in a storage of many hosts: random, for each lease.
pub(super) type Holder = Arc<str>;

/// A pair that a refresh brought and that could not be stored yet.
#[derive(Clone, Debug)]
pub(super) struct UnsavedPair {
    pub(super) version: u64,
    /// The refresh token that brought the pair; it lives until the pair is first used.
    pub(super) refreshed: SecretString,
    pub(super) pair: NewLogin,
    /// Who had the lease, where storage asks for that.
    pub(super) holder: Option<Holder>,
}

pub(super) type UnsavedPairs = BTreeMap<Arc<str>, UnsavedPair>;

impl UnsavedPair {
    /// The login with this pair in place of the `stored` one; `None` if that is another one by now.
    pub(super) fn rotated(&self, stored: Login) -> Option<Login> {
        (stored.version == self.version).then(|| stored.rotated(&self.refreshed, &self.pair))
    }

    /// Whether the pair is the `stored` one: a write that took longer than its caller waited has stored it after all.
    pub(super) fn is_in(&self, stored: &Login) -> bool {
        stored.access_token.expose_secret() == self.pair.access_token.expose_secret()
    }
}
