//! The program as the operating system meets it: signals, exit codes, ports, directories, and what it prints.

use std::fs::{self, File};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::net::TcpStream;
use url::Url;
use withings_exporter::clock::Clock;
use withings_exporter::sim::people::ALICE;
use withings_exporter::sim::{Cloud, Failure, Fault};

use crate::http_client::{Answer, Connection, Cookies};
use crate::program::{Program, fed, until};
use crate::sim::server::Server;

/// A running exporter and what it has printed.
struct Exporter {
    program: Program,
    cookies: Cookies,
    _printed: TempDir,
}

impl Exporter {
    fn start(arguments: &[&str]) -> Self {
        Self::run(Command::new(env!("CARGO_BIN_EXE_withings-exporter")).args(arguments))
    }

    fn run(command: &mut Command) -> Self {
        let printed = TempDir::new().unwrap();
        let command = command.env_clear();
        let program = Program::start(command, &printed.path().join("printed"));
        Self { program, cookies: Cookies::default(), _printed: printed }
    }

    /// Starts the exporter on a free port.
    fn serve(config: &Path, storage: &Path) -> Self {
        let (config, storage) = (config.to_str().unwrap(), storage.to_str().unwrap());
        let listen = ["--web.listen-address", "127.0.0.1:0", "--log.level", "debug"];
        Self::start(&[&listen[..], &["--config.file", config, "--storage.path", storage]].concat())
    }

    /// Starts the demo on a free port.
    fn demo(storage: &Path, more: &[&str]) -> Self {
        let demo = ["demo", "--web.listen-address", "127.0.0.1:0", "--storage.path", storage.to_str().unwrap()];
        Self::start(&[&demo[..], more].concat())
    }

    /// The whole output so far.
    fn printed(&self) -> String {
        self.program.said()
    }

    /// The address at which the exporter listens, as soon as it prints it.
    async fn address(&self) -> SocketAddr {
        self.program.address("").await
    }

    async fn get(&self, target: &str) -> Answer {
        let mut connection = Connection::open(self.address().await).await;
        let answer = connection.request("GET", target, &self.cookies.header()).await;
        self.cookies.keep(&answer);
        answer
    }

    /// Waits until a scrape has this line.
    async fn until_shown(&self, line: &str) {
        until(line, async || self.get("/metrics").await.body.lines().find(|shown| *shown == line).map(drop)).await;
    }
}

/// A directory with this file.
fn folder_with(name: &str, text: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    File::create(dir.path().join(name)).unwrap().write_all(text.as_bytes()).unwrap();
    dir
}

/// A household in the cloud of `server`, as a configuration file.
fn configuration(server: &Server) -> TempDir {
    let cloud = format!("http://{}", server.address);
    let text = format!(
        "withings:\n  client_id: app\n  client_secret: secret\n  profiles: Alice\n  base_url: http://localhost:10064\n  \
         api_url: {cloud}\n  account_url: {cloud}\n  requests_per_minute: 120\n"
    );
    folder_with("withings.yaml", &text)
}

fn real_cloud() -> Server {
    Server::start(Cloud::with_history(1, 1, Clock::system()))
}

/// The path of the callback after Alice has agreed.
async fn consent(program: &Exporter, server: &Server) -> String {
    let begun = program.get("/authorize?profile=Alice").await;
    let consent = Url::parse(begun.header("location").unwrap()).unwrap();
    let agreed = server.get(&format!("{}?{}&selecteduser={ALICE}", consent.path(), consent.query().unwrap()));
    let back = Url::parse(agreed.header("location").unwrap()).unwrap();
    format!("{}?{}", back.path(), back.query().unwrap())
}

/// Expects that the program ends with 1 and says this.
async fn check_refused(mut program: Exporter, sentence: &str) {
    let code = program.program.ended().await;
    let printed = program.printed();
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains(sentence), "{sentence} is missing in\n{printed}");
}

