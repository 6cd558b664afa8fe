//! The program installed: its folder, the programs that are started in it, and the simulated cloud, which is in this
//! process. The clock is the host's, for the programs have no other.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::{interval, timeout};
use url::Url;
use withings_exporter::clock::Clock;
use withings_exporter::sim::{self, Account, Cloud, Limits};

use crate::http_client::{Answer, Connection, Cookies};
use crate::program::spawn;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a page is looked at that should change.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How many connections a flood has.
const FLOODERS: usize = 20;

/// What the application at Withings is given to prove itself.
pub(crate) const CLIENT_SECRET: &str = "5ec2e7-0f-7he-4pp";

/// A folder with configuration and storage, and the cloud that it is configured for.
pub(crate) struct Installation {
    pub(crate) cloud: Cloud,
    folder: TempDir,
    runtime: Runtime,
    cloud_address: SocketAddr,
    cloud_end: Option<oneshot::Sender<()>>,
    base_url: String,
    cookies: Cookies,
}

impl Installation {
    /// A household's cloud, and the application with this base URL.
    pub(crate) fn new(profiles: &[&str], base_url: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let cloud = Cloud::with_history(7, 1, Clock::system());
        cloud.limits(Limits::OFF);
        cloud.register(sim::App {
            client_id: "the-app".to_owned(),
            client_secret: CLIENT_SECRET.to_owned(),
            redirect_uris: vec![format!("{base_url}/callback")],
        });
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let cloud_address = listener.local_addr().unwrap();
        let (cloud_end, ended) = oneshot::channel();
        runtime.spawn(sim::serve(listener, cloud.clone(), async { drop(ended.await) }));
        let folder = TempDir::new().unwrap();
        let base_url = base_url.to_owned();
        let (cloud_end, cookies) = (Some(cloud_end), Cookies::default());
        let installation = Self { cloud, folder, runtime, cloud_address, cloud_end, base_url, cookies };
        installation.configure(profiles, CLIENT_SECRET);
        installation
    }

    /// Writes the configuration; webhooks are on if Withings can call the base URL.
    #[expect(clippy::disallowed_methods, reason = "nobody reads the file while it is written")]
    pub(crate) fn configure(&self, profiles: &[&str], client_secret: &str) {
        let (cloud, base_url) = (self.cloud_address, &self.base_url);
        let webhooks = base_url.starts_with("https") && !base_url.contains("localhost");
        let text = format!(
            "withings:\n  client_id: the-app\n  client_secret: {client_secret}\n  profiles: {profiles:?}\n  base_url: \
             {base_url}\n  webhooks: {webhooks}\n  api_url: http://{cloud}\n  account_url: http://{cloud}\n  requests_per_minute: 120\n"
        );
        fs::write(self.folder.path().join("withings.yaml"), text).unwrap();
    }

    /// Writes a configuration with another budget and the shortest refresh interval.
    pub(crate) fn allow(&self, requests_per_minute: u32) {
        let budget = format!("requests_per_minute: {requests_per_minute}\n  refresh_interval: 15s");
        self.rewrite("requests_per_minute: 120", &budget);
    }

    /// Has the exporter look for Withings' API at this URL.
    pub(crate) fn move_api(&self, api_url: &str) {
        self.rewrite(&format!("api_url: http://{}", self.cloud_address), &format!("api_url: {api_url}"));
    }

    fn rewrite(&self, from: &str, to: &str) {
        let path = self.folder.path().join("withings.yaml");
        let text = fs::read_to_string(&path).unwrap();
        crate::config::write(&path, &text.replace(from, to));
    }

    pub(crate) fn cloud_address(&self) -> SocketAddr {
        self.cloud_address
    }

    pub(crate) fn account(&self, name: &str) -> Account {
        self.cloud.account(name).unwrap()
    }

    /// Cuts the cloud off: from now on its port refuses connections.
    pub(crate) fn stop_cloud(&mut self) {
        drop(self.cloud_end.take());
        self.until("the cloud refuses connections", async || {
            tokio::net::TcpStream::connect(self.cloud_address).await.is_err()
        });
    }

    /// Starts the program in the folder.
    pub(crate) fn start(&self, arguments: &[&str]) -> Program {
        self.start_in(arguments, &[])
    }

    /// The same with these variables in the environment, and no others.
    pub(crate) fn start_in(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_withings-exporter"));
        command.env_clear().envs(variables.iter().copied()).current_dir(self.folder.path()).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Program::of(spawn(&mut command).unwrap())
    }

    /// Starts the exporter at `address` and waits until it listens.
    pub(crate) fn serve(&self, address: SocketAddr) -> Program {
        let exporter = self.start(&["--web.listen-address", &address.to_string(), "--log.level", "debug"]);
        self.until("the exporter listens", async || tokio::net::TcpStream::connect(address).await.is_ok());
        exporter
    }

    /// A request to `address`, in the one browser of this host; `headers` are whole lines.
    pub(crate) fn request(&self, address: SocketAddr, method: &str, target: &str, headers: &str) -> Answer {
        let headers = self.cookies.header() + headers;
        let asked = async { Connection::open(address).await.request(method, target, &headers).await };
        let answer = self.runtime.block_on(asked);
        self.cookies.keep(&answer);
        answer
    }

    /// Sends a form to `address`, as a program does.
    pub(crate) fn post(&self, address: SocketAddr, target: &str, fields: &[(&str, &str)]) -> Answer {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let kind = "Content-Type: application/x-www-form-urlencoded";
        let head = format!("POST {target} HTTP/1.1\r\nHost: localhost\r\n{kind}\r\nContent-Length: {}\r\n", form.len());
        let head = format!("{head}{}\r\n", self.cookies.header());
        self.runtime.block_on(async {
            let mut connection = Connection::open(address).await;
            connection.send(&(head + &form)).await;
            connection.answer("POST").await
        })
    }

