//! A whole world in one runtime: a simulated cloud, an exporter on top, storage on disk, and one clock that a paused
//! runtime moves. Nothing of the exporter is replaced but the time.

mod waits;

use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use url::{Url, form_urlencoded};
use withings_exporter::app::{Exporter, Parts};
use withings_exporter::clock::Clock;
use withings_exporter::config::{Config, Selection};
use withings_exporter::exposition::SelfMetrics;
use withings_exporter::login::{Caller, Logins};
use withings_exporter::reading::Snapshot;
use withings_exporter::sim::{self, Account, Cloud, Person};
use withings_exporter::storage::{Class, OpenError, Purpose, Storage, Surroundings, Turn};
use withings_exporter::telemetry::{Build, Telemetry};
use withings_exporter::web::Security;
use withings_exporter::zone::Zone;

use crate::http_client::{Answer, Connection, Cookies};
use crate::program::until_started;
use crate::storage::DatabaseAt;

/// The actions of the calls that bring measurements.
pub(crate) const DATA_ACTIONS: [&str; 9] = [
    "getmeas",
    "getsummary",
    "get",
    "getactivity",
    "getintradayactivity",
    "getworkouts",
    "getdevice",
    "getgoals",
    "list",
];

/// When every world begins: 2026-11-22 17:05 UTC.
pub(crate) fn beginning() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_367_100, 0).unwrap()
}

/// The message about a configuration that cannot be understood.
pub(crate) const BROKEN_FILE: &str = "the file is broken";

/// A cloud, an exporter and the disk between its restarts.
pub(crate) struct World {
    pub(crate) cloud: Cloud,
    pub(crate) clock: Clock,
    /// The exporter's own; the world's, unless a test gives it one that is wrong.
    pub(crate) host_clock: Clock,
    pub(crate) disk: TempDir,
    /// The database in place of the disk.
    pub(crate) database: Option<DatabaseAt>,
    /// The configuration of the next start of the exporter.
    pub(crate) config: Config,
    /// The configuration that a reload reads; `None`: one that cannot be understood.
    file: Arc<Mutex<Option<Config>>>,
    /// Who may talk to the next start of it.
    pub(crate) security: Security,
    /// Those of the browser in which people log in.
    pub(crate) cookies: Arc<Cookies>,
    cloud_end: Option<oneshot::Sender<()>>,
    exporter: Option<Running>,
    /// The disks of exporters that crashed.
    wrecks: Vec<TempDir>,
}

