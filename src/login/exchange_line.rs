//! The line of the requests that anybody can cause with a login: code exchanges above all. They wait here for their share of
//! the budget, in turn by the address of the client, so that one who begins logins without end delays the others by one request.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::Logins;
use crate::storage::{Class, NoTurn};

/// How long a request waits. A code lives 30 s, of which the way here and to Withings take some.
const WITHIN: Duration = Duration::from_secs(20);

/// How many requests may wait: more than have their turn in that time.
const MOST: usize = 64;

/// The line. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct ExchangeLine(Arc<Mutex<Line>>);

#[derive(Default)]
struct Line {
    /// Whether a request is at the front, which waits for the budget.
    has_front: bool,
    /// Those that wait, by the address of their client; the address whose turn is next is the first.
    waiting: VecDeque<(IpAddr, VecDeque<oneshot::Sender<Front>>)>,
}

/// The place at the front of the line, until this is dropped.
struct Front(ExchangeLine);

impl Logins {
    /// Waits for the right to make a request that the client at this address has caused, for 20 s at most.
    pub(super) async fn exchange_turn(&self, client: IpAddr) -> Result<(), NoTurn> {
        let deadline = Instant::now() + WITHIN;
        let front = timeout_at(deadline, self.0.exchanges.front(client)).await;
        let _front = front.ok().flatten().ok_or(NoTurn)?;
        self.storage().turn(Class::Exchange, deadline.saturating_duration_since(Instant::now())).await
    }
}

impl ExchangeLine {
    /// Waits for the place at the front; `None` if the line is too long.
    async fn front(&self, client: IpAddr) -> Option<Front> {
        let waits = {
            let mut line = self.line();
            if !line.has_front {
                line.has_front = true;
                return Some(Front(self.clone()));
            }
            line.join(network(client))?
        };
        waits.await.ok()
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// Lets a request of this address wait. If the line is too long, the last one of the address that has the most goes.
    fn join(&mut self, address: IpAddr) -> Option<oneshot::Receiver<Front>> {
        self.waiting.iter_mut().for_each(|(_, requests)| requests.retain(|request| !request.is_closed()));
        self.waiting.retain(|(_, requests)| !requests.is_empty());
        let of_address =
            self.waiting.iter().find(|(other, _)| *other == address).map_or(0, |(_, requests)| requests.len());
        if self.waiting.iter().map(|(_, requests)| requests.len()).sum::<usize>() >= MOST {
            let (_, longest) = self.waiting.iter_mut().max_by_key(|(_, requests)| requests.len())?;
            if of_address >= longest.len() {
                return None;
            }
            longest.pop_back();
        }
        let (request, waits) = oneshot::channel();
        match self.waiting.iter_mut().find(|(other, _)| *other == address) {
            Some((_, requests)) => requests.push_back(request),
            None => self.waiting.push_back((address, VecDeque::from([request]))),
        }
        Some(waits)
    }

    /// The next request; its address is the last from now on.
    fn next(&mut self) -> Option<oneshot::Sender<Front>> {
        while let Some((address, mut requests)) = self.waiting.pop_front() {
            let next = requests.pop_front();
            if !requests.is_empty() {
                self.waiting.push_back((address, requests));
            }
            if next.is_some() {
                return next;
            }
        }
        None
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let next = {
            let mut line = self.0.line();
            let next = line.next();
            line.has_front = next.is_some();
            next
        };
        if let Some(request) = next {
            // A request that does not wait any more gives the place back, and so passes it on.
            drop(request.send(Self(self.0.clone())));
        }
    }
}

/// Whose address it is: of IPv6, a client has as many as it likes in the network of its line.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
        ip @ IpAddr::V4(_) => ip,
    }
}
