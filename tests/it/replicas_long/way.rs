//! The way of one replica to the cloud, on which its calls for tokens can be held.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Where a call is held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Hold {
    /// The replica has asked, and the cloud has not heard it yet.
    Asked,
    /// The cloud has answered, and the replica has not heard it yet.
    Answered,
}

/// A call that is held. Without a word it gets lost.
pub(super) type Held = oneshot::Sender<()>;

/// What waits for a call.
type Trap = Arc<Mutex<Option<(Hold, oneshot::Sender<Held>)>>>;

/// A port of this host that leads to the cloud.
pub(super) struct Way {
    address: SocketAddr,
    trap: Trap,
}

impl Way {
    pub(super) fn to(cloud: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let (address, trap) = (listener.local_addr().unwrap(), Trap::default());
        let (listener, set) = (TcpListener::from_std(listener).unwrap(), Arc::clone(&trap));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry_both(client, cloud, Arc::clone(&set)));
            }
        });
        Self { address, trap }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Holds the next call for a token; `None` if there is none within this time.
    pub(super) async fn hold(&self, place: Hold, patience: Duration) -> Option<Held> {
        let (caught, held) = oneshot::channel();
        *self.trap.lock().unwrap() = Some((place, caught));
        let held = timeout(patience, held).await.ok().and_then(Result::ok);
        *self.trap.lock().unwrap() = None;
        held
    }
}

async fn carry_both(client: TcpStream, cloud: SocketAddr, trap: Trap) -> Option<()> {
    let server = TcpStream::connect(cloud).await.ok()?;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    // Whether the answer that comes next is one to a call for a token.
    let is_token = Arc::new(Mutex::new(false));
    tokio::select! {
        () = carry_calls(from_client, to_server, &trap, &is_token) => {}
        () = carry_answers(from_server, to_client, &trap, &is_token) => {}
    }
    Some(())
}

/// Carries calls until one gets lost, or the cloud closes. Who asks may be dead meanwhile: what it has sent arrives.
async fn carry_calls(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, trap: &Trap, is_token: &Mutex<bool>) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut bytes).await.unwrap_or(0);
        if length == 0 {
            return std::future::pending().await;
        }
        *is_token.lock().unwrap() |= bytes[..length].windows(12).any(|word| word == b"requesttoken");
        let is_lost = *is_token.lock().unwrap() && !pass(trap, Hold::Asked).await;
        if is_lost || to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}

async fn carry_answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, trap: &Trap, is_token: &Mutex<bool>) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut bytes).await.unwrap_or(0);
        let is_answer = std::mem::take(&mut *is_token.lock().unwrap());
        if length == 0 || is_answer && !pass(trap, Hold::Answered).await {
            return;
        }
        // A client that has died hears nothing.
        let _ = to.write_all(&bytes[..length]).await;
    }
}

/// Holds what is on its way if that is waited for; returns whether it goes on.
async fn pass(trap: &Trap, place: Hold) -> bool {
    let caught = trap.lock().unwrap().take_if(|(hold, _)| *hold == place);
    let Some((_, caught)) = caught else { return true };
    let (held, goes_on) = oneshot::channel();
    // Nobody waits any more.
    if caught.send(held).is_err() {
        return true;
    }
    goes_on.await.is_ok()
}
