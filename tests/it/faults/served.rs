//! The program itself, on the disk of a world in real time. It may be in a namespace of its own, where mounts are the
//! test's and no other program sees them; no rights are needed where the kernel lets users have namespaces.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use withings_exporter::sim::{Limits, Measure, MeasureGroup};

use crate::config::write;
use crate::http_client::Connection;
use crate::program::{Program, fed, until};
use crate::world::World;

/// Whether this machine allows such a namespace; prints a message if not.
pub(super) fn is_possible() -> bool {
    let tried = fed(Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]), b"");
    let is_possible = tried.status.success();
    if !is_possible {
        eprintln!("not played: this machine has no namespaces for users: {tried:?}");
    }
    is_possible
}

/// Alice, who weighs 72 kg and whose login is on the world's disk, where nothing runs.
pub(super) async fn alice() -> World {
    let mut world = World::in_real_time(&["Alice"]).await;
    world.cloud.limits(Limits::OFF);
    weigh(&world, 72);
    world.config.requests_per_minute = 6000.try_into().unwrap();
    world.start_exporter().await;
    world.connect_in_real_time("Alice").await;
    world.stop_exporter().await;
    world
}

pub(super) fn weigh(world: &World, kilograms: i64) {
    let weight = Measure::new(1, kilograms, 0);
    world.account("Alice").add(MeasureGroup::new(world.clock.unix(), [weight]));
}

/// The running program.
pub(super) struct Served {
    program: Program,
    _folder: TempDir,
}

impl Served {
    /// Starts the exporter on the world's disk.
    pub(super) fn start(world: &World) -> Self {
        Self::of(Command::new(env!("CARGO_BIN_EXE_withings-exporter")), world, world.config.api_url.as_str())
    }

    /// Starts the exporter in a namespace, after `mounts`, a line of shell.
    pub(super) fn apart(world: &World, api_url: &str, mounts: &str, variables: &[(&str, PathBuf)]) -> Self {
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", &format!("{mounts} && exec \"$@\""), "sh"]);
        command.arg(env!("CARGO_BIN_EXE_withings-exporter")).env_clear();
        command.envs(variables.iter().map(|(name, value)| (*name, value)));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        Self::of(command, world, api_url)
    }

    fn of(mut command: Command, world: &World, api_url: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("withings.yaml");
        let text = format!(
            "withings:\n  client_id: the-app\n  client_secret: secret-of-the-app\n  profiles: [Alice]\n  \
             requests_per_minute: 120\n  refresh_interval: 15s\n  api_url: {api_url}\n"
        );
        write(&config, &text);
        command.arg("--config.file").arg(config).arg("--storage.path").arg(world.disk.path());
        command.args(["--web.listen-address", "127.0.0.1:0"]);
        Self { program: Program::start(&mut command, &folder.path().join("log")), _folder: folder }
    }

    pub(super) fn said(&self) -> String {
        self.program.said()
    }

    /// A path as the program in its namespace sees it.
    pub(super) fn within(&self, path: &Path) -> PathBuf {
        Path::new("/proc").join(self.program.id().to_string()).join("root").join(path.strip_prefix("/").unwrap())
    }

    /// Runs a command in the program's namespace, and expects that it works.
    pub(super) fn run(&self, command: &[&str]) {
        let output = fed(self.enter().args(command), b"");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Expects that a second exporter cannot be started on the same storage.
    pub(super) fn check_is_alone(&self) {
        let command = fs::read_to_string(format!("/proc/{}/cmdline", self.program.id())).unwrap();
        let output = fed(self.enter().args(["timeout", "30"]).args(command.split_terminator('\0')), b"");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("another withings-exporter serves from this directory"), "{said}");
    }

    /// The beginning of a command that is run in the program's namespace.
    fn enter(&self) -> Command {
        let mut enter = Command::new("nsenter");
        enter.args(["--target", &self.program.id().to_string(), "--user", "--mount", "--preserve-credentials"]);
        enter
    }

    pub(super) async fn weight(&self) -> Option<f64> {
        self.sample("withings_weight_kg{profile=\"Alice\"}").await
    }

    pub(super) async fn until_sample(&self, series: &str, is_wanted: impl Fn(f64) -> bool) {
        until(series, async || self.sample(series).await.filter(|value| is_wanted(*value))).await;
    }

    pub(super) async fn sample(&self, series: &str) -> Option<f64> {
        let page = Connection::open(self.address().await).await.request("GET", "/metrics", "").await.body;
        page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
    }

    async fn address(&self) -> SocketAddr {
        self.program.address("address=").await
    }
}
