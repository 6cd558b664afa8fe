//! How many requests one profile costs.

use std::collections::BTreeMap;
use std::time::Duration;

use withings_exporter::catalogue::{Call, Measurement};
use withings_exporter::config::Selection;
use withings_exporter::sim::Cloud;

use crate::sources::root;
use crate::world::World;

/// What every request of a day is for, of somebody who has every device and a long history.
async fn requests_of_a_day(selection: Selection) -> BTreeMap<String, usize> {
    let mut world = World::asleep(&["Alice"], |clock| Cloud::seeded(7, clock)).await;
    world.config.measurements = selection;
    world.start_exporter().await;
    world.connect("Alice").await;
    let before = world.cloud.requests().len();
    world.pass(Duration::from_hours(24)).await;
    let mut counts = BTreeMap::new();
    for request in world.cloud.requests().split_off(before) {
        *counts.entry(request.action.unwrap()).or_default() += 1;
    }
    counts
}

/// Requests an hour, rounded up.
fn per_hour(requests: &BTreeMap<String, usize>) -> usize {
    requests.values().sum::<usize>().div_ceil(24)
}

#[tokio::test(start_paused = true)]
async fn a_profile_costs_what_the_readme_says() {
    let everything = requests_of_a_day(Selection::all()).await;
    let thirty = requests_of_a_day(Measurement::all().take(30).collect()).await;
    let (everything, thirty) = (per_hour(&everything), per_hour(&thirty));
    assert!(everything <= 60, "{everything}");
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let said =
        format!("{everything} requests an hour for each profile, and {thirty} with the first thirty measurements");
    assert!(readme.split_whitespace().collect::<Vec<_>>().join(" ").contains(&said), "README.md does not say: {said}");
}

#[tokio::test(start_paused = true)]
async fn what_changes_slowly_is_asked_for_slowly_and_what_is_not_needed_never() {
    let everything = requests_of_a_day(Selection::all()).await;
    let of = |call: Call| everything.get(call.name()).copied().unwrap_or_default();
    assert_eq!([Call::Getactivity, Call::Getdevice, Call::Getgoals].map(of), [288, 24, 24], "{everything:?}");
    // A page or some more of everything once a day.
    assert!((96..100).contains(&of(Call::Getworkouts)), "{everything:?}");
    let weight = Measurement::by_key("weight_kg").into_iter().collect();
    let only_weight = requests_of_a_day(weight).await;
    let actions: Vec<_> = only_weight.keys().map(String::as_str).collect();
    assert_eq!(actions, ["getmeas", "requesttoken"], "{only_weight:?}");
}
