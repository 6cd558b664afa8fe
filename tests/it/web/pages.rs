//! The landing page.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use withings_exporter::catalogue::{Call, Measurement};
use withings_exporter::reading::{Attempt, CallStatus, Labels, LoginStatus, ProfileSnapshot, Reading, Sleep};
use withings_exporter::web::Security;

use super::{NOW, Setup};
use crate::config::write;

async fn landing(profiles: impl IntoIterator<Item = ProfileSnapshot>) -> String {
    let snapshot = profiles.into_iter().collect();
    let answer = Setup { snapshot, ..Setup::default() }.start().await.get("/").await;
    assert_eq!(answer.status, 200);
    answer.body
}

fn unconnected(name: &str) -> ProfileSnapshot {
    ProfileSnapshot::empty(name.into(), Sleep::NotSelected)
}

fn connected() -> ProfileSnapshot {
    let weight = Reading {
        measurement: Measurement::by_key("weight_kg").unwrap(),
        labels: Labels::default(),
        until: None,
        value: 72.345,
        measured_at: NOW - 3600,
    };
    ProfileSnapshot {
        login: Some(LoginStatus { connected_at: NOW - 86_400, accepted: true, token_expires_at: NOW, demo: false }),
        readings: [weight].into(),
        calls: [(Call::Getgoals, CallStatus { last_success: Some(NOW - 60), ..CallStatus::default() })].into(),
        ..unconnected("Alice")
    }
}

fn with_attempts(attempts: &[Attempt]) -> ProfileSnapshot {
    let status = |latest: &Attempt| CallStatus { latest: latest.clone(), ..CallStatus::default() };
    ProfileSnapshot { calls: Call::DATA.into_iter().zip(attempts.iter().map(status)).collect(), ..connected() }
}

fn check(page: &str, says: &[&str], hides: &[&str]) {
    for text in says {
        assert!(page.contains(text), "{text} is missing in\n{page}");
    }
    for text in hides {
        assert!(!page.contains(text), "{text} should not be in\n{page}");
    }
}

