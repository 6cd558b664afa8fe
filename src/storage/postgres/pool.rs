//! Connections to the database: a few that are kept, checked before each use, and closed when their answer does not come.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, RecyclingMethod, Runtime, TimeoutType,
};
use tokio::time::timeout;
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::Address;
use super::connect::{CONNECTED_WITHIN, Connector, set_up};
use super::error::{DatabaseError, Problem};
use super::tls;

/// How many connections a process has at most.
pub const CONNECTIONS: usize = 8;

/// How long a statement, or a transaction with its commit, may take.
pub const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// How long a connection that was idle may take to say that it still works.
const CHECKED_WITHIN: Duration = Duration::from_secs(1);

/// A connection as a piece of work sees it: statements, transactions, prepared statements that are kept.
pub type Session = ClientWrapper;

/// The connections of this process. Cheap to clone. None is opened before it is needed.
#[derive(Clone)]
pub struct Pool {
    connections: deadpool_postgres::Pool,
    address: Arc<Address>,
}

/// A connection whose work is not done. Dropping it closes the connection: a future that is dropped stops no statement, and its
/// answer would be taken for that of the next one.
struct Working(Option<Object>);

impl Pool {
    /// A pool for the database at `address`, without connecting. Fails where TLS cannot be prepared, as with a file of
    /// authorities that is none.
    pub fn open(address: &Address) -> Result<Self, DatabaseError> {
        let tls = tls::config(address.encryption()).map_err(|error| DatabaseError::of_tls(address, &error))?;
        let configs = address.configs();
        let first = configs[0].clone();
        let connector = Connector { configs, tls: MakeRustlsConnect::new(tls) };
        let fast = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let connections = deadpool_postgres::Pool::builder(Manager::from_connect(first, connector, fast))
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .post_create(Hook::async_fn(|session, _| {
                Box::pin(async { set_up(session).await.map_err(HookError::Backend) })
            }))
            .pre_recycle(Hook::async_fn(|session, _| Box::pin(checked(session))))
            .build()
            .expect("it has a runtime");
        Ok(Self { connections, address: Arc::new(address.clone()) })
    }

    /// A connection that works and writes. Waits for one of the 8, and fails when none is ready within 5 s.
    async fn lent(&self) -> Result<Object, DatabaseError> {
        let failed = |error| DatabaseError::of_pool(&self.address, &error);
        let late = |_| DatabaseError::of_pool(&self.address, &self.lateness());
        timeout(CONNECTED_WITHIN, self.connections.get()).await.map_err(late)?.map_err(failed)
    }

    /// Does `work` with a connection, within 5 s after it is there; [`Pool::run_for`] says more.
    pub async fn run<T>(
        &self,
        operation: &'static str,
        work: impl AsyncFnOnce(&mut Session) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, DatabaseError> {
        self.run_for(ANSWERED_WITHIN, operation, work).await
    }

    /// Does `work`, which is one statement or one transaction, with a connection, for at most `limit` after it is there.
    /// `operation` is what it does, as "read the logins".
    ///
    /// When the time is over, or when the future is dropped before its end, the connection is closed. The server may go on and
    /// even commit.
    pub async fn run_for<T>(
        &self,
        limit: Duration,
        operation: &'static str,
        work: impl AsyncFnOnce(&mut Session) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, DatabaseError> {
        let mut working = Working(Some(self.lent().await?));
        let session = working.0.as_mut().expect("it was just put there");
        let done = timeout(limit, work(session)).await;
        let done = done.map_err(|_| DatabaseError::sent(operation, &self.address, Problem::Late))?;
        // It has its answer, be it an error: the next one checks it.
        drop(working.0.take());
        done.map_err(|error| DatabaseError::of(operation, &self.address, &error))
    }

    /// Where the database is; its text has no password.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What was waited for when the time ran out: one of our connections, or the server.
    fn lateness(&self) -> deadpool_postgres::PoolError {
        let status = self.connections.status();
        let all_lent = status.size == status.max_size && status.available == 0;
        deadpool_postgres::PoolError::Timeout(if all_lent { TimeoutType::Wait } else { TimeoutType::Create })
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(lent) = self.0.take() {
            drop(Object::take(lent));
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Whether a connection that was idle still works and writes: after a fail-over its server may be a standby.
async fn checked(session: &ClientWrapper) -> Result<(), HookError> {
    if session.is_closed() {
        return Err(HookError::message("closed"));
    }
    let asked = session.simple_query("/* checked */ show transaction_read_only");
    let answer = timeout(CHECKED_WITHIN, asked).await.map_err(|_| HookError::message("late"))?;
    let is_writing =
        |message: &SimpleQueryMessage| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some("off"));
    if answer.map_err(HookError::Backend)?.iter().any(is_writing) {
        Ok(())
    } else {
        Err(HookError::message("read-only"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_that_hangs_leaves_the_next_one_its_time() {
        // Both take connections, and the first says nothing.
        let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refusing = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("postgres://me@{},{refusing}/withings", hanging.local_addr().unwrap());
        let pool = Pool::open(&Address::parse(&url, Some("s3cret")).unwrap()).unwrap();
        let error = pool.run("try", async |_| Ok(())).await.unwrap_err();
        assert_eq!(error.problem(), Problem::Unreachable, "{error}");
        assert!(!format!("{error:?} {pool:?}").contains("s3cret"));
    }

    /// Work and what waits for it may move between threads.
    #[test]
    fn work_may_be_spawned() {
        fn check(_: impl Send + 'static) {}
        let url = "postgres://me@localhost/withings";
        let pool = Pool::open(&Address::parse(url, None).unwrap()).unwrap();
        check(async move {
            pool.run("try", async |session| {
                let transaction = session.transaction().await?;
                transaction.execute("select $1::text", &[&"x"]).await?;
                transaction.commit().await
            })
            .await
        });
    }
}