struct Running {
    address: SocketAddr,
    snapshots: watch::Receiver<Snapshot>,
    logins: Logins,
    end: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl World {
    /// The cloud that `people` makes, and an exporter for `profiles` with nobody logged in.
    pub(crate) async fn start(profiles: &[&str], people: impl FnOnce(Clock) -> Cloud) -> Self {
        let mut world = Self::asleep(profiles, people).await;
        world.start_exporter().await;
        world
    }

    /// The same with the exporter not started yet.
    pub(crate) async fn asleep(profiles: &[&str], people: impl FnOnce(Clock) -> Cloud) -> Self {
        let clock = Clock::following_tokio(beginning());
        let cloud = people(clock.clone());
        Self::around(cloud, profiles).await
    }

    /// The world of this cloud, whose clock it takes.
    pub(crate) async fn around(cloud: Cloud, profiles: &[&str]) -> Self {
        let (address, cloud_end) = serve(&cloud).await;
        let config = config(profiles, address);
        cloud.register(sim::App {
            client_id: config.client_id.clone(),
            client_secret: "secret-of-the-app".to_owned(),
            redirect_uris: vec![config.redirect_uri()],
        });
        let (clock, disk) = (cloud.clock(), TempDir::new().unwrap());
        let (host_clock, security) = (clock.clone(), Security::none());
        Self {
            cloud,
            clock,
            host_clock,
            disk,
            database: None,
            config,
            file: Arc::default(),
            security,
            cookies: Arc::default(),
            cloud_end: Some(cloud_end),
            exporter: None,
            wrecks: Vec::new(),
        }
    }

    /// The same with accounts of the profiles' names and without rows.
    pub(crate) async fn with_accounts(profiles: &[&str]) -> Self {
        Self::asleep(profiles, |clock| household(profiles, clock)).await
    }

    /// The same by the host's clock, which a program of its own shares.
    pub(crate) async fn in_real_time(profiles: &[&str]) -> Self {
        Self::around(household(profiles, Clock::system()), profiles).await
    }

    /// The same with the exporter started, and all profiles logged in and refreshed.
    pub(crate) async fn connected(profiles: &[&str]) -> Self {
        let mut world = Self::with_accounts(profiles).await;
        world.start_exporter().await;
        for profile in profiles {
            world.connect(profile).await;
        }
        world
    }

    /// Starts the exporter on the disk.
    pub(crate) async fn start_exporter(&mut self) {
        self.start_exporter_on(TcpListener::bind("127.0.0.1:0").await.unwrap()).await;
    }

    /// The same at this address.
    pub(crate) async fn start_exporter_on(&mut self, listener: TcpListener) {
        let telemetry = Telemetry::new(Build::this());
        let storage = self.storage(&telemetry).await;
        let file = Arc::clone(&self.file);
        let exporter = Exporter::assemble(Parts {
            config: self.config.clone(),
            reread: Some(Arc::new(move || file.lock().unwrap().clone().context(BROKEN_FILE))),
            storage,
            telemetry,
            clock: self.host_clock.clone(),
            telemetry_path: "/metrics".to_owned(),
            security: self.security.clone(),
            allowed_hosts: Vec::new(),
            max_requests: 40,
            self_metrics: SelfMetrics::Shown { process: || None },
            // A paused clock waits for its own runtime's threads alone.
            rendering: Handle::current(),
        });
        let exporter = exporter.await.unwrap();
        let (snapshots, logins) = (exporter.snapshots(), exporter.logins());
        let address = listener.local_addr().unwrap();
        let (end, ending) = oneshot::channel();
        let ended = tokio::spawn(exporter.run(vec![listener], async { drop(ending.await) }));
        self.exporter = Some(Running { address, snapshots, logins, end, ended });
    }

    /// The storage of the next start of the exporter.
    async fn storage(&self, telemetry: &Telemetry) -> Storage {
        let (clock, telemetry) = (self.host_clock.clone(), telemetry.clone());
        match &self.database {
            None => reopened(self.disk.path(), clock, telemetry),
            Some(database) => database.open(Surroundings { clock, telemetry, runtime_directory: None }).await.unwrap(),
        }
    }

    /// Lets the exporter reload `config`.
    pub(crate) async fn reload(&self) -> Answer {
        self.reload_from(Some(&self.config)).await
    }

    /// Lets the exporter reload this configuration, or one that cannot be understood.
    pub(crate) async fn reload_from(&self, config: Option<&Config>) -> Answer {
        *self.file.lock().unwrap() = config.cloned();
        self.post("/-/reload", &[]).await
    }

    /// Ends the exporter as a signal does and waits until it has ended.
    pub(crate) async fn stop_exporter(&mut self) {
        let Running { end, ended, .. } = self.exporter.take().unwrap();
        end.send(()).unwrap();
        ended.await.unwrap();
        // A connection that was cut lets go of the directory a moment later; a process would have ended.
        for _ in 0..6000 {
            if fs::File::open(self.disk.path()).unwrap().try_lock().is_ok() {
                return;
            }
            self.pass(Duration::from_millis(10)).await;
        }
        panic!("the exporter has ended and keeps its directory");
    }

    /// Ends the exporter as a power cut does, wherever it is: what it still does reaches neither the disk nor the
    /// cloud.
    pub(crate) async fn crash(&mut self) {
        let crashed = self.exporter.take().unwrap();
        let disk = TempDir::new().unwrap();
        copy(self.disk.path(), disk.path());
        crashed.ended.abort();
        self.wrecks.push(std::mem::replace(&mut self.disk, disk));
        self.move_cloud().await;
    }

    /// Moves the cloud to another address, which is configured from now on.
    pub(crate) async fn move_cloud(&mut self) {
        self.stop_cloud().await;
        let (address, cloud_end) = serve(&self.cloud).await;
        self.cloud_end = Some(cloud_end);
        let url = url_of(address);
        (self.config.api_url, self.config.account_url) = (url.clone(), url);
    }

    /// Lets every read and write of the running exporter's storage hang from now on, or go on again.
    pub(crate) fn hang_disk(&self, hangs: bool) {
        self.exporter.as_ref().unwrap().logins.storage().hang_disk(hangs);
    }

    /// Uses up the turn that an exchange of a code would have at once.
    pub(crate) async fn use_exchange_turn(&self) {
        let storage = self.exporter.as_ref().unwrap().logins.storage();
        assert_eq!(storage.permit(Class::Exchange).await, Turn::Granted(Duration::ZERO));
    }

    /// Makes calls for `profile`, beside the running exporter's refreshes.
    pub(crate) fn caller(&self, profile: &str) -> Caller {
        let logins = &self.exporter.as_ref().unwrap().logins;
        logins.caller(&logins.profile(profile).unwrap(), Class::Data)
    }

    /// Cuts the cloud off: from now on its port refuses connections.
    pub(crate) async fn stop_cloud(&mut self) {
        drop(self.cloud_end.take());
        for _ in 0..1000 {
            if tokio::net::TcpStream::connect(self.cloud_address()).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("somebody listens where the cloud was");
    }

    /// Lets the cloud answer again, where it did before.
    pub(crate) async fn resume_cloud(&mut self) {
        let listener = TcpListener::bind(self.cloud_address()).await.unwrap();
        self.cloud_end = Some(serve_on(listener, &self.cloud));
    }

    /// The account of the person with this name.
    pub(crate) fn account(&self, name: &str) -> Account {
        self.cloud.account(name).unwrap()
    }

    /// Logs the account with the profile's name in, and waits for the first refresh.
    pub(crate) async fn connect(&self, profile: &str) {
        self.log_in_as_named(profile).await;
        self.until_up(profile).await;
    }

    /// The same in real time, where the devices, which come half a minute later, are not waited for.
    pub(crate) async fn connect_in_real_time(&self, profile: &str) {
        self.log_in_as_named(profile).await;
        self.until(profile, |snapshot| snapshot.up() == Some(true)).await;
    }

    async fn log_in_as_named(&self, profile: &str) {
        let done = self.log_in(profile, &self.account(profile)).await;
        assert_eq!(done.status, 200, "{}", done.body);
    }

    /// Logs `account` in as `profile`, as a browser would; the last answer is the callback's.
    pub(crate) async fn log_in(&self, profile: &str, account: &Account) -> Answer {
        let callback = self.consent(profile, account).await;
        self.get(&callback).await
    }

    /// Goes from the exporter's link over the consent page, and gives the path of the callback.
    pub(crate) async fn consent(&self, profile: &str, account: &Account) -> String {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("profile", profile).finish();
        let begun = self.get(&format!("/authorize?{query}")).await;
        self.agree(begun.header("location").unwrap_or_else(|| panic!("{}", begun.body)), account).await
    }

    /// Signs in as `account` on the consent page at this address, and gives the path of the callback.
    pub(crate) async fn agree(&self, consent: &str, account: &Account) -> String {
        let mut consent = Url::parse(consent).unwrap();
        consent.query_pairs_mut().append_pair("selecteduser", &account.userid().to_string());
        self.sign_in(&consent).await
    }

    async fn sign_in(&self, consent: &Url) -> String {
        let path = format!("{}?{}", consent.path(), consent.query().unwrap());
        let consented = Connection::open(self.cloud_address()).await.request("GET", &path, "").await;
        let back = Url::parse(consented.header("location").unwrap_or_else(|| panic!("{}", consented.body))).unwrap();
        format!("{}?{}", back.path(), back.query().unwrap())
    }

    /// GET from the exporter, in the browser in which people log in.
    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.request("GET", target, "").await
    }

    /// A request to the exporter, in the same browser; `headers` are whole lines.
    pub(crate) async fn request(&self, method: &str, target: &str, headers: &str) -> Answer {
        let headers = self.cookies.header() + headers;
        let answer = Connection::open(self.address()).await.request(method, target, &headers).await;
        self.cookies.keep(&answer);
        answer
    }

    pub(crate) fn cloud_address(&self) -> SocketAddr {
        self.config.api_url.socket_addrs(|| None).unwrap()[0]
    }

    /// Follows a link that begins a login which needs no choice of a person, and gives the path of the callback.
    pub(crate) async fn follow(&self, link: &str) -> String {
        let begun = self.get(link).await;
        self.sign_in(&Url::parse(begun.header("location").unwrap_or_else(|| panic!("{}", begun.body))).unwrap()).await
    }

    /// Sends a form to the exporter, as a program does.
    pub(crate) async fn post(&self, target: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from("", target, fields).await
    }

    /// Sends a form with these headers, whole lines, which say where it comes from.
    pub(crate) async fn post_from(&self, headers: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut connection = Connection::open(self.address()).await;
        let length = form.len();
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {length}\r\n{}{headers}\r\n",
            self.cookies.header()
        );
        connection.send(&(head + &form)).await;
        connection.answer("POST").await
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.exporter.as_ref().unwrap().address
    }

