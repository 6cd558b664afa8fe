//! A database that is stopped, hangs, or is out of reach of one replica.

use std::time::Duration;

use tokio::time::timeout;
use url::Url;
use withings_exporter::catalogue::Measurement;
use withings_exporter::sim::{Failure, Fault};

use super::{ALL_IS_DUE_AFTER, Home, Replicas, soon};
use crate::http_client::Answer;
use crate::postgres::{Cuttable, shared};
use crate::program::until;
use crate::webhooks::path;
use crate::world::World;

/// How long a notification may wait for its answer. Withings waits for 2 s, and is not next door.
const ANSWERED_WITHIN: Duration = Duration::from_millis(1500);

/// Posts a notification of a weight to this replica.
async fn notify(world: &World, profile: &str) -> Answer {
    let user = world.account(profile).userid().to_string();
    let posted = async { world.post(&path(world), &[("userid", &user), ("appli", "1")]).await };
    timeout(ANSWERED_WITHIN, posted).await.expect("Withings would not wait so long")
}

/// Waits until each of these replicas says this of its storage.
async fn until_storage_is(replicas: &[World], up: f64) {
    for world in replicas {
        until("the state of storage", async || {
            (world.sample("withings_exporter_storage_up").await == Some(up)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn while_the_database_is_stopped_pages_stay_and_everything_goes_on_after_it() {
    let mut replicas = Replicas::at(Home::own(), 3, &["Alice"]).await;
    replicas.subscribe(&["Alice"]).await;
    replicas.tell_of_weight("Alice", 72).await;
    replicas.until_weight("Alice", 72).await;
    replicas.home.server().stop();
    until_storage_is(&replicas.each, 0.0).await;
    for world in &replicas.each {
        assert_eq!(notify(world, "Alice").await.status, 503);
        assert_eq!(world.request("HEAD", &path(world), "").await.status, 200);
        assert_eq!(world.get("/-/ready").await.status, 200);
        assert_eq!(world.value("Alice", "weight_kg").await, Some(72.0));
        let begun = world.get("/authorize?profile=Alice").await;
        assert_eq!(begun.status, 500);
        assert!(begun.body.contains("The database does not work: PostgreSQL at"), "{}", begun.body);
        assert!(begun.body.contains("has a primary"), "{}", begun.body);
    }
    replicas.weigh("Alice", 73);
    replicas.home.server().start();
    until_storage_is(&replicas.each, 1.0).await;
    // Withings tells it again.
    assert_eq!(notify(&replicas.each[2], "Alice").await.status, 200);
    replicas.jump(Duration::from_mins(10));
    replicas.until_weight("Alice", 73).await;
}

#[tokio::test]
async fn what_could_not_be_read_is_shown_as_soon_as_it_can_be() {
    let mut replicas = Replicas::asleep(3, &["Alice"]).await;
    for world in &mut replicas.each {
        world.config.refresh_interval = Duration::from_hours(12);
        world.config.measurements = Measurement::by_key("weight_kg").into_iter().collect();
    }
    replicas.each[0].start_exporter().await;
    replicas.each[1].start_exporter().await;
    replicas.weigh("Alice", 72);
    soon(replicas.each[0].connect_in_real_time("Alice")).await;
    soon(replicas.each[1].until_shown("Alice", "weight_kg", 72.0)).await;
    let calls = replicas.cloud.requests().len();
    // The feed tells of new readings, which cannot be read.
    replicas.psql("alter table snapshot rename parts to away");
    replicas.psql(
        "update snapshot set away = regexp_replace(away::text, '\\m72\\M', '73', 'g')::json, writer = null, \
         changed = pg_current_xact_id()",
    );
    until_storage_is(&replicas.each[..2], 0.0).await;
    replicas.each[2].start_exporter().await;
    assert_eq!(replicas.each[2].value("Alice", "weight_kg").await, None);
    replicas.psql("alter table snapshot rename away to parts");
    replicas.until_weight("Alice", 73).await;
    assert_eq!(replicas.cloud.requests().len(), calls, "Withings was asked");
}

#[tokio::test]
async fn a_database_that_hangs_delays_neither_notification_nor_reload_nor_end() {
    let mut replicas = Replicas::asleep(2, &["Alice"]).await;
    let way = Cuttable::to(shared().address());
    replicas.lead(1, way.address());
    replicas.subscribe(&["Alice"]).await;
    way.cut();
    assert_eq!(notify(&replicas.each[1], "Alice").await.status, 503);
    let reloaded = timeout(Duration::from_secs(5), replicas.each[1].reload()).await;
    let reloaded = reloaded.expect("the reload takes too long");
    assert_eq!(reloaded.status, 503, "{}", reloaded.body);
    assert!(reloaded.body.contains("is still being read"), "{}", reloaded.body);
    assert_eq!(replicas.each[1].get("/-/ready").await.status, 200);
    timeout(Duration::from_secs(10), replicas.each[1].stop_exporter()).await.expect("the end takes too long");
    // The other one goes on.
    replicas.cloud.host(crate::webhooks::HOST, replicas.each[0].address());
    replicas.weigh("Alice", 74);
    // An interval: Withings may have told the one that has ended, and tells the other one much later.
    replicas.jump(ALL_IS_DUE_AFTER);
    soon(replicas.each[0].until_shown("Alice", "weight_kg", 74.0)).await;
}

#[tokio::test]
async fn a_profile_goes_on_elsewhere_when_its_replica_is_cut_off_while_it_refreshes_the_login() {
    let mut replicas = Replicas::asleep(2, &["Alice"]).await;
    let way = Cuttable::to(shared().address());
    replicas.lead(0, way.address());
    replicas.each[0].start_exporter().await;
    soon(replicas.each[0].connect_in_real_time("Alice")).await;
    replicas.cloud.fault(Fault::delay(Duration::from_secs(2)).on("requesttoken"));
    replicas.weigh("Alice", 72);
    replicas.jump(Duration::from_hours(3));
    until("the refresh", async || (replicas.rotations("Alice") == (1, 0)).then_some(())).await;
    way.cut();
    // The right to refresh the profile has ended then, and that to refresh the login before.
    replicas.jump(Duration::from_secs(45));
    replicas.each[1].start_exporter().await;
    soon(replicas.each[1].until_shown("Alice", "weight_kg", 72.0)).await;
    assert_eq!(replicas.rotations("Alice"), (2, 0));
    way.heal();
    replicas.until_weight("Alice", 72).await;
    // Neither of them has used what the other does not know.
    replicas.weigh("Alice", 73);
    replicas.jump(Duration::from_mins(10));
    replicas.until_weight("Alice", 73).await;
    assert_eq!(replicas.rotations("Alice"), (2, 0));
}

/// Counts what is written of readings, also where nothing is written for the claim has ended.
const COUNT_SAVES: &str = "create table saves (n int); \
     create function count_save() returns trigger language plpgsql as $$ begin insert into saves values (1); return null; end $$; \
     create trigger count_save after insert on snapshot for each statement execute function count_save()";

impl Replicas {
    /// Lets the first one start, log Alice in, ask for her weight alone and show 71 kg.
    async fn begin_alone(&mut self) {
        self.ask_for_weight_alone();
        self.each[0].start_exporter().await;
        soon(self.each[0].connect_in_real_time("Alice")).await;
        self.weigh("Alice", 71);
        self.jump(Duration::from_mins(10));
        soon(self.each[0].until_shown("Alice", "weight_kg", 71.0)).await;
    }
}

#[tokio::test]
async fn an_answer_that_comes_when_another_replica_has_gone_on_is_not_shown() {
    let mut replicas = Replicas::asleep(2, &["Alice"]).await;
    let (way, answers) = (Cuttable::to(shared().address()), Cuttable::to(replicas.each[0].cloud_address()));
    replicas.lead(0, way.address());
    replicas.each[0].config.api_url = Url::parse(&format!("http://{}", answers.address())).unwrap();
    replicas.begin_alone().await;
    replicas.weigh("Alice", 72);
    let asked = || replicas.calls("Alice", "getmeas").len();
    let before = asked();
    replicas.cloud.fault(Fault::delay(Duration::from_secs(2)).on("getmeas"));
    replicas.jump(Duration::from_mins(10));
    until("the call", async || (asked() > before).then_some(())).await;
    way.cut();
    answers.cut();
    replicas.jump(Duration::from_secs(45));
    replicas.weigh("Alice", 73);
    replicas.each[1].start_exporter().await;
    soon(replicas.each[1].until_shown("Alice", "weight_kg", 73.0)).await;
    way.heal();
    soon(replicas.each[0].until_shown("Alice", "weight_kg", 73.0)).await;
    replicas.psql(COUNT_SAVES);
    answers.heal();
    until("the save that is refused", async || (replicas.psql("select count(*) from saves") != "0").then_some(()))
        .await;
    for _ in 0..10 {
        assert_eq!(replicas.each[0].value("Alice", "weight_kg").await, Some(73.0));
    }
}

/// Lets whoever stores readings wait as long as the table says so.
const SLOW_SAVES: &str = "create table slow (); insert into slow default values; \
     create function wait() returns trigger language plpgsql as $$ begin \
       while exists (select from slow) loop perform pg_sleep(0.05); end loop; return new; end $$; \
     create trigger wait before insert or update on snapshot for each row execute function wait()";

#[tokio::test]
async fn a_replica_that_dies_while_it_stores_readings_has_not_said_that_they_are_stored() {
    let mut replicas = Replicas::asleep(2, &["Alice"]).await;
    let way = Cuttable::to(shared().address());
    replicas.lead(0, way.address());
    replicas.begin_alone().await;
    replicas.psql(SLOW_SAVES);
    replicas.weigh("Alice", 72);
    replicas.jump(Duration::from_mins(10));
    let of_saves = "from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
    until("the save", async || (replicas.psql(&format!("select count(*) {of_saves}")) != "0").then_some(())).await;
    way.cut();
    replicas.each[0].crash().await;
    replicas.psql(&format!("select pg_terminate_backend(pid) {of_saves}"));
    replicas.psql("delete from slow");
    replicas.jump(Duration::from_secs(15));
    replicas.each[1].start_exporter().await;
    soon(replicas.each[1].until_shown("Alice", "weight_kg", 72.0)).await;
}

#[tokio::test]
async fn while_it_is_not_known_whose_subscriptions_are_to_end_a_call_that_is_switched_off_stays_so() {
    let mut replicas = Replicas::asleep(1, &["Alice"]).await;
    replicas.begin_alone().await;
    replicas.cloud.fault(Fault::new(Failure::InsufficientScope).on("getmeas").times(u32::MAX));
    replicas.jump(Duration::from_mins(10));
    let asked = || replicas.calls("Alice", "getmeas").len();
    let before = asked();
    until("the refusal", async || (asked() > before).then_some(())).await;
    replicas.psql("alter table callbacks rename to away");
    let before = asked();
    replicas.pass(Duration::from_secs(11)).await;
    assert_eq!(replicas.each[0].reload().await.status, 200);
    until("the call that a reload makes due", async || (asked() > before).then_some(())).await;
    let before = asked();
    // With each look at what others have changed it is asked again whose are to end.
    for (from, to) in [(71, 81), (81, 82), (82, 83)] {
        replicas.pass(Duration::from_secs(11)).await;
        replicas.psql(&format!(
            "update snapshot set parts = regexp_replace(parts::text, '\\m{from}\\M', '{to}', 'g')::json, writer = null, \
             changed = pg_current_xact_id()"
        ));
        soon(replicas.each[0].until_shown("Alice", "weight_kg", to.into())).await;
    }
    assert_eq!(asked(), before);
}

#[tokio::test]
async fn subscriptions_of_a_profile_that_left_end_though_it_was_not_known_whose_are_to_end() {
    let mut replicas = Replicas::asleep(2, &["Alice", "Bob"]).await;
    replicas.subscribe(&["Alice", "Bob"]).await;
    replicas.psql("alter table callbacks rename to away");
    for world in &mut replicas.each {
        world.config.profiles = vec!["Alice".into()];
        assert_eq!(world.reload().await.status, 200);
    }
    replicas.psql("alter table away rename to callbacks");
    until("the end of Bob's subscriptions", async || {
        replicas.jump(Duration::from_secs(5));
        replicas.cloud.account("Bob").unwrap().subscriptions().is_empty().then_some(())
    })
    .await;
}
