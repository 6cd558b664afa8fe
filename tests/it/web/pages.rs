//! The landing page.

use std::sync::Arc;

use withings_exporter::catalogue::{Call, Measurement};
use withings_exporter::reading::{Attempt, CallStatus, Labels, LoginStatus, ProfileSnapshot, Reading, Sleep, Snapshot};

use super::{NOW, Setup};

async fn landing(profiles: impl IntoIterator<Item = ProfileSnapshot>) -> String {
    let snapshot = Snapshot { profiles: profiles.into_iter().map(Arc::new).collect() };
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
    check(&page, &links, &["Reconnect", "Last refresh", "private window"]);
    check(&page, &["Not connected", "It is 2026-11-22 17:05 UTC."], &[]);
}

#[tokio::test]
async fn a_connected_profile_shows_times_but_no_values() {
    let page = landing([connected(), unconnected("Bob")]).await;
    check(&page, &["2026-11-21 17:05 UTC", "2026-11-22 17:04 UTC", "2026-11-22 16:05 UTC"], &["72.3"]);
    check(&page, &["Reconnect", "private window"], &["problem"]);
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
