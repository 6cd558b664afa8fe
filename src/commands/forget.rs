//! `forget`: delete everything stored about a profile, and end its login at Withings.

use std::future;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, timeout_at};

use crate::cli::Flags;
use crate::clock::{Clock, ServerClock};
use crate::config::Config;
use crate::http::Http;
use crate::storage::{Class, Login, Storage};
use crate::telemetry::{Build, Telemetry};
use crate::withings::client::Client;
use crate::withings::revoke::revoke;

/// How long after the start of the command Withings is still tried, so that it ends within 15 s however long the deletion took.
const TRIED_WITHIN: Duration = Duration::from_secs(14);

/// Forgets `profile`, which need not be configured any more. Works also when Withings cannot be told.
pub(super) fn run(flags: &Flags, profile: &str, out: &mut dyn Write) -> Result<()> {
    let config = super::config(flags, &super::security(flags)?)?;
    let telemetry = Telemetry::new(Build::this());
    let runtime = super::runtime()?;
    let forgotten = runtime.block_on(async {
        let deadline = Instant::now() + TRIED_WITHIN;
        let storage = super::place::joined(flags, &telemetry).await?;
        forget(&config, &storage, &telemetry, profile, deadline, out).await
    });
    // A disk that hangs must not hold up the end of the command.
    runtime.shutdown_background();
    forgotten
}

/// Deletes what is stored, then revokes the login. In this order: whatever Withings does, nothing of the profile is shown or
/// used any more.
async fn forget(
    config: &Config,
    storage: &Storage,
    telemetry: &Telemetry,
    profile: &str,
    deadline: Instant,
    out: &mut dyn Write,
) -> Result<()> {
    storage.changes().await?;
    let forgotten = storage.forget(profile).await?;
    if forgotten.items == 0 {
        bail!("nothing is stored about the profile {profile:?}; {}", stored(storage));
    }
    writeln!(out, "Everything stored about {profile} was deleted ({} items).", forgotten.items)?;
    match forgotten.login {
        None => writeln!(out, "There was no login of {profile} that could be revoked at Withings.")?,
        Some(login) => match end_at_withings(config, storage, telemetry, &login, deadline).await {
            Ok(()) => writeln!(out, "The login of {profile} was revoked at Withings.")?,
            Err(error) => writeln!(
                out,
                "The login of {profile} could not be revoked at Withings: {error:#}.\nIts tokens are deleted here. Withings \
                 forgets them after a year at the latest, or at once if {profile} removes this application in the Withings app."
            )?,
        },
    }
    if config.profiles.iter().any(|configured| &**configured == profile) {
        writeln!(out, "{profile} is still in the configuration, and can log in again.")?;
    }
    Ok(())
}

async fn end_at_withings(
    config: &Config,
    storage: &Storage,
    telemetry: &Telemetry,
    login: &Login,
    deadline: Instant,
) -> Result<()> {
    storage.set_rate(config.requests_per_minute.get());
    let http = Http::reaching(&[&config.api_url])?;
    let clock = ServerClock::new(Clock::system());
    let client = Client::new(http, config.api_url.clone(), storage.clone(), telemetry.clone(), clock);
    let is_wanted = future::ready(true);
    let revoked = revoke(&client, Class::Refresh, &config.client_id, &config.client_secret, &login.user_id, is_wanted);
    let revoked = timeout_at(deadline, revoked).await;
    Ok(revoked.context("Withings, or the budget of requests, left no time for it")??)
}

fn stored(storage: &Storage) -> String {
    let names: Vec<_> = storage.logins().keys().map(|profile| format!("{profile:?}")).collect();
    if names.is_empty() {
        "no profile has a login here".to_owned()
    } else {
        format!("these profiles have a login here: {}", names.join(", "))
    }
}
