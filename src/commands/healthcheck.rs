//! `healthcheck`: whether the running exporter is healthy, for containers.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::timeout;

use crate::cli::Flags;
use crate::http::Http;
use crate::paths::OwnPath;

/// How long the exporter may take to answer. The image gives a check up after 15 s.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Asks the exporter that runs with the same flags. No password is needed, and any certificate is accepted. The files are not
/// read: they may have become wrong, and the exporter goes on with what they said before.
pub(super) fn run(flags: &Flags, out: &mut dyn Write) -> Result<()> {
    let http = Http::reaching_exporter()?;
    let has_tls = flags.web_config_file.is_some();
    let asked = async {
        match ask(flags, &http, has_tls).await {
            // A web configuration may be without TLS.
            Err(error) if has_tls => ask(flags, &http, false).await.map_err(|_| error),
            asked => asked,
        }
    };
    super::runtime()?.block_on(async { timeout(TIMEOUT, asked).await }).context("no answer in time")??;
    Ok(writeln!(out, "withings-exporter is healthy.")?)
}

async fn ask(flags: &Flags, http: &Http, has_tls: bool) -> Result<()> {
    let url = flags.own_url(has_tls).context("the port is not known: name it with --web.listen-address")?;
    let url = url.join(OwnPath::Healthy.as_str())?;
    let status = match http.status_of(url.clone()).await {
        // It runs and refuses a client without a certificate: more cannot be known without one.
        Err(error) if error.wants_certificate() => 200,
        status => status.with_context(|| format!("{url} does not answer"))?,
    };
    ensure!(status == 200, "{url} answers with status {status}; does the exporter run with the same flags?");
    Ok(())
}
