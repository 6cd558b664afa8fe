//! `check-config`: what the configuration means, without its secret.

use std::io::{self, Write};

use anyhow::Result;
use url::Url;

use crate::app::warnings;
use crate::cli::Flags;
use crate::config::{Config, format_duration};
use crate::telemetry::log;

/// Loads the configuration and prints what would be exported; fails with the mistake.
pub(super) fn run(flags: &Flags, out: &mut dyn Write) -> Result<()> {
    // For what is taken and should be written otherwise.
    log::init(flags.log_level, flags.log_format)?;
    let security = super::security(flags)?;
    let config = super::config(flags, &security)?;
    for warning in warnings(&config) {
        tracing::warn!("{warning}");
    }
    writeln!(out, "{} is valid.", flags.config_file.display())?;
    if let Some(file) = &flags.web_config_file {
        writeln!(out, "{} is valid.", file.display())?;
    }
    writeln!(out)?;
    Ok(print(&config, out)?)
}

fn print(config: &Config, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Redirect URI         {} (register this one with Withings)", config.redirect_uri())?;
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
    let measured = config.measured();
    writeln!(out, "\nMetrics ({})", measured.iter().len())?;
    for measurement in measured.iter() {
        writeln!(out, "  {:45}  {}", measurement.metric(), measurement.what)?;
    }
    Ok(())
}

/// The URL as the configuration writes it, without the slash of an empty path.
fn plain(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}
