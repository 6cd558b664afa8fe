//! The service manager: notifications to it, and the sockets that it passes.
//!
//! The crate `sd-notify` (0.5) connects to paths only, and `NOTIFY_SOCKET` may name an abstract socket too.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use listenfd::ListenFd;

/// The way to the service manager; without one, notifications go nowhere.
#[derive(Debug, Default)]
pub struct ServiceManager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The service manager that the variables `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` tell of.
    ///
    /// An error if it cannot be reached.
    pub fn of(env: &dyn Fn(&str) -> Option<OsString>) -> io::Result<Self> {
        let Some(path) = env("NOTIFY_SOCKET").filter(|path| !path.is_empty()) else { return Ok(Self::default()) };
        let address = match path.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(&path)?,
        };
        let number = |name| env(name)?.to_str()?.parse::<u64>().ok();
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|deadline| *deadline > 0 && is_ours).map(Duration::from_micros);
        Ok(Self { socket: Some((UnixDatagram::unbound()?, address)), watchdog })
    }

    /// Notifies that requests are taken.
    pub fn ready(&self) {
        self.notify("READY=1");
    }

    /// Notifies that the end has begun.
    pub fn stopping(&self) {
        self.notify("STOPPING=1");
    }

    /// Notifies again and again that the program is alive, where the service manager asks for it.
    pub async fn keep_alive(&self) -> Infallible {
        let Some(deadline) = self.watchdog else { return std::future::pending().await };
        loop {
            self.notify("WATCHDOG=1");
            // As sd_watchdog_enabled(3) recommends.
            tokio::time::sleep(deadline / 2).await;
        }
    }

    fn notify(&self, state: &str) {
        let Some((socket, address)) = &self.socket else { return };
        if let Err(error) = socket.send_to_addr(state.as_bytes(), address) {
            tracing::warn!(%error, state, "the service manager could not be told");
        }
    }
}

/// The TCP listeners that were passed on by socket activation (`LISTEN_FDS`), in their order.
///
/// An error if one of them is something else. To be called once, before there are threads: the variables are removed.
pub fn listeners() -> io::Result<Vec<TcpListener>> {
    let mut passed = ListenFd::from_env();
    (0..passed.len()).filter_map(|index| passed.take_tcp_listener(index).transpose()).collect()
}
