//! The program with webhooks: its secret address stays secret, and forgetting a profile forgets what it subscribed.

use std::os::unix::fs::PermissionsExt;
use std::{fs, path::PathBuf};

use url::Url;

use super::HOST;
use crate::installation::{Installation, free_address};

/// A flood may cost so much memory, in bytes, which allocators keep.
const FLOOD_COSTS: u64 = 32 << 20;

#[test]
fn the_secret_address_is_kept_by_its_owner_and_shown_to_nobody() {
    let address = free_address();
    let installation = Installation::new(&["Mum"], &format!("https://{HOST}"));
    installation.cloud.host(HOST, address);
    let exporter = installation.serve(address);
    let mut seen = Vec::new();
    let mut get = |target: &str| {
        let (headers, body) = installation.request(address, "GET", target, "").parts();
        seen.extend(headers.into_iter().map(|(_, value)| value).chain([body.clone()]));
        body
    };
    let begun = installation.request(address, "GET", "/authorize?profile=Mum", "");
    let callback = installation.agree(begun.header("location").unwrap(), "Alice");
    get(&callback);
    installation.until("a subscription", async || !installation.account("Alice").subscriptions().is_empty());
    let (url, _) = installation.account("Alice").subscriptions().pop().unwrap();
    let path = Url::parse(&url).unwrap().path().to_owned();
    let secret = path.strip_prefix("/webhook/").unwrap().to_owned();
    let userid = installation.account("Alice").userid().to_string();
    installation.post(address, &path, &[("userid", &userid), ("appli", "50")]);
    installation.post(address, &path, &[("userid", "1"), ("appli", "1")]);
    installation.post(address, &path, &[("nonsense", "")]);
    installation.until_metrics(address, "one in bed", |page| page.contains("withings_in_bed{profile=\"Mum\"} 1\n"));
    let before = exporter.memory();
    for number in 0..3000 {
        let fields =
            [("userid", "1".repeat(number % 18 + 1)), ("appli", number.to_string()), ("x", "y".repeat(number))];
        installation.post(address, &path, &fields.each_ref().map(|(name, value)| (*name, value.as_str())));
        let mat = format!("mat-{number}");
        installation.post(address, &path, &[("userid", &userid), ("appli", "51"), ("deviceid", &mat)]);
    }
    let after = exporter.memory();
    assert!(after < before + FLOOD_COSTS, "{before} bytes became {after}");
    // From now on the address cannot be reached, which Withings says with the address in its words.
    installation.cloud.host(HOST, ([127, 0, 0, 1], 1).into());
    let failed = "withings_exporter_api_request_failures_total{call=\"notify\",reason=\"other\"} ";
    installation.until_metrics(address, failed, |page| page.contains(failed));
    get("/");
    get("/metrics");
    get("/webhook/");
    assert!(seen.iter().any(|line| line.contains("Withings cannot reach https://health.example/webhook/…")));

    let kept: Vec<PathBuf> = installation.files().into_iter().filter(|path| contains(path, &secret)).collect();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept.iter().all(|path| fs::metadata(path).unwrap().permissions().mode() & 0o777 == 0o600));
    let forgotten = installation.start(&["forget", "Mum"]).end();
    assert_eq!(forgotten.code, Some(0), "{forgotten:?}");
    assert_eq!(installation.account("Alice").subscriptions(), []);
    assert_eq!(installation.files_of("Mum"), [] as [&str; 0]);
    let ended = exporter.terminate();
    assert!(ended.errors.contains("a notification came"), "{}", ended.errors);
    seen.extend([forgotten.output, forgotten.errors, ended.output, ended.errors]);
    assert!(seen.iter().all(|line| !line.contains(&secret)));
}

fn contains(file: &PathBuf, text: &str) -> bool {
    String::from_utf8_lossy(&fs::read(file).unwrap()).contains(text)
}
