//! The program under a service manager or in a container: passed sockets, notifications, the health check.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixDatagram};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::certificates::certificates;
use crate::config::{exporter, write};
use crate::http_client::Connection;
use crate::program::{Program, fed, until};

const CONFIG: &str = "withings:\n  client_id: id\n  client_secret: secret\n  profiles: Alice\n";
const TLS: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

/// A folder with certificates and a configuration.
fn folder() -> TempDir {
    let folder = certificates();
    write(&folder.path().join("withings.yaml"), CONFIG);
    folder
}

/// Starts the exporter in `folder`, where it finds its port; its output goes to a file there.
fn start(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Program {
    let mut command = exporter(folder);
    command.args(arguments).envs(variables.iter().copied());
    Program::start(&mut command, &folder.join("log"))
}

fn health(folder: &Path, address: SocketAddr, arguments: &[&str]) -> Output {
    let mut command = exporter(folder);
    fed(command.args(["healthcheck", "--web.listen-address", &address.to_string()]).args(arguments), b"")
}

#[track_caller]
fn check_health(output: &Output, code: i32, says: &str) {
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(says), "{said}");
}

fn received(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 100];
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

async fn check_notified(socket: UnixDatagram, name: &str) {
    socket.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let folder = folder();
    let variables = [("NOTIFY_SOCKET", name), ("WATCHDOG_USEC", "100000")];
    let mut program = start(folder.path(), &["--web.listen-address", "127.0.0.1:0"], &variables);
    assert_eq!(received(&socket), "READY=1");
    assert_eq!(Connection::open(program.address("").await).await.request("GET", "/-/healthy", "").await.status, 200);
    assert_eq!([received(&socket), received(&socket), received(&socket)], ["WATCHDOG=1"; 3]);
    program.signal(Signal::TERM);
    while received(&socket) != "STOPPING=1" {}
    assert_eq!(program.ended().await, Some(0));
    socket.set_nonblocking(true).unwrap();
    assert!(socket.recv(&mut [0; 100]).is_err(), "something was said after the end had begun");
}

#[tokio::test]
async fn the_service_manager_hears_of_the_start_the_life_and_the_end() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notify");
    check_notified(UnixDatagram::bind(&path).unwrap(), path.to_str().unwrap()).await;
}

#[tokio::test]
async fn the_service_managers_address_may_be_abstract() {
    let name = format!("withings-exporter-test-{}", std::process::id());
    let address = UnixAddress::from_abstract_name(&name).unwrap();
    check_notified(UnixDatagram::bind_addr(&address).unwrap(), &format!("@{name}")).await;
}

#[tokio::test]
async fn the_file_is_read_again_at_a_signal() {
    let folder = folder();
    let program = start(folder.path(), &["--web.listen-address", "127.0.0.1:0"], &[]);
    let address = program.address("").await;
    let page = async || Connection::open(address).await.request("GET", "/metrics", "").await.body;
    assert!(!page().await.contains("Bob"));
    write(&folder.path().join("withings.yaml"), &CONFIG.replace("Alice", "[Alice, Bob]"));
    program.signal(Signal::HUP);
    until("Bob", async || page().await.contains("withings_authorized{profile=\"Bob\"} 0").then_some(())).await;
    write(&folder.path().join("withings.yaml"), &CONFIG.replace("profiles", "profile"));
    program.signal(Signal::HUP);
    let refused = "withings_exporter_config_last_reload_successful 0";
    until("the mistake", async || page().await.contains(refused).then_some(())).await;
    assert!(page().await.contains("Bob"));
    let said = program.said();
    assert!(said.contains("`profile`") && !said.contains("secret: secret"), "{said}");
}