    /// Asks `address` for every target, over many connections at once, and expects this status of each.
    pub(crate) fn flood(&self, address: SocketAddr, targets: &[String], status: u16) {
        let ask = async |targets: &[String]| {
            let mut connection = Connection::open(address).await;
            for target in targets {
                let answer = connection.request("GET", target, "").await;
                assert_eq!(answer.status, status, "{}", answer.body);
            }
        };
        let clients = targets.chunks(targets.len().div_ceil(FLOODERS)).map(ask);
        self.runtime.block_on(futures_util::future::join_all(clients));
    }

    /// The path and query of the callback after `person` has said yes on the consent page at `consent`.
    pub(crate) fn agree(&self, consent: &str, person: &str) -> String {
        let mut consent = Url::parse(consent).unwrap();
        consent.query_pairs_mut().append_pair("selecteduser", &self.account(person).userid().to_string());
        let path = format!("{}?{}", consent.path(), consent.query().unwrap());
        let consented = self.request(self.cloud_address, "GET", &path, "");
        let back = Url::parse(consented.header("location").unwrap_or_else(|| panic!("{}", consented.body))).unwrap();
        format!("{}?{}", back.path(), back.query().unwrap())
    }

    /// Waits until the exporter at `address` shows the profile's weight, or none.
    pub(crate) fn until_weight(&self, address: SocketAddr, profile: &str, is_shown: bool) {
        let row = format!("\nwithings_weight_kg{{profile=\"{profile}\"}} ");
        self.until_metrics(address, &format!("{row}is shown: {is_shown}"), |page| page.contains(&row) == is_shown);
    }

    /// Waits until the metrics at `address` are as wanted.
    pub(crate) fn until_metrics(&self, address: SocketAddr, what: &str, is_wanted: impl Fn(&str) -> bool) {
        self.until(what, async || {
            is_wanted(&Connection::open(address).await.request("GET", "/metrics", "").await.body)
        });
    }

    /// The names of the files of this profile, whose name is a plain word.
    pub(crate) fn files_of(&self, profile: &str) -> Vec<String> {
        let prefix = format!("{}-", profile.to_lowercase());
        let names = self.files().into_iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with(&prefix)).collect()
    }

    /// Every stored file with its content, but locks, which are empty, and the budget, which is no text.
    pub(crate) fn stored(&self) -> Vec<(String, String)> {
        let is_text =
            |path: &PathBuf| path.extension().is_none_or(|extension| extension != "lock") && !path.ends_with("budget");
        let files = self.files().into_iter().filter(is_text);
        files.map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap())).collect()
    }

    /// Whether anything stored names this profile.
    pub(crate) fn names(&self, profile: &str) -> bool {
        self.stored().iter().any(|(_, text)| text.contains(&format!("\"{profile}\"")))
    }

    /// Whether anything stored is this person's.
    pub(crate) fn knows(&self, person: &str) -> bool {
        self.names(&self.account(person).userid().to_string())
    }

    /// The storage directory.
    pub(crate) fn storage(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Every file of the storage directory.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let root = self.storage();
        let folders = [root.clone(), root.join("logins"), root.join("readings"), root.join("callbacks")];
        let entries =
            folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_file()).collect()
    }

    /// Waits until a condition is true.
    pub(crate) fn until(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let waiting = async {
            let mut looks = interval(LOOK_EVERY);
            while !is_so().await {
                looks.tick().await;
            }
        };
        let waited = self.runtime.block_on(async { timeout(PATIENCE, waiting).await });
        assert!(waited.is_ok(), "in vain: {what}");
    }
}

/// A running program. It is killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    /// The lines of the output, as they come.
    lines: Receiver<String>,
    /// The lines that were read.
    said: String,
    /// The error output, once the program has ended.
    errors: Receiver<String>,
}

/// The end of a program.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Program {
    pub(crate) fn of(mut child: Child) -> Self {
        let (stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (line, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for text in BufReader::new(stdout).lines() {
                let _ = line.send(text.unwrap());
            }
        });
        let (all, errors) = mpsc::channel();
        std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            let _ = all.send(text);
        });
        Self { stdin: child.stdin.take(), child, lines, said: String::new(), errors }
    }

    /// The first further line of the output that is as wanted.
    pub(crate) fn line(&mut self, is_wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| {
                let errors = self.errors.recv_timeout(PATIENCE).unwrap_or_default();
                panic!("{error}:\n{}\n{errors}", self.said)
            });
            self.said.push_str(&line);
            self.said.push('\n');
            if is_wanted(&line) {
                return line;
            }
        }
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The resident memory of the program, bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let row = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        row.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Ends the program as a service manager does.
    pub(crate) fn terminate(self) -> Ended {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.end()
    }

    /// Waits for the end of the program.
    pub(crate) fn end(mut self) -> Ended {
        let errors = self.errors.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{error}:\n{}", self.said));
        let rest: Vec<_> = self.lines.iter().collect();
        let output = std::mem::take(&mut self.said) + &rest.join("\n");
        Ended { code: self.child.wait().unwrap().code(), output, errors }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address of this host where no server listens, and that no other test is given. Its port is below those from which the
/// kernel takes any: another program could be given one of these before it is used here.
pub(crate) fn free_address() -> SocketAddr {
    static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let is_free =
        |port: &u16| TAKEN.lock().unwrap().insert(*port) && std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = std::iter::repeat_with(|| fastrand::u16(10_100..20_000)).find(is_free);
    ([127, 0, 0, 1], port.expect("the iterator has no end")).into()
}
