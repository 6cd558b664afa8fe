//! The calls that many replicas make together.

use std::time::Duration;

use chrono::TimeDelta;
use withings_exporter::catalogue::Measurement;
use withings_exporter::login::LoginError;
use withings_exporter::sim::{Failure, Fault};
use withings_exporter::withings::calls::{DataCall, Getmeas};
use withings_exporter::withings::request::RowSelection;

use super::{Replicas, soon};
use crate::program::until;
use crate::webhooks::{HOST, move_to};
use crate::world::World;

impl Replicas {
    /// Three exporters with webhooks, of which the second one gets them.
    pub(super) async fn subscribed(profiles: &[&str]) -> Self {
        let mut replicas = Self::asleep(3, profiles).await;
        replicas.subscribe(profiles).await;
        replicas
    }

    /// Starts exporters with webhooks, and logs these people in.
    pub(super) async fn subscribe(&mut self, profiles: &[&str]) {
        for world in &mut self.each {
            world.config.webhooks = true;
            // Nothing is due meanwhile but what notifications tell of.
            world.config.refresh_interval = Duration::from_hours(12);
            // A subscription for each kind of news takes 5 s.
            world.config.measurements = ["weight_kg", "in_bed"].into_iter().filter_map(Measurement::by_key).collect();
            move_to(world, HOST);
        }
        self.wake().await;
        self.cloud.host(HOST, self.each[1].address());
        self.connect(profiles).await;
        self.until_subscribed(profiles, HOST).await;
    }

    /// Waits until Withings tells this host of a weight and of a bed.
    async fn until_subscribed(&self, profiles: &[&str], host: &str) {
        for profile in profiles {
            until("the subscriptions", async || {
                // They follow the first read, some seconds apart.
                self.jump(Duration::from_secs(5));
                let subscriptions = self.cloud.account(profile).unwrap().subscriptions();
                let is_here = |url: &str| url.starts_with(&format!("https://{host}/"));
                let has = |wanted: u32| subscriptions.iter().any(|(url, appli)| is_here(url) && *appli == wanted);
                (has(1) && has(50)).then_some(())
            })
            .await;
        }
    }

    /// How many calls were about what Withings shall tell.
    fn notify_calls(&self) -> usize {
        self.cloud.requests().iter().filter(|call| call.path == "/notify").count()
    }

    /// Starts all exporters again, one after the other.
    async fn roll(&mut self, change: impl Fn(&mut World)) {
        for world in &mut self.each {
            world.stop_exporter().await;
            change(world);
            world.start_exporter().await;
        }
        let base_url = &self.each[1].config.base_url;
        self.cloud.host(base_url.host_str().unwrap(), self.each[1].address());
    }

    /// Weighs a person and waits until Withings has told a replica of it, half a minute after what was asked before.
    pub(super) async fn tell_of_weight(&self, profile: &str, kilograms: u8) {
        let told = || self.cloud.deliveries().iter().filter(|delivery| delivery.http == Some(200)).count();
        let before = told();
        self.weigh(profile, kilograms);
        until("the notification", async || (told() > before).then_some(())).await;
        self.jump(Duration::from_secs(31));
    }
}

#[tokio::test]
async fn a_notification_at_one_replica_is_followed_once_and_shown_by_all() {
    let replicas = Replicas::subscribed(&["Alice", "Bob"]).await;
    let calls = || replicas.calls("Alice", "getmeas").len();
    let (before, of_bob) = (calls(), replicas.calls("Bob", "getmeas").len());
    replicas.tell_of_weight("Alice", 72).await;
    replicas.until_weight("Alice", 72).await;
    assert_eq!(calls(), before + 1);
    replicas.tell_of_weight("Alice", 73).await;
    replicas.until_weight("Alice", 73).await;
    assert_eq!(calls(), before + 2);
    assert_eq!(replicas.calls("Bob", "getmeas").len(), of_bob);
    // What is not asked for is shown, too.
    replicas.cloud.account("Alice").unwrap().got_in_bed();
    replicas.everywhere(async |world| world.until_shown("Alice", "in_bed", 1.0).await).await;
}

#[tokio::test]
async fn replicas_that_start_again_ask_for_no_subscriptions_unless_others_are_wanted() {
    let mut replicas = Replicas::subscribed(&["Alice"]).await;
    until("the last subscription", async || {
        replicas.jump(Duration::from_secs(5));
        let page = replicas.each[0].get("/").await.body;
        page.contains("<dd>subscribed, none yet</dd>").then_some(())
    })
    .await;
    let calls = replicas.notify_calls();
    replicas.roll(|_| {}).await;
    let page = replicas.each[2].get("/").await.body;
    assert!(page.contains("<dd>subscribed, none yet</dd>"), "{page}");
    // What the starts had made due would be asked first.
    replicas.tell_of_weight("Alice", 72).await;
    replicas.until_weight("Alice", 72).await;
    assert_eq!(replicas.notify_calls(), calls);
    replicas.roll(|world| move_to(world, "moved.example")).await;
    replicas.until_subscribed(&["Alice"], "moved.example").await;
}

