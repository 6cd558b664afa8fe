//! Why the database did not do what it was asked, in words for people.

use deadpool_postgres::{HookError, PoolError, TimeoutType};
use tokio_postgres::error::{DbError, SqlState};

use super::address::Address;
use super::tls::TlsError;
use crate::telemetry::log::with_causes;

/// An operation on the database failed.
///
/// It never has a value of a row: of what the server says, only the message and its code are kept, and not the detail.
#[derive(Debug, thiserror::Error)]
#[error("PostgreSQL at {address}: cannot {operation}: {problem}")]
pub struct DatabaseError {
    operation: &'static str,
    /// Without the password.
    address: String,
    problem: Problem,
    #[source]
    cause: Option<Cause>,
}

/// What stands in the way, with what a person can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No host answers.
    #[error("no host of --storage.url can be reached; check that the server runs, and the host, port and firewall")]
    Unreachable,
    /// No answer in time. What was asked may have happened nevertheless.
    #[error("there was no answer in time")]
    Late,
    /// All connections of this process are busy.
    #[error("all connections of this exporter are busy")]
    Busy,
    /// The connection ended. What was asked may have happened nevertheless.
    #[error("the connection ended")]
    Ended,
    /// The user or password is wrong.
    #[error("the server does not accept this user or password; check --storage.url and PGPASSWORD")]
    Password,
    /// The server wants a password, and there is none.
    #[error("the server wants a password; put it into PGPASSWORD")]
    NoPassword,
    /// `pg_hba.conf` has no line for this.
    #[error("the server's pg_hba.conf does not let this user into this database from here, or not with this sslmode")]
    NotAdmitted,
    /// The server speaks no TLS.
    #[error(
        "the server offers no TLS; switch it on there (`ssl = on`), or accept an open connection with sslmode=disable"
    )]
    NoTls,
    /// The file of authorities is of no use.
    #[error("the file that sslrootcert names cannot be used")]
    Authorities,
    /// The authority of the server's certificate is not known.
    #[error("this machine does not know the authority of the server's certificate; sslrootcert=FILE names it")]
    UnknownAuthority,
    /// The certificate is for another name.
    #[error("the server's certificate is for another name than the host in --storage.url; use the name that is in it")]
    AnotherName,
    /// The certificate of the server is one of an authority, as `openssl req -x509` makes it.
    #[error(
        "the server's certificate is that of an authority, which no server may use; make one with `-addext basicConstraints=critical,CA:FALSE`"
    )]
    AuthorityAsServer,
    /// TLS failed otherwise.
    #[error("no encrypted connection")]
    Tls,
    /// There is no such database.
    #[error("there is no such database; make it with `createdb`, or correct the name in --storage.url")]
    NoDatabase,
    /// A table is missing.
    #[error("its tables are missing or of another version; `withings-exporter storage migrate` makes them")]
    NoSchema,
    /// The user may not do this.
    #[error(
        "the database user may not do this; it must own the tables, and to make them may create in the schema `public`"
    )]
    NoPermission,
    /// The server is a standby, or does not write for another reason.
    #[error("the server does not accept writes now: it is a standby, or was one a moment ago")]
    ReadOnly,
    /// Somebody else holds a row for too long.
    #[error("another session holds what is needed")]
    Locked,
    /// What was prepared in a session is not there any more, or is there already: it is another session.
    #[error("a pooler between this exporter and the server mixes sessions; PgBouncer needs `pool_mode = session`")]
    MixedSessions,
    /// The standby does not confirm changes of logins.
    #[error(
        "the standby does not confirm what is stored, and no login is refreshed meanwhile; check that it runs, or take it out of the server's synchronous_standby_names"
    )]
    Unconfirmed,
    /// The server has no connection left.
    #[error("the server has no connection left; an exporter needs 8")]
    NoConnectionLeft,
    /// The server starts, stops or has no place.
    #[error("the server cannot work at present")]
    Unavailable,
    /// Anything else.
    #[error("the server refused it")]
    Refused,
}

/// What the driver or the server said.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(String);

