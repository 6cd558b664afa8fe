//! Prometheus exporter for Withings health data.
//!
//! Every 5 minutes the exporter reads the measurements of every configured person ("profile") from the Withings
//! cloud, keeps them, and shows them to Prometheus: one gauge per measurement, labelled by `profile`, and the sleep
//! state as an enum. A scrape never calls Withings.
//!
//! # The map
//!
//! Dependencies point down only; `tests/it/layers.rs` reads every `crate::` path and fails on any other edge. Nor are there
//! circles inside a module: `tests/it/circles.rs` fails on them.
//!
//! | Layer | Module | Owns |
//! |---|---|---|
//! | 0 | [`backoff`] | the pause before something that failed is tried again |
//! | 0 | [`clock`] | the present time, given everywhere; Withings' time, by which everything ends |
//! | 0 | [`zone`] | time zones by their names |
//! | 0 | [`paths`] | the exporter's own paths, in one list |
//! | 0 | [`private_name`] | names that nobody can own in public DNS |
//! | 0 | [`regular_file`] | reading a file that somebody else may have put there |
//! | 0 | [`fair_queue`] | a bounded queue that is served in turn by the addresses of clients |
//! | 0 | [`visible`] | text from outside as people may see it |
//! | 0 | [`catalogue`] | the one table of measurements and calls |
//! | 0 | [`process`] | plain values from `/proc` |
//! | 1 | [`reading`] | immutable values: readings, the snapshot of a profile, the snapshot of all |
//! | 1 | [`telemetry`] | logging and the exporter's own metrics |
//! | 1 | [`config`] | the configuration files → [`config::Config`] and [`config::web::WebConfig`], with diagnostics |
//! | 1 | [`systemd`] | the service manager: notifications, passed sockets |
//! | 1 | [`http`] | the one HTTP client: time-outs, body limit |
//! | 2 | [`storage`] | what survives a restart, behind few verbs: logins, readings, plans, the budget of requests. Two back ends: a directory, which one exporter has, and PostgreSQL, which many share (feature `postgres`, on by default) |
//! | 3 | [`withings`] | the remote service as types: envelope, errors, tokens; a file for each data call ([`withings::calls`]). Knows neither files nor configuration, and nor does [`login`] |
//! | 4 | [`login`] | the login flow, tokens that work, rotation, the person of each profile |
//! | 4 | [`exposition`] | snapshot → samples → bytes: OpenMetrics, the text format 0.0.4, CSV; the page cache; shards; negotiation |
//! | 5 | [`webhooks`] | subscriptions, the inbox, what a notification marks as due |
//! | 5 | [`history`] | a period of readings → samples with times |
//! | 6 | [`refresh`] | one refresh: claim → load → the calls that are due → save → publish |
//! | 6 | [`remote_write`] | samples to a server |
//! | 6 | [`web`] | the HTTP server: routes, limits, TLS, passwords, pages |
//! | 7 | [`app`] | the composition root: start, reload, stop; the configured profiles |
//! | 8 | [`cli`], [`commands`] | flags; one file per command |
//! | 8 | [`sim`] | a Withings cloud that is not there; uses clock and zones only |
//!
//! # Invariants
//!
//! * No scrape waits for the network: `/metrics` shows the last published snapshot.
//! * A call publishes after its last page, all or nothing.
//! * A new token pair is stored before its first use; a failed refresh overwrites nothing.
//! * Nothing is locked while somebody waits, no wait is without an end, and nothing that listens also works.
//! * Memory holds what is shown, storage holds what is known: a profile has no task and no state of its own.
//! * A login has one usable home, and one process at a time renews it: with a directory by its lock, with PostgreSQL by a lease
//!   in its row. In PostgreSQL it is sealed. With a database that was restored none is renewed until somebody accepts that.
//! * What ends by itself ends by Withings' clock, and not by the host's.
//! * Tokens, codes, secrets and measured values never reach a log or an error.

/// `proptest!` with what once failed in tests/proptest-regressions, from where it is tried again.
#[cfg(test)]
macro_rules! properties {
    (cases: $cases:expr; $($tests:tt)*) => {
        proptest::proptest! {
            #![proptest_config(proptest::test_runner::Config {
                cases: $cases,
                failure_persistence: Some(Box::new(
                    proptest::test_runner::FileFailurePersistence::SourceParallel("tests/proptest-regressions"),
                )),
                ..proptest::test_runner::Config::default()
            })]
            $($tests)*
        }
    };
    ($($tests:tt)*) => {
        properties! { cases: proptest::test_runner::Config::default().cases; $($tests)* }
    };
}

pub mod app;
pub mod backoff;
pub mod catalogue;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod exposition;
pub mod fair_queue;
pub mod history;
pub mod http;
pub mod login;
pub mod paths;
pub mod private_name;
pub mod process;
pub mod reading;
pub mod refresh;
pub mod regular_file;
pub mod remote_write;
pub mod sim;
pub mod storage;
pub mod systemd;
pub mod telemetry;
pub mod visible;
pub mod web;
pub mod webhooks;
pub mod withings;
pub mod zone;