#[tokio::test]
async fn when_withings_asks_one_replica_to_wait_all_wait() {
    const WAIT: i64 = 5;
    let profiles: Vec<_> = (1..=9).map(|number| format!("Person {number}")).collect();
    let profiles: Vec<_> = profiles.iter().map(String::as_str).collect();
    let replicas = Replicas::start(&profiles).await;
    replicas.connect(&profiles).await;
    let before = replicas.cloud.requests().len();
    replicas.cloud.fault(Fault::new(Failure::TooManyRequests { wait_seconds: Some(WAIT) }).on("getmeas"));
    replicas.weigh(profiles[8], 72);
    replicas.jump(Duration::from_mins(10));
    replicas.until_weight(profiles[8], 72).await;
    let calls = replicas.cloud.requests().split_off(before);
    let asked_to_wait = calls.iter().find(|call| call.status == Some(601)).unwrap().time;
    // What had its turn before is on its way.
    let meanwhile = asked_to_wait + TimeDelta::seconds(1)..asked_to_wait + TimeDelta::seconds(WAIT);
    let early: Vec<_> = calls.iter().filter(|call| meanwhile.contains(&call.time)).collect();
    assert!(early.is_empty(), "{asked_to_wait}: {early:#?}");
    assert_eq!(calls.iter().filter(|call| call.status == Some(601)).count(), 1);
}

/// While Withings wants a pause, a worker waits between two pages of a history.
#[tokio::test]
async fn a_pause_in_the_middle_of_a_first_read_costs_no_page() {
    let mut replicas = Replicas::asleep(2, &["Alice", "Bob"]).await;
    replicas.ask_for_weight_alone();
    replicas.wake().await;
    replicas.cloud.page_size(1);
    (71..=73).for_each(|kilograms| replicas.weigh("Alice", kilograms));
    let user = |profile: &str| replicas.cloud.account(profile).unwrap().userid();
    replicas.cloud.fault(Fault::delay(Duration::from_secs(20)).on("getmeas").of(user("Alice")));
    let pause = Failure::TooManyRequests { wait_seconds: Some(60) };
    replicas.cloud.fault(Fault::new(pause).on("getmeas").of(user("Bob")));
    soon(replicas.log_in("Alice")).await;
    until("the first page", async || (replicas.calls("Alice", "getmeas").len() == 1).then_some(())).await;
    soon(replicas.log_in("Bob")).await;
    until("the pause", async || (replicas.calls("Bob", "getmeas").len() == 1).then_some(())).await;
    let is_kept =
        "select held_until is null or held_until > wx_now() + interval '10 s' from work where profile = 'Alice'";
    while replicas.calls("Alice", "getmeas").len() == 1 {
        replicas.pass(Duration::from_secs(5)).await;
        until("the claim to be kept", async || (replicas.psql(is_kept) == "t").then_some(())).await;
    }
    replicas.until_weight("Alice", 73).await;
    let pages = replicas.calls("Alice", "getmeas");
    assert_eq!(pages.iter().filter(|page| !page.params.contains_key("offset")).count(), 1, "{pages:#?}");
}

/// One of the greedy replicas is started again, and two of them have clocks that are wrong.
#[tokio::test]
async fn many_replicas_have_one_budget() {
    const PER_MINUTE: u32 = 60;
    let profiles: Vec<_> = (1..=12).map(|number| format!("Person {number}")).collect();
    let profiles: Vec<_> = profiles.iter().map(String::as_str).collect();
    let mut replicas = Replicas::asleep(6, &profiles).await;
    replicas.set_clocks_wrong();
    replicas.wake().await;
    replicas.connect(&profiles).await;
    for world in &mut replicas.each {
        world.config.requests_per_minute = PER_MINUTE.try_into().unwrap();
        assert_eq!(world.reload().await.status, 200);
    }
    replicas.jump(Duration::from_mins(10));
    let before = replicas.cloud.requests().len();
    let count = || replicas.cloud.requests().len() - before;
    let began = replicas.clock.now();
    soon(until_calls(&replicas.each[0], before + 5)).await;
    let restarted: &mut World = &mut replicas.each[5];
    restarted.stop_exporter().await;
    restarted.start_exporter().await;
    soon(until_calls(&replicas.each[0], before + 12)).await;
    let passed = replicas.clock.now() - began;
    let allowed = passed.num_milliseconds() * i64::from(PER_MINUTE) / 60_000 + 2;
    assert!(i64::try_from(count()).unwrap() <= allowed, "{} calls within {passed}", count());
}

/// The other calls of the same claim would only wait for the end of the lease, and people whose tokens live with them.
#[tokio::test]
async fn a_refresh_that_was_not_answered_in_time_is_not_waited_for_by_the_other_calls() {
    let mut replicas = Replicas::asleep(1, &["Alice"]).await;
    replicas.each[0].config.refresh_interval = Duration::from_hours(12);
    replicas.wake().await;
    replicas.connect(&["Alice"]).await;
    replicas.cloud.fault(Fault::delay(Duration::from_secs(10)).on("requesttoken"));
    replicas.jump(Duration::from_hours(3));
    let caller = replicas.each[0].caller("Alice");
    for at in 1..4 {
        let request = Getmeas::request(RowSelection::ChangedSince(at));
        let outcome = soon(caller.rows::<Getmeas>(&request)).await.map(drop);
        assert!(matches!(outcome, Err(LoginError::RefreshRests { .. })), "{outcome:?}");
    }
    assert_eq!(replicas.rotations("Alice"), (1, 0));
}

async fn until_calls(world: &World, number: usize) {
    until("the calls", async || (world.cloud.requests().len() >= number).then_some(())).await;
}
