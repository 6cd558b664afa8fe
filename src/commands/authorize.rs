//! `authorize PROFILE`: log a profile in from a terminal. The first of three ways that works ends the login: a browser on this
//! host that reaches the callback address, a running exporter that gets the callback, or an address that is pasted.

use std::io::{self, BufRead, Write};
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::DateTime;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use url::Url;

use super::unknown_profile;
use crate::app::{logins, settle};
use crate::cli::Flags;
use crate::clock::Clock;
use crate::config::Config;
use crate::http::is_loopback;
use crate::login::{BeginError, Connected, FinishError, Logins, Mode, Return};
use crate::process::most_open_files;
use crate::storage::{Beginning, Class, STATE_LIFETIME, Storage};
use crate::telemetry::{Build, Telemetry};
use crate::visible::cleaned;
use crate::web::{self, App, Callback, Connections, Hosts, Security, ServerLimits};
use crate::webhooks::unsubscribe_former;

/// How often the stored login is read, for a running exporter may have finished it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long the page after a callback may take to reach the browser.
const LAST_PAGE: Duration = Duration::from_secs(15);

/// Logs `profile` in, or says why not.
pub(super) fn run(flags: &Flags, profile: &str, out: &mut dyn Write) -> Result<()> {
    let security = super::security(flags)?;
    let config = super::config(flags, &security)?;
    let telemetry = Telemetry::new(Build::this());
    let runtime = super::runtime()?;
    let outcome = runtime.block_on(async {
        let storage = super::place::joined(flags, &telemetry).await?;
        let terminal = Terminal::new(flags, config, security, storage.clone(), &telemetry)?;
        let outcome = terminal.log_in(profile, out).await;
        settle(&storage).await;
        outcome
    });
    // A thread may still wait for a line of the terminal; it is not needed any more.
    runtime.shutdown_background();
    outcome
}

struct Terminal {
    config: Config,
    storage: Storage,
    logins: Logins,
    app: App,
}

impl Terminal {
    fn new(flags: &Flags, config: Config, security: Security, storage: Storage, telemetry: &Telemetry) -> Result<Self> {
        let (logins, _) = logins(&config, &storage, &Clock::system(), telemetry)?;
        let app = App {
            security,
            hosts: Hosts::new(flags.allowed_hosts.clone()),
            connections: Connections::of_process_with(most_open_files()),
            logins: logins.clone(),
            exporter: None,
        };
        Ok(Self { config, storage, logins, app })
    }

    async fn log_in(&self, profile: &str, out: &mut dyn Write) -> Result<()> {
        let begun = self.logins.begin(profile, Mode::Real, Beginning::Terminal, Ipv4Addr::LOCALHOST.into()).await;
        let consent = match begun {
            Err(BeginError::UnknownProfile) => bail!("{}", unknown_profile(&self.config, profile)),
            consent => consent?,
        };
        let before = self.connected_at(profile).await;
        // Before the link is shown: whoever follows it comes back here.
        let server = self.serve_callback().await;
        self.explain(profile, &consent, out)?;
        let mut lines = lines_of_stdin();
        let mut looks = tokio::time::interval(LOOK_EVERY);
        let deadline = tokio::time::sleep(STATE_LIFETIME);
        tokio::pin!(deadline);
        loop {
            tokio::select! {
                Some(line) = lines.recv() => {
                    if self.paste(&line, &consent, &mut lines, out).await? {
                        break;
                    }
                }
                _ = looks.tick() => if self.connected_at(profile).await != before {
                    break;
                },
                () = &mut deadline => bail!("nobody logged in within 10 minutes; please start again"),
            }
        }
        self.say_whose(profile, out).await?;
        if let Some(server) = server {
            server.end().await;
        }
        Ok(())
    }

