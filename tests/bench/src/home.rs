//! A folder with configuration and storage, in which the program can be started.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;
use withings_exporter::storage::{NewLogin, Purpose, Storage};

use crate::client::Encoding;
use crate::program::{self, Program, free_address};
use crate::simulation::{BASE_URL, CLIENT_ID, CLIENT_SECRET, Simulation};

/// An end of all times, Unix seconds: no token of this age is refreshed.
const FAR: i64 = 4_000_000_000;

/// How long people may take to be read.
const PATIENCE: Duration = Duration::from_secs(300);

/// Where nobody answers.
const NOWHERE: &str = "http://127.0.0.1:1";

/// A folder with configuration and storage.
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    /// One for these profiles, who have no login yet, and the cloud at `cloud`.
    pub(crate) fn new(profiles: &[String], cloud: &str, requests_per_minute: u32) -> Result<Self> {
        let folder = TempDir::new()?;
        let text = format!(
            "withings:\n  client_id: {CLIENT_ID}\n  client_secret: {CLIENT_SECRET}\n  profiles: {profiles:?}\n  \
             base_url: {BASE_URL}\n  api_url: {cloud}\n  account_url: {cloud}\n  \
             requests_per_minute: {requests_per_minute}\n"
        );
        fs::write(folder.path().join("withings.yaml"), text)?;
        Ok(Self { folder })
    }

    /// One for so many profiles with stored logins and readings. The cloud is away, and the first call would be made a
    /// minute after the start: until then nothing happens by itself.
    pub(crate) fn stored(profiles: usize) -> Result<Self> {
        let names: Vec<String> = (1..=profiles).map(|n| format!("person-{n:04}")).collect();
        let home = Self::new(&names, NOWHERE, 1)?;
        let storage = Storage::open(&home.folder.path().join("data"), Purpose::Serve)?;
        for (n, name) in names.iter().enumerate() {
            let user_id = (1_000_000 + n).to_string();
            let mut readings = readings()?.clone();
            readings["user_id"] = Value::from(user_id.clone());
            let login = NewLogin {
                user_id,
                access_token: format!("{:040x}", n * 2).into(),
                expires_at: FAR,
                refresh_token: format!("{:040x}", n * 2 + 1).into(),
                scopes: ["user.info", "user.metrics", "user.activity"].map(str::to_owned).to_vec(),
            };
            storage.lock_login(name)?.replace(&login, 1_700_000_000, false)?;
            storage.save_readings(name, &readings)?;
        }
        Ok(home)
    }

    /// Starts the exporter here.
    pub(crate) fn start(&self) -> Result<Program> {
        let address = free_address()?;
        let mut command = self.command()?;
        command.args(["--web.listen-address", &address.to_string()]);
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
}

/// Waits until the page of `program` shows that everybody's calls have worked.
pub(crate) fn until_up(program: &Program, profiles: &[String]) -> Result<()> {
    let began = std::time::Instant::now();
    let is_up = |page: &str, name: &String| page.contains(&format!("withings_up{{profile=\"{name}\"}} 1\n"));
    loop {
        let page = String::from_utf8(program.page(Encoding::Plain)?)?;
        if profiles.iter().all(|it| is_up(&page, it)) && page.contains("withings_exporter_refresh_duration_seconds{") {
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "nobody was read");
        sleep(Duration::from_millis(200));
    }
}

/// What is stored of a person who owns everything, after a refresh by the real program.
fn readings() -> Result<&'static Value> {
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
    until_up(&program, &names)?;
    drop(program);
    let storage = Storage::join(&home.folder.path().join("data"))?;
    let readings = storage.readings(&names[0])?.context("nothing was stored")?;
    Ok(READINGS.get_or_init(|| readings))
}
