//! Interruptions: nothing is fetched twice, and nothing wrong is taken for an answer.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tokio::sync::oneshot;
use withings_exporter::sim::{Failure, Fault, Request};

use super::alice;
use crate::rotation::next_heard;
use crate::world::World;

impl World {
    /// Ends a backfill with these flags once the cloud has answered so many calls, and gives what it has asked.
    async fn interrupt_backfill(&self, flags: &str, calls: usize) -> BTreeMap<String, usize> {
        let before = self.cloud.requests().len();
        let backfill = self.prepared_backfill(flags).await.unwrap();
        let mut requests = self.cloud.listen();
        let (end, ended) = oneshot::channel();
        let counting = async move {
            for _ in 0..calls {
                next_heard(&mut requests).await;
            }
            end.send(()).unwrap();
        };
        let (done, ()) = tokio::join!(backfill.run(async { drop(ended.await) }), counting);
        let error = done.err().unwrap().to_string();
        assert!(error.contains("the same command goes on from here"), "{error}");
        asked(&self.cloud.requests()[before..])
    }
}

/// How often the cloud has answered each question for data.
fn asked(requests: &[Request]) -> BTreeMap<String, usize> {
    let mut asked = BTreeMap::new();
    for request in requests.iter().filter(|request| request.status == Some(0) && request.path != "/v2/oauth2") {
        *asked.entry(format!("{:?}", request.params)).or_default() += 1;
    }
    asked
}

#[tokio::test(crate = "crate::paused")]
async fn an_interrupted_backfill_fetches_nothing_twice() {
    let mut world = alice(1).await;
    world.stop_exporter().await;
    let file = world.file("history.om");
    let parts = world.file("history.om.parts");
    let flags = format!("--output {} --start 2026-07-01 --sleep-stages", file.display());
    let began = world.cloud.requests().len();
    for calls in [1, 3, 100] {
        world.interrupt_backfill(&flags, calls).await;
        assert!(!file.exists(), "half a history is none");
        assert_eq!(fs::metadata(&parts).unwrap().permissions().mode() & 0o777, 0o700);
        for part in fs::read_dir(&parts).unwrap().map(Result::unwrap) {
            assert_eq!(part.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", part.path().display());
        }
        world.pass(Duration::from_hours(5)).await;
    }
    world.try_backfill(&flags).await.unwrap();
    let asked = asked(&world.cloud.requests()[began..]);
    // A call that was under way at an interruption is made again.
    let twice: Vec<_> = asked.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.len() <= 3 && asked.len() > 140, "{} questions, {twice:#?}", asked.len());
    assert!(!parts.exists());
    let resumed = fs::read_to_string(&file).unwrap();
    let lines: HashSet<&str> = resumed.lines().collect();
    let at_once = world.backfill("--start 2026-07-01 --sleep-stages --end 2026-11-20").await;
    assert!(at_once.lines().all(|line| lines.contains(line)), "as if nothing had happened");
}

#[tokio::test(crate = "crate::paused")]
async fn another_question_gets_no_former_answers() {
    let mut world = alice(1).await;
    world.stop_exporter().await;
    let flags = |more: &str| format!("--output {} --start 2026-01-01 {more}", world.file("a.om").display());
    let first = world.interrupt_backfill(&flags(""), 3).await;
    for other in ["--end 2026-06-01", "--label job=a", "--fill 4m"] {
        let anew = world.interrupt_backfill(&flags(other), 3).await;
        assert!(anew.len() >= first.len() - 1, "{other}: {anew:?}");
    }
    world.interrupt_backfill(&flags(""), 3).await;
    world.pass(Duration::from_hours(8 * 24)).await;
    let before = world.cloud.requests().len();
    world.try_backfill(&flags("")).await.unwrap();
    assert!(asked(&world.cloud.requests()[before..]).len() >= 4, "what is a week old is asked for again");
}

#[tokio::test(crate = "crate::paused")]
async fn faults_are_waited_out_and_long_ones_end_it_where_it_can_go_on() {
    let mut world = alice(1).await;
    world.stop_exporter().await;
    let flags = format!("--output {}", world.file("a.om").display());
    for failure in [
        Failure::InvalidParams,
        Failure::Http(502),
        Failure::TooManyRequests { wait_seconds: Some(100) },
        Failure::SameArguments { wait_seconds: 20 },
        Failure::InvalidToken,
    ] {
        world.cloud.fault(Fault::new(failure).on("getsummary"));
    }
    world.try_backfill(&flags).await.unwrap();
    world.cloud.fault(Fault::new(Failure::Http(502)).on("getworkouts").times(u32::MAX));
    let began = world.clock.unix();
    let error = format!("{:#}", world.try_backfill(&flags).await.unwrap_err());
    assert!(
        error.contains("the same command goes on from here: Alice: the call getworkouts cannot be made: HTTP"),
        "{error}"
    );
    assert!((900..3600).contains(&(world.clock.unix() - began)), "half an hour of patience");
    world.cloud.heal();
    let before = world.cloud.requests().len();
    world.try_backfill(&flags).await.unwrap();
    let asked = asked(&world.cloud.requests()[before..]);
    let is_left = |question: &String| question.contains("\"getworkouts\"") || question.contains("\"list\"");
    assert!(asked.keys().all(is_left), "{asked:?}");
}

#[tokio::test(crate = "crate::paused")]
async fn a_call_without_permission_is_left_out_and_said() {
    let world = alice(1).await;
    world.cloud.fault(Fault::new(Failure::InsufficientScope).on("getsummary").times(u32::MAX));
    let flags = format!("--output {}", world.file("a.om").display());
    let said = world.try_backfill(&flags).await.unwrap();
    assert!(said.contains("Left out: getsummary of Alice, whose login lacks the permission user.activity."), "{said}");
    let text = fs::read_to_string(world.file("a.om")).unwrap();
    assert!(text.contains("withings_weight_kg{") && !text.contains("withings_sleep_score"));
}
