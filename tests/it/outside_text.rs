//! Text and numbers that others choose: names of devices, types of measures, a pasted address, the name of a person. None of
//! it steers a terminal, turns what stands beside it, or makes a page that nobody can read.

use std::sync::Arc;
use std::time::Duration;

use withings_exporter::sim::{Device, Measure, MeasureGroup, Workout};

use crate::config::{exporter, write};
use crate::installation::Installation;
use crate::program::fed;
use crate::world::World;

/// What would steer a terminal, break a line, or turn the direction of writing.
const STEERING: [char; 7] = ['\u{1b}', '\u{9b}', '\r', '\u{2028}', '\u{202e}', '\u{2066}', '\u{200f}'];

#[track_caller]
fn check_calm(text: &str) {
    let steering = text.chars().find(|character| STEERING.contains(character));
    assert_eq!(steering, None, "{text:?}");
}

/// A device whose model is as long and as evil as an answer can be.
fn evil_device() -> Device {
    let model = format!("Body\u{1b}[2J\u{9b}31m\r\u{202e}{}", "+".repeat(3_000_000));
    Device::new("Scale\u{1b}[1m", &model, 13, "c0ffee\u{2028}")
}

#[tokio::test(crate = "crate::paused")]
async fn the_model_of_a_device_is_cleaned_and_cut_before_it_is_shown() {
    let mut world = World::with_accounts(&["Alice"]).await;
    world.account("Alice").edit(|person| person.devices.push(evil_device().into()));
    world.start_exporter().await;
    let connected = world.log_in("Alice", &world.account("Alice")).await.body;
    assert!(connected.contains("Body\u{fffd}[2J"), "{connected}");
    world.until_up("Alice").await;
    let page = world.metrics().await;
    assert!(page.contains("model=\"Body\u{fffd}[2J\u{fffd}31m\u{fffd}\u{fffd}+++"));
    for text in [connected, page] {
        check_calm(&text);
        assert!(text.len() < 500_000, "{} bytes", text.len());
    }
}

#[test]
fn the_model_of_a_device_does_not_steer_a_terminal() {
    let installation = Installation::new(&["Mum"], "http://nas.local:10064");
    installation.account("Alice").edit(|person| person.devices.push(evil_device().into()));
    let mut program = installation.start(&["authorize", "Mum"]);
    let consent = program.line(|line| line.contains("authorize2?")).trim().to_owned();
    program.type_line(&installation.agree(&consent, "Alice"));
    let ended = program.end();
    let devices = ended.output.lines().find(|line| line.starts_with("Devices: ")).unwrap();
    assert!(devices.contains("Body\u{fffd}[2J") && devices.len() < 1000, "{} bytes", devices.len());
    check_calm(&ended.output);
}

#[test]
fn the_error_in_a_pasted_address_does_not_steer_a_terminal() {
    let installation = Installation::new(&["Mum"], "http://nas.local:10064");
    let mut program = installation.start(&["authorize", "Mum"]);
    program.line(|line| line.contains("paste its address"));
    program.type_line(&format!("http://nas.local/callback?error=%1b%5B2J%E2%80%AEno{}", "+".repeat(100_000)));
    let ended = program.end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.errors.contains("asking for permission: \u{fffd}[2J\u{fffd}no"), "{}", ended.errors);
    assert!(ended.errors.len() < 1000, "{} bytes", ended.errors.len());
    check_calm(&ended.errors);
}

/// Anybody can link to this page.
#[tokio::test(crate = "crate::paused")]
async fn the_name_in_a_link_does_not_make_the_page() {
    let world = World::connected(&["Alice"]).await;
    let page = world.get(&format!("/authorize?profile=%E2%80%AE{}", "x".repeat(8000))).await;
    assert_eq!(page.status, 404);
    check_calm(&page.body);
    assert!(page.body.len() < 2000, "{}", page.body);
}

