//! `storage accept-restore`: going on with a database that went back to an earlier state, which a person has meant.

use super::guard;
use super::open::{PostgresError, check_home};
use super::pool::Pool;
use super::schema;
use super::seal::Keys;

/// Accepts the database as it is, on the server that it is on: each login is tried, and those whose tokens are dead are shown as
/// refused. Gives why no login was rotated before; `None` if all were. Fails where the keys are of another installation, or what
/// the database had was exported.
pub async fn accept_restore(pool: &Pool, keys: &Keys) -> Result<Option<String>, PostgresError> {
    schema::check(pool).await?;
    schema::check_installation(pool, keys).await?;
    check_home(pool).await?;
    let accepted = pool.run("accept the database as it is", async |session| {
        let transaction = session.transaction().await?;
        let reason = guard::accept(&transaction).await?;
        transaction.commit().await?;
        Ok(reason)
    });
    Ok(accepted.await?)
}
