//! A way to a server that can be cut.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// What happens on the way.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Open,
    Cut,
    Closed,
}

/// A port of this host that leads to another one until it is cut. It works on threads of its own, so a test may block meanwhile.
pub(crate) struct Cuttable {
    address: SocketAddr,
    way: watch::Sender<Way>,
    runtime: Option<Runtime>,
}

impl Cuttable {
    /// An open way to `target`.
    pub(crate) fn to(target: SocketAddr) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (way, seen) = watch::channel(Way::Open);
        let listener = {
            let _entered = runtime.enter();
            TcpListener::from_std(listener).unwrap()
        };
        runtime.spawn(accept(listener, target, seen));
        Self { address, way, runtime: Some(runtime) }
    }

    /// Where clients connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets nothing through any more, in either direction, and closes nothing: as when a cable is pulled. Who connects now is
    /// accepted and hears nothing.
    pub(crate) fn cut(&self) {
        self.way.send_replace(Way::Cut);
    }

    /// Closes every connection on both sides, and each new one at once.
    pub(crate) fn close(&self) {
        self.way.send_replace(Way::Closed);
    }

    /// Opens the way again. What was sent while it was cut arrives now.
    pub(crate) fn heal(&self) {
        self.way.send_replace(Way::Open);
    }
}

impl Drop for Cuttable {
    fn drop(&mut self) {
        // A test with a runtime may not wait for another one's end.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, way: watch::Receiver<Way>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(lead(client, target, way.clone()));
    }
}

/// Carries both directions until both have ended or the way is closed.
async fn lead(client: TcpStream, target: SocketAddr, way: watch::Receiver<Way>) {
    let mut closed = way.clone();
    tokio::select! {
        _ = carry_both(client, target, way) => {}
        _ = closed.wait_for(|way| *way == Way::Closed) => {}
    }
}

async fn carry_both(client: TcpStream, target: SocketAddr, mut way: watch::Receiver<Way>) -> Option<()> {
    way.wait_for(|way| *way == Way::Open).await.ok()?;
    let server = TcpStream::connect(target).await.ok()?;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::join!(carry(from_client, to_server, way.clone()), carry(from_server, to_client, way));
    Some(())
}

/// Carries one direction to its end, which it passes on, too.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: watch::Receiver<Way>) -> Option<()> {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut bytes).await.unwrap_or(0);
        way.wait_for(|way| *way == Way::Open).await.ok()?;
        if length == 0 {
            return to.shutdown().await.ok();
        }
        to.write_all(&bytes[..length]).await.ok()?;
    }
}
