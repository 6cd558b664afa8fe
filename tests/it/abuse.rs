//! The whole program under load and abuse: others are served meanwhile, and afterwards it is as large as before.

use std::time::Duration;

use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::demo::Demo;
use crate::http_client::Connection;
use crate::program::until;

/// What the program may grow by, KiB: buffers for as many clients as it has places, and what an allocator keeps.
const MOST_GROWTH: u64 = 16 * 1024;

/// How long an honest client waits at most, whatever the others do.
const MOST_PATIENCE: Duration = Duration::from_secs(10);

/// Sends `bytes` on so many connections and goes away without reading, while another client is served `target`.
async fn attack(demo: &Demo, name: &str, connections: usize, bytes: &str, target: &str) {
    let mut held = Vec::new();
    for index in 0..connections {
        let mut stream = TcpStream::connect(demo.address).await.unwrap();
        // It may have been cut already.
        let _ = stream.write_all(bytes.as_bytes()).await;
        held.push(stream);
        if index % 100 == 0 {
            check_served(demo, target, name).await;
        }
    }
    check_served(demo, target, name).await;
    let (files, memory) = size(demo);
    println!("{name}: {connections} connections, {files} open files, {memory} KiB");
}

async fn check_served(demo: &Demo, target: &str, meanwhile: &str) {
    let answer = async { Connection::open(demo.address).await.request("GET", target, "").await };
    let answer = tokio::time::timeout(MOST_PATIENCE, answer).await;
    assert_eq!(answer.map(|page| page.status), Ok(200), "{meanwhile}");
}

/// The open files and the memory in use, KiB.
fn size(demo: &Demo) -> (usize, u64) {
    let process = format!("/proc/{}", demo.program.id());
    let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")).unwrap();
    (std::fs::read_dir(format!("{process}/fd")).unwrap().count(), memory.parse().unwrap())
}

#[tokio::test]
#[ignore = "long: tests/run --long"]
async fn it_serves_on_and_does_not_grow() {
    let dir = TempDir::new().unwrap();
    let demo = Demo::start(&[], &dir, &["Alice", "Bob", "Zoë"]).await;
    for _ in 0..100 {
        check_served(&demo, "/metrics", "nobody else there").await;
    }
    let (files, memory) = size(&demo);

    for _ in 0..10_000 {
        let answer = Connection::open(demo.address).await.request("GET", "/-/healthy", "Connection: close\r\n").await;
        assert_eq!(answer.status, 200);
    }
    let form = "POST /authorize HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let much = "x".repeat(500_000);
    let attacks = [
        ("connections that say nothing", 600, String::new()),
        ("headers without end", 600, "GET / HTTP/1.1\r\nX: y".to_owned()),
        ("floods of headers", 200, format!("GET / HTTP/1.1\r\n{}", "X: yyyyyyyyyyyyyyyy\r\n".repeat(20_000))),
        ("very long addresses", 200, format!("GET /{much} HTTP/1.1\r\n\r\n")),
        (
            "bodies where none belongs",
            200,
            format!("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n{much}"),
        ),
        ("bodies without end", 300, format!("{form}Content-Length: 8000\r\n\r\npasted=")),
    ];
    for (name, connections, bytes) in attacks {
        attack(&demo, name, connections, &bytes, "/metrics").await;
    }
    // Beyond 40 scrapes at one time the honest ones are refused too, for a moment.
    let unread = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20);
    attack(&demo, "pages that nobody reads", 300, &unread, "/-/healthy").await;

    until("as few open files as before", async || (size(&demo).0 <= files).then_some(())).await;
    let (_, after) = size(&demo);
    println!("memory: {memory} KiB before, {after} KiB after");
    assert!(after <= memory + MOST_GROWTH, "{memory} KiB grew to {after} KiB");
}
