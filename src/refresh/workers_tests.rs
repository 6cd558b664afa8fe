//! A mistake of ours in one refresh, as the page and the next profile see it.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::DateTime;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use url::Url;

use super::*;
use crate::catalogue::Call;
use crate::clock::{Clock, ServerClock};
use crate::config::Selection;
use crate::http::Http;
use crate::login::{self, Logins, Remote};
use crate::reading::{Attempt, ProfileSnapshot, Sleep, Snapshot};
use crate::refresh::{RefreshServices, Settings};
use crate::storage::{CallPlan, NewConsent, NewLogin, Plan, Purpose, Replan, Storage, Surroundings};
use crate::telemetry::{Build, Telemetry};
use crate::webhooks::Subscriptions;
use crate::withings::client::Client;
use crate::withings::oauth::{Application, OAuth};

/// A slow machine has this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A Withings that nobody asks.
fn remote(storage: &Storage, telemetry: &Telemetry, clock: &Clock) -> Remote {
    let url: Url = "http://127.0.0.1:9".parse().unwrap();
    let http = Http::reaching(&[&url]).unwrap();
    let client = Client::new(http, url.clone(), storage.clone(), telemetry.clone(), ServerClock::new(clock.clone()));
    let application = Application {
        client_id: "id".to_owned(),
        client_secret: "secret".into(),
        account_url: url.clone(),
        api_url: url,
        redirect_uri: "http://localhost:10064/callback".to_owned(),
        webhooks: false,
    };
    Remote { oauth: OAuth::new(&application, client.clone()), client }
}

/// A refresher of these profiles, and the receiver of what it shows.
fn refresher(
    storage: &Storage,
    telemetry: &Telemetry,
    clock: &Clock,
    profiles: &[Arc<str>],
) -> (Refresher, watch::Receiver<Snapshot>) {
    let empty = |profile: &Arc<str>| ProfileSnapshot::empty(Arc::clone(profile), Sleep::NotSelected);
    let (snapshots, shown) = watch::channel(profiles.iter().map(empty).collect());
    let settings = Settings { selection: Selection::all(), interval: Duration::from_mins(5), webhooks: false };
    let services = login::LoginServices {
        storage: storage.clone(),
        remote: watch::channel(remote(storage, telemetry, clock)).1,
        clock: clock.clone(),
        telemetry: telemetry.clone(),
    };
    let logins = Logins::new(profiles, services);
    let services = RefreshServices {
        subscriptions: Subscriptions::new(logins.clone(), watch::channel(None).1),
        logins,
        snapshots,
        telemetry: telemetry.clone(),
        clock: clock.clone(),
        settings: watch::channel(settings).1,
    };
    (Refresher::new(services), shown)
}

/// A login that works.
fn login(profile: &Arc<str>) -> NewConsent {
    let new = NewLogin {
        user_id: "42".to_owned(),
        access_token: "access".into(),
        expires_at: 10_800,
        refresh_token: "refresh".into(),
        scopes: Vec::new(),
    };
    NewConsent { profile: Arc::clone(profile), new, demo: false }
}

#[tokio::test]
async fn a_panic_ends_its_claim_as_failed_and_the_next_profile_is_refreshed() {
    let root = tempfile::tempdir().unwrap();
    let clock = Clock::frozen(DateTime::from_timestamp(1000, 0).unwrap());
    let telemetry = Telemetry::new(Build::default());
    let surroundings = Surroundings { clock: clock.clone(), telemetry: telemetry.clone(), runtime_directory: None };
    let storage = Storage::open(root.path(), Purpose::Serve, surroundings).unwrap();
    let profiles = ["Alice", "Bob"].map(Arc::<str>::from);
    let [alice, bob] = &profiles;
    storage.connect(login(alice), &profiles, false).await.unwrap();
    let (refresher, mut shown) = refresher(&storage, &telemetry, &clock, &profiles);
    let now = Instant::now();
    // Nobody ever plans to refresh a token: whoever does so has made a mistake. It is the longest overdue, and comes first.
    let mistaken = (Call::Requesttoken, CallPlan::at(now.checked_sub(Duration::from_secs(1)).unwrap()));
    let plan = |profile: &str, _: Option<&Plan>| {
        let mistaken = Some(mistaken.clone()).filter(|_| profile == &**alice);
        let calls = mistaken.into_iter().chain([(Call::Getmeas, CallPlan::at(now))]).collect();
        Replan { plan: Plan { calls, ..Plan::default() }, ends_claim: true, is_new_login: false }
    };
    storage.plan_all(&profiles.iter().cloned().collect::<BTreeSet<_>>(), plan).await;
    let working = tokio::spawn(async move { refresher.run().await });
    let failed =
        |all: &Snapshot| all.get("Alice").is_some_and(|alice| alice.login.is_some() && alice.up() == Some(false));
    let shown = timeout(PATIENCE, shown.wait_for(failed)).await.expect("Alice has failed").unwrap().clone();
    let attempt = &shown.get("Alice").unwrap().calls[&Call::Getmeas].latest;
    assert!(matches!(attempt, Attempt::Failed(why) if why.contains("a mistake in this program")), "{attempt:?}");
    // Bob has no login, which is found when he is refreshed.
    let is_refreshed = || storage.plan(bob).is_some_and(|plan| plan.calls[&Call::Getmeas].failures == 1);
    let until_bob = async {
        while !is_refreshed() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, until_bob).await.expect("Bob was refreshed");
    working.abort();
}
