//! A login that lacks a permission: which calls go on, what tells of it, and how the permission comes back.

use std::collections::BTreeMap;
use std::time::Duration;

use withings_exporter::catalogue::Call;
use withings_exporter::reading::Attempt;

use crate::page::Page;
use crate::world::World;

/// Expects that without this permission `off` are made once and no more, and everything else goes on as if nothing were
/// missing; and that a new consent brings them back.
async fn check(scope: &str, off: &[Call]) {
    let mut world = World::with_accounts(&["Alice"]).await;
    let alice = world.account("Alice");
    alice.edit(|person| person.scopes.retain(|granted| granted != scope));
    world.start_exporter().await;
    world.connect("Alice").await;
    world.pass(Duration::from_hours(2)).await;

    let success = |call: &Call| (!off.contains(call)).then_some((*call, 1.0));
    assert_eq!(successes(&world).await, Call::DATA.iter().filter_map(success).collect(), "without {scope}");
    assert_eq!(world.sample("withings_up{profile=\"Alice\"}").await, Some(1.0));
    assert_eq!(world.sample("withings_authorized{profile=\"Alice\"}").await, Some(1.0));
    for call in off {
        let refused = format!("withings_exporter_api_request_failures_total{{call=\"{call}\",reason=\"scope\"}}");
        // The page after a login asks for the devices, too.
        let expected = if *call == Call::Getdevice { 2.0 } else { 1.0 };
        assert_eq!(world.sample(&refused).await, Some(expected), "{call}");
    }
    let page = world.get("/").await.body;
    assert_eq!(page.matches("Missing permission").count(), 1, "{page}");
    assert!(page.contains(&format!("Missing permission:</strong> {scope}")), "{page}");

    alice.edit(|person| person.scopes.push(scope.to_owned()));
    world.connect("Alice").await;
    world.until("Alice", |snapshot| snapshot.calls.values().all(|call| call.latest == Attempt::Worked)).await;
    assert_eq!(successes(&world).await, Call::DATA.map(|call| (call, 1.0)).into(), "with {scope}");
    assert!(!world.get("/").await.body.contains("Missing permission"));
}

/// The calls with a success metric.
async fn successes(world: &World) -> BTreeMap<Call, f64> {
    let page = Page::read(&world.metrics().await).samples;
    let series = |call: Call| format!("withings_exporter_refresh_success{{call=\"{call}\",profile=\"Alice\"}}");
    Call::DATA.into_iter().filter_map(|call| Some((call, *page.get(&series(call))?))).collect()
}

#[tokio::test(crate = "crate::paused")]
async fn without_the_measures_the_rest_goes_on() {
    check("user.metrics", &[Call::Getmeas, Call::HeartList]).await;
}

#[tokio::test(crate = "crate::paused")]
async fn without_activity_and_sleep_the_rest_goes_on() {
    let of_activity =
        [Call::Getsummary, Call::SleepGet, Call::Getactivity, Call::Getintradayactivity, Call::Getworkouts];
    check("user.activity", &of_activity).await;
}

/// Goals come with the permission for measures, too.
#[tokio::test(crate = "crate::paused")]
async fn without_the_devices_the_rest_goes_on() {
    check("user.info", &[Call::Getdevice]).await;
}
