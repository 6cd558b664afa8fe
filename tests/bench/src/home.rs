//! A folder with configuration and storage, in which the program can be started.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::runtime;
use withings_exporter::catalogue::Call;
use withings_exporter::clock::Clock;
use withings_exporter::storage::{NewConsent, NewLogin, Storage, Surroundings};
use withings_exporter::telemetry::{Build, Telemetry};

use crate::client::Encoding;
use crate::postgres::{Server, succeed};
use crate::program::{self, Program, free_address};
use crate::simulation::{BASE_URL, CLIENT_ID, CLIENT_SECRET, Simulation};

/// An end of all times, Unix seconds: no token of this age is refreshed.
const FAR: i64 = 4_000_000_000;

/// How long people may take to be read.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long after the start the calls of stored people are due, seconds: less than the interval where nobody answers, for the
/// program believes no longer one.
const DUE_AFTER: i64 = 5 * 3600;

/// Where nobody answers.
const NOWHERE: &str = "http://127.0.0.1:1";

/// Copies what a database has of its one person to as many as `COUNT` says, each of whom is another one.
const COPY: &str = "
    create temp table new as select 'person-' || lpad(n::text, greatest(4, length(n::text)), '0') as profile,
        (1000000 + n)::text as person from generate_series(2, COUNT) n;
    insert into login (profile, person, version, sealed, expires_at, connected_at, demo)
        select new.profile, new.person, version, sealed, expires_at, connected_at, demo from new, login;
    insert into snapshot (profile, person, parts, events)
        select new.profile, new.person, parts, events from new, snapshot;
    insert into work (profile, plan) select new.profile, plan from new, work;
    analyze";

