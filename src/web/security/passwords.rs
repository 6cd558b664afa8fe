//! Basic authentication against bcrypt hashes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, Mac};
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use tokio::task::spawn_blocking;

use crate::config::web::User;
use crate::fair_queue::{FairQueue, Slot};
use crate::withings::oauth::random_token;

/// How many passwords are hashed at one time, each for another address: guessing takes two processors at most, and one that
/// comes from another address than the guesses begins at once.
const CHECKS: usize = 2;

/// How many may wait. At bcrypt's usual cost the last one of an address waits for two seconds.
const WAITING: usize = 32;

const ANY_LENGTH: &str = "HMAC takes keys of any length";

/// The users of one web configuration.
pub(super) struct Passwords {
    users: HashMap<String, SecretString>,
    checks: Arc<Checks>,
}

/// The checks of passwords, and which were found right: bcrypt is slow on purpose, and a scraper comes every few seconds.
/// Shared by a web configuration and the one that replaces it, so that a reload costs no check.
pub(super) struct Checks {
    queue: FairQueue,
    /// Without a password in it; with a key of this process the digests are worth nothing elsewhere.
    digest: Hmac<Sha256>,
    /// For each user a digest of the hash and of the password that fits it: one of another hash is never found right. There
    /// is no room for wrong passwords, so that guesses take no memory.
    right: Mutex<HashMap<String, [u8; 32]>>,
}

/// Whether a client may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It showed the password of a user, or none is needed.
    Granted,
    /// It showed no password, or a wrong one.
    Denied,
    /// Too many passwords are being checked.
    TryLater,
}

struct Credentials {
    user: String,
    password: Vec<u8>,
}

impl Passwords {
    pub(super) fn new(users: &[User], checks: Arc<Checks>) -> Self {
        Self { users: users.iter().map(|user| (user.name.clone(), user.hash.clone())).collect(), checks }
    }

    /// Whether a client must be one of the users.
    pub(super) fn are_needed(&self) -> bool {
        !self.users.is_empty()
    }

    /// Whether the client at this address, which sends these headers, may come in. A password that was found right before
    /// waits for nothing.
    pub(super) async fn check(&self, headers: &HeaderMap, client: IpAddr) -> Admission {
        if !self.are_needed() {
            return Admission::Granted;
        }
        let Some(said) = headers.get(AUTHORIZATION).and_then(Credentials::read) else { return Admission::Denied };
        if self.is_found_right(&said) {
            return Admission::Granted;
        }
        let Some(slot) = self.checks.queue.slot(client).await else { return Admission::TryLater };
        // Several requests of one client may come before the first of them is checked.
        if self.is_found_right(&said) {
            return Admission::Granted;
        }
        let known = self.users.get(&said.user);
        let Some(hash) = known.or_else(|| self.stand_in(&said.user)) else { return Admission::Denied };
        let digest = self.checks.digest(hash, &said.password);
        if fits(said.password, hash.clone(), slot).await && known.is_some() {
            self.checks.note_right(said.user, digest);
            Admission::Granted
        } else {
            Admission::Denied
        }
    }

    fn is_found_right(&self, said: &Credentials) -> bool {
        let is_right =
            |hash: &SecretString| self.checks.is_right(&said.user, &self.checks.digest(hash, &said.password));
        self.users.get(&said.user).is_some_and(is_right)
    }

    /// The hash that the passwords of this user are compared with, who is not there: one of the configured ones, always the same,
    /// so that the time tells nothing, not even where the hashes differ in cost. The hashes are the keys of the choice: nobody
    /// else can make it, and it stays the same after a restart and when another user changes.
    fn stand_in(&self, user: &str) -> Option<&SecretString> {
        self.users.values().max_by_key(|hash| {
            let key = Hmac::<Sha256>::new_from_slice(hash.expose_secret().as_bytes()).expect(ANY_LENGTH);
            key.chain_update(user).finalize().into_bytes()
        })
    }
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            queue: FairQueue::new(CHECKS, WAITING),
            // Not from the library of TLS, whose source of random numbers takes 30 ms of every start to begin with.
            digest: Hmac::new_from_slice(random_token().as_bytes()).expect(ANY_LENGTH),
            right: Mutex::default(),
        }
    }
}