#[tokio::test]
async fn a_new_profile_can_be_connected() {
    let page = landing([unconnected("Alice")]).await;
    let links = [r#"href="authorize?profile=Alice""#, r#"href="authorize?profile=Alice&amp;mode=demo""#];
    check(&page, &links, &["Reconnect", "Last success", "private window", "What now?"]);
    check(&page, &["Not connected", "It is 2026-11-22 17:05 UTC."], &["This is the demo"]);
}

/// So many profiles, of which the first is connected.
fn many(number: usize) -> Vec<ProfileSnapshot> {
    let others = (1..number).map(|number| unconnected(&format!("Patient {number}")));
    [connected()].into_iter().chain(others).collect()
}

#[tokio::test]
async fn the_names_of_many_are_shown_only_where_a_password_is_needed() {
    check(&landing(many(20)).await, &["Alice", "Patient 19", "authorize?profile=Patient"], &["basic_auth_users"]);
    let page = landing(many(21)).await;
    let numbers = "21 profiles: 1 connected, 0 with a refused login, 20 not connected. Calls of 0 of them fail.";
    check(&page, &[numbers, "basic_auth_users", "--web.config.file"], &["Alice", "Patient", "authorize?profile"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("web.yml");
    let hash = bcrypt::hash_with_salt("hush", 4, [1; 16]).unwrap();
    write(&file, &format!("basic_auth_users:\n  nurse: {hash}\n"));
    let snapshot = many(21).into_iter().collect();
    let security = Security::load(&file).unwrap();
    let server = Setup { snapshot, security, ..Setup::default() }.start().await;
    let password = format!("Authorization: Basic {}\r\n", BASE64_STANDARD.encode("nurse:hush"));
    let answer = server.connect().await.request("GET", "/", &password).await;
    check(&answer.body, &["Alice", "Patient 20"], &["basic_auth_users"]);
    assert_eq!(server.get("/").await.status, 401);
}

#[tokio::test]
async fn a_connected_profile_shows_times_but_no_values() {
    let page = landing([connected(), unconnected("Bob")]).await;
    let times = [
        "<time datetime=\"2026-11-21T17:05:00Z\">2026-11-21 17:05 UTC</time> <span class=\"age\">(24 hours ago)</span>",
        "<time datetime=\"2026-11-22T17:04:00Z\">2026-11-22 17:04 UTC</time> <span class=\"age\">(1 minute ago)</span>",
        "<time datetime=\"2026-11-22T16:05:00Z\">2026-11-22 16:05 UTC</time> <span class=\"age\">(60 minutes ago)</span>",
    ];
    check(&page, &times, &["72.3"]);
    check(&page, &["Reconnect", "private window"], &["problem"]);
}

#[tokio::test]
async fn a_call_that_fails_tells_since_when_and_when_it_is_tried_next() {
    let status = CallStatus { failing_since: Some(NOW - 7200), next_try: Some(NOW + 250), ..CallStatus::default() };
    let profile = ProfileSnapshot { calls: [(Call::Getmeas, status)].into(), ..connected() };
    let page = landing([profile]).await;
    let since = "<dt>Failing since</dt><dd><time datetime=\"2026-11-22T15:05:00Z\">2026-11-22 15:05 UTC</time>";
    check(
        &page,
        &[since, "(2 hours ago)", "<dt>Next try</dt>", "(in 4 minutes)", "<dt>Last success</dt><dd>not yet"],
        &[],
    );
}

#[tokio::test]
async fn who_is_connected_is_told_what_comes_next() {
    let page = landing([connected()]).await;
    check(&page, &["What now?", "href=\"./metrics\">metrics</a>", "docs/dashboards.md", "README.md"], &[]);
}

/// The landing page as it is at this host.
async fn seen_at(host: &str, headers: &str) -> String {
    let server = Setup::default().start().await;
    server.connect().await.request_to(host, "GET", "/", headers).await.body
}

#[tokio::test]
async fn at_another_address_than_withings_leads_to_the_box_for_it_is_open_and_explained_first() {
    let open = "<details open>\n<summary>The browser cannot open the page after the login?</summary>";
    let page = seen_at("nas.local:10064", "").await;
    let explained = "You are at <code>nas.local:10064</code>, and after a login Withings sends the browser to \
                     <code>http://localhost:10064/callback</code>";
    check(&page, &[open, explained], &[]);
    assert!(page.find(explained) < page.find("class=\"cards\""), "it stands after the links that begin a login");
    for (host, headers) in [
        ("localhost:10064", ""),
        ("127.0.0.1:9", "X-Forwarded-Host: localhost:10064\r\n"),
        ("127.0.0.1:9", "X-Forwarded-For: 192.0.2.1\r\n"),
    ] {
        check(&seen_at(host, headers).await, &["<details>\n<summary>The browser cannot"], &["You are at"]);
    }
}

#[tokio::test]
async fn a_problem_of_several_calls_is_said_once() {
    let failed = Attempt::Failed("Withings does not answer".to_owned());
    let page = landing([with_attempts(&[failed.clone(), Attempt::Worked, failed])]).await;
    assert_eq!(page.matches("Withings does not answer").count(), 1);
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let page = landing([with_attempts(&[Attempt::SwitchedOff { scope: "user.metrics" }])]).await;
    check(&page, &["Missing permission:</strong> user.metrics"], &["Latest problem"]);
}

#[tokio::test]
async fn a_refused_login_and_the_demo_user_are_told_from_a_good_login() {
    let mut profile = connected();
    profile.login.as_mut().unwrap().demo = true;
    check(&landing([profile.clone()]).await, &["Demo user"], &["no longer accepts"]);
    profile.login.as_mut().unwrap().accepted = false;
    check(&landing([profile]).await, &["Login refused", "no longer accepts", "Reconnect"], &["Demo user"]);
}

#[tokio::test]
async fn names_and_problems_are_text_and_never_html() {
    let profile = ProfileSnapshot {
        profile: "<script>alert(1)</script>".into(),
        ..with_attempts(&[Attempt::Failed("<b>&\"".to_owned())])
    };
    check(&landing([profile]).await, &["&#60;script&#62;", "&#60;b&#62;&#38;"], &["<script", "<b>"]);
}

#[tokio::test]
async fn the_page_runs_no_script_and_is_not_kept() {
    let answer = Setup::default().start().await.get("/").await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
    assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none';"));
}