/// A folder with configuration and storage.
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    /// One for these profiles, who have no login yet, and the cloud at `cloud`.
    pub(crate) fn new(profiles: &[String], cloud: &str, requests_per_minute: u32) -> Result<Self> {
        let home = Self { folder: TempDir::new()? };
        home.write(profiles, cloud, requests_per_minute)?;
        Ok(home)
    }

    fn write(&self, profiles: &[String], cloud: &str, requests_per_minute: u32) -> Result<()> {
        let interval = if cloud == NOWHERE { "12h" } else { "5m" };
        let text = format!(
            "withings:\n  client_id: {CLIENT_ID}\n  client_secret: {CLIENT_SECRET}\n  profiles: {profiles:?}\n  \
             base_url: {BASE_URL}\n  api_url: {cloud}\n  account_url: {cloud}\n  \
             requests_per_minute: {requests_per_minute}\n  refresh_interval: {interval}\n"
        );
        Ok(fs::write(self.folder.path().join("withings.yaml"), text)?)
    }

    /// One for so many profiles with stored logins, readings and plans. The cloud is away, and the first call is due in
    /// some hours: until then nothing happens by itself.
    pub(crate) fn stored(profiles: usize) -> Result<Self> {
        let names = names(profiles);
        let home = Self::new(&names, NOWHERE, 1)?;
        let readings = home.storage_path().join("readings");
        fs::create_dir_all(&readings)?;
        home.connect(&names)?;
        for file in fs::read_dir(home.storage_path().join("logins"))? {
            let file = file?;
            let login: Value = serde_json::from_slice(&fs::read(file.path())?)?;
            let mut of_person = stored_readings()?.clone();
            of_person["content"]["user_id"] = login["content"]["user_id"].clone();
            // The files of a profile have one name in all folders.
            fs::write(readings.join(file.file_name()), of_person.to_string())?;
        }
        fs::write(home.storage_path().join("plans.json"), plans(&names).to_string())?;
        Ok(home)
    }

    /// The same in a new database of this server, of this name. One login is sealed as it should be; all others are copies of
    /// it, which nobody opens while no call is due.
    pub(crate) fn in_database(profiles: usize, server: &Server, database: &str) -> Result<Self> {
        let home = Self::stored(1)?;
        server.sql("postgres", &format!("create database {database}"))?;
        let url = server.url(database);
        for command in [&["storage", "migrate"][..], &["storage", "import", "--from", "data"]] {
            succeed(home.command()?.args(command).args(home.database_flags(&url)))?;
        }
        server.sql(database, &COPY.replace("COUNT", &profiles.to_string()))?;
        home.write(&names(profiles), NOWHERE, 1)?;
        Ok(home)
    }

    /// The flags that name a database of this home.
    pub(crate) fn database_flags(&self, url: &str) -> [String; 2] {
        [format!("--storage.url={url}"), format!("--storage.key-file={}", self.key_file().display())]
    }

    /// The key file of the database of this home.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.path().join("key")
    }

    /// Stores a login of each of these people.
    fn connect(&self, names: &[String]) -> Result<()> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let storage = Storage::join(&self.storage_path(), surroundings(&Telemetry::new(Build::this())))?;
            for (n, name) in names.iter().enumerate() {
                let new = NewLogin {
                    user_id: (1_000_000 + n).to_string(),
                    access_token: format!("{:040x}", n * 2).into(),
                    expires_at: FAR,
                    refresh_token: format!("{:040x}", n * 2 + 1).into(),
                    scopes: ["user.info", "user.metrics", "user.activity"].map(str::to_owned).to_vec(),
                };
                storage.connect(NewConsent { profile: name.as_str().into(), new, demo: false }, &[], false).await?;
            }
            Ok(())
        })
    }

    /// Adds a key to the configuration.
    pub(crate) fn configure(&self, line: &str) -> Result<()> {
        let mut file = OpenOptions::new().append(true).open(self.folder.path().join("withings.yaml"))?;
        Ok(writeln!(file, "  {line}")?)
    }

    /// Starts the exporter here.
    pub(crate) fn start(&self) -> Result<Program> {
        self.start_with(&[""; 0])
    }

    /// The same with these arguments.
    pub(crate) fn start_with(&self, arguments: &[impl AsRef<OsStr>]) -> Result<Program> {
        let address = free_address()?;
        let mut command = self.command()?;
        command.args(["--web.listen-address", &address.to_string()]).args(arguments);
        Program::start(&mut command, address)
    }

    /// The program, to be run here.
    pub(crate) fn command(&self) -> Result<Command> {
        let mut command = Command::new(program::exporter()?);
        command.env_clear().current_dir(self.folder.path());
        Ok(command)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn storage_path(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

/// The names of so many profiles.
pub(crate) fn names(profiles: usize) -> Vec<String> {
    (1..=profiles).map(|n| format!("person-{n:04}")).collect()
}

/// Waits until the page of `program` shows that everybody's calls have worked.
pub(crate) fn until_up(program: &Program, profiles: &[String]) -> Result<()> {
    let is_up = |page: &str, name: &String| page.contains(&format!("withings_up{{profile=\"{name}\"}} 1\n"));
    until_page(program, |page| {
        profiles.iter().all(|name| is_up(page, name)) && page.contains("withings_exporter_refresh_duration_seconds{")
    })
}

/// Waits until the page of `program` is as wanted.
fn until_page(program: &Program, is_wanted: impl Fn(&str) -> bool) -> Result<()> {
    let began = std::time::Instant::now();
    while !is_wanted(&String::from_utf8(program.page(Encoding::Plain)?)?) {
        ensure!(began.elapsed() < PATIENCE, "nobody was read");
        sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// What a storage is opened with beside its directory.
pub(crate) fn surroundings(telemetry: &Telemetry) -> Surroundings {
    Surroundings { clock: Clock::system(), telemetry: telemetry.clone(), runtime_directory: None }
}

/// The file of the plans after an orderly end, where every call has just worked.
fn plans(names: &[String]) -> Value {
    let now = Clock::system().unix();
    let plan = json!({"due": now + DUE_AFTER, "failures": 0, "failing_since": null, "last_success": now});
    let calls: Map<_, _> = Call::DATA.into_iter().map(|call| (call.name().to_owned(), plan.clone())).collect();
    let profiles: Map<_, _> = names.iter().map(|name| (name.clone(), json!({"calls": calls}))).collect();
    json!({"format": 1, "content": {"orderly": true, "profiles": profiles, "sent": []}})
}

/// The file of the readings of a person who owns everything, after a refresh by the real program.
fn stored_readings() -> Result<&'static Value> {
    static READINGS: OnceLock<Value> = OnceLock::new();
    if let Some(readings) = READINGS.get() {
        return Ok(readings);
    }
    let simulation = Simulation::start(1)?;
    let names = ["Alice".to_owned()];
    let home = Home::new(&names, simulation.url()?.as_str(), 120)?;
    let program = home.start()?;
    drop(program.connect()?);
    simulation.log_in(program.address, &names[0])?;
    // The devices are the last that is read after a login.
    until_page(&program, |page| page.contains("\nwithings_device_info{"))?;
    drop(program);
    let mut files =
        fs::read_dir(home.storage_path().join("readings"))?.filter_map(Result::ok).map(|entry| entry.path());
    let file = files
        .find(|path| path.extension().is_some_and(|extension| extension == "json"))
        .context("nothing was stored")?;
    let readings = serde_json::from_slice(&fs::read(file)?)?;
    Ok(READINGS.get_or_init(|| readings))
}
