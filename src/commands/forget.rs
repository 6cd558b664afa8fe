//! `forget`: end a profile's login at Withings and delete everything stored about it.

use std::env;
use std::io::Write;

use anyhow::{Result, bail};
use tokio::runtime::Runtime;

use crate::cli::Flags;
use crate::clock::Clock;
use crate::config::Config;
use crate::http::Http;
use crate::storage::{Login, Storage};
use crate::telemetry::{Build, Telemetry};
use crate::withings::client::Client;
use crate::withings::pace::Pace;
use crate::withings::revoke::revoke;

/// Forgets `profile`, which need not be configured any more. Works also when Withings cannot be told.
pub(super) fn run(flags: &Flags, profile: &str, out: &mut dyn Write) -> Result<()> {
    let config = super::config(flags, &super::security(flags)?)?;
    let storage = Storage::join(&flags.storage_path(env::var_os("STATE_DIRECTORY")))?;
    if !storage.holds(profile)? {
        bail!("nothing is stored about the profile {profile:?}; {}", stored(&storage)?);
    }
    // Held to the end, so that a running exporter does not rotate or store what is deleted.
    let lock = storage.lock_login(profile)?;
    match lock.read()? {
        None => writeln!(out, "There was no login of {profile} that could be revoked at Withings.")?,
        Some(login) => match Runtime::new()?.block_on(end_at_withings(&config, &login)) {
            Ok(()) => writeln!(out, "The login of {profile} was revoked at Withings.")?,
            Err(error) => writeln!(
                out,
                "The login of {profile} could not be revoked at Withings: {error:#}.\nIts tokens are deleted here. Withings \
                 forgets them after a year at the latest, or at once if {profile} removes this application in the Withings app."
            )?,
        },
    }
    let files = lock.forget()?;
    writeln!(out, "Everything stored about {profile} was deleted ({files} files).")?;
    if config.profiles.iter().any(|it| &**it == profile) {
        writeln!(out, "{profile} is still in the configuration, and can log in again.")?;
    }
    Ok(())
}

async fn end_at_withings(config: &Config, login: &Login) -> Result<()> {
    let http = Http::reaching(&[&config.api_url])?;
    let (clock, telemetry) = (Clock::system(), Telemetry::new(Build::this()));
    let pace = Pace::new(config.requests_per_minute.get());
    let client = Client::new(http, config.api_url.clone(), pace, telemetry, clock.clone());
    Ok(revoke(&client, &clock, &config.client_id, &config.client_secret, &login.user_id).await?)
}

fn stored(storage: &Storage) -> Result<String> {
    let names: Vec<_> = storage.logins()?.iter().map(|it| format!("{:?}", it.profile)).collect();
    Ok(if names.is_empty() {
        "no profile has a login here".to_owned()
    } else {
        format!("these profiles have a login here: {}", names.join(", "))
    })
}