impl DatabaseError {
    /// The error of `operation` ("read the logins"), which the server was asked for and has not answered.
    pub(super) fn sent(operation: &'static str, address: &Address, problem: Problem) -> Self {
        Self { operation, address: address.to_string(), problem, cause: None }
    }

    /// The error of `operation` that the driver reports.
    pub(super) fn of(operation: &'static str, address: &Address, error: &tokio_postgres::Error) -> Self {
        Self { cause: Some(Cause(said(error))), ..Self::sent(operation, address, Problem::of(error)) }
    }

    /// There was no connection.
    pub(super) fn of_pool(address: &Address, error: &PoolError) -> Self {
        let connect = |problem| Self::sent("connect", address, problem);
        match error {
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
                Self { cause: Some(Cause(said(error))), ..connect(Problem::of(error)) }
            }
            PoolError::Timeout(TimeoutType::Wait) => connect(Problem::Busy),
            PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => connect(Problem::Late),
            PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(HookError::Message(_)) => {
                connect(Problem::Ended)
            }
        }
    }

    /// The error of TLS that cannot even be set up, as with a file that is none.
    pub(super) fn of_tls(address: &Address, error: &TlsError) -> Self {
        let cause = Some(Cause(error.to_string()));
        Self { cause, ..Self::sent("connect", address, Problem::Authorities) }
    }

    /// What stands in the way.
    #[must_use]
    pub fn problem(&self) -> Problem {
        self.problem
    }
}

impl Problem {
    fn of(error: &tokio_postgres::Error) -> Self {
        if let Some(code) = error.code() {
            return Self::of_code(code);
        }
        let text = said(error);
        let is = |words: &str| text.contains(words);
        // The driver tells these kinds in words alone.
        match () {
            () if error.is_closed() => Self::Ended,
            () if is("server does not support TLS") => Self::NoTls,
            () if is("UnknownIssuer") => Self::UnknownAuthority,
            () if is("not valid for name") => Self::AnotherName,
            () if is("CaUsedAsEndEntity") => Self::AuthorityAsServer,
            () if is("TLS handshake") => Self::Tls,
            () if is("does not allow writes") => Self::ReadOnly,
            () if is("password missing") => Self::NoPassword,
            () if is("authentication error") => Self::Password,
            () if is("error connecting to server") => Self::Unreachable,
            () if is("error communicating with the server") => Self::Ended,
            () => Self::Refused,
        }
    }

    fn of_code(code: &SqlState) -> Self {
        match code {
            code if *code == SqlState::INVALID_PASSWORD => Self::Password,
            code if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => Self::NotAdmitted,
            code if *code == SqlState::INVALID_CATALOG_NAME => Self::NoDatabase,
            code if [SqlState::UNDEFINED_TABLE, SqlState::UNDEFINED_COLUMN, SqlState::UNDEFINED_FUNCTION]
                .contains(code) =>
            {
                Self::NoSchema
            }
            code if *code == SqlState::INSUFFICIENT_PRIVILEGE => Self::NoPermission,
            code if *code == SqlState::READ_ONLY_SQL_TRANSACTION => Self::ReadOnly,
            code if [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED].contains(code) => Self::Locked,
            code if [SqlState::INVALID_SQL_STATEMENT_NAME, SqlState::DUPLICATE_PSTATEMENT].contains(code) => {
                Self::MixedSessions
            }
            code if *code == SqlState::TOO_MANY_CONNECTIONS => Self::NoConnectionLeft,
            // Shutdown, crash and start of the server: the connection is gone with them.
            code if code.code().starts_with("57P") => Self::Unavailable,
            code if code.code().starts_with("53") => Self::Unavailable,
            _ => Self::Refused,
        }
    }
}

/// The error and its causes in one line. Of the server's words the detail stays out: it repeats what is in a row.
fn said(error: &tokio_postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return of_server(error);
    }
    with_causes(error)
}

fn of_server(error: &DbError) -> String {
    format!("{} (SQLSTATE {})", error.message(), error.code().code())
}
