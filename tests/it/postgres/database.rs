//! A database for each test, on a server that all tests share.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::Cluster;

/// The server that the tests of this process share. A test that stops it, freezes it or changes its settings takes a
/// [`Cluster`] of its own.
pub(crate) fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(Cluster::new)
}

/// A database of one test on the [`shared`] server. It is dropped with this value, whoever is connected to it.
pub(crate) struct Database {
    name: String,
}

impl Database {
    /// A database with nothing in it.
    pub(crate) fn empty() -> Self {
        Self::made_from("template0")
    }

    /// A database with what is in `template`, to which nobody may be connected meanwhile.
    pub(crate) fn like(template: &Self) -> Self {
        Self::made_from(&template.name)
    }

    fn made_from(template: &str) -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", LAST.fetch_add(1, Ordering::Relaxed));
        shared().create_database_like(&name, template);
        Self { name }
    }

    /// Its name on the [`shared`] server.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its URL, as [`Cluster::url`].
    pub(crate) fn url(&self) -> String {
        shared().url(&self.name)
    }

    /// As [`Cluster::psql`].
    #[track_caller]
    pub(crate) fn psql(&self, sql: &str) -> String {
        shared().psql(&self.name, sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The test may have dropped it, and a panic here would hide the first one.
        let _ = shared().try_psql("postgres", &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}
