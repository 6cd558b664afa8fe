//! Logins that strangers begin and end in numbers: those beyond a bounded queue are sent away, and nothing else waits for them.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::exchanges::connect_from;
use crate::http_client::{Answer, Connection};
use crate::world::World;

const FLOOD: [u8; 4] = [127, 0, 0, 1];
const OTHER: [u8; 4] = [127, 0, 0, 2];

/// How many logins may wait for their turn, and one that has it.
const LET_IN: usize = 257;

/// How many more come at the same time.
const SENT_AWAY: usize = 20;

/// What is answered at once.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How long a login waits for its turn.
const WAITS: Duration = Duration::from_secs(5);

const BEGIN: &str = "/authorize?profile=Alice";
const END: &str = "/callback?code=made-up&state=made-up";

/// The answer to a login on this connection, and how long it took.
async fn asked(mut connection: Connection, target: &str) -> (Answer, Duration) {
    let began = Instant::now();
    (connection.request("GET", target, "").await, began.elapsed())
}

/// Expects that a login was sent away within this time.
#[track_caller]
fn check_sent_away((answer, took): &(Answer, Duration), within: Duration) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{}", answer.body);
    assert!(answer.body.contains("Load this page again in a few seconds"), "{}", answer.body);
    assert!(*took <= within, "after {took:?}");
}

/// Asks for `target` more often than is let in, while the disk hangs, and expects that nothing else waits; and this status for
/// all that were let in, when the disk answers again.
async fn check_flood(target: &'static str, status: u16) {
    let world = World::connected(&["Alice"]).await;
    world.hang_disk(true);
    let (mut flood, mut others) = (JoinSet::new(), JoinSet::new());
    for _ in 0..LET_IN + SENT_AWAY {
        // One after the other: the system keeps few that are not accepted yet.
        flood.spawn(asked(connect_from(FLOOD, world.address()).await, target));
    }
    for _ in 0..SENT_AWAY {
        check_sent_away(&flood.join_next().await.unwrap().unwrap(), AT_ONCE);
    }
    let began = Instant::now();
    for page in ["/metrics", "/", "/-/healthy"] {
        assert_eq!(world.get(page).await.status, 200, "{page}");
    }
    assert!(began.elapsed() <= AT_ONCE, "after {:?}", began.elapsed());
    // The queue has a place for somebody else, which one of the flood leaves.
    others.spawn(asked(connect_from(OTHER, world.address()).await, target));
    check_sent_away(&flood.join_next().await.unwrap().unwrap(), AT_ONCE);
    assert!(flood.try_join_next().is_none() && others.try_join_next().is_none(), "not all of the others wait");
    world.hang_disk(false);
    for (answer, _) in flood.join_all().await.into_iter().chain(others.join_all().await) {
        assert_eq!(answer.status, status, "{}", answer.body);
    }
}

#[tokio::test(crate = "crate::paused")]
async fn logins_that_begin_wait_in_a_bounded_queue_and_nothing_else_waits_for_them() {
    check_flood(BEGIN, 302).await;
}

#[tokio::test(crate = "crate::paused")]
async fn logins_that_end_wait_in_a_bounded_queue_and_nothing_else_waits_for_them() {
    check_flood(END, 400).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_login_has_one_place_at_a_disk_that_hangs_and_the_next_is_told_when_to_come_again() {
    let world = World::connected(&["Alice"]).await;
    world.hang_disk(true);
    let mut gone = Connection::open(world.address()).await;
    gone.send(&format!("GET {BEGIN} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
    world.pass(Duration::from_millis(100)).await;
    // The disk still works for it.
    drop(gone);
    world.pass(Duration::from_millis(100)).await;
    let asked = async |target: &str| asked(connect_from(OTHER, world.address()).await, target).await;
    let confirmed = async {
        let began = Instant::now();
        (world.post("/authorize", &[("confirm", "made-up")]).await, began.elapsed())
    };
    // At one time, for at last the disk is given up.
    let (begun, ended, confirmed) = tokio::join!(asked(BEGIN), asked(END), confirmed);
    for waited in [begun, ended, confirmed] {
        check_sent_away(&waited, WAITS + AT_ONCE);
        assert!(waited.1 >= WAITS, "after {:?}", waited.1);
    }
}
