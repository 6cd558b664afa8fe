//! What a configuration means, and that nothing shows its secret. The messages are in `tests/config`.

use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret;
use url::Url;

use super::{Config, Measurement, SecretSources, Selection, schema};
use crate::regular_file::ReadAt;

const SECRET: &str = "kqzvwxjyfghb";

/// The same configuration in the ways in which YAML can write it.
const WRITINGS: [&str; 6] = [
    "withings:\n  client_id: id\n  client_secret: kqzvwxjyfghb\n  profiles: [Alice]\n",
    "withings:\n  client_secret: kqzvwxjyfghb\n  client_id: id\n  profiles:\n    - Alice\n",
    "withings:\n  client_id: id\n  profiles:\n    Alice:\n  client_secret: 'kqzvwxjyfghb'\n",
    "withings: {client_id: id, client_secret: kqzvwxjyfghb, profiles: Alice}\n",
    "{\"withings\": {\"client_id\": \"id\",\n  \"client_secret\": \"kqzvwxjyfghb\",\n  \"profiles\": [\"Alice\"]}}\n",
    "withings:\n  client_id: id\n  client_secret: >-\n    kqzvwxjyfghb\n  profiles: Alice\n",
];

fn parse(text: &str) -> Result<Config, String> {
    let sources = SecretSources { folder: Path::new("."), at: ReadAt::Start, env: &|_| None };
    let default = Url::parse("http://localhost:10064").unwrap();
    Config::parse(text, &sources, Some(&default))
        .map_err(|mistake| mistake.in_file(Path::new("withings.yaml"), text, schema::FILE).to_string())
}

#[test]
fn a_former_key_of_a_measurement_is_taken() {
    let with = |key: &str| parse(&format!("{}  measurements: [{key}]\n", WRITINGS[0])).unwrap().measurements;
    assert_eq!(with("activity_elevation_floors"), with("activity_elevation_meters"));
}

#[test]
fn what_is_left_out_has_its_default() {
    let config = parse(WRITINGS[0]).unwrap();
    assert_eq!(config.client_id, "id");
    assert_eq!(config.base_url.as_str(), "http://localhost:10064/");
    assert_eq!(config.redirect_uri(), "http://localhost:10064/callback");
    assert_eq!(config.measurements, Selection::all());
    assert_eq!(config.refresh_interval, Duration::from_mins(5));
    assert_eq!(config.requests_per_minute.get(), 100);
    assert!(!config.webhooks);
    assert_eq!(config.api_url.as_str(), "https://wbsapi.withings.net/");
    assert_eq!(config.account_url.as_str(), "https://account.withings.com/");
}

#[test]
fn every_way_of_writing_means_the_same() {
    for text in WRITINGS {
        let config = parse(text).unwrap();
        assert_eq!(config.client_secret.expose_secret(), SECRET, "{text}");
        assert_eq!(config.profiles.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["Alice"], "{text}");
    }
}

#[test]
fn profiles_keep_the_files_order_and_every_letter() {
    let names = |profiles: &str| {
        let text = format!("withings:\n  client_id: id\n  client_secret: secret\n  profiles: {profiles}\n");
        parse(&text).unwrap().profiles.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names("Zoë"), ["Zoë"]);
    assert_eq!(names("[Zoë, 李雷, 'Bob \"the\" Builder', no, 7]"), ["Zoë", "李雷", "Bob \"the\" Builder", "no", "7"]);
    assert_eq!(names("{Zoë: , Alice: }"), ["Zoë", "Alice"]);
    assert_eq!(names(&"é".repeat(200)), ["é".repeat(200)]);
}

#[test]
fn measurements_are_keys_and_groups_in_the_catalogues_order() {
    let keys = |measurements: &str| {
        let config = parse(&format!("{}  measurements: {measurements}\n", WRITINGS[0])).unwrap();
        config.measurements.iter().map(|measurement| measurement.key).collect::<Vec<_>>()
    };
    assert_eq!(keys("[sleep_state, weight_kg]"), ["weight_kg", "sleep_state"]);
    assert_eq!(keys("{spo2_pct: , hydration: }"), ["spo2_pct", "hydration"]);
    assert_eq!(keys("height_m"), ["height_m"]);
    assert_eq!(keys("heart").len(), 12);
    assert_eq!(keys("[heart, heart_pulse_bpm, weight_kg]").len(), 13);
    assert_eq!(keys("all").len(), Measurement::all().len());
    assert_eq!(keys("").len(), Measurement::all().len());
}

#[test]
fn a_url_loses_the_slash_at_its_end_and_keeps_its_path() {
    let config = parse(&format!("{}  base_url: https://home.example:8123/withings/\n", WRITINGS[0])).unwrap();
    assert_eq!(config.base_url.as_str(), "https://home.example:8123/withings");
    assert_eq!(config.redirect_uri(), "https://home.example:8123/withings/callback");
}

#[test]
fn a_url_has_nothing_that_the_exporter_would_lose() {
    for (url, part) in [
        ("https://me:hush@home.example", "a user name or password"),
        ("https://home.example/?token=hush", "a query (`?…`)"),
        ("https://home.example/#v2", "a fragment (`#…`)"),
    ] {
        let message = parse(&format!("{}  base_url: {url}\n", WRITINGS[0])).unwrap_err();
        assert!(message.starts_with(&format!("`base_url` must not have {part}\n")), "{message}");
    }
}

#[test]
fn debug_output_hides_the_secret() {
    check_hidden(&format!("{:?}", parse(WRITINGS[0]).unwrap()), "Debug");
}

/// The secret with an anchor under keys that may be shown, and its alias where a message would quote the value.
const ALIASES: [&str; 4] = [
    "measurement: &x kqzvwxjyfghb\nwithings:\n  client_id: id\n  client_secret: *x\n  profiles: Alice\n",
    "withings:\n  base_url: &x kqzvwxjyfghb\n  client_id: id\n  client_secret: *x\n  profiles: Alice\n",
    "withings:\n  client_id: id\n  client_secret: &x kqzvwxjyfghb\n  profiles: Alice\n  refresh_interval: *x\n",
    "withings:\n  profiles:\n    - &x kqzvwxjyfghb\n    - *x\n  client_secret: *x\n  *x : 1\n",
];

/// Damages every writing at every place, by a typo or by an early end, and reads what is said about it.
#[test]
fn no_message_shows_the_secret_however_the_file_is_damaged() {
    let typos =
        ["", " ", "\n", "\t", ":", ": ", "-", "- ", "\"", "'", "{", "}", "[", ",", "#", " #", "&", "*", "!", "%"];
    for text in WRITINGS.into_iter().chain(ALIASES) {
        for at in 0..text.len() {
            let (before, after) = text.split_at(at);
            check_damaged(before);
            for typo in typos {
                check_damaged(&format!("{before}{typo}{after}"));
                check_damaged(&format!("{before}{typo}{}", &after[1..]));
            }
        }
    }
}

fn check_damaged(text: &str) {
    if let Err(message) = parse(text) {
        check_hidden(&message, text);
    }
}

/// No five letters of the secret that stand together are shown.
#[track_caller]
fn check_hidden(shown: &str, text: &str) {
    for part in SECRET.as_bytes().windows(5) {
        let part = std::str::from_utf8(part).unwrap();
        assert!(!shown.contains(part), "{text}\nis answered with\n{shown}");
    }
}
