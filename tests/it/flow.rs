//! From the first click to the first metrics.

use withings_exporter::sim::Cloud;

use crate::world::World;

#[tokio::test(crate = "crate::paused")]
async fn two_people_log_in_and_their_measurements_appear() {
    let world = World::start(&["Mum", "Dad"], |clock| Cloud::with_history(7, 1, clock)).await;
    let [alice, bob, ..] = &world.cloud.accounts()[..] else { panic!("the household is larger") };
    for (profile, account) in [("Mum", alice), ("Dad", bob)] {
        assert_eq!(world.sample(&format!("withings_authorized{{profile=\"{profile}\"}}")).await, Some(0.0));
        let done = world.log_in(profile, account).await;
        assert_eq!(done.status, 200, "{}", done.body);
        assert!(done.body.contains(&format!("{profile} is connected")), "{}", done.body);
        world.until_up(profile).await;
        assert_eq!(world.sample(&format!("withings_authorized{{profile=\"{profile}\"}}")).await, Some(1.0));
        assert_eq!(world.sample(&format!("withings_up{{profile=\"{profile}\"}}")).await, Some(1.0));
    }
    let weight = |profile: &str| format!("withings_weight_kg{{profile=\"{profile}\"}}");
    let (mum, dad) = (world.sample(&weight("Mum")).await.unwrap(), world.sample(&weight("Dad")).await.unwrap());
    assert!((40.0..150.0).contains(&mum) && (40.0..150.0).contains(&dad) && (mum - dad).abs() > 1.0, "{mum} {dad}");
}
