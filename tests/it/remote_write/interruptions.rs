//! Servers that fail for a while, answers that get lost, and pushes that are interrupted.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::Instant;
use withings_exporter::remote_write::{Push, PushError, TimeSeries};

use super::fake::{Fake, Fate, lines};
use super::{count, push, series};

/// Three batches.
fn history() -> Vec<TimeSeries> {
    vec![
        series("withings_weight_kg", "Zoë", 1_500_000_000, 60, 9_000),
        series("withings_height_m", "Bob", 1_500_000_000, 60, 3_000),
    ]
}

#[tokio::test(crate = "crate::paused")]
async fn every_sample_arrives_once_and_in_order() {
    let (fake, dir) = (Fake::start().await, TempDir::new().unwrap());
    let mut push = Push::prepare(fake.url().parse().unwrap(), "a history", dir.path().join("sent.json")).unwrap();
    let mut confirmed = Vec::new();
    let series = history().into_iter().map(Ok::<_, PushError>);
    push.send(series, |samples| confirmed.push(samples)).await.unwrap();
    fake.check_taken(&lines(&history()));
    assert_eq!(confirmed, [5_000, 10_000, 12_000]);
    for head in fake.heads() {
        assert!(head.starts_with("post /api/v1/write http/1.1\r\n"), "{head}");
        for header in [
            "content-type: application/x-protobuf",
            "content-encoding: snappy",
            "x-prometheus-remote-write-version: 0.1.0",
            "authorization: basic yw5uonnlc2ftzq==",
        ] {
            assert!(head.contains(&format!("\r\n{header}\r\n")), "{head}");
        }
    }
}

#[tokio::test(crate = "crate::paused")]
async fn what_fails_for_a_while_is_sent_again() {
    let (fake, dir) = (Fake::start().await, TempDir::new().unwrap());
    let asked = Fate::Answered(429, "Retry-After: 120\r\n", "");
    fake.will([Fate::Answered(503, "", "full"), asked, Fate::Cut, Fate::Hangs, Fate::Answered(500, "", "")]);
    let began = Instant::now();
    assert_eq!(push(&fake.url(), dir.path(), &history()).await.unwrap(), 12_000);
    fake.check_taken(&lines(&history()));
    // The pause that was asked for, 30 seconds without an answer, and pauses of 1, 4, 8 and 16 seconds or more.
    assert!(began.elapsed() >= Duration::from_secs(120 + 30 + 29), "{:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(200), "{:?}", began.elapsed());
}

#[tokio::test(crate = "crate::paused")]
async fn a_server_that_stays_away_is_given_the_rest_later() {
    let (fake, dir) = (Fake::start().await, TempDir::new().unwrap());
    let stop = begin(&fake, dir.path()).await;
    assert!(matches!(stop, PushError::GaveUp { .. }), "{stop:?}");
    assert_eq!(fake.heads().len(), 1 + 10);
    assert_eq!(push(&fake.url(), dir.path(), &history()).await.unwrap(), 12_000);
    fake.check_taken(&lines(&history()));
    assert_eq!(push(&fake.url(), dir.path(), &history()).await.unwrap(), 12_000);
    assert_eq!(fake.heads().len(), 1 + 10 + 2, "nothing is sent when all is confirmed");
}

#[tokio::test(crate = "crate::paused")]
async fn a_push_that_ends_in_the_middle_goes_on_with_the_first_batch_that_was_not_confirmed() {
    let (fake, dir) = (Fake::start().await, TempDir::new().unwrap());
    let mut push = Push::prepare(fake.url().parse().unwrap(), "a history", dir.path().join("sent.json")).unwrap();
    let (confirmed, mut seen) = watch::channel(0);
    let on_confirmed = |samples| {
        fake.will([Fate::Hangs]);
        confirmed.send_replace(samples);
    };
    tokio::select! {
        sent = push.send(history().into_iter().map(Ok::<_, PushError>), on_confirmed) => panic!("{sent:?}"),
        _ = seen.wait_for(|samples| *samples > 0) => {}
    }
    assert_eq!(super::push(&fake.url(), dir.path(), &history()).await.unwrap(), 12_000);
    fake.check_taken(&lines(&history()));
}

#[tokio::test(crate = "crate::paused")]
async fn only_a_batch_whose_answer_was_lost_is_sent_twice() {
    let (fake, dir) = (Fake::start().await, TempDir::new().unwrap());
    fake.will([Fate::AnswerLost]);
    assert_eq!(push(&fake.url(), dir.path(), &history()).await.unwrap(), 12_000);
    let all = lines(&history());
    fake.check_taken(&[&all[..5_000], &all[..]].concat());
}

#[tokio::test(crate = "crate::paused")]
async fn another_server_or_history_begins_anew() {
    let (fake, other, dir) = (Fake::start().await, Fake::start().await, TempDir::new().unwrap());
    begin(&fake, dir.path()).await;
    let checkpoint = || dir.path().join("sent.json");
    let confirmed =
        |url: &str, history| Push::prepare(url.parse().unwrap(), history, checkpoint()).unwrap().confirmed();
    assert_eq!(confirmed(&fake.url(), "a history"), 5_000);
    assert_eq!(confirmed(&fake.url().replace("sesame", "changed"), "a history"), 5_000);
    assert_eq!(confirmed(&fake.url(), "another history"), 0);
    assert_eq!(confirmed(&format!("{}?extra_label=home=b", fake.url()), "a history"), 0);
    assert_eq!(confirmed(&other.url(), "a history"), 0);
    assert_eq!(push(&other.url(), dir.path(), &history()).await.unwrap(), 12_000);
    other.check_taken(&lines(&history()));
}

#[tokio::test(crate = "crate::paused")]
async fn the_checkpoint_is_private_and_knows_no_secret() {
    let (fake, dir) = (Fake::start().await, TempDir::new().unwrap());
    push(&fake.url(), dir.path(), &history()).await.unwrap();
    let files: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files, [dir.path().join("sent.json")]);
    assert_eq!(fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&files[0]).unwrap();
    assert!(text.contains(&format!("{}", count(&history()))) && !text.contains("sesame"), "{text}");
}

#[tokio::test(crate = "crate::paused")]
async fn a_history_that_cannot_be_read_to_its_end_is_sent_so_far() {
    let (fake, dir) = (Fake::start().await, TempDir::new().unwrap());
    let mut push = Push::prepare(fake.url().parse().unwrap(), "a history", dir.path().join("sent.json")).unwrap();
    let broken = history().into_iter().map(Ok).chain([Err("the disk is gone")]);
    assert!(matches!(push.send(broken, |_| ()).await, Err(PushError::Series(_))));
    fake.check_taken(&lines(&history())[..10_000]);
    assert_eq!(push.confirmed(), 10_000);
}

/// Lets the first batch through and then nothing; how the push ends.
async fn begin(fake: &Fake, dir: &Path) -> PushError {
    let mut push = Push::prepare(fake.url().parse().unwrap(), "a history", dir.join("sent.json")).unwrap();
    let on_confirmed = |_| fake.will([Fate::Answered(503, "", "shutting down"); 10]);
    push.send(history().into_iter().map(Ok::<_, PushError>), on_confirmed).await.unwrap_err()
}
