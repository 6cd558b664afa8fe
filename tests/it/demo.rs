//! The demo, as a program of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;
use withings_exporter::clock::Clock;
use withings_exporter::process::host_name;
use withings_exporter::zone::Zone;

use crate::http_client::Connection;
use crate::program::{Program, until};

/// The profiles of the demo.
pub(crate) const PEOPLE: [&str; 3] = ["Alice", "Bob", "Zoë"];

/// Measurements that may be missing in the demo at a moment.
pub(crate) const RARELY_MEASURED: [&str; 3] =
    ["withings_in_bed", "withings_sleep_nap_duration_seconds", "withings_unlisted_measure"];

/// The name of a zone other than UTC in which it is the middle of the day now, so that the people of a demo there have had a part
/// of it.
pub(crate) fn daytime_zone() -> String {
    let hour = Clock::system().unix() / 3600 % 24;
    // These names count hours westwards.
    match hour - 14 {
        0 => "Etc/GMT+1".to_owned(),
        hours => format!("Etc/GMT{hours:+}"),
    }
}

/// A running `withings-exporter demo`.
pub(crate) struct Demo {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
    /// The name of the zone in which it started.
    zone: String,
}

impl Demo {
    /// Starts the demo with its files in `dir`, and waits until the first refresh of each of `people` has ended, which
    /// takes a demo without TLS and passwords if there are any.
    pub(crate) async fn start(arguments: &[&str], dir: &TempDir, people: &[&str]) -> Self {
        let zone = daytime_zone();
        let mut command = Command::new(env!("CARGO_BIN_EXE_withings-exporter"));
        command.env_clear().env("TZ", &zone);
        command.args(["demo", "--web.listen-address", "127.0.0.1:0", "--storage.path"]);
        command.arg(dir.path().join("demo")).args(arguments);
        let program = Program::start(&mut command, &dir.path().join("demo.log"));
        let address = until("the demo's address", async || {
            let said = program.said();
            let (_, metrics) = said.split_once("Metrics ")?;
            Some(metrics.split_once("://")?.1.split_once("/metrics")?.0.parse().unwrap())
        });
        let demo = Self { address: address.await, program, zone };
        if people.is_empty() {
            return demo;
        }
        until("everybody's first refresh", async || {
            let page = demo.page("").await;
            let refreshed = |name| page.contains(&format!("refresh_duration_seconds{{profile=\"{name}\"}}"));
            people.iter().all(refreshed).then_some(())
        })
        .await;
        demo
    }

    /// The metrics page; `headers` are whole lines.
    pub(crate) async fn page(&self, headers: &str) -> String {
        Connection::open(self.address).await.request("GET", "/metrics", headers).await.body
    }

    /// The output and the log so far.
    pub(crate) fn said(&self) -> String {
        self.program.said()
    }
}

/// Waits until a demo has written its people's history: a minute after each time that it says how much of it is left.
pub(crate) async fn until_history(program: &Program) {
    let is_written = || program.said().contains("create-blocks-from openmetrics");
    let mut steps = 0;
    while !is_written() {
        steps = until("the history", async || {
            let taken = program.said().matches(" left").count();
            (taken > steps || is_written()).then_some(taken)
        })
        .await;
    }
}

#[tokio::test]
async fn it_says_what_it_is_and_its_people_live_where_the_host_is() {
    let dir = TempDir::new().unwrap();
    let demo = Demo::start(&[], &dir, &[]).await;
    check_overview(&demo).await;
    let page = everything_is_read(&demo).await;
    check_said(&demo);
    check_days(&demo, &page);
}

/// The page of logins says that it is a demo.
async fn check_overview(demo: &Demo) {
    let page = Connection::open(demo.address).await.request_to("localhost:10064", "GET", "/", "").await.body;
    assert!(page.contains("This is the demo.") && page.contains("No account at Withings is used"), "{page}");
    assert!(!page.contains("You are at"), "nobody has to log in, at whatever address it is looked at: {page}");
}