#[tokio::test]
async fn sockets_of_systemd_are_served() {
    let folder = folder();
    write(&folder.path().join("withings.yaml"), &format!("{CONFIG}  base_url: https://home.example\n"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // A shell makes standard input the third descriptor, and becomes the program with the number that it names.
    let script = "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" --web.systemd-socket 3<&0 </dev/null";
    let mut shell = Command::new("bash");
    shell.current_dir(folder.path()).env_clear().stdin(Stdio::from(OwnedFd::from(listener)));
    shell.args(["-c", script, env!("CARGO_BIN_EXE_withings-exporter")]);
    let program = Program::start(&mut shell, &folder.path().join("log"));
    assert_eq!(Connection::open(address).await.request("GET", "/-/healthy", "").await.status, 200);
    assert!(program.said().contains(&address.to_string()), "{}", program.said());
}

#[test]
fn without_sockets_of_systemd_it_says_so() {
    let folder = folder();
    let output = fed(exporter(folder.path()).arg("--web.systemd-socket"), b"");
    check_health(&output, 1, "systemd has passed no socket");
}

#[tokio::test]
async fn the_health_check_asks_the_exporter_with_the_same_flags() {
    let folder = folder();
    let mut program = start(folder.path(), &["--web.listen-address", "127.0.0.1:0"], &[]);
    let address = program.address("").await;
    check_health(&health(folder.path(), address, &[]), 0, "withings-exporter is healthy.");
    let everywhere = format!("0.0.0.0:{}", address.port()).parse().unwrap();
    check_health(&health(folder.path(), everywhere, &[]), 0, "healthy");
    program.signal(Signal::TERM);
    program.ended().await;
    let refused = format!("error: http://{address}/-/healthy does not answer: no connection");
    check_health(&health(folder.path(), address, &[]), 1, &refused);
    check_health(&health(folder.path(), "127.0.0.1:0".parse().unwrap(), &[]), 1, "--web.listen-address");
}

#[tokio::test]
async fn the_health_check_needs_no_password_and_no_certificate() {
    let folder = folder();
    let hash = bcrypt::hash_with_salt("hush", 4, [7; 16]).unwrap();
    let users = format!("basic_auth_users:\n  prometheus: {hash}\n");
    for client in [
        "",
        "  client_auth_type: RequireAnyClientCert\n",
        "  max_version: TLS12\n  client_auth_type: RequireAnyClientCert\n",
    ] {
        write(&folder.path().join("web.yml"), &format!("{TLS}{client}{users}"));
        let program =
            start(folder.path(), &["--web.listen-address", "127.0.0.1:0", "--web.config.file", "web.yml"], &[]);
        let address = program.address("").await;
        check_health(&health(folder.path(), address, &["--web.config.file", "web.yml"]), 0, "healthy");
        check_health(&health(folder.path(), address, &[]), 1, "status 400; does the exporter run with the same flags?");
        drop(program);
    }
}

#[tokio::test]
async fn the_exporter_is_healthy_also_when_its_changed_files_cannot_be_used() {
    let folder = folder();
    let web = folder.path().join("web.yml");
    let arguments = ["--web.listen-address", "127.0.0.1:0", "--web.config.file", "web.yml"];
    let check = |address| check_health(&health(folder.path(), address, &arguments[2..]), 0, "healthy");
    for config in [TLS, ""] {
        write(&web, config);
        let mut program = start(folder.path(), &arguments, &[]);
        let address = program.address("").await;
        check(address);
        if config == TLS {
            write(&folder.path().join("server.crt"), "renewed, and not whole");
            check(address);
        }
        write(&web, "no_such_key: 1\n");
        check(address);
        program.signal(Signal::TERM);
        program.ended().await;
        check_health(&health(folder.path(), address, &arguments[2..]), 1, "does not answer: no connection");
    }
}

#[tokio::test]
async fn of_many_who_are_not_connected_the_log_has_the_number() {
    for (people, lines) in [(20, 20), (21, 1)] {
        let folder = folder();
        let names: Vec<_> = (1..=people).map(|number| format!("Patient {number}")).collect();
        write(&folder.path().join("withings.yaml"), &CONFIG.replace("Alice", &format!("{names:?}")));
        let program = start(folder.path(), &["--web.listen-address", "127.0.0.1:0"], &[]);
        program.address("").await;
        let said = until("the last line", async || {
            let said = program.said();
            (said.matches("not connected").count() >= lines).then_some(said)
        })
        .await;
        assert_eq!(said.matches("not connected").count(), lines, "{said}");
        assert_eq!(said.contains("Patient"), people == 20, "{said}");
    }
}

#[tokio::test]
async fn a_broken_change_is_said_once_and_what_was_in_force_stays() {
    let folder = folder();
    let web = folder.path().join("web.yml");
    write(&web, TLS);
    let arguments = ["--web.listen-address", "127.0.0.1:0", "--web.config.file", "web.yml"];
    let program = start(folder.path(), &arguments, &[]);
    let address = program.address("").await;
    let healthy = || health(folder.path(), address, &arguments[2..]);
    let broken = [
        (format!("{TLS}  no_such_key: 1\n"), "no_such_key"),
        (format!("{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: later.crt\n"), "later.crt"),
        ("http_server_config: {http2: true}\n".to_owned(), "at the next start only"),
    ];
    for (config, says) in broken {
        write(&web, &config);
        until(says, async || program.said().contains(says).then_some(())).await;
        write(&web, TLS);
        until("the mended file", async || program.said().contains("is in force").then_some(())).await;
    }
    check_health(&healthy(), 0, "healthy");
    let said = program.said();
    assert_eq!(said.matches("the former one stays in force").count(), 3, "{said}");
    let key = fs::read_to_string(folder.path().join("server.key")).unwrap();
    assert!(!said.contains(key.lines().nth(1).unwrap()));
}
