//! What a person is told when a server does not take the history.

use tempfile::TempDir;

use super::fake::{Fake, Fate};
use super::{push, series};

/// Expects that the push ends with these messages after so many requests, answered in this way.
async fn check(answer: Fate, requests: usize, expected: &str) {
    let (fake, dir) = (Fake::start().await, TempDir::new().unwrap());
    fake.will([answer; 10]);
    let weights = [series("withings_weight_kg", "Zoë", 1_500_000_000, 60, 3)];
    let error = anyhow::Error::from(push(&fake.url(), dir.path(), &weights).await.unwrap_err());
    let server = fake.url().replace("ann:sesame@", "");
    assert_eq!(format!("{error:#}").replace(&server, "SERVER"), expected);
    assert_eq!(fake.heads().len(), requests, "{error:#}");
    fake.check_taken(&[]);
}

#[tokio::test(crate = "crate::paused")]
async fn samples_that_are_too_old_are_not_sent_again() {
    let advice = "For some weeks of history set `out_of_order_time_window` under `storage: tsdb:` in Prometheus' configuration \
                  to more than their age, as 5w, reload it, and start again: it goes on where it stopped. For years write a \
                  file with --output and give it to `promtool tsdb create-blocks-from openmetrics`, as a window of years \
                  leaves Prometheus with thousands of small blocks";
    let old = |status, text| Fate::Answered(status, "", text);
    let told = |answer: &str| format!("SERVER: does not take samples this old ({answer}). {advice}");
    check(old(400, "out of bounds\n"), 1, &told("HTTP 400: out of bounds")).await;
    check(old(500, "too old sample"), 1, &told("HTTP 500: too old sample")).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_refusal_says_how_to_mend_it() {
    let begin = "SERVER: refuses the samples";
    let wrong = Fate::Answered(401, "", "");
    let mend = "; it wants other credentials, written as http://USER:PASSWORD@HOST/…";
    check(wrong, 1, &format!("{begin} (HTTP 401){mend}")).await;
    let elsewhere = Fate::Answered(308, "Location: http://localhost:1/\r\n", "");
    let mend = "; it leads to another address, which is not followed: name that one";
    check(elsewhere, 1, &format!("{begin} (HTTP 308){mend}")).await;
    let other = Fate::Answered(400, "", "cannot parse \"72.345\"\nin line 7");
    check(other, 1, &format!("{begin} (HTTP 400: cannot parse \"##.###\" in line #)")).await;
    let repeats = Fate::Answered(400, "", "you sent ann:sesame");
    check(repeats, 1, &format!("{begin} (HTTP 400, and something that may repeat secrets)")).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_server_that_cannot_is_tried_for_minutes() {
    let later = "SERVER: cannot be given the samples now; start again when it answers, and it goes on where it stopped";
    check(Fate::Answered(503, "", "full"), 10, &format!("{later}: it answers HTTP 503: full")).await;
    check(Fate::Hangs, 10, &format!("{later}: no answer in time: no whole answer within 30 seconds")).await;
}
