//! Many notifications at once, most of which tell the same: few calls follow, and nothing is lost.

use std::ops::Range;
use std::time::Duration;

use futures_util::future::join_all;

use super::Replicas;
use crate::program::until;
use crate::webhooks::path;

/// How often each replica is told the same.
const TIMES: usize = 8;

const PEOPLE: [&str; 8] = ["Alice", "Bob", "Carol", "Dave", "Erin", "Frank", "Grace", "Heidi"];

/// Longer than replicas leave a person alone after a refresh, whatever Withings tells.
const LATER: Duration = Duration::from_secs(31);

/// Lets every replica take everybody's plan again, whose times are the database's: so short a jump is noticed by nothing else.
const TAKE_PLANS: &str = "update work set writer = null, changed = pg_current_xact_id()";

/// How many people are being refreshed.
const HELD: &str = "select count(*) from work where held_until > wx_now()";

impl Replicas {
    /// Weighs everybody, and tells each of these replicas of each person as often; gives how many notifications that were.
    async fn flood(&self, kilograms: u8, replicas: Range<usize>) -> usize {
        for person in PEOPLE {
            self.weigh(person, kilograms);
        }
        let path = path(&self.each[0]);
        let worlds = || self.each[replicas.clone()].iter();
        let told = PEOPLE.iter().flat_map(|person| worlds().map(move |world| (person, world)));
        let told = join_all(told.map(async |(person, world)| {
            let user = world.account(person).userid().to_string();
            for _ in 0..TIMES {
                assert_eq!(world.post(&path, &[("userid", &user), ("appli", "1")]).await.status, 200);
            }
        }));
        told.await.len() * TIMES
    }

    /// Lets so much time pass that everybody may be asked about again. Who is being refreshed would rest from the end of that.
    async fn rest(&self) {
        until("the end of every claim", async || (self.psql(HELD) == "0").then_some(())).await;
        self.jump(LATER);
        self.psql(TAKE_PLANS);
    }

    fn fetches(&self) -> usize {
        PEOPLE.iter().map(|person| self.calls(person, "getmeas").len()).sum()
    }

    async fn until_all_weigh(&self, kilograms: u8) {
        for person in PEOPLE {
            self.until_weight(person, kilograms).await;
        }
    }
}

async fn check(mut replicas: Replicas) {
    replicas.subscribe(&PEOPLE).await;
    replicas.rest().await;
    let before = replicas.fetches();
    let mut told = replicas.flood(70, 0..3).await;
    replicas.rest().await;
    replicas.until_all_weigh(70).await;
    told += replicas.flood(71, 0..3).await;
    let fetches = replicas.fetches();
    replicas.rest().await;
    // The next one comes while they are at it.
    until("a call", async || (replicas.fetches() > fetches).then_some(())).await;
    told += replicas.flood(72, 0..3).await;
    // Who is only asked about after the next jump would rest from then.
    until("everybody's call", async || (replicas.fetches() >= fetches + PEOPLE.len()).then_some(())).await;
    replicas.rest().await;
    replicas.until_all_weigh(72).await;
    // Now the only one that was told is away before anything is due.
    told += replicas.flood(73, 0..1).await;
    replicas.each[0].stop_exporter().await;
    replicas.rest().await;
    let stopped = replicas.each.remove(0);
    replicas.until_all_weigh(73).await;
    replicas.each.insert(0, stopped);
    replicas.each[0].start_exporter().await;
    replicas.until_all_weigh(73).await;
    let fetches = replicas.fetches() - before;
    assert!(fetches <= told / 3, "{fetches} calls after {told} notifications");
    // One that comes during a call is followed by another one.
    assert!(fetches <= 5 * PEOPLE.len(), "{fetches} calls after {told} notifications");
}

#[tokio::test]
async fn a_flood_of_notifications_leads_to_few_calls_and_loses_nothing() {
    check(Replicas::asleep(3, &PEOPLE).await).await;
}

#[tokio::test]
async fn a_flood_is_followed_by_replicas_whose_clocks_are_wrong() {
    let replicas = Replicas::asleep(3, &PEOPLE).await;
    replicas.set_clocks_wrong();
    check(replicas).await;
}
