//! The HTTP server: metrics, health, and the pages on which people connect their profiles.
//!
//! The pages are HTML without JavaScript, their links are relative, and none of them shows a measured value, a token or
//! a code. Nothing here waits for Withings but [`crate::login`] when a login is finished.

mod activity;
mod body;
mod callback;
mod connections;
mod cookies;
mod csrf;
mod documents;
mod elsewhere;
mod form;
mod hosts;
mod landing;
mod login;
mod moment;
mod pages;
mod reload;
mod response;
mod routes;
mod scrape;
mod scrapes;
mod security;
mod server;
mod stream;
mod webhook;

use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::exposition::Exposition;
use crate::login::Logins;
use crate::reading::Snapshot;
use crate::webhooks::{Inbox, Subscriptions};

pub use callback::Callback;
pub use connections::Connections;
pub use cookies::VisitorCookie;
pub use hosts::{AllowedHost, Hosts};
pub use landing::MOST_NAMED;
pub use reload::{Reload, ReloadBy, ReloadError, Reloads};
pub use scrapes::Scrapes;
pub use security::{Security, SecurityError, TlsError};
pub use server::{ServerLimits, serve};

/// What is served. Cheap to clone; several listeners may share it.
#[derive(Clone)]
pub struct App {
    /// Which clients may talk to the server, and how.
    pub security: Security,
    /// The names that it answers to.
    pub hosts: Hosts,
    /// The places for connections.
    pub connections: Connections,
    /// The profiles' logins.
    pub logins: Logins,
    /// What is served beside logins; `None`: nothing is, as this process is no exporter.
    pub exporter: Option<ExporterPages>,
}

/// What an exporter serves beside logins: metrics, the landing page, and what other programs ask. Cheap to clone.
#[derive(Clone)]
pub struct ExporterPages {
    /// The path of the metrics, beginning with `/`. If it is `/`, there is no landing page.
    pub telemetry_path: Arc<str>,
    /// The metrics.
    pub exposition: Exposition,
    /// How many scrapes may wait for their pages at one time.
    pub scrapes: Scrapes,
    /// What tells browsers that have seen the landing page.
    pub visitor: VisitorCookie,
    /// What the landing page tells of the profiles.
    pub snapshots: watch::Receiver<Snapshot>,
    /// Where Withings' notifications go.
    pub inbox: Inbox,
    /// How the subscriptions to notifications are.
    pub subscriptions: Subscriptions,
    /// Where a reload of the configuration is asked for; `None`: it is read once.
    pub reloads: Option<Reloads>,
    /// Whether every connected profile was restored or tried once, or need not be waited for any longer.
    pub ready: watch::Receiver<bool>,
    /// The present time.
    pub clock: Clock,
}
