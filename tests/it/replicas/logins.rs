//! Logins that many replicas have: they come, are refreshed and go once, and everywhere.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use super::{Replicas, soon};
use crate::program::until;

/// How long the first access tokens live: less than what an exporter believes at once when Withings' time jumps.
pub(super) const TOKENS_LIVE: Duration = Duration::from_mins(50);

#[tokio::test]
async fn a_login_that_two_replicas_have_made_is_shown_by_all_and_everything_is_read_once() {
    let replicas = Replicas::start(&["Alice", "Bob"]).await;
    replicas.weigh("Alice", 72);
    let [first, second, _] = &replicas.each[..] else { unreachable!() };
    let callback = first.consent("Alice", &first.account("Alice")).await;
    let done = second.get(&callback).await;
    assert_eq!(done.status, 200, "{}", done.body);
    replicas.until_weight("Alice", 72).await;
    replicas.everywhere(async |world| world.until("Alice", |snapshot| snapshot.up() == Some(true)).await).await;
    // By then each of them has heard of Alice, too.
    replicas.connect(&["Bob"]).await;
    let alice = replicas.cloud.account("Alice").unwrap().userid();
    let mut times = BTreeMap::<_, usize>::new();
    for call in replicas.cloud.requests().into_iter().filter(|call| call.user == Some(alice)) {
        *times.entry((call.action, call.params)).or_default() += 1;
    }
    assert!(times.values().all(|times| *times == 1), "{times:#?}");
}

#[tokio::test]
async fn of_8_callbacks_at_different_replicas_one_gets_the_login() {
    let replicas = Replicas::start(&["Alice"]).await;
    let first = &replicas.each[0];
    let callback = first.consent("Alice", &first.account("Alice")).await;
    let worlds = replicas.each.iter().cycle().take(8);
    let answers = join_all(worlds.map(async |world| world.get(&callback).await)).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert!(statuses.contains(&200), "{statuses:?}");
    assert!(statuses.iter().all(|status| *status < 500), "{statuses:?}");
    assert_eq!(replicas.calls("Alice", "requesttoken").len(), 1, "{statuses:?}");
    replicas.everywhere(async |world| world.until("Alice", |snapshot| snapshot.up() == Some(true)).await).await;
}

/// Two of the replicas have clocks that are wrong.
#[tokio::test]
async fn each_login_is_refreshed_once_when_its_token_ends() {
    const PROFILES: [&str; 3] = ["Alice", "Bob", "Carol"];
    let mut replicas = Replicas::asleep(3, &PROFILES).await;
    replicas.set_clocks_wrong();
    replicas.cloud.access_token_lifetime(TOKENS_LIVE.as_secs().cast_signed());
    replicas.wake().await;
    replicas.connect(&PROFILES).await;
    replicas.cloud.access_token_lifetime(3 * 3600);
    PROFILES.iter().zip(60..).for_each(|(profile, kilograms)| replicas.weigh(profile, kilograms));
    replicas.jump(TOKENS_LIVE);
    for (profile, kilograms) in PROFILES.iter().zip(60..) {
        replicas.until_weight(profile, kilograms).await;
        assert_eq!(replicas.rotations(profile), (1, 0), "{profile}");
    }
}

#[tokio::test]
async fn who_is_forgotten_is_gone_from_every_page() {
    let replicas = Replicas::start(&["Alice", "Bob"]).await;
    replicas.weigh("Alice", 72);
    replicas.connect(&["Alice", "Bob"]).await;
    replicas.until_weight("Alice", 72).await;
    let forgotten = replicas.command(&["forget", "Alice"]).await;
    assert!(forgotten.says.contains("The login of Alice was revoked at Withings"), "{forgotten:?}");
    let is_gone = "withings_authorized{profile=\"Alice\"} 0\n";
    replicas
        .everywhere(async |world| {
            until("Alice to be gone", async || world.metrics().await.contains(is_gone).then_some(())).await;
            let page = world.metrics().await;
            assert!(!page.contains("withings_weight_kg{profile=\"Alice\"}"), "{page}");
            assert!(page.contains("withings_up{profile=\"Bob\"} 1"), "{page}");
        })
        .await;
    assert_eq!(replicas.cloud.account("Alice").unwrap().live_tokens().refresh, 0);
    // And she can come back.
    soon(replicas.each[1].connect_in_real_time("Alice")).await;
    replicas.until_weight("Alice", 72).await;
}
