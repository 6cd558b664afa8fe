//! A real Chromium, driven through chromedriver, as Debian's packages `chromium` and `chromium-driver` install them.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;
use url::Url;

use crate::program::spawn;

/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(20);

const CHROMIUM: &str = "/usr/bin/chromium";

/// The message of a test that finds no browser.
const MISSING: &str = "a real browser is needed: run tests/run, which installs it";

/// Switches off what a test does not need and what a container does not allow.
const ARGUMENTS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// How the browser is set up.
#[derive(Clone, Copy)]
pub(super) struct Setup {
    /// The width of the page, CSS pixels.
    pub(super) width: u32,
    /// Whether the user prefers dark pages.
    pub(super) dark: bool,
    /// Whether pages may run scripts.
    pub(super) scripts: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self { width: 1280, dark: false, scripts: true }
    }
}

/// A browser with one window and a profile of its own.
pub(super) struct Browser {
    client: Client,
    _driver: Driver,
    _profile: TempDir,
}

impl Browser {
    pub(super) async fn open(setup: Setup) -> Self {
        let (driver, port) = Driver::start();
        let profile = TempDir::new().unwrap();
        let mut arguments = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        // 0 is dark, 1 is light.
        arguments.push(format!("--blink-settings=preferredColorScheme={}", u8::from(!setup.dark)));
        let mut options = json!({
            "binary": CHROMIUM,
            "args": arguments,
            "mobileEmulation": {"deviceMetrics": {"width": setup.width, "height": 1100, "pixelRatio": 1, "mobile": false, "touch": false}},
        });
        if !setup.scripts {
            options["prefs"] = json!({"profile.managed_default_content_settings.javascript": 2});
        }
        let capabilities = [("goog:chromeOptions".to_owned(), options)].into_iter().collect();
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(capabilities).connect(&format!("http://127.0.0.1:{port}")).await;
        let client = client.unwrap_or_else(|error| panic!("{MISSING}: {error}"));
        Self { client, _driver: driver, _profile: profile }
    }

    pub(super) async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// The address in the address bar.
    pub(super) async fn address(&self) -> Url {
        self.client.current_url().await.unwrap()
    }

    /// Clicks the link or the button of this name, as a screen reader says it, and waits for the page.
    pub(super) async fn press(&self, name: &str) {
        self.called(name).await.click().await.unwrap();
    }

    /// Moves the focus with the Tab key to the element of this name, and expects that the focus is visible there.
    pub(super) async fn tab_to(&self, name: &str) {
        for _ in 0..30 {
            self.focused().await.send_keys(&char::from(Key::Tab).to_string()).await.unwrap();
            let focused = self.focused().await;
            if is_called(&focused, name).await {
                let outline = focused.css_value("outline-style").await.unwrap();
                assert_ne!(outline, "none", "the focus on {name} is not to be seen");
                return;
            }
        }
        panic!("the Tab key does not reach {name} on {}", self.address().await);
    }

    /// Presses a key where the focus is.
    pub(super) async fn key(&self, key: Key) {
        self.focused().await.send_keys(&char::from(key).to_string()).await.unwrap();
    }

    /// Types into the element that has the focus.
    pub(super) async fn type_text(&self, text: &str) {
        self.focused().await.send_keys(text).await.unwrap();
    }

    /// Waits for a page that shows all these texts.
    pub(super) async fn sees(&self, texts: &[&str]) {
        let begun = Instant::now();
        loop {
            let shown = self.text().await.unwrap_or_default();
            let Some(missing) = texts.iter().find(|text| !shown.contains(**text)) else { return };
            assert!(begun.elapsed() < PATIENCE, "{missing} is missing on {}\n{shown}", self.address().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) async fn title(&self) -> String {
        self.client.title().await.unwrap()
    }

    /// The text that the page shows; an error while the next page is being loaded.
    async fn text(&self) -> Result<String, CmdError> {
        self.client.find(Locator::Css("body")).await?.text().await
    }

    /// The value that the body of a function returns when the page runs it.
    pub(super) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// The window as PNG.
    pub(super) async fn screenshot(&self) -> Vec<u8> {
        self.client.screenshot().await.unwrap()
    }

    async fn focused(&self) -> Element {
        self.client.active_element().await.unwrap()
    }

    async fn called(&self, name: &str) -> Element {
        for element in self.client.find_all(Locator::Css("a, button, summary, input")).await.unwrap() {
            if is_called(&element, name).await {
                return element;
            }
        }
        panic!("nothing is called {name} on {}\n{:?}", self.address().await, self.text().await)
    }
}

async fn is_called(element: &Element, name: &str) -> bool {
    match element.attr("aria-label").await.unwrap() {
        Some(label) => label == name,
        None => element.text().await.unwrap() == name,
    }
}

/// chromedriver, and all browsers that it has started.
struct Driver(Child);

impl Driver {
    /// Starts chromedriver and gives its port. It looks for a free port before it takes it, so that another may be
    /// quicker: then it ends at once and is started again.
    fn start() -> (Self, u16) {
        (0..5).find_map(|_| Self::try_start()).expect(MISSING)
    }

    fn try_start() -> Option<(Self, u16)> {
        let mut command = Command::new("chromedriver");
        // A group of its own, so that the browsers can be ended with it.
        command.arg("--port=0").process_group(0).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = spawn(&mut command).expect(MISSING);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let started =
            lines.find_map(|line| line.split_once("started successfully on port ").map(|(_, port)| port.to_owned()));
        let driver = Self(child);
        let port = started?.trim_end_matches('.').parse().unwrap();
        // A full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Some((driver, port))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        let _ = self.0.wait();
    }
}
