//! Passwords that somebody guesses: the guesses of an address are checked one after the other, and nobody else waits for them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tempfile::TempDir;
use tokio::task::JoinSet;
use withings_exporter::web::Security;

use super::exchanges::connect_from;
use super::{Server, Setup};
use crate::config::write;
use crate::http_client::Connection;
use crate::program::until;

/// The addresses that guess: as many as there are checks at one time.
const GUESSERS: [[u8; 4]; 2] = [[127, 0, 0, 1], [127, 0, 0, 3]];

/// How many requests each of them makes at one time, of which few can wait.
const GUESSES: usize = 50;

/// What one from another address may have to wait for: a check of each that has begun, its turn among them, and those that are
/// made beside its own; far fewer than wait.
const CHECKS: usize = 8;

/// A server, and the folder of its web configuration.
async fn start() -> (Server, TempDir) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("web.yml");
    write(&path, &config("deny"));
    let security = Security::load(&path).unwrap();
    tokio::spawn(security.clone().keep_current(std::future::pending()));
    (Setup { security, ..Setup::default() }.start().await, folder)
}

/// The users `prometheus`, `alice` and `bob`. A check takes some tenths of a second.
fn config(frame_options: &str) -> String {
    let hash = |salt| bcrypt::hash_with_salt("hush", 7, [salt; 16]).unwrap();
    let users = format!("  prometheus: {}\n  alice: {}\n  bob: {}\n", hash(1), hash(2), hash(3));
    format!("http_server_config:\n  headers:\n    X-Frame-Options: {frame_options}\nbasic_auth_users:\n{users}")
}

fn basic(credentials: &str) -> String {
    format!("Authorization: Basic {}\r\n", BASE64_STANDARD.encode(credentials))
}

/// A client that guesses without a pause.
#[derive(Default)]
struct Guesser {
    /// How many guesses were checked.
    checked: AtomicUsize,
    /// When to try again, as it was told last.
    retry_after: Mutex<Option<String>>,
}

impl Guesser {
    async fn guess(self: Arc<Self>, client: [u8; 4], address: SocketAddr) {
        let mut connection = connect_from(client, address).await;
        loop {
            let answer = connection.request("GET", "/metrics", &basic("bob:wrong")).await;
            if answer.status == 401 {
                self.checked.fetch_add(1, Ordering::SeqCst);
            } else {
                assert_eq!(answer.status, 429);
                *self.retry_after.lock().unwrap() = answer.header("retry-after").map(str::to_owned);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// Expects that a request with these credentials is answered while few guesses are checked.
    async fn check_beside(&self, connection: &mut Connection, credentials: &str, few: usize) {
        let before = self.checked.load(Ordering::SeqCst);
        let answer = connection.request("GET", "/metrics", &basic(credentials)).await;
        let checked = self.checked.load(Ordering::SeqCst) - before;
        assert_eq!(answer.status, 200, "{credentials}");
        assert!(checked <= few, "{credentials} has waited for {checked} checks");
    }
}

#[tokio::test]
async fn a_client_that_guesses_delays_no_known_password_even_after_a_reload_and_few_others() {
    let (server, folder) = start().await;
    let mut scraper = server.connect().await;
    assert_eq!(scraper.request("GET", "/metrics", &basic("prometheus:hush")).await.status, 200);
    let guesser = Arc::new(Guesser::default());
    let mut tasks = JoinSet::new();
    for client in GUESSERS {
        for _ in 0..GUESSES {
            tasks.spawn(Arc::clone(&guesser).guess(client, server.address));
        }
    }
    let told = until("a guess to be sent away", async || guesser.retry_after.lock().unwrap().clone()).await;
    assert_eq!(told, "1");
    guesser.check_beside(&mut scraper, "prometheus:hush", GUESSERS.len()).await;

    write(&folder.path().join("web.yml"), &config("sameorigin"));
    let is_reloaded = async || {
        let answer = server.get("/-/healthy").await;
        (answer.header("x-frame-options") == Some("sameorigin")).then_some(())
    };
    until("the reload", is_reloaded).await;
    guesser.check_beside(&mut scraper, "prometheus:hush", GUESSERS.len()).await;

    let mut other = connect_from([127, 0, 0, 2], server.address).await;
    guesser.check_beside(&mut other, "alice:hush", CHECKS).await;
    assert!(tasks.try_join_next().is_none(), "a guess was answered with something else than 401 or 429");
}
