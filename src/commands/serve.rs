//! Serving: refresh and expose, until a signal.

use std::env;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use tokio::net::TcpListener;
use tokio::runtime::{self, Handle, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use url::Url;

use super::variable;
use crate::app::{Exporter, Parts, ReadConfig};
use crate::cli::{Flags, ListenAddress, local_url};
use crate::clock::Clock;
use crate::config::Config;
use crate::exposition::SelfMetrics;
use crate::process::Process;
use crate::regular_file::ReadAt;
use crate::storage::Storage;
use crate::systemd::{self, ServiceManager};
use crate::telemetry::{Build, Telemetry};
use crate::web::{MOST_NAMED, ReloadBy, Reloads, Security};

/// How many threads may wait for the disk, hash passwords and look names up at one time: each has a stack and a heap of its
/// own.
const BLOCKING_THREADS: usize = 16;

/// How many pages are rendered at one time.
const RENDERING_THREADS: usize = 2;

/// Serves what the configuration says, until SIGTERM or SIGINT.
pub(super) fn run(flags: &Flags) -> Result<()> {
    let Build { version, revision, branch, os, arch, rustc } = Build::this();
    tracing::info!(version, revision, branch, os, arch, rustc, "starting");
    let service_manager =
        ServiceManager::of(&|name| env::var_os(name)).context("the service manager cannot be told")?;
    let security = super::security(flags)?;
    let listeners = listeners(flags)?;
    let base_url = if flags.systemd_socket { None } else { Some(base_url(&listeners, security.has_tls())?) };
    let config = Config::load(&flags.config_file, ReadAt::Start, &variable, base_url.as_ref())?;
    let telemetry = Telemetry::new(Build::this());
    let rendering = rendering()?;
    // One thread, for the bar of CPU per scrape: several threads wake one another, and a scrape costs twice. The disk is on the
    // blocking threads.
    let runtime = runtime::Builder::new_current_thread().max_blocking_threads(BLOCKING_THREADS).enable_all().build()?;
    let served = runtime.block_on(async {
        let storage = super::place::opened(flags, &telemetry).await?;
        let (signals, hangup) = (Signals::listen()?, signal(SignalKind::hangup())?);
        let (listeners, redirect_uri) = (into_tokio(listeners)?, config.redirect_uri());
        let has_tls = security.has_tls();
        let path = flags.config_file.clone();
        let reread: ReadConfig =
            Arc::new(move || Ok(Config::load(&path, ReadAt::Reload, &variable, base_url.as_ref())?));
        let parts = parts(flags, config, Some(reread), security, storage, telemetry, rendering.handle().clone());
        let exporter = Exporter::assemble(parts).await?;
        let reloads = exporter.reloads();
        announce(&listeners, flags, has_tls, &redirect_uri, &exporter);
        // The ports are open, and what was stored is restored.
        service_manager.ready();
        let end = async {
            tokio::select! {
                () = signals.received() => service_manager.stopping(),
                () = reload_on(hangup, reloads) => {}
                never = service_manager.keep_alive() => match never {},
            }
        };
        exporter.run(listeners, end).await;
        Ok(())
    });
    // A thread may still wait for a file or a disk; its result is not needed any more.
    runtime.shutdown_background();
    rendering.shutdown_background();
    served
}

/// The runtime that renders pages on its blocking threads and does nothing else. On those of the other one a page would wait
/// for whatever has taken them all: disks and name servers that do not answer, passwords that somebody guesses.
pub(super) fn rendering() -> io::Result<Runtime> {
    runtime::Builder::new_current_thread().thread_name("rendering").max_blocking_threads(RENDERING_THREADS).build()
}

/// The parts of an exporter that runs for `flags`.
pub(super) fn parts(
    flags: &Flags,
    config: Config,
    reread: Option<ReadConfig>,
    security: Security,
    storage: Storage,
    telemetry: Telemetry,
    rendering: Handle,
) -> Parts {
    Parts {
        config,
        reread,
        storage,
        telemetry,
        clock: Clock::system(),
        telemetry_path: flags.telemetry_path.clone(),
        security,
        allowed_hosts: flags.allowed_hosts.clone(),
        max_requests: flags.max_requests,
        self_metrics: if flags.disable_exporter_metrics {
            SelfMetrics::Hidden
        } else {
            SelfMetrics::Shown { process: Process::read }
        },
        rendering,
    }
}

/// Takes the ports, or the sockets that systemd passes, before anything else happens, so that a taken port changes nothing.
/// They do not accept yet.
pub(super) fn listeners(flags: &Flags) -> Result<Vec<std::net::TcpListener>> {
    let listeners = if flags.systemd_socket {
        systemd::listeners().context("the sockets that systemd passes must be of TCP")?
    } else {
        flags.listen_addresses.iter().map(bind).collect::<Result<_>>()?
    };
    ensure!(
        !listeners.is_empty(),
        "systemd has passed no socket: start the .socket unit, or leave out --web.systemd-socket"
    );
    listeners.iter().try_for_each(|listener| listener.set_nonblocking(true))?;
    Ok(listeners)
}

fn bind(address: &ListenAddress) -> Result<std::net::TcpListener> {
    std::net::TcpListener::bind(address)
        .map_err(|error| anyhow!("cannot listen on {address}: {error}; {}", advice(address.port(), error.kind())))
}

/// What to do where the system does not give this port.
fn advice(port: u16, kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::PermissionDenied if (1..1024).contains(&port) => {
            "a port below 1024 is for root: choose a higher one with --web.listen-address, and let a reverse proxy, Docker or \
             a .socket unit of systemd listen on the low one"
        }
        io::ErrorKind::AddrInUse => "another program is there; --web.listen-address chooses another address",
        io::ErrorKind::AddrNotAvailable => {
            "this machine does not have that address; :PORT is every address that it has"
        }
        _ => "--web.listen-address chooses another address",
    }
}