/// Expects that every file can be read by its owner only and that JSON is whole.
fn check_storage(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        if path.is_dir() {
            assert_eq!(mode, 0o700, "{}", path.display());
            check_storage(&path);
            continue;
        }
        assert_eq!(mode, 0o600, "{}", path.display());
        if path.ends_with("budget") {
            assert_eq!(fs::metadata(&path).unwrap().len(), 32, "{}", path.display());
        } else if path.extension().is_some_and(|extension| extension == "json") {
            serde_json::from_slice::<serde_json::Value>(&fs::read(&path).unwrap()).unwrap();
        } else {
            assert_eq!(fs::metadata(&path).unwrap().len(), 0, "{} is a leftover", path.display());
        }
    }
}

/// Ends the program in the middle of a scrape and of a form, which are answered whole, and looks at what it leaves.
async fn check_end(mut program: Exporter, signal: Signal, storage: &Path) {
    let address = program.address().await;
    let mut form = Connection::open(address).await;
    let head = "Host: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\n";
    form.send(&format!("POST /authorize HTTP/1.1\r\n{head}Expect: 100-continue\r\n\r\n")).await;
    assert_eq!(form.line().await, "HTTP/1.1 100 Continue");
    assert_eq!(form.line().await, "");
    let mut scrape = Connection::open(address).await;
    scrape.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    scrape.answering().await;
    program.program.signal(signal);
    until("it accepts no more", async || TcpStream::connect(address).await.err()).await;
    assert!(program.program.is_running(), "the end did not wait");
    form.send("pasted=x").await;
    assert_eq!(form.answer("POST").await.status, 400);
    assert_eq!(scrape.answer("GET").await.status, 200);
    assert_eq!(program.program.ended().await, Some(0), "{}", program.printed());
    check_storage(storage);
}

#[tokio::test]
async fn serve_ends_cleanly_with_either_signal() {
    let server = real_cloud();
    let config = configuration(&server);
    let storage = TempDir::new().unwrap();
    for signal in [Signal::TERM, Signal::INT] {
        let program = Exporter::serve(&config.path().join("withings.yaml"), storage.path());
        let callback = consent(&program, &server).await;
        assert_eq!(program.get(&callback).await.status, 200);
        program.until_shown("withings_up{profile=\"Alice\"} 1").await;
        check_end(program, signal, storage.path()).await;
        assert!(fs::read_dir(storage.path().join("readings")).unwrap().count() > 0);
    }
}

#[tokio::test]
async fn the_demo_ends_cleanly_with_ctrl_c_and_its_directory_stays_its_own() {
    let server = real_cloud();
    let config = configuration(&server);
    let storage = TempDir::new().unwrap();
    let program = Exporter::demo(storage.path(), &[]);
    for person in ["Alice", "Bob", "Zoë"] {
        program.until_shown(&format!("withings_authorized{{profile=\"{person}\"}} 1")).await;
    }
    check_end(program, Signal::INT, storage.path()).await;
    let serve = Exporter::serve(&config.path().join("withings.yaml"), storage.path());
    check_refused(serve, "this directory belongs to the demo").await;
}

#[tokio::test]
async fn a_demo_that_was_killed_while_it_took_its_directory_starts_again() {
    let storage = TempDir::new().unwrap();
    let mut killed = Command::new("sh");
    // The kernel kills whoever writes the first byte to a file.
    killed.args(["-c", "ulimit -f 0 && exec \"$@\"", "sh", env!("CARGO_BIN_EXE_withings-exporter"), "demo"]);
    killed.args(["--web.listen-address", "127.0.0.1:0", "--storage.path"]).arg(storage.path());
    let killed = fed(&mut killed, b"");
    assert_eq!(killed.status.code(), None, "{killed:?}");
    assert!(fs::read_dir(storage.path()).unwrap().count() > 0, "it was killed before it began");
    Exporter::demo(storage.path(), &[]).address().await;
}

#[tokio::test]
async fn the_demo_does_not_mix_its_people_with_anything_else() {
    let folder = folder_with("notes.txt", "mine");
    check_refused(Exporter::demo(folder.path(), &[]), "this directory is not empty and not of the demo").await;
}

#[tokio::test]
async fn a_directory_is_served_from_by_one_program_only() {
    let server = real_cloud();
    let config = configuration(&server);
    let (config, storage) = (config.path().join("withings.yaml"), TempDir::new().unwrap());
    let first = Exporter::serve(&config, storage.path());
    first.address().await;
    let sentence = "another withings-exporter serves from this directory; stop it or choose another one";
    check_refused(Exporter::serve(&config, storage.path()), sentence).await;
}

