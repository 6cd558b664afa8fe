//! Serving: refresh and expose, until a signal.

use std::env;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use url::Url;

use super::exporter::{Exporter, Parts};
use crate::cli::{Flags, ListenAddress, version};
use crate::clock::Clock;
use crate::config::Config;
use crate::exposition::Live;
use crate::process::Process;
use crate::storage::{Purpose, Storage};
use crate::telemetry::log;

/// How many threads may wait for the disk or render pages at one time: each has a stack and a heap of its own.
const BLOCKING_THREADS: usize = 16;

/// Serves what the configuration says, until SIGTERM or SIGINT.
pub(super) fn run(flags: &Flags) -> Result<()> {
    log::init(flags.log_level, flags.log_format)?;
    tracing::info!("{}", version());
    let listeners = bind(&flags.listen_addresses)?;
    let base_url = local_url(&listeners)?;
    let config = Config::load(&flags.config_file, &|name| env::var(name).ok(), &base_url)?;
    let storage_path = flags.storage_path(env::var_os("STATE_DIRECTORY"));
    let storage = Storage::open(&storage_path, Purpose::Serve)?;
    // One thread: a scrape on several would cost twice, for they wake one another. What takes long is done beside it.
    runtime::Builder::new_current_thread().max_blocking_threads(BLOCKING_THREADS).enable_all().build()?.block_on(
        async {
            let signals = Signals::listen()?;
            let (listeners, redirect_uri) = (into_tokio(listeners)?, config.redirect_uri());
            let exporter = Exporter::assemble(parts(flags, config, storage))?;
            announce(&listeners, flags, &redirect_uri, &exporter);
            exporter.run(listeners, signals.received()).await;
            Ok(())
        },
    )
}

/// The parts of an exporter that runs for `flags`.
pub(super) fn parts(flags: &Flags, config: Config, storage: Storage) -> Parts {
    Parts {
        config,
        storage,
        clock: Clock::system(),
        telemetry_path: flags.telemetry_path.clone(),
        max_requests: flags.max_requests,
        live: if flags.disable_exporter_metrics { Live::Hidden } else { Live::Shown { process: Process::read } },
    }
}

/// Takes the ports before anything else happens. They do not accept yet.
pub(super) fn bind(addresses: &[ListenAddress]) -> Result<Vec<std::net::TcpListener>> {
    let bind = |address: &ListenAddress| {
        let listener = std::net::TcpListener::bind(address).with_context(|| {
            format!(
                "cannot listen on {address}; is another program there? --web.listen-address chooses another address"
            )
        })?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    addresses.iter().map(bind).collect()
}

/// The listeners as the runtime wants them; must be called within it.
pub(super) fn into_tokio(listeners: Vec<std::net::TcpListener>) -> Result<Vec<TcpListener>> {
    Ok(listeners.into_iter().map(TcpListener::from_std).collect::<Result<_, _>>()?)
}

/// The exporter as a browser on this host reaches it.
pub(super) fn local_url(listeners: &[std::net::TcpListener]) -> Result<Url> {
    let first = listeners.first().context("no address to listen on")?.local_addr()?;
    Ok(Url::parse(&format!("http://localhost:{}", first.port()))?)
}

/// The end of the program, asked for from outside.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for SIGTERM or SIGINT.
    pub(super) async fn received(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn announce(listeners: &[TcpListener], flags: &Flags, redirect_uri: &str, exporter: &Exporter) {
    for address in listeners.iter().flat_map(TcpListener::local_addr) {
        tracing::info!(%address, path = flags.telemetry_path, "listening");
    }
    let page = listeners.first().and_then(|it| it.local_addr().ok()).map(landing_page).unwrap_or_default();
    for profile in &exporter.snapshots().borrow().profiles {
        if profile.login.is_none() {
            tracing::warn!(profile = %profile.profile, page, redirect_uri, "not connected: open the page and log in");
        }
    }
}

/// The landing page as a browser on this host reaches it.
pub(super) fn landing_page(address: SocketAddr) -> String {
    let host = if address.ip().is_unspecified() { "localhost".to_owned() } else { address.ip().to_string() };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    format!("http://{host}:{}/", address.port())
}
