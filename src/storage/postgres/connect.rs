//! Opening a session: the hosts of an address in their order, each with its share of the time.

use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Connect};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long everybody may wait for a connection, until it is set up and checked.
pub(super) const CONNECTED_WITHIN: Duration = Duration::from_secs(5);

/// What every session is told before its first statement.
///
/// A commit waits for this server's disk alone; a transaction on a login says `set local synchronous_commit = on` and waits for
/// the standby too. There is no `statement_timeout`: a commit that it ends is kept here, and may be lost with this server.
const SETTINGS: &str = "/* settings */ set synchronous_commit = local; set lock_timeout = '2s'; \
     set idle_in_transaction_session_timeout = '5s'";

/// A session, and the task that carries its bytes.
type Opened = (Client, JoinHandle<()>);

/// Opens sessions.
pub(super) struct Connector {
    /// Each with one host; at least one.
    pub(super) configs: Vec<Config>,
    pub(super) tls: MakeRustlsConnect,
}

impl Connect for Connector {
    fn connect(&self, _: &Config) -> Pin<Box<dyn Future<Output = Result<Opened, Error>> + Send + '_>> {
        Box::pin(first_open(&self.configs, &self.tls))
    }
}

/// Tells a new session how it works.
pub(super) async fn set_up(session: &ClientWrapper) -> Result<(), Error> {
    session.batch_execute(SETTINGS).await
}

/// A session with the first host that has one for writing. A host that hangs does not keep the others from their turn; where all
/// of them hang this never ends, and the caller's patience does.
async fn first_open(configs: &[Config], tls: &MakeRustlsConnect) -> Result<Opened, Error> {
    let share = CONNECTED_WITHIN / u32::try_from(configs.len()).unwrap_or(u32::MAX);
    let mut failed = None;
    for config in configs {
        match timeout(share, open(config, tls.clone())).await {
            Ok(Ok(opened)) => return Ok(opened),
            Ok(Err(error)) => failed = Some(error),
            Err(_) => {}
        }
    }
    match failed {
        Some(error) => Err(error),
        None => pending().await,
    }
}

async fn open(config: &Config, tls: MakeRustlsConnect) -> Result<Opened, Error> {
    let (client, connection) = config.connect(tls).await?;
    let carried = tokio::spawn(async move {
        if let Err(error) = connection.await {
            // Whoever waits for a statement is told too.
            tracing::debug!(%error, "a connection to PostgreSQL ended");
        }
    });
    Ok((client, carried))
}
