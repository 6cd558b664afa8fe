//! Connections: their limits, keep-alive, and the end of the server.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use withings_exporter::catalogue::Measurement;
use withings_exporter::exposition::SelfMetrics;
use withings_exporter::process::Process;
use withings_exporter::reading::{Labels, ProfileSnapshot, Reading, Sleep, Snapshot};
use withings_exporter::web::{Connections, Scrapes, ServerLimits};

use super::{Server, Setup};
use crate::http_client::Connection;

/// Few bytes fit in here, so that a page stays with the server while its client does not read.
const NARROW: u32 = 4096;

fn narrow_socket() -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(NARROW).unwrap();
    socket.set_send_buffer_size(NARROW).unwrap();
    socket
}

pub(super) fn narrow_listener() -> TcpListener {
    let socket = narrow_socket();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket.listen(100).unwrap()
}

/// Asks for the metrics and reads only their beginning.
pub(super) async fn slow_scrape(server: &Server) -> Connection {
    let stream = narrow_socket().connect(server.address).await.unwrap();
    let mut connection = Connection::from(stream);
    connection.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    connection.answering().await;
    connection
}

/// More than the server holds ready for one client.
pub(super) fn large() -> Snapshot {
    let weight = |value| Reading {
        measurement: Measurement::by_key("weight_kg").unwrap(),
        labels: Labels::default(),
        until: None,
        value,
        measured_at: 0,
    };
    let profile = |index: u32| ProfileSnapshot {
        readings: [weight(f64::from(index))].into(),
        ..ProfileSnapshot::empty(format!("{index:0>200}").into(), Sleep::NotSelected)
    };
    (0..2000).map(profile).collect()
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let server = Setup::default().start().await;
    let mut connection = server.connect().await;
    for (target, status) in [("/", 200), ("/nothing", 404), ("/metrics", 200)] {
        assert_eq!(connection.request("GET", target, "").await.status, status, "{target}");
    }
    let last = connection.request("GET", "/-/healthy", "Connection: close\r\n").await;
    assert_eq!((last.status, connection.rest().await.as_str()), (200, ""));
}

/// Whether pages cannot be made at the moment.
static IS_MAKING_HELD: AtomicBool = AtomicBool::new(false);

/// Holds up the making of a page.
fn held_up() -> Option<Process> {
    while IS_MAKING_HELD.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    None
}

#[tokio::test]
async fn the_forty_first_scrape_that_waits_for_its_page_is_refused_and_the_next_after_that_is_not() {
    let setup = Setup { self_metrics: SelfMetrics::Shown { process: held_up }, ..Setup::default() };
    let server = setup.start().await;
    IS_MAKING_HELD.store(true, Ordering::SeqCst);
    let mut waiting = Vec::new();
    for _ in 0..40 {
        let mut connection = server.connect().await;
        connection.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        waiting.push(connection);
    }
    let refused = loop {
        let mut next = server.connect().await;
        let answer = tokio::time::timeout(Duration::from_millis(20), next.request("GET", "/metrics", "")).await;
        // Some of the forty have not arrived yet.
        if let Ok(answer) = answer {
            break answer;
        }
    };
    assert_eq!(refused.status, 503);
    assert!(refused.body.starts_with("40 scrapes wait for their pages"), "{}", refused.body);
    assert_eq!(server.get("/").await.status, 200);
    IS_MAKING_HELD.store(false, Ordering::SeqCst);
    for mut connection in waiting {
        assert_eq!(connection.answer("GET").await.status, 200);
    }
    assert_eq!(server.get("/metrics").await.status, 200);
}

/// How many pages are being made while none is finished; `None`: they are finished.
static HELD_PAGES: Mutex<Option<usize>> = Mutex::new(None);

/// Holds up the making of pages until this is dropped.
struct HoldUp;

impl HoldUp {
    fn begin() -> Self {
        *HELD_PAGES.lock().unwrap() = Some(0);
        Self
    }

