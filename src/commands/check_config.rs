//! `check-config`: what the configuration means, without its secret.

use std::io::{self, Write};

use anyhow::Result;
use url::Url;

use crate::catalogue::Group;
use crate::cli::Flags;
use crate::config::{Config, Selection, format_duration};

/// Loads the configuration and prints what would be exported; fails with the mistake.
pub(super) fn run(flags: &Flags, out: &mut dyn Write) -> Result<()> {
    let security = super::security(flags)?;
    let config = super::config(flags, &security)?;
    writeln!(out, "{} is valid.", flags.config_file.display())?;
    if let Some(file) = &flags.web_config_file {
        writeln!(out, "{} is valid.", file.display())?;
    }
    writeln!(out)?;
    Ok(print(&config, out)?)
}

fn print(config: &Config, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "API                  {}", plain(&config.api_url))?;
    writeln!(out, "Login page           {}", plain(&config.account_url))?;
    writeln!(out, "Refresh interval     {}", format_duration(config.refresh_interval))?;
    writeln!(out, "Requests per minute  {}", config.requests_per_minute)?;
    if config.webhooks {
        writeln!(out, "Webhooks             {} (Withings must reach this address)", config.webhook_url("…"))?;
    }
    writeln!(out, "\nProfiles ({})", config.profiles.len())?;
    for profile in &config.profiles {
        writeln!(out, "  {profile}")?;
    }
    print_metrics(&config.measured(), out)?;
    writeln!(out, "\nRegister this redirect URI (callback URL) with Withings, exactly as it is here:")?;
    writeln!(out, "  {}", config.redirect_uri())
}

/// The metrics by their groups.
fn print_metrics(measured: &Selection, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nMetrics ({})", measured.iter().len())?;
    for group in Group::ALL {
        let of_group: Vec<_> = measured.iter().filter(|measurement| measurement.group == group).collect();
        if of_group.is_empty() {
            continue;
        }
        writeln!(out, "\n  {} ({})", group.name(), of_group.len())?;
        for measurement in of_group {
            writeln!(out, "    {:43}  {}", measurement.metric(), measurement.what)?;
        }
    }
    Ok(())
}

/// The URL as the configuration writes it, without the slash of an empty path.
fn plain(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}
