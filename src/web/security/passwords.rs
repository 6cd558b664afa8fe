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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use crate::config::web::User;
use crate::withings::oauth::random_token;

/// How many checks may run and wait at one time; a client whose check would be one more is sent away. At bcrypt's usual cost
/// the last one waits for a second or two.
const CHECKS: usize = 16;

/// How many of them may be of one client's address, so that a client that guesses leaves turns to the others.
const CHECKS_OF_CLIENT: usize = 4;

/// The users of one web configuration.
pub(super) struct Passwords {
    users: HashMap<String, SecretString>,
    /// The hash that the password of an unknown user is compared with, so that the time tells nothing.
    decoy: Option<SecretString>,
    checks: Arc<Checks>,
}

/// The checks of passwords, and which were found right: bcrypt is slow on purpose, and a scraper comes every few seconds.
/// Shared by a web configuration and the one that replaces it, so that a reload costs no check.
pub(super) struct Checks {
    /// One check at a time: guessing takes one processor at most.
    turn: Arc<Semaphore>,
    /// The addresses of the clients whose checks run or wait.
    clients: Mutex<Vec<IpAddr>>,
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

/// A check that runs or waits, until this is dropped.
struct Check {
    checks: Arc<Checks>,
    client: IpAddr,
}

struct Credentials {
    user: String,
    password: Vec<u8>,
}

impl Passwords {
    pub(super) fn new(users: &[User], checks: Arc<Checks>) -> Self {
        Self {
            users: users.iter().map(|user| (user.name.clone(), user.hash.clone())).collect(),
            decoy: users.first().map(|user| user.hash.clone()),
            checks,
        }
    }

    /// Whether a client must be one of the users.
    pub(super) fn are_needed(&self) -> bool {
        !self.users.is_empty()
    }

    /// Whether the client at this address, which sends these headers, may come in. A password that was found right before
    /// waits for nothing.
    pub(super) async fn check(&self, headers: &HeaderMap, client: IpAddr) -> Admission {
        let Some(decoy) = &self.decoy else { return Admission::Granted };
        let Some(said) = headers.get(AUTHORIZATION).and_then(Credentials::read) else { return Admission::Denied };
        let known = self.users.get(&said.user);
        let hash = known.unwrap_or(decoy);
        let digest = self.checks.digest(hash, &said.password);
        let is_found_right = || known.is_some() && self.checks.is_right(&said.user, &digest);
        if is_found_right() {
            return Admission::Granted;
        }
        let Some(check) = Checks::begin(&self.checks, client) else { return Admission::TryLater };
        let turn = Arc::clone(&self.checks.turn).acquire_owned().await.expect("nobody closes this semaphore");
        // Several requests of one client may come before the first of them is checked.
        if is_found_right() {
            return Admission::Granted;
        }
        if fits(said.password, hash.clone(), (turn, check)).await && known.is_some() {
            self.checks.note_right(said.user, digest);
            Admission::Granted
        } else {
            Admission::Denied
        }
    }
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            turn: Arc::new(Semaphore::new(1)),
            clients: Mutex::default(),
            // Not from the library of TLS, whose source of random numbers takes 30 ms of every start to begin with.
            digest: Hmac::new_from_slice(random_token().as_bytes()).expect("HMAC takes keys of any length"),
            right: Mutex::default(),
        }
    }
}

impl Checks {
    /// Joins the line; `None` if it is too long.
    fn begin(checks: &Arc<Self>, client: IpAddr) -> Option<Check> {
        let mut clients = checks.clients();
        let of_client = clients.iter().filter(|other| **other == client).count();
        if clients.len() >= CHECKS || of_client >= CHECKS_OF_CLIENT {
            return None;
        }
        clients.push(client);
        Some(Check { checks: Arc::clone(checks), client })
    }

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

    fn clients(&self) -> MutexGuard<'_, Vec<IpAddr>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn right(&self) -> MutexGuard<'_, HashMap<String, [u8; 32]>> {
        self.right.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        let mut clients = self.checks.clients();
        if let Some(index) = clients.iter().position(|client| *client == self.client) {
            clients.swap_remove(index);
        }
    }
}

/// Whether the password fits the hash. `running` is moved into the thread: a client that goes away makes no room while the
/// processor still works for it.
async fn fits(password: Vec<u8>, hash: SecretString, running: (OwnedSemaphorePermit, Check)) -> bool {
    let compare = move || (bcrypt::verify(password, hash.expose_secret()).unwrap_or(false), running).0;
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
        let turn = Arc::clone(&checks.turn).acquire_owned().await.unwrap();
        check(&after, "Zoë:hush:hush", Admission::Granted).await;
        let headers = basic("Bob:other");
        let mut changed = pin!(after.check(&headers, client(1)));
        assert_eq!(changed.as_mut().now_or_never(), None);
        drop(turn);
        assert_eq!(changed.await, Admission::Denied);
        check(&after, "Bob:new", Admission::Granted).await;
        let without = Passwords::new(&[user("Bob", "new")], checks);
        check(&without, "Zoë:hush:hush", Admission::Denied).await;
    }

    #[tokio::test]
    async fn the_line_is_short_and_a_client_that_guesses_leaves_turns_to_the_others() {
        let passwords = known_users();
        check(&passwords, "Zoë:hush:hush", Admission::Granted).await;
        let turn = Arc::clone(&passwords.checks.turn).acquire_owned().await.unwrap();
        let (wrong, right) = (basic("Bob:wrong"), basic("Bob:other"));
        let mut waiting = Vec::new();
        for _ in 0..CHECKS_OF_CLIENT {
            let mut guess = Box::pin(passwords.check(&wrong, client(1)));
            assert_eq!(guess.as_mut().now_or_never(), None);
            waiting.push(guess);
        }
        check(&passwords, "Bob:wrong", Admission::TryLater).await;
        check(&passwords, "Zoë:hush:hush", Admission::Granted).await;
        let mut other = Box::pin(passwords.check(&right, client(2)));
        assert_eq!(other.as_mut().now_or_never(), None);
        for number in 3..100 {
            let mut more = Box::pin(passwords.check(&wrong, client(number)));
            match more.as_mut().now_or_never() {
                None => waiting.push(more),
                Some(admission) => assert_eq!((admission, waiting.len()), (Admission::TryLater, CHECKS - 1)),
            }
        }
        // Clients that go away leave the line.
        drop((waiting, turn));
        assert_eq!(other.await, Admission::Granted);
        assert!(passwords.checks.clients().is_empty());
    }

    #[tokio::test]
    async fn without_users_everybody_comes_in() {
        let passwords = Passwords::new(&[], Arc::default());
        assert_eq!(passwords.check(&HeaderMap::new(), client(1)).await, Admission::Granted);
    }
}