    /// Waits until so many pages are being made.
    async fn until(&self, pages: usize) {
        while *HELD_PAGES.lock().unwrap() != Some(pages) {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for HoldUp {
    fn drop(&mut self) {
        *HELD_PAGES.lock().unwrap() = None;
    }
}

/// Counts a page, and holds it up.
fn counted_and_held_up() -> Option<Process> {
    if let Some(pages) = &mut *HELD_PAGES.lock().unwrap() {
        *pages += 1;
    }
    while HELD_PAGES.lock().unwrap().is_some() {
        std::thread::yield_now();
    }
    None
}

#[tokio::test]
async fn a_scrape_that_is_given_up_keeps_its_place_until_its_page_is_made() {
    let (connections, scrapes) = (Connections::at_most(1), Scrapes::at_most(1));
    let self_metrics = SelfMetrics::Shown { process: counted_and_held_up };
    let server = Setup { self_metrics, connections, scrapes, ..Setup::default() }.start().await;
    let targets = ["/metrics?name[]=withings_up", "/metrics"];
    for target in targets {
        let held = HoldUp::begin();
        let mut gone = server.connect().await;
        gone.send(&format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        held.until(1).await;
        drop(gone);
        // The only connection has a place when the server has noticed that.
        assert_eq!(server.get("/-/healthy").await.status, 200);
        for other in targets {
            let refused = tokio::select! {
                answer = server.get(other) => answer,
                () = held.until(2) => panic!("{other} is made beside {target}, for which nobody waits"),
            };
            assert_eq!(refused.status, 503, "{target}, then {other}");
            assert!(refused.body.starts_with("1 scrapes wait for their pages"), "{}", refused.body);
        }
        drop(held);
        while server.get(target).await.status != 200 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn any_number_of_clients_may_be_taking_the_page() {
    let setup = Setup { snapshot: large(), scrapes: Scrapes::at_most(1), ..Setup::default() };
    let server = setup.start_on(narrow_listener());
    let mut slow = Vec::new();
    for _ in 0..100 {
        slow.push(slow_scrape(&server).await);
    }
    assert_eq!(server.request("HEAD", "/metrics").await.status, 200);
}

#[tokio::test]
async fn whoever_still_takes_a_page_that_five_others_have_superseded_is_cut() {
    let server = Setup { snapshot: large(), ..Setup::default() }.start_on(narrow_listener());
    let whole: usize = server.request("HEAD", "/metrics").await.header("content-length").unwrap().parse().unwrap();
    let mut oldest = slow_scrape(&server).await;
    let mut later = Vec::new();
    for _ in 0..5 {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(1)).await;
        tokio::time::resume();
        later.push(slow_scrape(&server).await);
    }
    assert!(oldest.rest().await.len() < whole, "it was sent whole");
    assert_eq!(server.request("HEAD", "/metrics").await.status, 200);
}

#[tokio::test]
async fn zero_means_that_scrapes_are_not_limited() {
    let server = Setup { scrapes: Scrapes::at_most(0), ..Setup::default() }.start().await;
    assert_eq!(server.get("/metrics").await.status, 200);
}

#[tokio::test]
async fn a_header_that_takes_too_long_is_cut() {
    let limits = ServerLimits { header_timeout: Duration::from_millis(50), ..ServerLimits::default() };
    let server = Setup { limits, ..Setup::default() }.start().await;
    let mut connection = server.connect().await;
    connection.send("GET / HTTP/1.1\r\nHost: local").await;
    assert!(!connection.rest().await.contains("200 OK"));
}

#[tokio::test]
async fn a_header_that_is_too_large_is_refused() {
    let server = Setup::default().start().await;
    let header = format!("X: {}\r\n", "x".repeat(17 * 1024));
    assert_eq!(server.connect().await.request("GET", "/", &header).await.status, 431);
}

#[tokio::test]
async fn a_connection_beyond_the_limit_takes_the_place_of_one_that_asks_nothing() {
    let server = Setup { connections: Connections::at_most(1), ..Setup::default() }.start().await;
    let mut first = server.connect().await;
    assert_eq!(first.request("GET", "/-/healthy", "").await.status, 200);
    assert_eq!(server.get("/-/healthy").await.status, 200);
    assert_eq!(first.rest().await, "");
}

#[tokio::test]
async fn a_client_that_takes_nothing_makes_room_too() {
    let connections = Connections::at_most(1);
    let server = Setup { snapshot: large(), connections, ..Setup::default() }.start_on(narrow_listener());
    let whole: usize = server.request("HEAD", "/metrics").await.header("content-length").unwrap().parse().unwrap();
    let mut stalled = slow_scrape(&server).await;
    assert_eq!(server.get("/-/healthy").await.status, 200);
    assert!(stalled.rest().await.len() < whole, "it was sent whole");
}

#[tokio::test]
async fn an_answer_in_work_is_finished_at_the_end_and_new_connections_are_refused() {
    let server = Setup::default().start().await;
    let mut connection = server.connect().await;
    let head = "Host: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\n";
    // The server asks for the body when it works on the request.
    connection.send(&format!("POST /authorize HTTP/1.1\r\n{head}Expect: 100-continue\r\n\r\n")).await;
    assert_eq!(connection.line().await, "HTTP/1.1 100 Continue");
    assert_eq!(connection.line().await, "");
    server.shutdown.send(()).unwrap();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!server.ended.is_finished(), "the end did not wait");
    connection.send("pasted=x").await;
    assert_eq!(connection.answer("POST").await.status, 400);
    assert_eq!(connection.rest().await, "");
    server.ended.await.unwrap();
}

#[tokio::test]
async fn the_end_cuts_a_client_that_does_not_take_its_answer() {
    let limits = ServerLimits { drain: Duration::from_millis(50), ..ServerLimits::default() };
    let server = Setup { snapshot: large(), limits, ..Setup::default() }.start_on(narrow_listener());
    let whole: usize = server.request("HEAD", "/metrics").await.header("content-length").unwrap().parse().unwrap();
    let mut scrape = slow_scrape(&server).await;
    server.shutdown.send(()).unwrap();
    server.ended.await.unwrap();
    assert!(scrape.rest().await.len() < whole, "the page was sent whole");
}