#[tokio::test(crate = "crate::paused")]
async fn of_many_unlisted_series_200_are_shown_and_the_rest_is_counted() {
    const MANY: u32 = 500;
    let mut world = World::with_accounts(&["Alice"]).await;
    let (alice, at) = (world.account("Alice"), world.clock.unix() - 60);
    let types = |from: u32| (from..from + MANY).map(|meastype| Measure::new(meastype, 1, 0));
    let places = (1000..1000 + MANY).map(|place| Measure::new(174, 10, 0).at(place));
    alice.add(MeasureGroup::new(at, types(10_000).chain(places).chain([Measure::new(1, 72, 0)])));
    let scale = |number: u32| Device::new("Scale", "Body+", 5, &format!("{number:040x}"));
    alice.edit(|person| person.devices.extend((0..MANY).map(|number| Arc::new(scale(number)))));
    for category in 1000..1000 + MANY {
        alice.add(Workout::new(category, at - 600, at - 300));
    }
    world.start_exporter().await;
    world.connect("Alice").await;
    world.pass(Duration::from_mins(1)).await;
    check_series(&world).await;
    let left_out = world.sample("withings_exporter_unknown_values_total{kind=\"unlisted\"}").await;
    assert_eq!(left_out, Some(f64::from(2 * MANY - 200 + 2 * (MANY - 200))));
    // The same after an answer that has nothing but changes.
    alice.add(MeasureGroup::new(world.clock.unix(), types(30_000)));
    world.pass(Duration::from_mins(10)).await;
    check_series(&world).await;
}

/// Expects 200 unlisted series of each kind, and the listed value.
async fn check_series(world: &World) {
    let page = world.metrics().await;
    let count = |family: &str| page.lines().filter(|line| line.starts_with(&format!("withings_{family}{{"))).count();
    // The places of a listed measure are as good as a type that is not listed.
    assert_eq!(count("unlisted_measure") + count("fat_mass_segment_kg"), 200);
    assert_eq!((count("device_info"), count("workout_end_timestamp_seconds")), (200, 200));
    assert_eq!(world.value("Alice", "weight_kg").await, Some(72.0));
}

#[tokio::test(crate = "crate::paused")]
async fn a_name_that_turns_the_direction_of_writing_is_a_label_and_never_turns_it_on_a_page() {
    const NAME: &str = "Eve\u{202e}\u{2066}\u{200f}ecilA";
    let mut world = World::with_accounts(&[NAME]).await;
    world.start_exporter().await;
    let page = world.get("/").await.body;
    check_calm(&page);
    assert!(page.contains(r"Eve\u{202e}\u{2066}\u{200f}ecilA"), "{page}");
    let connected = world.log_in(NAME, &world.account(NAME)).await;
    assert_eq!(connected.status, 200);
    check_calm(&connected.body);
    world.until_up(NAME).await;
    assert!(world.metrics().await.contains(&format!("withings_authorized{{profile=\"{NAME}\"}} 1")), "the label stays");
}

#[test]
fn a_name_that_turns_the_direction_of_writing_does_not_do_so_in_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let config = |name: &str| format!("withings: {{client_id: a, client_secret: b, profiles: [{name}]}}\n");
    write(&folder.path().join("withings.yaml"), &config("\"Eve\\u202eecilA\""));
    let checked = String::from_utf8(fed(exporter(folder.path()).arg("check-config"), b"").stdout).unwrap();
    assert!(checked.contains(r"Eve\u{202e}ecilA"), "{checked}");
    check_calm(&checked);
    write(&folder.path().join("withings.yaml"), &config("\u{202e}Eve, \u{202e}Eve"));
    let refused = String::from_utf8(fed(exporter(folder.path()).arg("check-config"), b"").stderr).unwrap();
    assert!(refused.contains("stands twice"), "{refused}");
    check_calm(&refused);
    let unknown = fed(exporter(folder.path()).args(["forget", "\u{1b}[2J\u{202e}"]), b"").stderr;
    check_calm(&String::from_utf8(unknown).unwrap());
}
