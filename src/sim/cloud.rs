//! The handle to a cloud, which tests, `demo` and the HTTP skin hold.

use std::array;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use crate::clock::Clock;
use crate::zone::Zone;

use super::app::App;
use super::call::Call;
use super::fault::Fault;
use super::journal::Request;
use super::limit::Limits;
use super::login::Rotation;
use super::model::Model;
use super::notify::{Callbacks, Delivery};
use super::people;
use super::replay::{ReplayError, recorded};
use super::reply::Reply;
use super::user::User;

/// How long people have measured where nothing else is said.
const YEARS: u16 = 3;

/// A simulated Withings cloud. Clones are handles to the same cloud.
#[derive(Clone)]
pub struct Cloud(Arc<Mutex<Model>>);

impl Cloud {
    /// A cloud without people.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self::of(0, clock, Vec::new())
    }

    /// A cloud with the three [`people`] and three years of their history. They live in Paris, New York and Tokyo. The same
    /// seed and the same time give the same answers, byte for byte; as the clock moves, further rows appear.
    #[must_use]
    pub fn seeded(seed: u64, clock: Clock) -> Self {
        Self::with_history(seed, YEARS, clock)
    }

    /// The same with everybody living in one zone.
    #[must_use]
    pub fn seeded_in(zone: &Zone, seed: u64, clock: Clock) -> Self {
        Self::household(seed, YEARS, array::from_fn(|_| zone.clone()), clock)
    }

    /// The cloud of [`Self::seeded`] with so many years of their history.
    #[must_use]
    pub fn with_history(seed: u64, years: u16, clock: Clock) -> Self {
        Self::household(seed, years, ["Europe/Paris", "America/New_York", "Asia/Tokyo"].map(Zone::known), clock)
    }

    fn household(seed: u64, years: u16, zones: [Zone; 3], clock: Clock) -> Self {
        let users = people::household(seed, years, zones, clock.unix());
        Self::of(seed, clock, users)
    }

    /// A cloud with one person, `replay`, whose answers were captured: files of `dir` named after the call
    /// (`getmeas.json`, `getactivity.json`, `getintradayactivity.json`, `getworkouts.json`, `getsummary.json`,
    /// `sleep_get.json`, `getdevice.json`, `getgoals.json`, `heart_list.json`), with or without the envelope, `getmeas` also as a bare list of groups. A missing file answers
    /// an empty result.
    pub fn replay(dir: &Path, clock: Clock) -> Result<Self, ReplayError> {
        Ok(Self::of(0, clock, vec![recorded(dir)?]))
    }

    /// Registers an application, or changes its secret and URLs.
    pub fn register(&self, app: App) {
        let mut model = self.model();
        model.apps.retain(|known| known.client_id != app.client_id);
        model.apps.push(app);
    }

    /// Sets how often an application may call.
    pub fn limits(&self, limits: Limits) {
        self.model().limiter.limits = limits;
    }

    /// Sets how many rows a page of every call has, at least one. Default: what each call is known for.
    pub fn page_size(&self, rows: usize) {
        self.model().page_size = Some(rows.max(1));
    }

    /// Sets what happens to a used refresh token.
    pub fn rotation(&self, rotation: Rotation) {
        self.model().logins.rotation = rotation;
    }

    /// Sets what codes and tokens are made of. Default: the seed, so that they repeat.
    pub fn token_key(&self, key: String) {
        self.model().logins.key = key;
    }

    /// Sets how long the access tokens live that are given from now on, in seconds. Default 3 hours.
    pub fn access_token_lifetime(&self, seconds: i64) {
        self.model().logins.access_seconds = seconds;
    }

    /// Sets what the answers say about that from now on, in seconds. Default: the truth.
    pub fn announced_lifetime(&self, seconds: i64) {
        self.model().logins.announced_seconds = Some(seconds);
    }

    /// Sets whether the answer to a refresh token names the user. Default: it does.
    pub fn names_user_in_refreshes(&self, names: bool) {
        self.model().logins.names_user = names;
    }

    /// Adds a fault; of several that fit a call the oldest strikes first.
    pub fn fault(&self, fault: Fault) {
        self.model().faults.0.push(fault);
    }

    /// Removes every fault that has not struck.
    pub fn heal(&self) {
        self.model().faults.0.clear();
    }

    /// Sets which callback URLs are accepted.
    pub fn callbacks(&self, callbacks: Callbacks) {
        self.model().notifications.callbacks = callbacks;
    }

    /// Lets the host `name` of callback URLs lead to `address`, as the domain name system and a proxy that ends TLS do.
    /// Other public names lead nowhere.
    pub fn host(&self, name: &str, address: SocketAddr) {
        self.model().notifications.hosts.insert(name.to_owned(), address);
    }

    /// The latest 10 000 tries to deliver notifications, oldest first.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.model().notifications.delivered()
    }

    /// Every code, access token and refresh token that was ever given out: what no log and no page may contain.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.model().logins.given().collect()
    }

    /// The latest 10 000 requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.model().journal.all()
    }

    /// Every request from now on, as it arrives: before its answer, if that is delayed.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Request> {
        self.model().journal.listen()
    }

    /// The cloud's clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.model().clock.clone()
    }

    /// Answers a call.
    pub(super) fn answer(&self, call: &Call) -> Reply {
        self.model().answer(call)
    }

    /// The model, locked. A panic elsewhere does not make it wrong: every change is complete before the lock is
    /// released.
    pub(super) fn model(&self) -> MutexGuard<'_, Model> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(seed: u64, clock: Clock, users: Vec<User>) -> Self {
        Self(Arc::new(Mutex::new(Model::new(seed, clock, users))))
    }
}