    /// The page of metrics, text 0.0.4.
    pub(crate) async fn metrics(&self) -> String {
        self.get("/metrics").await.body
    }

    /// The value that `profile` shows.
    pub(crate) async fn value(&self, profile: &str, key: &str) -> Option<f64> {
        self.sample(&format!("withings_{key}{{profile=\"{profile}\"}}")).await
    }

    /// The sleep state that `profile` shows, which is exactly one of five.
    pub(crate) async fn sleep_state(&self, profile: &str) -> String {
        let page = self.metrics().await;
        let prefix = format!("withings_sleep_state{{profile=\"{profile}\",withings_sleep_state=\"");
        let rows: Vec<_> = page.lines().filter_map(|line| line.strip_prefix(&prefix)?.split_once("\"} ")).collect();
        let [(state, _)] = rows.iter().filter(|(_, value)| *value == "1").collect::<Vec<_>>()[..] else {
            panic!("{rows:?}")
        };
        assert_eq!(rows.len(), 5, "{rows:?}");
        (*state).to_owned()
    }

    /// The value of a sample, written as on the page: `name{labels}`.
    pub(crate) async fn sample(&self, series: &str) -> Option<f64> {
        let page = self.metrics().await;
        let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        Some(value.parse().unwrap())
    }

    /// Lets the world's time pass; what is due meanwhile happens.
    pub(crate) async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// The same, and only its last half hour is played: what was due before is due once.
    pub(crate) async fn skip(&self, time: Duration) {
        let played = Duration::from_mins(30);
        tokio::time::advance(time.saturating_sub(played)).await;
        self.pass(played).await;
    }