/// Waits for everything that the demo does by itself at first, and gives the page then.
pub(crate) async fn everything_is_read(demo: &Demo) -> String {
    // The devices are the last that is read after a login.
    until("everybody's devices", async || {
        let page = demo.page("").await;
        let has_devices = |name: &&str| page.contains(&format!("withings_device_info{{profile=\"{name}\""));
        PEOPLE.iter().all(has_devices).then_some(page)
    })
    .await
}

/// It prints where to look, and nothing else.
fn check_said(demo: &Demo) {
    let (address, port, host) = (demo.address, demo.address.port(), host_name());
    let expected = format!(
        "Simulated people, real exporter. Nothing here is anybody's data.\n\n  \
         People and logins     http://{address}/\n  \
         Metrics               http://{address}/metrics\n  \
         A few of them         curl -s http://{address}/metrics | grep withings_weight_kg\n  \
         Dashboards            in deploy: docker compose --profile demo up --build\n  \
         From another machine  ssh -L {port}:127.0.0.1:{port} {host}, then as above\n\n\
         Ctrl-C ends it.\n"
    );
    assert_eq!(demo.said(), expected);
}

/// Everybody's day began at the midnight of the host's zone.
fn check_days(demo: &Demo, page: &str) {
    let zone = Zone::named(&demo.zone).unwrap();
    let today = zone.midnight(zone.date(Clock::system().unix()));
    for name in PEOPLE {
        let day = format!("withings_activity_day_start_timestamp_seconds{{profile=\"{name}\"}} {today}\n");
        assert!(page.contains(&day), "{day}{page}");
    }
}

#[tokio::test]
async fn on_a_terminal_its_progress_and_its_log_leave_each_other_whole() {
    let dir = TempDir::new().unwrap();
    let program = on_a_terminal("--log.level debug --demo.backfill history.om", dir.path());
    until_history(&program).await;
    let said = program.said();
    assert!(said.contains("calls, ") && said.contains(" left  Alice: "), "there is no bar in {said:?}");
    let screen = screen(&said);
    let logged: Vec<_> = screen.iter().filter(|line| line.contains("time=2")).collect();
    assert!(logged.len() > 50, "{screen:#?}");
    for line in logged {
        assert!(line.starts_with("time=2") && line.matches("time=2").count() == 1, "{line:?}");
        assert!(line.contains(" level=") && line.contains(" msg="), "{line:?}");
    }
    assert!(screen.iter().all(|line| !line.contains("calls, ")), "the bar stays: {screen:#?}");
}

/// Starts the demo in `dir` on a terminal that is wide enough for its lines.
fn on_a_terminal(arguments: &str, dir: &Path) -> Program {
    let demo = env!("CARGO_BIN_EXE_withings-exporter");
    let line = format!("stty cols 1000 rows 50; exec {demo} demo --web.listen-address 127.0.0.1:0 {arguments}");
    let mut command = Command::new("script");
    command.args(["--quiet", "--flush", "--command", &line, "/dev/null"]).stdin(Stdio::null()).current_dir(dir);
    Program::start(command.env("TZ", daytime_zone()).env("TERM", "xterm"), &dir.join("demo.log"))
}

/// What is to be read on a terminal after this was written to it.
fn screen(written: &str) -> Vec<String> {
    let (mut lines, mut row, mut column) = (vec![Vec::new()], 0, 0);
    let mut rest = written.chars();
    while let Some(character) = rest.next() {
        match character {
            '\r' => column = 0,
            '\n' => row += 1,
            '\u{1b}' => {
                let mut number = String::new();
                let command = rest.by_ref().inspect(|sign| number.extend(sign.is_ascii_digit().then_some(*sign)));
                match command.into_iter().find(char::is_ascii_alphabetic) {
                    Some('A') => row -= number.parse().unwrap_or(1),
                    Some('K') => lines[row].clear(),
                    other => panic!("{other:?} {number}"),
                }
            }
            _ => {
                let line: &mut Vec<_> = &mut lines[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = character;
                column += 1;
            }
        }
        lines.resize(lines.len().max(row + 1), Vec::new());
    }
    lines.into_iter().map(String::from_iter).collect()
}
