//! The names that the server answers to: a page of another site that has its own name lead here (DNS rebinding) gets nothing.

use tempfile::TempDir;
use tracing::level_filters::LevelFilter;
use withings_exporter::web::Security;

use super::{Server, Setup};
use crate::config::write;
use crate::http_client::{Answer, Connection};
use crate::log::Log;
use crate::world::World;

const EVIL: &str = "evil.example:10064";

/// What a browser says whose page has the name that it asks.
const SAME_ORIGIN: &str = "Origin: http://evil.example:10064\r\nSec-Fetch-Site: same-origin\r\n";

async fn ask(server: &Server, host: &str, target: &str) -> Answer {
    server.connect().await.request_to(host, "GET", target, "").await
}

async fn status(server: &Server, host: &str) -> u16 {
    ask(server, host, "/metrics").await.status
}

/// The statuses of all answers to these lines, with which the client hangs up.
async fn raw(server: &Server, lines: &str) -> Vec<u16> {
    let mut connection = server.connect().await;
    connection.send(&format!("{lines}Connection: close\r\n\r\n")).await;
    let answers = connection.rest().await;
    answers.split("HTTP/1.").skip(1).map(|answer| answer[2..5].parse().unwrap()).collect()
}

#[tokio::test]
async fn another_sites_name_gets_nothing_and_is_told_what_helps() {
    let server = Setup::default().start().await;
    for target in ["/", "/metrics", "/authorize?profile=Alice", "/-/reload", "/nothing"] {
        let refused = ask(&server, EVIL, target).await;
        assert_eq!(refused.status, 421, "{target}");
        assert!(refused.body.contains("--web.allowed-host=evil.example,"), "{}", refused.body);
    }
    for (target, status) in [("/-/healthy", 200), ("/-/ready", 503), ("/callback?state=s&code=c", 400)] {
        assert_eq!(ask(&server, EVIL, target).await.status, status, "{target}");
    }
}

#[tokio::test]
async fn the_log_names_the_flag_once() {
    let log = Log::listen(LevelFilter::INFO);
    let server = Setup::default().start().await;
    for host in [EVIL, EVIL, "other.example"] {
        assert_eq!(status(&server, host).await, 421, "{host}");
    }
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("host=evil.example") && lines[0].contains("--web.allowed-host"), "{}", lines[0]);
}

#[tokio::test]
async fn machines_of_homes_and_clusters_are_answered_and_so_is_what_is_allowed() {
    let setup = || Setup { allowed_hosts: &["nas.example", ".home.example"], ..Setup::default() };
    let server = setup().start().await;
    for host in ["192.168.1.2:10064", "[::1]:10064", "exporter:10064", "NAS.local.", "Nas.Example:80", "a.home.example"]
    {
        assert_eq!(status(&server, host).await, 200, "{host}");
    }
    assert_eq!(status(&server, "home.example").await, 421);
    assert_eq!(status(&Setup { allowed_hosts: &["*"], ..setup() }.start().await, EVIL).await, 200);
}

#[tokio::test]
async fn where_a_password_is_needed_every_name_is_answered() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("web.yml");
    write(
        &path,
        &format!("basic_auth_users: {{prometheus: {}}}\n", bcrypt::hash_with_salt("hush", 4, [7; 16]).unwrap()),
    );
    let server = Setup { security: Security::load(&path).unwrap(), ..Setup::default() }.start().await;
    assert_eq!(status(&server, EVIL).await, 401);
}

#[tokio::test(crate = "crate::paused")]
async fn another_sites_name_neither_reads_nor_reloads_nor_replaces_a_person() {
    let world = World::connected(&["Alice"]).await;
    let asks = async |method: &str, target: &str, headers: &str| {
        let headers = format!("{SAME_ORIGIN}{headers}");
        Connection::open(world.address()).await.request_to(EVIL, method, target, &headers).await.status
    };
    assert_eq!(asks("GET", "/metrics", "").await, 421);
    assert_eq!(asks("POST", "/-/reload", "").await, 421);
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n";
    assert_eq!(asks("POST", "/authorize", form).await, 421);
}

#[tokio::test(crate = "crate::paused")]
async fn the_name_in_base_url_is_answered_also_when_a_reload_changes_it() {
    let mut world = World::with_accounts(&["Alice"]).await;
    world.start_exporter().await;
    let asks = async |world: &World, host| {
        Connection::open(world.address()).await.request_to(host, "GET", "/metrics", "").await.status
    };
    assert_eq!(asks(&world, "withings.example").await, 421);
    world.config.base_url = "https://Withings.example/path".parse().unwrap();
    assert_eq!(world.reload().await.status, 200);
    assert_eq!(asks(&world, "withings.example").await, 200);
}

#[tokio::test]
async fn a_request_says_once_for_which_host_it_is() {
    let server = Setup::default().start().await;
    for path in ["/metrics", "/-/healthy"] {
        assert_eq!(raw(&server, &format!("GET {path} HTTP/1.1\r\n")).await, [400], "{path}");
        assert_eq!(raw(&server, &format!("GET http://localhost{path} HTTP/1.1\r\n")).await, [400], "{path}");
        for version in ["1.0", "1.1"] {
            let two = format!("GET {path} HTTP/{version}\r\nHost: localhost\r\nHost: localhost\r\n");
            assert_eq!(raw(&server, &two).await, [400], "{path}");
        }
        assert_eq!(raw(&server, &format!("GET {path} HTTP/1.0\r\n")).await, [200], "{path}");
    }
}
