//! The demo: a simulated Withings cloud inside the process, people who log in through the real login path, and the
//! exporter on top.

use std::io::Write;
use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::net::TcpListener;
use url::Url;

use super::backfill::Answer;
use super::serve::{Signals, into_tokio, landing_page, listeners, parts, rendering};
use crate::app::Exporter;
use crate::cli::{DemoFlags, Flags, Label};
use crate::clock::Clock;
use crate::config::{Config, Selection};
use crate::http::Http;
use crate::login::{Logins, Mode};
use crate::process::host_name;
use crate::sim::{self, Callbacks, Cloud, Limits};
use crate::storage::{Beginning, Purpose, Storage};
use crate::telemetry::{Build, Telemetry, log};
use crate::withings::oauth::random_token;
use crate::zone::Zone;

/// The seed of the simulated people: the same people at every start.
const SEED: u64 = 1;

const CLIENT_ID: &str = "demo";

/// The refresh interval of the demo: the people's days go on while it runs, and a minute later that is seen.
const REFRESH_INTERVAL: Duration = Duration::from_mins(1);

/// The budget of the demo, more than it uses: the simulated cloud has no limit, and the first metrics are there at once.
const REQUESTS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(12_000).expect("it is not zero");

/// Shows the simulated people, or what was captured, until SIGTERM or SIGINT, and first writes their history if `asked`.
pub(super) fn run(flags: &Flags, asked: &DemoFlags, out: &mut dyn Write) -> Result<()> {
    log::init_demo(flags.log_level, flags.log_format)?;
    let labels = Label::distinct(&asked.labels, "--demo.label")?;
    let security = super::security(flags)?;
    let listeners = listeners(flags)?;
    let temporary = if flags.storage_path.is_none() { Some(TempDir::with_prefix("withings-demo-")?) } else { None };
    let directory =
        temporary.as_ref().map_or_else(|| flags.storage_path(None), |temporary| temporary.path().to_owned());
    let telemetry = Telemetry::new(Build::this());
    let cloud = match &asked.replay {
        Some(dir) => Cloud::replay(dir, Clock::system())?,
        None => Cloud::seeded_in(&Zone::of_host(), SEED, Clock::system()),
    };
    let (runtime, rendering) = (super::runtime()?, rendering()?);
    let shown = runtime.block_on(async {
        let storage = Storage::open(&directory, Purpose::Demo, super::place::surroundings(&telemetry))?;
        let signals = Signals::listen()?;
        let listeners = into_tokio(listeners)?;
        let first = listeners.first().context("no address to listen on")?.local_addr()?;
        let page = landing_page(first, security.has_tls());
        let browser = Http::reaching_exporter()?;
        let cloud_url = start_cloud(cloud.clone()).await?;
        let config = config(&cloud, &cloud_url, &page);
        cloud.register(sim::App {
            client_id: CLIENT_ID.to_owned(),
            client_secret: config.client_secret.expose_secret().to_owned(),
            redirect_uris: vec![config.redirect_uri()],
        });
        let parts =
            parts(flags, config.clone(), None, security, storage.clone(), telemetry, rendering.handle().clone());
        let exporter = Exporter::assemble(parts).await?;
        greet(out, asked.replay.as_deref(), &page, &flags.telemetry_path)?;
        let logins = exporter.logins();
        let mut serving = pin!(exporter.run(listeners, signals.received()));
        let beginning = async {
            visit(cloud, &logins, browser).await.context("the demo's people could not log in")?;
            let Some(file) = &asked.backfill else { return Ok(()) };
            let now = Clock::system().unix();
            let answer = Answer::to_file(&config, &storage, file, labels, now).await;
            write_history(answer.context("the people's history cannot be written")?, &logins, now, out).await
        };
        tokio::select! {
            () = &mut serving => return Ok(()),
            begun = beginning => if let Err(error) = begun {
                tracing::error!("{error:#}");
            }
        }
        serving.await;
        Ok(())
    });
    runtime.shutdown_background();
    rendering.shutdown_background();
    shown
}

/// Starts the simulated cloud on a free port of this host and gives its address.
async fn start_cloud(cloud: Cloud) -> Result<Url> {
    cloud.token_key(random_token());
    cloud.limits(Limits::OFF);
    cloud.callbacks(Callbacks::Local);
    let listener = TcpListener::bind("127.0.0.1:0").await.context("the simulated cloud found no free port")?;
    let url = Url::parse(&format!("http://{}", listener.local_addr()?))?;
    tokio::spawn(sim::serve(listener, cloud, std::future::pending()));
    Ok(url)
}

fn config(cloud: &Cloud, cloud_url: &Url, page: &Url) -> Config {
    Config {
        client_id: CLIENT_ID.to_owned(),
        // Everybody on this host can ask the simulated cloud, and captured answers may be somebody's data.
        client_secret: random_token().into(),
        profiles: cloud.accounts().iter().map(|account| account.person().name.as_str().into()).collect(),
        base_url: page.clone(),
        measurements: Selection::all(),
        refresh_interval: REFRESH_INTERVAL,
        requests_per_minute: REQUESTS_PER_MINUTE,
        // The simulated cloud calls nobody over TLS.
        webhooks: page.scheme() == "http",
        api_url: cloud_url.clone(),
        account_url: cloud_url.clone(),
        warnings: Vec::new(),
    }
}

/// Logs everybody in as a browser would: the consent page, and the way back to the exporter.
async fn visit(cloud: Cloud, logins: &Logins, browser: Http) -> Result<()> {
    for account in cloud.accounts() {
        let person = account.person();
        let mut consent =
            logins.begin(&person.name, Mode::Real, Beginning::Terminal, Ipv4Addr::LOCALHOST.into()).await?;
        consent.query_pairs_mut().append_pair("selecteduser", &person.userid.to_string());
        let back = browser.redirect_of(consent).await?.context("the consent page did not lead back")?;
        ensure!(browser.redirect_of(back).await?.is_none(), "the login of {} did not end", person.name);
    }
    Ok(())
}

/// Writes the people's history, as `backfill` does.
async fn write_history(answer: Answer, logins: &Logins, now: i64, out: &mut dyn Write) -> Result<()> {
    let telemetry = Telemetry::new(Build::this());
    answer.give(logins, &telemetry, REQUESTS_PER_MINUTE, now).await?.print(out)
}

fn greet(out: &mut dyn Write, replay: Option<&Path>, page: &Url, telemetry_path: &str) -> Result<()> {
    let metrics = format!("{}{telemetry_path}", page.as_str().trim_end_matches('/'));
    let source = match replay {
        Some(dir) => format!("Captured answers in {}, real exporter. They may be somebody's data.", dir.display()),
        None => "Simulated people, real exporter. Nothing here is anybody's data.".to_owned(),
    };
    let (host, port) = (page.host_str().unwrap_or("localhost"), page.port_or_known_default().unwrap_or_default());
    writeln!(out, "{source}\n")?;
    writeln!(out, "  People and logins     {page}")?;
    writeln!(out, "  Metrics               {metrics}")?;
    writeln!(out, "  A few of them         curl -s {metrics} | grep withings_weight_kg")?;
    writeln!(out, "  Dashboards            in deploy: docker compose --profile demo up --build")?;
    writeln!(out, "  From another machine  ssh -L {port}:{host}:{port} {}, then as above\n", host_name())?;
    writeln!(out, "Ctrl-C ends it.")?;
    Ok(out.flush()?)
}
