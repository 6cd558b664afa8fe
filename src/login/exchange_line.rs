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
    /// Those that wait, the address that has waited longest first.
    waiting: Vec<WaitingAddress>,
}

/// The requests of clients at one address that wait, the oldest first.
struct WaitingAddress {
    address: IpAddr,
    /// How many turns it has had since it waits.
    turns: usize,
    requests: VecDeque<oneshot::Sender<Front>>,
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
        self.forget_closed();
        let of_address = self.waiting.iter().find(|waiting| waiting.address == address);
        let of_address = of_address.map_or(0, |waiting| waiting.requests.len());
        if self.waiting.iter().map(|waiting| waiting.requests.len()).sum::<usize>() >= MOST {
            let longest = self.waiting.iter_mut().max_by_key(|waiting| waiting.requests.len())?;
            if of_address >= longest.requests.len() {
                return None;
            }
            longest.requests.pop_back();
        }
        let (request, waits) = oneshot::channel();
        match self.waiting.iter_mut().find(|waiting| waiting.address == address) {
            Some(waiting) => waiting.requests.push_back(request),
            None => self.waiting.push(WaitingAddress { address, turns: 0, requests: VecDeque::from([request]) }),
        }
        Some(waits)
    }

    /// The next request: of the address that has had the fewest turns.
    fn next(&mut self) -> Option<oneshot::Sender<Front>> {
        self.forget_closed();
        let waiting = self.waiting.iter_mut().min_by_key(|waiting| waiting.turns)?;
        waiting.turns += 1;
        waiting.requests.pop_front()
    }

    /// Forgets the requests that do not wait any more.
    fn forget_closed(&mut self) {
        self.waiting.iter_mut().for_each(|waiting| waiting.requests.retain(|request| !request.is_closed()));
        self.waiting.retain(|waiting| !waiting.requests.is_empty());
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    const FLOOD: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn a_line_that_is_full_has_a_place_for_another_address_and_its_turn_is_soon() {
        let line = ExchangeLine::default();
        let front = line.front(FLOOD).now_or_never().flatten();
        assert!(front.is_some());
        let mut flood: Vec<_> = (0..MOST).map(|_| Box::pin(line.front(FLOOD))).collect();
        assert!(flood.iter_mut().all(|request| request.now_or_never().is_none()));
        assert!(line.front(FLOOD).now_or_never().is_some_and(|refused| refused.is_none()), "it may wait");
        let mut other = pin!(line.front(OTHER));
        assert!(other.as_mut().now_or_never().is_none());
        assert!(flood.pop().and_then(FutureExt::now_or_never).is_some_and(|refused| refused.is_none()));
        drop(front);
        let second = (&mut flood[0]).now_or_never().flatten();
        assert!(second.is_some() && other.as_mut().now_or_never().is_none());
        drop(second);
        assert!(other.now_or_never().flatten().is_some() && (&mut flood[1]).now_or_never().flatten().is_some());
    }

    #[test]
    fn a_request_that_went_away_holds_up_nobody() {
        let line = ExchangeLine::default();
        let front = line.front(FLOOD).now_or_never().flatten();
        let mut gone = Box::pin(line.front(FLOOD));
        let mut served_and_gone = Box::pin(line.front(FLOOD));
        let mut last = pin!(line.front(OTHER));
        for request in [&mut gone, &mut served_and_gone] {
            assert!(request.now_or_never().is_none());
        }
        assert!(last.as_mut().now_or_never().is_none());
        drop(gone);
        drop(front);
        // It has the front, and does not know yet.
        drop(served_and_gone);
        assert!(last.now_or_never().flatten().is_some());
    }

    #[test]
    fn a_client_has_one_address_however_many_its_network_has() {
        let check = |client: &str, expected: &str| {
            let [client, expected] = [client, expected].map(|address| address.parse::<IpAddr>().unwrap());
            assert_eq!(network(client), expected);
        };
        check("192.168.1.2", "192.168.1.2");
        check("::ffff:192.168.1.2", "192.168.1.2");
        check("2001:db8:1:2:aaaa::1", "2001:db8:1:2::");
    }
}