    /// The host sleeps so long: the wall clock moves on, and nothing else does.
    pub(crate) fn suspend(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// The calls of `action`, oldest first.
    pub(crate) fn calls(&self, action: &str) -> Vec<sim::Request> {
        self.cloud.requests().into_iter().filter(|request| request.action.as_deref() == Some(action)).collect()
    }
}

/// A cloud with accounts of these names, which hold nothing.
pub(crate) fn household(names: &[&str], clock: Clock) -> Cloud {
    let cloud = Cloud::new(clock);
    for (userid, name) in (1001..).zip(names) {
        cloud.add_person(Person::new(userid, name, Zone::UTC));
    }
    cloud
}

/// Serves `cloud` on a free port until the sender is dropped.
pub(crate) async fn serve(cloud: &Cloud) -> (SocketAddr, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (listener.local_addr().unwrap(), serve_on(listener, cloud))
}

fn serve_on(listener: TcpListener, cloud: &Cloud) -> oneshot::Sender<()> {
    let (end, ended) = oneshot::channel();
    tokio::spawn(sim::serve(listener, cloud.clone(), async { drop(ended.await) }));
    end
}

/// The storage of an exporter that has ended.
fn reopened(path: &Path, clock: Clock, telemetry: Telemetry) -> Storage {
    until_started();
    Storage::open(path, Purpose::Serve, Surroundings { clock, telemetry, runtime_directory: None }).unwrap()
}

/// The storage at `path`, if no exporter serves from it.
pub(crate) fn opened(path: &Path, clock: Clock) -> Result<Storage, OpenError> {
    let telemetry = Telemetry::new(Build::this());
    Storage::open(path, Purpose::Serve, Surroundings { clock, telemetry, runtime_directory: None })
}

/// The storage at `path`, beside the exporter that serves from it.
pub(crate) fn joined(path: &Path, clock: Clock) -> Storage {
    let telemetry = Telemetry::new(Build::this());
    Storage::join(path, Surroundings { clock, telemetry, runtime_directory: None }).unwrap()
}

/// Copies a directory to which an exporter may still write: files are replaced whole, temporary ones come and go.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            drop(fs::copy(from, to));
        }
    }
}

pub(crate) fn url_of(cloud: SocketAddr) -> Url {
    Url::parse(&format!("http://{cloud}")).unwrap()
}

fn config(profiles: &[&str], cloud: SocketAddr) -> Config {
    let cloud = url_of(cloud);
    Config {
        client_id: "the-app".to_owned(),
        client_secret: "secret-of-the-app".into(),
        profiles: profiles.iter().map(|name| Arc::from(*name)).collect(),
        base_url: Url::parse("http://localhost:10064").unwrap(),
        measurements: Selection::all(),
        refresh_interval: Duration::from_mins(5),
        requests_per_minute: NonZeroU32::new(100).unwrap(),
        webhooks: false,
        api_url: cloud.clone(),
        account_url: cloud,
        warnings: Vec::new(),
    }
}