/// The listeners as the runtime wants them; must be called within it.
pub(super) fn into_tokio(listeners: Vec<std::net::TcpListener>) -> Result<Vec<TcpListener>> {
    Ok(listeners.into_iter().map(TcpListener::from_std).collect::<Result<_, _>>()?)
}

/// The exporter as a browser on this host reaches it.
fn base_url(listeners: &[std::net::TcpListener], has_tls: bool) -> Result<Url> {
    let first = listeners.first().context("no address to listen on")?.local_addr()?;
    Ok(local_url("localhost", first.port(), has_tls))
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

/// Has the configuration read again at each `hangup`, without end.
async fn reload_on(mut hangup: Signal, reloads: Option<Reloads>) {
    loop {
        hangup.recv().await;
        if let Some(reloads) = &reloads {
            // A failure is logged by the reload, which goes on also if this wait ends.
            reloads.ask(ReloadBy::Signal).await.ok();
        }
    }
}

fn announce(listeners: &[TcpListener], flags: &Flags, has_tls: bool, redirect_uri: &str, exporter: &Exporter) {
    for address in listeners.iter().flat_map(TcpListener::local_addr) {
        tracing::info!(%address, path = flags.telemetry_path, tls = has_tls, "listening");
    }
    let page =
        listeners.first().and_then(|listener| listener.local_addr().ok()).map(|address| landing_page(address, has_tls));
    let page = page.as_ref().map(Url::as_str).unwrap_or_default();
    let snapshot = exporter.snapshots().borrow().clone();
    let absent: Vec<_> = snapshot.profiles().filter(|profile| profile.login.is_none()).collect();
    if absent.len() > MOST_NAMED {
        tracing::warn!(profiles = absent.len(), page, redirect_uri, "not connected: open the page and log in");
        return;
    }
    for profile in absent {
        tracing::warn!(profile = %profile.profile, page, redirect_uri, "not connected: open the page and log in");
    }
}

/// The landing page as a browser on this host reaches it.
pub(super) fn landing_page(address: SocketAddr, has_tls: bool) -> Url {
    let host = match address.ip() {
        ip if ip.is_unspecified() => "localhost".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    local_url(&host, address.port(), has_tls)
}
