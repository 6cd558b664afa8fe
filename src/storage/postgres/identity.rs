//! Which server this is: a dump that was restored elsewhere, and a server behind what was seen, are told by it.

use tokio_postgres::{Client, Error};

/// SQL for the timeline of the server: the name of a segment of the log begins with it, in hexadecimal.
pub(super) const TIMELINE: &str = "('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int";

/// What a server says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerIdentity {
    /// Chosen when the server's data directory was made; standbys and base backups have the same.
    pub system_identifier: i64,
    /// The timeline of the write-ahead log, from 1: every promotion raises it.
    pub timeline: i32,
}

impl ServerIdentity {
    /// That of the server behind `session`, which must be the writing one.
    pub async fn of(session: &Client) -> Result<Self, Error> {
        let query = format!("/* ServerIdentity::of */ select system_identifier, {TIMELINE} from pg_control_system()");
        let row = session.query_one(&query, &[]).await?;
        Ok(Self { system_identifier: row.try_get(0)?, timeline: row.try_get(1)? })
    }
}
