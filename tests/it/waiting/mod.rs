//! What needs neither a turn nor Withings waits for neither: an end, a reload, a profile that is forgotten and a mat's
//! event come at once, whatever a pause, the budget, the network or a disk does meanwhile. And what must wait is made
//! when it may be.

mod authorized;
mod bed;
mod beside;
mod disk;
mod forget;
mod lag;
mod landing;
mod one_person;
mod repeats;
mod share;
mod stop;
mod suspended;
mod twins;
mod upgrade;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use withings_exporter::sim::{Failure, Fault, Measure, MeasureGroup};

use crate::config::write;
use crate::rotation::heard;
use crate::world::World;

/// How long from one look at a condition to the next.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long a condition is waited for.
const PATIENCE: Duration = Duration::from_mins(40);

/// What keeps the exporter waiting.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// Withings has asked the application to make no call for 150 s, and a token is to be refreshed.
    Pause,
    /// The refresh of a token gets no answer.
    Hang,
}

/// Alice, who weighs 72 kg, and Bob; tokens are refreshed before each interval's calls.
async fn short_lived() -> World {
    let mut world = World::with_accounts(&["Alice", "Bob"]).await;
    world.cloud.access_token_lifetime(60);
    weigh(&world, "Alice", 72);
    world.start_exporter().await;
    world.connect("Alice").await;
    world.connect("Bob").await;
    world
}

/// Waits until this keeps the exporter waiting.
async fn befall(world: &World, trouble: Trouble) {
    match trouble {
        Trouble::Pause => until_paused(world, 150, "Alice").await,
        Trouble::Hang => {
            world.cloud.fault(Fault::delay(Duration::from_hours(1)).on("requesttoken").times(u32::MAX));
            until_asked(world, "requesttoken", "Alice").await;
        }
    }
    world.pass(Duration::from_secs(1)).await;
}

/// Waits until a call about this person was answered by a wish that the application make no call for so many seconds.
async fn until_paused(world: &World, seconds: i64, name: &str) {
    let pause = Failure::TooManyRequests { wait_seconds: Some(seconds) };
    world.cloud.fault(Fault::new(pause).on("getmeas").of(world.account(name).userid()));
    until_asked(world, "getmeas", name).await;
    assert_eq!(world.calls("getmeas").last().unwrap().status, Some(601));
}

/// Waits until a call with this action is made for this person.
async fn until_asked(world: &World, action: &str, name: &str) {
    let (user, mut calls) = (world.account(name).userid(), world.cloud.listen());
    let is_asked = async { while heard(&mut calls, action).await.user != Some(user) {} };
    tokio::time::timeout(PATIENCE, is_asked).await.unwrap();
}

/// Waits until something is so, and gives how many seconds of the world's time that took.
async fn until(world: &World, what: &str, mut is_so: impl AsyncFnMut() -> bool) -> f64 {
    let began = tokio::time::Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "in vain: {what}");
        world.pass(LOOK_EVERY).await;
    }
    began.elapsed().as_secs_f64()
}

/// Expects that something is so within so many seconds.
async fn check_within(world: &World, seconds: f64, what: &str, is_so: impl AsyncFnMut() -> bool) {
    let took = until(world, what, is_so).await;
    assert!(took <= seconds, "{what} after {took} s, which are more than {seconds}");
}

async fn is_authorized(world: &World, profile: &str) -> bool {
    world.sample(&format!("withings_authorized{{profile=\"{profile}\"}}")).await == Some(1.0)
}

fn weigh(world: &World, name: &str, kilograms: i64) {
    let weight = Measure::new(1, kilograms, 0);
    world.account(name).add(MeasureGroup::new(world.clock.unix(), [weight]));
}

/// Deletes what is stored of `profile`, as another process does that forgets it.
fn delete_stored(world: &World, profile: &str) {
    until_its_time_shows(&world.disk.path().join("logins"));
    let prefix = format!("{}-", profile.to_lowercase());
    let folders = ["logins", "readings", "callbacks"].map(|folder| fs::read_dir(world.disk.path().join(folder)));
    for path in folders.into_iter().flatten().flatten().map(|entry| entry.unwrap().path()) {
        if path.file_name().unwrap().to_string_lossy().starts_with(&prefix) {
            fs::remove_file(path).unwrap();
        }
    }
}

/// The stored file of `profile` in this folder.
fn stored_file(world: &World, folder: &str, profile: &str) -> PathBuf {
    let prefix = format!("{}-", profile.to_lowercase());
    let files = fs::read_dir(world.disk.path().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.find(|path| path.file_name().unwrap().to_string_lossy().starts_with(&prefix)).unwrap()
}

/// Replaces a stored file by a changed one, as another process does.
fn rewrite(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut stored: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut stored["content"]);
    until_its_time_shows(path.parent().unwrap());
    let new = path.with_extension("json.new");
    write(&new, &stored.to_string());
    fs::rename(new, path).unwrap();
}

/// Waits until the time of a change of this folder tells it from the one before: the clock of a disk ticks some hundred
/// times a second, and a paused one lets minutes pass meanwhile.
fn until_its_time_shows(folder: &Path) {
    let changed_at = fs::metadata(folder).unwrap().modified().unwrap();
    while tempfile::tempfile().unwrap().metadata().unwrap().modified().unwrap() <= changed_at {}
}
