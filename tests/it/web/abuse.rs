//! Requests that no honest client sends: none is taken for another request, and no other client waits for them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use withings_exporter::web::{Connections, ServerLimits};

use super::connections::{large, narrow_listener, slow_scrape};
use super::{Server, Setup};

/// A request that hides in another one. It is answered only if the server and a proxy in front of it could disagree on
/// where the first one ends.
const HIDDEN: &str = "GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n";

const FORM: &str = "Host: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";

/// The status codes of all answers to these bytes until the connection has ended.
async fn statuses(server: &Server, bytes: &[u8]) -> Vec<u16> {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // A server that has heard enough closes while there is more to say.
    let _ = stream.write_all(bytes).await;
    let mut answers = Vec::new();
    let _ = stream.read_to_end(&mut answers).await;
    let answers = String::from_utf8(answers).unwrap();
    answers.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().unwrap()).collect()
}

async fn check(request: &str, expected: &[u16]) {
    let server = Setup::default().start().await;
    assert_eq!(statuses(&server, request.as_bytes()).await, expected, "{request:?}");
}

#[tokio::test(crate = "crate::paused")]
async fn who_says_two_lengths_is_refused() {
    // A request that is understood gets 405.
    let post = "POST /-/ready HTTP/1.1\r\nHost: localhost\r\n";
    for lengths in [
        "Content-Length: 6\r\nContent-Length: 5",
        "Content-Length: 6, 5",
        "Content-Length: +6",
        "Content-Length: -6",
        "Content-Length: 0x6",
        "Content-Length: 6 6",
        "Content-Length: 18446744073709551622",
        "Content-Length : 6",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding:\r\n chunked",
        "X: a\r\n Content-Length: 6",
    ] {
        check(&format!("{post}{lengths}\r\n\r\n0\r\n\r\n{HIDDEN}"), &[400]).await;
    }
    check(&format!("POST /-/ready HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}"), &[400]).await;
}

#[tokio::test(crate = "crate::paused")]
async fn after_a_body_with_a_length_and_chunks_nothing_is_believed() {
    for lengths in
        ["Content-Length: 6\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 6"]
    {
        check(&format!("POST /-/ready HTTP/1.1\r\nHost: x\r\n{lengths}\r\n\r\n0\r\n\r\n{HIDDEN}"), &[405]).await;
    }
}

#[tokio::test(crate = "crate::paused")]
async fn a_body_is_no_request() {
    let length = HIDDEN.len();
    for (method, status) in [("GET", 503), ("DELETE", 405)] {
        check(
            &format!("{method} /-/ready HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{HIDDEN}{HIDDEN}"),
            &[status, 200],
        )
        .await;
    }
    let chunked = format!("{length:x};name=value\r\n{HIDDEN}\r\n0\r\nX-Trailer: y\r\n\r\n");
    let head = "GET /-/ready HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(&format!("{head}{chunked}{HIDDEN}"), &[503, 200]).await;
    for broken in
        [format!("{length:x}\n{HIDDEN}\n0\n\n"), format!("-1\r\n{HIDDEN}"), format!("fffffffffffffffff\r\n{HIDDEN}")]
    {
        check(&format!("{head}{broken}{HIDDEN}"), &[503]).await;
    }
}

#[tokio::test(crate = "crate::paused")]
async fn what_is_no_request_is_refused() {
    for odd in [
        "\0\0\0\0\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nX: \0\r\n\r\n",
        "GET / HTTP/1.1\rX: y\r\r",
        "G\u{e9}T / HTTP/1.1\r\n\r\n",
    ] {
        check(odd, &[400]).await;
    }
}

#[tokio::test(crate = "crate::paused")]
async fn a_header_without_end_is_refused_before_it_is_large() {
    let server = Setup::default().start().await;
    let long_line = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(1 << 20));
    let many_lines = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(200));
    let much = format!("GET / HTTP/1.1\r\n{}\r\n", "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n".repeat(100_000));
    for request in [long_line, many_lines, much] {
        assert_eq!(statuses(&server, request.as_bytes()).await, [431]);
    }
    let longest = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(8 * 1024));
    assert_eq!(statuses(&server, longest.as_bytes()).await, [404]);
}

#[tokio::test(crate = "crate::paused")]
async fn a_body_without_end_is_not_waited_for() {
    let server = Setup::default().start().await;
    let begun = "x".repeat(20 * 1024);
    let announced = format!("GET /-/healthy HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n{begun}");
    assert_eq!(statuses(&server, announced.as_bytes()).await, [200]);
    let post = format!("POST /authorize HTTP/1.1\r\n{FORM}");
    let too_large = format!("{post}Content-Length: 1000000000\r\n\r\n{begun}");
    assert_eq!(statuses(&server, too_large.as_bytes()).await, [413]);
    let chunked = format!("{post}Transfer-Encoding: chunked\r\n\r\n5000\r\n{begun}\r\n");
    assert_eq!(statuses(&server, chunked.as_bytes()).await, [413]);
    let slow = format!("{post}Content-Length: 8\r\n\r\npasted");
    assert_eq!(statuses(&server, slow.as_bytes()).await, [408]);
}

#[tokio::test]
async fn who_never_takes_the_page_is_cut() {
    let server = Setup { snapshot: large(), ..Setup::default() }.start_on(narrow_listener());
    let whole: usize = server.request("HEAD", "/metrics").await.header("content-length").unwrap().parse().unwrap();
    let mut stalled = slow_scrape(&server).await;
    tokio::time::pause();
    tokio::time::advance(2 * ServerLimits::default().write_timeout).await;
    tokio::time::resume();
    // Whatever else is served shows that the cut was made.
    assert_eq!(server.get("/-/healthy").await.status, 200);
    assert!(stalled.rest().await.len() < whole, "the page was sent whole");
}

#[tokio::test]
async fn many_who_ask_nothing_keep_nobody_out() {
    let server = Setup { connections: Connections::at_most(3), ..Setup::default() }.start().await;
    let mut scraper = server.connect().await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET / HT").await.unwrap();
        silent.push(stream);
        assert_eq!(scraper.request("GET", "/-/healthy", "").await.status, 200);
    }
    assert_eq!(server.get("/-/healthy").await.status, 200);
}

#[tokio::test]
async fn many_who_send_half_a_body_keep_nobody_out() {
    let server = Setup { connections: Connections::at_most(3), ..Setup::default() }.start().await;
    let mut scraper = server.connect().await;
    assert_eq!(scraper.request("GET", "/metrics", "").await.status, 200);
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let begun = format!("POST /authorize HTTP/1.1\r\n{FORM}Content-Length: 800\r\n\r\npasted=");
        stream.write_all(begun.as_bytes()).await.unwrap();
        slow.push(stream);
        assert_eq!(scraper.request("GET", "/metrics", "").await.status, 200, "an idle client goes last");
    }
    assert_eq!(server.get("/metrics").await.status, 200);
}
