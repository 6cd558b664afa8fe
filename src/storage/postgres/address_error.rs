//! What can be wrong with the text of an address.

/// What may stand behind the `?` of an address.
pub(super) const PARAMETERS: [&str; 6] =
    ["sslmode", "sslrootcert", "target_session_attrs", "application_name", "connect_timeout", "host"];

/// What is wrong with the text of an address. No message repeats a part of it: any could be the password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Another scheme, or none.
    #[error("it must begin with postgres://, as in postgres://user@host:5432/database")]
    Scheme,
    /// `@` or `#` where none can be.
    #[error(
        "it has @ or # where none can be; in a user or password write % as %25, @ as %40, # as %23, / as %2F, : as %3A and ? as %3F"
    )]
    Unescaped,
    /// No host, or an empty one.
    #[error(
        "it names no host; write postgres://user@host/database, or for a Unix socket postgres://user@%2Frun%2Fpostgresql/database"
    )]
    NoHost,
    /// No database.
    #[error("it names no database; write postgres://user@host/database")]
    NoDatabase,
    /// A port that is none.
    #[error(
        "a port is a number from 1 to 65535, and an IPv6 address stands in brackets, as in postgres://user@[::1]:5432/database"
    )]
    Port,
    /// A parameter that is not taken.
    #[error("behind the ? it has a parameter that is not known here; known are {}", PARAMETERS.join(", "))]
    Parameter,
    /// A parameter stands twice.
    #[error("`{0}` is there twice")]
    Twice(&'static str),
    /// `sslmode` is something else.
    #[error(
        "`sslmode` must be disable, require (TLS with any certificate) or verify-full (TLS with one that is checked, the default for other machines)"
    )]
    SslMode,
    /// `sslrootcert` where no certificate is checked.
    #[error(
        "`sslrootcert` names the authorities of `sslmode=verify-full`, and with another sslmode nothing is checked; leave one of the two out"
    )]
    SslRootCert,
    /// `target_session_attrs` is something else.
    #[error("`target_session_attrs` must be read-write, which it is anyway")]
    TargetSessionAttrs,
    /// `connect_timeout` is something else.
    #[error("`connect_timeout` must be a number of seconds from 1 to 60")]
    ConnectTimeout,
    /// Anything else.
    #[error(
        "it cannot be read; write postgres://user@host:5432/database, and in a user or password %XX for what is no letter or digit"
    )]
    Unreadable,
}
