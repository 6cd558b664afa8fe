//! `healthcheck`: whether the running exporter is healthy, for containers.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::timeout;

use crate::cli::Flags;
use crate::http::Http;
use crate::paths::OwnPath;

/// How long the exporter may take to answer. Docker gives a check up after 30 s.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Asks the exporter that runs with the same flags. Its own certificate is trusted, and no other; no password is needed.
pub(super) fn run(flags: &Flags, out: &mut dyn Write) -> Result<()> {
    let security = super::security(flags)?;
    let url = flags.own_url(security.has_tls()).context("the port is not known: name it with --web.listen-address")?;
    let url = url.join(OwnPath::Healthy.as_str())?;
    let http = Http::reaching_exporter(security.certificate())?;
    let asked = super::runtime()?.block_on(async { timeout(TIMEOUT, http.status_of(url.clone())).await });
    let status = match asked.with_context(|| format!("{url} does not answer in time"))? {
        // It runs and refuses a client without a certificate: more cannot be known without one.
        Err(error) if security.client_policy().is_required() && error.wants_certificate() => 200,
        status => status.with_context(|| format!("{url} does not answer"))?,
    };
    ensure!(status == 200, "{url} answers with status {status}; does the exporter run with the same flags?");
    Ok(writeln!(out, "withings-exporter is healthy.")?)
}