impl Checks {
    /// The digest of a hash and a password. No hash has a zero byte in it.
    fn digest(&self, hash: &SecretString, password: &[u8]) -> Hmac<Sha256> {
        self.digest.clone().chain_update(hash.expose_secret()).chain_update([0]).chain_update(password)
    }

    /// Whether the password of `user` with this digest was found right.
    fn is_right(&self, user: &str, digest: &Hmac<Sha256>) -> bool {
        self.right().get(user).is_some_and(|right| digest.clone().verify_slice(right).is_ok())
    }

    fn note_right(&self, user: String, digest: Hmac<Sha256>) {
        self.right().insert(user, digest.finalize().into_bytes().into());
    }

    fn right(&self) -> MutexGuard<'_, HashMap<String, [u8; 32]>> {
        self.right.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the password fits the hash. The slot is moved into the thread: a client that goes away makes no room while the
/// processor still works for it.
async fn fits(password: Vec<u8>, hash: SecretString, slot: Slot) -> bool {
    let compare = move || {
        let _slot = slot;
        bcrypt::verify(password, hash.expose_secret()).unwrap_or(false)
    };
    spawn_blocking(compare).await.unwrap_or(false)
}

impl Credentials {
    fn read(header: &HeaderValue) -> Option<Self> {
        let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
        let decoded =
            BASE64_STANDARD.decode(encoded.trim_start()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let user = String::from_utf8(decoded[..colon].to_owned()).ok()?;
        Some(Self { user, password: decoded[colon + 1..].to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    fn user(name: &str, password: &str) -> User {
        // As cheap as can be.
        let hash = bcrypt::hash_with_salt(password, 4, [7; 16]).unwrap();
        User { name: name.to_owned(), hash: hash.to_string().into() }
    }

    fn known_users() -> Passwords {
        Passwords::new(&[user("Zoë", "hush:hush"), user("Bob", "other")], Arc::default())
    }

    fn client(number: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, number).into()
    }

    fn basic(credentials: &str) -> HeaderMap {
        let header = format!("Basic {}", BASE64_STANDARD.encode(credentials));
        [(AUTHORIZATION, header.parse().unwrap())].into_iter().collect()
    }

    /// Takes every slot, for clients that nobody else is.
    async fn take_all(checks: &Checks) -> Vec<Slot> {
        let mut slots = Vec::new();
        for number in 0..u8::try_from(CHECKS).unwrap() {
            slots.extend(checks.queue.slot(client(100 + number)).await);
        }
        slots
    }

    async fn check(passwords: &Passwords, credentials: &str, expected: Admission) {
        assert_eq!(passwords.check(&basic(credentials), client(1)).await, expected, "{credentials}");
    }

    #[tokio::test]
    async fn the_right_password_of_the_user_is_needed() {
        let passwords = known_users();
        for _ in 0..2 {
            check(&passwords, "Zoë:hush:hush", Admission::Granted).await;
            check(&passwords, "Bob:other", Admission::Granted).await;
            for wrong in ["Zoë:hush", "Zoë:other", "Bob:hush:hush", "Eve:other", "Eve:", ":", "Zoë", ""] {
                check(&passwords, wrong, Admission::Denied).await;
            }
        }
    }

    #[tokio::test]
    async fn only_basic_authentication_is_understood() {
        let passwords = known_users();
        for (header, expected) in [
            ("bASIC Qm9iOm90aGVy", Admission::Granted),
            ("", Admission::Denied),
            ("Basic", Admission::Denied),
            ("Basic !", Admission::Denied),
            ("Bearer Qm9iOm90aGVy", Admission::Denied),
            ("Qm9iOm90aGVy", Admission::Denied),
        ] {
            let headers = [(AUTHORIZATION, header.parse().unwrap())].into_iter().collect();
            assert_eq!(passwords.check(&headers, client(1)).await, expected, "{header}");
        }
        assert_eq!(passwords.check(&HeaderMap::new(), client(1)).await, Admission::Denied);
    }

    #[tokio::test]
    async fn only_right_passwords_are_remembered_and_only_as_digests() {
        let passwords = known_users();
        check(&passwords, "Bob:wrong", Admission::Denied).await;
        check(&passwords, "Eve:other", Admission::Denied).await;
        assert!(passwords.checks.right().is_empty());
        check(&passwords, "Bob:other", Admission::Granted).await;
        let again = known_users();
        check(&again, "Bob:other", Admission::Granted).await;
        assert_ne!(passwords.checks.right()["Bob"], again.checks.right()["Bob"]);
    }

    #[tokio::test]
    async fn a_new_configuration_checks_only_what_has_changed() {
        let before = known_users();
        check(&before, "Zoë:hush:hush", Admission::Granted).await;
        check(&before, "Bob:other", Admission::Granted).await;
        let checks = Arc::clone(&before.checks);
        let after = Passwords::new(&[user("Zoë", "hush:hush"), user("Bob", "new")], Arc::clone(&checks));
        // Nothing can be checked, so whatever is found right was not checked again.
        let slots = take_all(&checks).await;
        check(&after, "Zoë:hush:hush", Admission::Granted).await;
        let headers = basic("Bob:other");
        let mut changed = pin!(after.check(&headers, client(1)));
        assert_eq!(changed.as_mut().now_or_never(), None);
        drop(slots);
        assert_eq!(changed.await, Admission::Denied);
        check(&after, "Bob:new", Admission::Granted).await;
        let without = Passwords::new(&[user("Bob", "new")], checks);
        check(&without, "Zoë:hush:hush", Admission::Denied).await;
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_a_client_that_guesses_delays_no_known_password_and_others_by_a_turn() {
        let passwords = known_users();
        check(&passwords, "Zoë:hush:hush", Admission::Granted).await;
        let slots = take_all(&passwords.checks).await;
        let (wrong, right) = (basic("Bob:wrong"), basic("Bob:other"));
        let waits = || {
            let mut guess = Box::pin(passwords.check(&wrong, client(1)));
            assert_eq!(guess.as_mut().now_or_never(), None);
            guess
        };
        let mut guesses: Vec<_> = (0..WAITING).map(|_| waits()).collect();
        check(&passwords, "Bob:wrong", Admission::TryLater).await;
        check(&passwords, "Zoë:hush:hush", Admission::Granted).await;
        let mut other = pin!(passwords.check(&right, client(2)));
        assert_eq!(other.as_mut().now_or_never(), None);
        assert_eq!(guesses.pop().unwrap().await, Admission::TryLater, "it left the queue for the other client");
        drop(slots);
        // None of the guesses is polled, so the one that has its turn never ends.
        assert_eq!(other.await, Admission::Granted);
    }

    #[tokio::test]
    async fn who_is_not_there_has_the_hash_of_one_who_is_and_always_the_same() {
        let users: Vec<_> =
            (0..4).map(|number| user(&format!("user-{number}"), &format!("password-{number}"))).collect();
        let hash_for = |passwords: &Passwords, name: &str| passwords.stand_in(name).unwrap().expose_secret().to_owned();
        let (passwords, restarted) = (Passwords::new(&users, Arc::default()), Passwords::new(&users, Arc::default()));
        let names: Vec<_> = (0..100).map(|number| format!("nobody-{number}")).collect();
        let chosen: Vec<_> = names.iter().map(|name| hash_for(&passwords, name)).collect();
        assert!(
            users.iter().all(|user| chosen.contains(&user.hash.expose_secret().to_owned())),
            "some stand for nobody"
        );
        assert!(names.iter().zip(&chosen).all(|(name, hash)| hash_for(&restarted, name) == *hash));
        // The password of the one who stands in is of no use.
        let stands_in = users.iter().position(|user| user.hash.expose_secret() == chosen[0]).unwrap();
        check(&passwords, &format!("nobody-0:password-{stands_in}"), Admission::Denied).await;
    }

    #[tokio::test]
    async fn without_users_everybody_comes_in() {
        let passwords = Passwords::new(&[], Arc::default());
        assert_eq!(passwords.check(&HeaderMap::new(), client(1)).await, Admission::Granted);
    }
}
