//! Subscriptions to notifications and their delivery, as documented.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::{Duration, timeout};
use withings_exporter::sim::{Account, Callbacks, Cloud, Delivery, Measure, MeasureGroup, Person};
use withings_exporter::zone::Zone;

use super::server::{NOW, Server, clock};

const HERE: &str = "https://here.example/-/there";

/// A cloud with Dana, and her token with every scope but `user.sleepevents`.
fn dana() -> (Server, Account, String) {
    let server = Server::start(Cloud::new(clock()));
    let dana = server.cloud.add_person(Person::new(42, "Dana", Zone::UTC));
    let access = server.login(42).access;
    (server, dana, access)
}

/// A server at the name `here.example` that answers every request with this status.
fn answering(cloud: &Cloud, status: u16) -> Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    cloud.host("here.example", listener.local_addr().unwrap());
    runtime.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream, status));
        }
    });
    runtime
}

async fn answer(mut stream: TcpStream, status: u16) {
    let mut request = [0; 4096];
    let answer = format!("HTTP/1.1 {status} Said\r\nContent-Length: 0\r\n\r\n");
    let _ = stream.read(&mut request).await;
    let _ = stream.write_all(answer.as_bytes()).await;
    // Until the caller hangs up: what comes after an early end resets the connection.
    while stream.read(&mut request).await.is_ok_and(|length| length > 0) {}
}

fn notify(server: &Server, access: &str, action: &str, fields: &[(&str, &str)]) -> super::server::Answer {
    server.post("/notify", Some(access), &[&[("action", action)], fields].concat())
}

#[test]
fn a_callback_must_be_public_and_answer() {
    let (server, dana, access) = dana();
    let _there = answering(&server.cloud, 200);
    let too_long = format!("{HERE}/{}", "a".repeat(255));
    for url in [
        "http://here.example/",
        "https://here.example:8443/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://nas.local/",
        "https://nowhere.example/",
        "here",
        &too_long,
    ] {
        assert_eq!(
            notify(&server, &access, "subscribe", &[("callbackurl", url), ("appli", "1")]).status(),
            293,
            "{url}"
        );
    }
    assert_eq!(notify(&server, &access, "subscribe", &[("callbackurl", HERE), ("appli", "1")]).ok(), json!({}));
    let _refusing = answering(&server.cloud, 405);
    assert_eq!(notify(&server, &access, "subscribe", &[("callbackurl", HERE), ("appli", "4")]).status(), 293);
    let local = format!("http://{}/", server.address);
    assert_eq!(notify(&server, &access, "subscribe", &[("callbackurl", &local), ("appli", "4")]).status(), 293);
    server.cloud.callbacks(Callbacks::Local);
    // This cloud has nothing at its root, and says so.
    assert_eq!(notify(&server, &access, "subscribe", &[("callbackurl", &local), ("appli", "4")]).status(), 293);
    assert_eq!(dana.subscriptions(), [(HERE.to_owned(), 1)]);
}

#[test]
fn subscriptions_are_listed_and_revoked() {
    let (server, dana, access) = dana();
    let _there = answering(&server.cloud, 200);
    let call = |action: &str, fields: &[(&str, &str)]| notify(&server, &access, action, fields);
    let here = ("callbackurl", HERE);
    for appli in ["1", "1", "44"] {
        assert_eq!(call("subscribe", &[here, ("appli", appli)]).ok(), json!({}), "also the same twice");
    }
    let row = |appli: u32| json!({"appli": appli, "callbackurl": HERE, "comment": null, "expires": 2_147_483_647});
    assert_eq!(call("list", &[]).ok(), json!({"profiles": [row(1), row(44)]}));
    assert_eq!(call("list", &[("appli", "44")]).ok(), json!({"profiles": [row(44)]}));
    assert_eq!(call("revoke", &[here, ("appli", "16")]).status(), 294);
    assert_eq!(call("revoke", &[here, ("appli", "44")]).ok(), json!({}));
    assert_eq!(call("subscribe", &[here, ("appli", "50")]).status(), 403);
    assert_eq!(call("subscribe", &[here, ("appli", "7")]).status(), 503);
    assert_eq!(call("dance", &[]).status(), 2554);
    assert_eq!(notify(&server, "no-token", "list", &[]).status(), 401);
    assert_eq!(dana.subscriptions(), [(HERE.to_owned(), 1)]);
}

#[test]
fn subscriptions_end_with_the_login_and_do_not_come_back_with_the_next_one() {
    let (server, dana, access) = dana();
    let _there = answering(&server.cloud, 200);
    notify(&server, &access, "subscribe", &[("callbackurl", HERE), ("appli", "1")]).ok();
    dana.revoke();
    let access = server.login(42).access;
    assert_eq!(notify(&server, &access, "list", &[]).ok(), json!({"profiles": []}));
    notify(&server, &access, "subscribe", &[("callbackurl", HERE), ("appli", "1")]).ok();
    server.advance(366 * 86_400);
    assert_eq!(dana.subscriptions(), [], "the refresh token has expired");
}

#[test]
fn what_is_not_taken_is_sent_again_ten_times_in_all() {
    let (server, dana, access) = dana();
    let there = answering(&server.cloud, 200);
    notify(&server, &access, "subscribe", &[("callbackurl", HERE), ("appli", "1")]).ok();
    let _refusing = answering(&server.cloud, 500);
    dana.add(MeasureGroup::new(NOW, [Measure::new(1, 80, 0)]));
    for (count, pause) in [(2, 0), (4, 10), (6, 390), (8, 4260), (10, 15_390)] {
        server.advance(pause);
        there.block_on(until(&server.cloud, count));
    }
    let deliveries = server.cloud.deliveries();
    assert!(deliveries.iter().all(|delivery| delivery.http == Some(500)
        && delivery.user == 42
        && delivery.appli == 1
        && delivery.url == HERE));
    let seconds = |delivery: &Delivery| delivery.time.timestamp() - deliveries[0].time.timestamp();
    let times: Vec<_> = deliveries.iter().map(seconds).collect();
    assert_eq!(times, [0, 0, 10, 10, 400, 400, 4660, 4660, 20_050, 20_050]);
    assert_eq!(deliveries.iter().map(|delivery| delivery.attempt).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
}

/// Waits until there were so many tries to deliver.
async fn until(cloud: &Cloud, count: usize) {
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    let waiting = async {
        while cloud.deliveries().len() < count {
            looks.tick().await;
        }
    };
    timeout(Duration::from_secs(20), waiting).await.unwrap();
}