#[tokio::test]
async fn clients_that_stay_take_no_file_from_storage_and_withings() {
    let storage = TempDir::new().unwrap();
    let mut limited = Command::new("/bin/sh");
    limited.args(["-c", "ulimit -n 128; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_withings-exporter")]);
    limited.args(["demo", "--web.listen-address", "127.0.0.1:0", "--storage.path", storage.path().to_str().unwrap()]);
    let program = Exporter::run(&mut limited);
    let address = program.address().await;
    program.until_shown("withings_authorized{profile=\"Zoë\"} 1").await;
    let mut clients = Vec::new();
    for _ in 0..200 {
        let mut client = Connection::open(address).await;
        assert_eq!(client.request("GET", "/-/healthy", "").await.status, 200);
        clients.push(client);
    }
    // The beginning of a login is stored, and what Withings says of it is asked for.
    assert_eq!(program.get("/authorize?profile=Alice").await.status, 302);
    let page = program.get("/metrics").await.body;
    assert!(page.contains("\nwithings_exporter_storage_up 1\n"), "{page}");
    assert!(!program.printed().contains("no connection can be accepted"), "{}", program.printed());
}

#[tokio::test]
async fn pages_are_rendered_on_threads_of_their_own() {
    let server = real_cloud();
    let (config, storage) = (configuration(&server), TempDir::new().unwrap());
    let program = Exporter::serve(&config.path().join("withings.yaml"), storage.path());
    assert_eq!(program.get("/metrics").await.status, 200);
    let threads = fs::read_dir(format!("/proc/{}/task", program.program.id())).unwrap();
    let mut names = threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("comm")).unwrap());
    assert!(names.any(|name| name.trim() == "rendering"));
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let program = Exporter::start(&["--web.listen-address", &address]);
    check_refused(
        program,
        &format!("cannot listen on {address}: Address already in use (os error 98); another program is there"),
    )
    .await;
}

#[tokio::test]
async fn where_no_answers_were_captured_there_is_no_demo_of_them() {
    let empty = TempDir::new().unwrap();
    let demo =
        |replayed: &str| Exporter::start(&["demo", "--web.listen-address", "127.0.0.1:0", "--demo.replay", replayed]);
    check_refused(demo(empty.path().to_str().unwrap()), "has no captured answer: looked for getmeas.json").await;
    check_refused(demo("/nowhere"), "/nowhere is not a directory").await;
}

#[tokio::test]
async fn no_secret_is_ever_printed_or_shown() {
    let server = real_cloud();
    let config = configuration(&server);
    let storage = TempDir::new().unwrap();
    let mut program = Exporter::serve(&config.path().join("withings.yaml"), storage.path());
    let callback = consent(&program, &server).await;
    server.cloud.fault(Fault::new(Failure::InvalidParams).on("requesttoken"));
    let mut pages = vec![program.get(&callback).await];
    let second = consent(&program, &server).await;
    for target in [&second, &second, "/authorize?profile=Alice&mode=x", "/nothing"] {
        pages.push(program.get(target).await);
    }
    assert_eq!(pages.iter().map(|page| page.status).collect::<Vec<_>>(), [502, 200, 200, 400, 404]);
    program.until_shown("withings_up{profile=\"Alice\"} 1").await;
    for target in ["/", "/metrics", "/-/ready"] {
        pages.push(program.get(target).await);
    }
    program.program.signal(Signal::TERM);
    program.program.ended().await;
    let said = pages.into_iter().fold(program.printed(), |said, page| said + &page.body);
    assert!(said.contains("level=debug"), "{said}");
    let states = [callback, second].map(|callback| callback.split("state=").nth(1).unwrap().to_owned());
    let secrets = server.cloud.secrets();
    assert!(secrets.len() >= 4, "two codes and a pair");
    for secret in secrets.into_iter().chain(states) {
        assert!(!said.contains(&secret), "{secret} is in\n{said}");
    }
}
