//! Basic authentication against bcrypt hashes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, Mac};
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::config::web::User;
use crate::withings::oauth::random_token;

/// The users. A right password is hashed once and then known by its digest: bcrypt is slow on purpose, and a scraper
/// comes every few seconds.
pub(super) struct Passwords {
    users: HashMap<String, SecretString>,
    /// The hash that the password of an unknown user is compared with, so that the time tells nothing.
    decoy: Option<SecretString>,
    /// One hash at a time: guessing takes one processor at most.
    turn: Arc<Semaphore>,
    /// Without passwords in it; with a key of this process the digests are worth nothing elsewhere.
    digest: Hmac<Sha256>,
    /// For each user the digest of the right password; there is no place for wrong ones.
    right: Mutex<HashMap<String, [u8; 32]>>,
}

struct Credentials {
    user: String,
    password: Vec<u8>,
}

impl Passwords {
    pub(super) fn new(users: &[User]) -> Self {
        Self {
            users: users.iter().map(|it| (it.name.clone(), it.hash.clone())).collect(),
            decoy: users.first().map(|it| it.hash.clone()),
            turn: Arc::new(Semaphore::new(1)),
            // Not from the library of TLS, whose source of random numbers takes 30 ms of every start to begin with.
            digest: Hmac::new_from_slice(random_token().as_bytes()).expect("HMAC takes keys of any length"),
            right: Mutex::default(),
        }
    }

    /// Whether these are the headers of somebody who may come in.
    pub(super) async fn accept(&self, headers: &HeaderMap) -> bool {
        let Some(decoy) = &self.decoy else { return true };
        let Some(said) = headers.get(AUTHORIZATION).and_then(Credentials::read) else { return false };
        let digest = self.digest.clone().chain_update(&said.password);
        if self.right(&said.user).is_some_and(|right| digest.clone().verify_slice(&right).is_ok()) {
            return true;
        }
        let known = self.users.get(&said.user);
        let is_right = self.is_right(said.password, known.unwrap_or(decoy).clone()).await && known.is_some();
        if is_right {
            let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
            right.insert(said.user, digest.finalize().into_bytes().into());
        }
        is_right
    }

    fn right(&self, user: &str) -> Option<[u8; 32]> {
        self.right.lock().unwrap_or_else(PoisonError::into_inner).get(user).copied()
    }

    async fn is_right(&self, password: Vec<u8>, hash: SecretString) -> bool {
        let turn = Arc::clone(&self.turn).acquire_owned().await.expect("nobody closes this semaphore");
        // Moved into the thread: a client that goes away does not make room for another one.
        let compare = move || (bcrypt::verify(password, hash.expose_secret()).unwrap_or(false), turn).0;
        spawn_blocking(compare).await.unwrap_or(false)
    }
}

impl Credentials {
    fn read(header: &HeaderValue) -> Option<Self> {
        let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
        let decoded =
            BASE64_STANDARD.decode(encoded.trim_start()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
        let colon = decoded.iter().position(|it| *it == b':')?;
        let user = String::from_utf8(decoded[..colon].to_owned()).ok()?;
        Some(Self { user, password: decoded[colon + 1..].to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes of `hush:hush` and of `other`, as cheap as can be.
    fn known_users() -> Passwords {
        let user = |name: &str, password: &str| User {
            name: name.to_owned(),
            hash: bcrypt::hash_with_salt(password, 4, [7; 16]).unwrap().to_string().into(),
        };
        Passwords::new(&[user("Zoë", "hush:hush"), user("Bob", "other")])
    }

    async fn check(passwords: &Passwords, header: &str, accepted: bool) {
        let headers = [(AUTHORIZATION, header.parse().unwrap())].into_iter().collect();
        assert_eq!(passwords.accept(&headers).await, accepted, "{header}");
    }

    fn basic(credentials: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(credentials))
    }

    #[tokio::test]
    async fn the_right_password_of_the_user_is_needed() {
        let passwords = known_users();
        for _ in 0..2 {
            check(&passwords, &basic("Zoë:hush:hush"), true).await;
            check(&passwords, &basic("Bob:other").replace("Basic", "bASIC "), true).await;
            for wrong in ["Zoë:hush", "Zoë:other", "Bob:hush:hush", "Eve:other", "Eve:", ":", "Zoë", ""] {
                check(&passwords, &basic(wrong), false).await;
            }
        }
        for wrong in ["", "Basic", "Basic !", "Bearer Wm/DqzpodXNoOmh1c2g=", "Wm/DqzpodXNoOmh1c2g="] {
            check(&passwords, wrong, false).await;
        }
        assert!(!passwords.accept(&HeaderMap::new()).await);
    }

    #[tokio::test]
    async fn only_right_passwords_are_remembered_and_only_as_digests() {
        let passwords = known_users();
        check(&passwords, &basic("Bob:wrong"), false).await;
        check(&passwords, &basic("Eve:other"), false).await;
        assert!(passwords.right.lock().unwrap().is_empty());
        check(&passwords, &basic("Bob:other"), true).await;
        // Nothing is hashed any more: that would wait for its turn in vain.
        let _turn = Arc::clone(&passwords.turn).acquire_owned().await.unwrap();
        check(&passwords, &basic("Bob:other"), true).await;
        let again = known_users();
        check(&again, &basic("Bob:other"), true).await;
        assert_ne!(passwords.right("Bob"), again.right("Bob"));
    }

    #[tokio::test]
    async fn without_users_everybody_comes_in() {
        assert!(Passwords::new(&[]).accept(&HeaderMap::new()).await);
    }
}
