//! What strangers can have logged: one line of each kind at once, and one a minute with the number.

use std::fs;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use crate::log::Log;
use crate::world::World;

/// How often a stranger does the same.
const TIMES: usize = 100;

/// Does something again and again, and expects a line with this text at once, and one with the number of the others after a
/// minute, and none when it is over.
async fn check(world: &World, text: &str, ask: impl AsyncFn(usize)) {
    world.pass(Duration::from_mins(2)).await;
    let log = Log::listen(LevelFilter::INFO);
    for number in 0..TIMES {
        ask(number).await;
    }
    check_lines(&log, text, "times=1 ");
    world.pass(Duration::from_secs(65)).await;
    check_lines(&log, text, &format!("times={} ", TIMES - 1));
    world.pass(Duration::from_mins(2)).await;
    assert_eq!(log.lines(), [""; 0]);
    ask(TIMES).await;
    check_lines(&log, text, "times=1 ");
}

/// Expects only this line, and forgets it.
#[track_caller]
fn check_lines(log: &Log, text: &str, times: &str) {
    let lines = log.lines();
    let [line] = &lines[..] else { panic!("{lines:#?}") };
    assert!(line.contains(text) && line.contains(times), "{line}");
    log.clear();
}

/// A world in which nothing else is logged.
async fn quiet() -> World {
    World::connected(&["Alice"]).await
}

#[tokio::test(crate = "crate::paused")]
async fn made_up_codes_are_a_line_a_minute() {
    let world = quiet().await;
    check(&world, "msg=\"a login was not finished\"", async |number| {
        let answer = world.get(&format!("/callback?code=c{number}&state=s{number}")).await;
        assert_eq!(answer.status, 400);
    })
    .await;
}

#[tokio::test(crate = "crate::paused")]
async fn logins_that_cannot_begin_are_a_line_a_minute() {
    let world = quiet().await;
    let pending = world.disk.path().join("pending.json");
    fs::remove_file(&pending).unwrap();
    fs::create_dir(pending).unwrap();
    check(&world, "msg=\"a login could not begin\"", async |_| {
        assert_eq!(world.get("/authorize?profile=Alice").await.status, 500);
    })
    .await;
}

#[tokio::test(crate = "crate::paused")]
async fn reloads_that_clients_ask_for_are_a_line_a_minute() {
    let world = quiet().await;
    check(&world, "level=info msg=\"the configuration was read again for a client\"", async |_| {
        assert_eq!(world.reload().await.status, 200);
    })
    .await;
    check(&world, "level=warn msg=\"the configuration could not be read again for a client", async |_| {
        assert_eq!(world.reload_from(None).await.status, 500);
    })
    .await;
}

#[tokio::test(crate = "crate::paused")]
async fn what_else_strangers_send_is_not_logged() {
    let world = quiet().await;
    let log = Log::listen(LevelFilter::INFO);
    for target in ["/nothing", "/authorize?profile=Nobody", "/authorize?profile=Alice", "/callback", "/-/ready"] {
        for method in ["GET", "HEAD", "PUT"] {
            world.request(method, target, "").await;
        }
    }
    for (target, fields) in [
        ("/webhook/guessed", &[("userid", "1"), ("appli", "1")][..]),
        ("/authorize", &[("pasted", "http://localhost/callback?error=access_denied")]),
        ("/authorize", &[("pasted", "http://localhost/callback")]),
        ("/authorize", &[]),
    ] {
        world.post(target, fields).await;
    }
    world.post_from("Sec-Fetch-Site: cross-site\r\n", "/-/reload", &[]).await;
    world.pass(Duration::from_mins(2)).await;
    assert_eq!(log.lines(), [""; 0]);
}
