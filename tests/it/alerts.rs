//! Alerts arrive: the project's rules in a real Prometheus, and its routes in a real Alertmanager.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use withings_exporter::sim::{Limits, Measure, MeasureGroup};

use crate::deploy::alertmanager::Folder;
use crate::http_server::Inbox;
use crate::installation::free_address;
use crate::program::{Program, fed, until};
use crate::stack::Stack;
use crate::world::World;

/// A running Alertmanager.
struct Alertmanager {
    _program: Program,
    _folder: Folder,
    address: SocketAddr,
}

impl Alertmanager {
    /// Starts it in `dir` with the project's configuration. The family reads `/family` of the inbox, by the example of
    /// ntfy, and whoever runs the exporter `/operator`.
    async fn start(dir: &TempDir, inbox: &Inbox) -> Self {
        let folder = Folder::new();
        folder.switch_on("webhook_configs");
        folder.edit(|text| {
            let operator =
                format!("- name: operator\n    webhook_configs: [{{url: \"{}\"}}]\n", inbox.url("/operator"));
            text.replace("https://ntfy.sh/", &inbox.url("/family"))
                .replace("- name: operator\n", &operator)
                .replace("group_wait: 30s", "group_wait: 100ms")
                .replace("group_interval: 5m", "group_interval: 1s")
        });
        let address = free_address();
        let mut command = command();
        command.arg("--config.file").arg(folder.configuration());
        command.arg("--storage.path").arg(dir.path().join("alertmanager"));
        command.args([&format!("--web.listen-address={address}"), "--cluster.listen-address="]);
        let program = Program::start(&mut command, &dir.path().join("alertmanager.log"));
        until("Alertmanager", async || program.said().contains("Listening on").then_some(())).await;
        Self { _program: program, _folder: folder, address }
    }

    /// Takes these alerts, as from Prometheus.
    fn take(&self, alerts: &Value) {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--fail", "--data-binary", "@-", "--header", "Content-Type: application/json"]);
        let output = fed(curl.arg(format!("http://{}/api/v2/alerts", self.address)), alerts.to_string().as_bytes());
        assert!(output.status.success(), "{alerts}");
    }
}

/// Alertmanager as Debian has it. It reads templates of its own in `/usr/share`: where it is unpacked and not installed,
/// they are there in a namespace of the process.
fn command() -> Command {
    const PROGRAM: &str = "prometheus-alertmanager";
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folder = std::env::split_paths(&path).find(|folder| folder.join(PROGRAM).exists());
    let share: Option<PathBuf> = folder.and_then(|folder| Some(folder.parent()?.join("share")));
    let unpacked = share.filter(|share| share != Path::new("/usr/share"));
    let Some(share) = unpacked else { return Command::new(PROGRAM) };
    let mut command = Command::new("unshare");
    let mount = format!("mount -t overlay overlay -o lowerdir='{}':/usr/share /usr/share", share.display());
    command.args(["-rm", "sh", "-c", &format!("{mount} && exec \"$@\""), "sh", PROGRAM]);
    command
}

/// Alice, who has a temperature of 38.6 °C, and whose exporter asks for news each second.
async fn alice() -> World {
    let mut world = World::in_real_time(&["Alice"]).await;
    world.cloud.limits(Limits::OFF);
    take_temperature(&world, 386);
    world.config.refresh_interval = Duration::from_secs(1);
    world.config.requests_per_minute = 6000.try_into().unwrap();
    world.start_exporter().await;
    world.connect_in_real_time("Alice").await;
    world
}

/// Alice takes her temperature, in tenths of a degree.
fn take_temperature(world: &World, tenths: i64) {
    let temperature = Measure::new(71, tenths, -1);
    world.account("Alice").add(MeasureGroup::new(world.clock.unix(), [temperature]));
}

#[tokio::test]
async fn a_fever_arrives_once_and_so_does_its_end_after_a_normal_reading() {
    let (dir, inbox) = (TempDir::new().unwrap(), Inbox::open().await);
    let alertmanager = Alertmanager::start(&dir, &inbox).await;
    let world = alice().await;
    let _stack = Stack::start(&dir, world.address(), alertmanager.address).await;
    until("the fever", async || (!inbox.taken("/family").is_empty()).then_some(())).await;
    take_temperature(&world, 366);
    let told = until("its end", async || Some(inbox.taken("/family")).filter(|told| told.len() > 1)).await;

    let summary = "Alice:\u{a0}body temperature of 38.6 °C";
    let link = "http://localhost:3000/d/withings-health/withings-health?var-profile=Alice";
    let message =
        |title: &str, message: &str| json!({"topic": "TOPIC", "title": title, "message": message, "click": link});
    let begun = format!("{summary}\nAt or above 38 °C, measured in the last 24 hours.\n{link}\n\n");
    let ended = format!("Ended:\u{a0}{summary}");
    assert_eq!(told, [message(summary, &begun), message(&ended, &format!("{ended}\n"))]);
    assert_eq!(inbox.taken("/operator"), [] as [Value; 0]);
}

/// An alert as Prometheus sends it.
fn alert(name: &str, category: &str, instance: &str) -> Value {
    let labels = json!({"alertname": name, "category": category, "job": "withings", "instance": instance});
    json!({"labels": labels, "annotations": {"summary": "", "dashboard": ""}})
}

#[tokio::test]
async fn data_that_is_missing_is_no_news_while_its_exporter_is_down() {
    let (dir, inbox) = (TempDir::new().unwrap(), Inbox::open().await);
    let alertmanager = Alertmanager::start(&dir, &inbox).await;
    let told = |alert: &str| -> Vec<String> {
        let messages = inbox.taken("/operator");
        let alerts = messages.iter().flat_map(|message| message["alerts"].as_array().unwrap());
        let own = alerts.filter(|told| told["labels"]["alertname"] == alert);
        own.map(|told| told["labels"]["instance"].as_str().unwrap().to_owned()).collect()
    };
    alertmanager.take(&json!([alert("WithingsExporterDown", "exporter", "down")]));
    until("the exporter", async || (!told("WithingsExporterDown").is_empty()).then_some(())).await;
    alertmanager
        .take(&json!([alert("WithingsNoWeighIn", "data", "down"), alert("WithingsNoWeighIn", "data", "running"),]));
    let weighed = until("the other exporter", async || Some(told("WithingsNoWeighIn")).filter(|told| !told.is_empty()));
    assert_eq!(weighed.await, ["running"]);
    assert_eq!(inbox.taken("/family"), [] as [Value; 0]);
}
