//! A login that fails says why, with all causes, on the page and in the log.

use std::time::Duration;

use tokio::net::TcpListener;
use tracing::level_filters::LevelFilter;
use url::Url;
use withings_exporter::sim::{Failure, Fault};

use crate::certificates::{acceptor, certificates, unwrap_tls};
use crate::log::Log;
use crate::world::World;

/// Lets a login end after `trouble` has begun, and expects a page with this status and title that says all of this, in the log
/// too.
async fn check(status: u16, title: &str, says: &[&str], trouble: impl AsyncFnOnce(&mut World)) {
    let mut world = World::with_accounts(&["Alice"]).await;
    let log = Log::listen(LevelFilter::WARN);
    world.start_exporter().await;
    let callback = world.consent("Alice", &world.account("Alice")).await;
    trouble(&mut world).await;
    let page = world.get(&callback).await;
    assert_eq!(page.status, status, "{}", page.body);
    assert!(page.body.contains(&format!("<h1>{title}</h1>")), "{}", page.body);
    let lines: Vec<_> = log.lines().into_iter().filter(|line| line.contains("a login was not finished")).collect();
    let [line] = &lines[..] else { panic!("{lines:?}") };
    for text in says {
        assert!(page.body.contains(text), "{text} is missing in\n{}", page.body);
        assert!(line.contains(text), "{text} is missing in {line}");
    }
    for (name, secret) in Url::parse("http://localhost").unwrap().join(&callback).unwrap().query_pairs() {
        assert!(!page.body.contains(&*secret) && !line.contains(&*secret), "the {name} is shown");
    }
}

#[tokio::test(crate = "crate::paused")]
async fn a_connection_that_is_refused() {
    let says = ["no answer from Withings: no connection: the connection is refused: Connection refused", "firewall"];
    check(502, "Withings could not be reached", &says, async |world| world.stop_cloud().await).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_certificate_that_is_not_trusted() {
    let says = ["the certificate of the server is not accepted: invalid peer certificate", "SSL_CERT_FILE"];
    check(502, "Withings could not be reached", &says, async |world| {
        let (folder, listener) = (certificates(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        world.config.api_url = Url::parse(&format!("https://{}", listener.local_addr().unwrap())).unwrap();
        let acceptor = acceptor(folder.path(), "stranger");
        tokio::spawn(async move {
            while let Ok((stream, address)) = listener.accept().await {
                tokio::spawn(unwrap_tls(stream, acceptor.clone(), address));
            }
        });
        assert_eq!(world.reload().await.status, 200);
    })
    .await;
}

#[tokio::test(crate = "crate::paused")]
async fn no_answer_in_time() {
    let says = ["no answer in time: no whole answer within 30 seconds", "This machine reaches Withings"];
    check(502, "Withings gave no usable answer", &says, async |world| {
        world.cloud.fault(Fault::delay(Duration::from_mins(1)).on("requesttoken"));
    })
    .await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_connection_that_is_cut() {
    let says = ["no connection: the connection ended too early: connection closed"];
    check(502, "Withings could not be reached", &says, async |world| {
        world.cloud.fault(Fault::new(Failure::HangUp).on("requesttoken").times(u32::MAX));
    })
    .await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_mistake_of_withings_own() {
    let title = "Withings gave no usable answer";
    for (failure, says) in [
        (Failure::Http(500), "HTTP status 500 instead of an answer"),
        (Failure::Verbatim("<html>"), "the answer is not what the call promises: unexpected character"),
    ] {
        check(502, title, &[says], async |world| world.cloud.fault(Fault::new(failure).on("requesttoken"))).await;
    }
}

#[tokio::test(crate = "crate::paused")]
async fn an_id_or_a_secret_that_is_wrong() {
    let says = ["status 503 (Invalid Params: invalid code)", "when client_id or client_secret is wrong"];
    check(502, "Withings refused the login", &says, async |world| {
        world.config.client_secret = "mistyped".into();
        assert_eq!(world.reload().await.status, 200);
    })
    .await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_pause_that_withings_asks_for() {
    let mut world = World::with_accounts(&["Alice"]).await;
    world.start_exporter().await;
    world.cloud.fault(Fault::new(Failure::TooManyRequests { wait_seconds: Some(68) }).on("requesttoken"));
    let first = world.consent("Alice", &world.account("Alice")).await;
    let second = world.consent("Alice", &world.account("Alice")).await;
    let refused = world.get(&first).await;
    assert!(refused.status == 502 && refused.body.contains("status 601"), "{}", refused.body);
    let paused = world.get(&second).await;
    let seconds = paused.header("retry-after").unwrap();
    assert!(
        paused.status == 503 && paused.body.contains(&format!("Try again in {seconds} seconds")),
        "{}",
        paused.body
    );
}

#[tokio::test(crate = "crate::paused")]
async fn a_browser_that_fetches_ahead_uses_nothing_up() {
    let mut world = World::with_accounts(&["Alice"]).await;
    world.start_exporter().await;
    let callback = world.consent("Alice", &world.account("Alice")).await;
    for header in ["Sec-Purpose: prefetch\r\n", "Sec-Purpose: prefetch;prerender\r\n", "Purpose: prefetch\r\n"] {
        for target in [&callback, "/authorize?profile=Alice"] {
            let ahead = world.request("GET", target, header).await;
            assert_eq!((ahead.status, ahead.header("cache-control")), (503, Some("no-store")), "{header}");
        }
    }
    assert!(world.calls("requesttoken").is_empty(), "the code was used up");
    for _ in 0..2 {
        let page = world.get(&callback).await;
        assert!(page.status == 200 && page.body.contains("Alice is connected"), "{}", page.body);
    }
}