    /// Finishes the login with a pasted line; returns whether that worked.
    async fn paste(
        &self,
        line: &str,
        consent: &Url,
        lines: &mut mpsc::Receiver<String>,
        out: &mut dyn Write,
    ) -> Result<bool> {
        if line.trim().is_empty() {
            return Ok(false);
        }
        let state = consent.query_pairs().find(|(name, _)| name == "state").map(|(_, state)| state.into_owned());
        let (code, state) = match Callback::from_pasted(line, state) {
            Callback { error: Some(error), .. } => bail!("{}", refused(&error)),
            Callback { code: Some(code), state: Some(state), .. } => (code, state),
            _ => {
                writeln!(out, "That is no address with a code in it. Copy the whole address of the last page.")?;
                return Ok(false);
            }
        };
        let back = Return { state, code, is_proven: true, client: Ipv4Addr::LOCALHOST.into() };
        match self.logins.finish(back).await {
            Ok(connected) => self.connected(connected).await,
            Err(FinishError::AnotherPerson { profile, confirmation }) => {
                write!(
                    out,
                    "This is another person than {profile} has had. Replace the former one, and delete what is stored of it? [y/N] "
                )?;
                out.flush()?;
                let answer = lines.recv().await.unwrap_or_default();
                if !matches!(answer.trim(), "y" | "Y" | "yes") {
                    bail!("nothing was changed; log out at Withings, or use a private window, to log in as {profile}");
                }
                self.connected(self.logins.confirm(&confirmation, Ipv4Addr::LOCALHOST.into()).await?).await;
            }
            Err(error @ FinishError::Taken { .. }) => {
                bail!("{error}; Withings remembers who signed in, so use a private window")
            }
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }

    /// Takes back what was subscribed with a login that was replaced.
    async fn connected(&self, connected: Connected) {
        if let Some(former) = connected.former {
            unsubscribe_former(&self.logins, &connected.profile, &former).await;
        }
    }

    fn explain(&self, profile: &str, consent: &Url, out: &mut dyn Write) -> Result<()> {
        writeln!(out, "Open this page and log in as {profile}, in a private window if somebody else is logged in:\n")?;
        writeln!(out, "  {consent}\n")?;
        writeln!(out, "The application at Withings must have this redirect URI: {}", self.config.redirect_uri())?;
        writeln!(out, "If the browser cannot open the last page, paste its address here within 30 seconds:")?;
        Ok(out.flush()?)
    }

    /// Serves the callback address itself where it is on this host and free. If it is taken, a running exporter serves it and
    /// finishes the login.
    async fn serve_callback(&self) -> Option<CallbackServer> {
        let url = &self.config.base_url;
        let has_tls = self.app.security.has_tls();
        let is_served = is_loopback(url) && has_tls == (url.scheme() == "https");
        let port = url.port_or_known_default().filter(|_| is_served)?;
        let listener = TcpListener::bind(("127.0.0.1", port)).await.ok()?;
        let (shutdown, told) = oneshot::channel();
        let serving = web::serve(listener, self.app.clone(), ServerLimits::default(), async { drop(told.await) });
        Some(CallbackServer { shutdown, task: tokio::spawn(serving) })
    }

    async fn say_whose(&self, profile: &str, out: &mut dyn Write) -> Result<()> {
        let configured = self.logins.profile(profile).context("the profile is configured")?;
        let caller = self.logins.caller(&configured, Class::FirstRead);
        writeln!(out, "{profile} is connected.")?;
        if let Ok(Ok(known)) = tokio::time::timeout(LAST_PAGE, caller.identity()).await {
            let date = known.newest_weigh_in.and_then(|at| DateTime::from_timestamp(at, 0));
            let date = date.map_or_else(|| "never".to_owned(), |date| date.format("%Y-%m-%d").to_string());
            let devices: Vec<_> = known.devices.into_iter().collect();
            writeln!(out, "Last weigh-in: {date}")?;
            writeln!(out, "Devices: {}", if devices.is_empty() { "none".to_owned() } else { devices.join(", ") })?;
        }
        Ok(())
    }

    /// When the stored login of `profile` was made.
    async fn connected_at(&self, profile: &str) -> Option<i64> {
        self.storage.login(profile).await.ok().flatten().map(|login| login.connected_at)
    }
}

/// The callback address, served by this process.
struct CallbackServer {
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl CallbackServer {
    /// Lets the last page reach the browser.
    async fn end(self) {
        drop(self.shutdown);
        drop(tokio::time::timeout(LAST_PAGE, self.task).await);
    }
}

/// What the `error` of a redirect without consent means.
fn refused(error: &str) -> String {
    if error == "access_denied" {
        "the exporter was not allowed to read the measurements; start again and allow the access".to_owned()
    } else {
        format!("Withings sent the browser back without asking for permission: {}; please start again", cleaned(error))
    }
}

/// What somebody types or pastes, line by line.
fn lines_of_stdin() -> mpsc::Receiver<String> {
    let (lines, received) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    received
}
