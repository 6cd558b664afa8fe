//! A queue for work that anybody can cause: it is served in turn by the address of the client, so that one who asks without
//! end delays another by a turn, and its length is bounded.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// A queue that is served in turn by address. Cheap to clone; clones are one queue.
#[derive(Clone, Debug)]
pub struct FairQueue(Arc<Mutex<Queue>>);

/// The right to work, until this is dropped. Each address has one at a time.
#[derive(Debug)]
pub struct Slot {
    queue: FairQueue,
    address: IpAddr,
}

/// While a slot is free, each address that waits has one.
#[derive(Debug)]
struct Queue {
    slots: usize,
    most_waiting: usize,
    /// The addresses that have a slot.
    working: Vec<IpAddr>,
    /// The address whose turn is next first.
    waiting: Vec<WaitingAddress>,
}

/// What waits for one address, the oldest first.
#[derive(Debug)]
struct WaitingAddress {
    address: IpAddr,
    requests: VecDeque<oneshot::Sender<Slot>>,
}

impl FairQueue {
    /// A queue with so many slots, for as many addresses, in which so many requests may wait.
    #[must_use]
    pub fn new(slots: usize, most_waiting: usize) -> Self {
        Self(Arc::new(Mutex::new(Queue { slots, most_waiting, working: Vec::new(), waiting: Vec::new() })))
    }

    /// Waits for a slot for the client at this address; `None` if the queue is too long. A request that was let in may have to
    /// leave a full queue for one of an address that has fewer in it. Cancel safe.
    pub async fn slot(&self, client: IpAddr) -> Option<Slot> {
        let address = network(client);
        let waits = {
            let mut queue = self.lock();
            if queue.has_slot_for(address) {
                queue.working.push(address);
                return Some(Slot { queue: self.clone(), address });
            }
            queue.join(address)?
        };
        waits.await.ok()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn has_slot_for(&self, address: IpAddr) -> bool {
        self.working.len() < self.slots && !self.working.contains(&address)
    }

    /// Lets a request of this address wait. If the queue is full, the last one of the address that has the most goes.
    fn join(&mut self, address: IpAddr) -> Option<oneshot::Receiver<Slot>> {
        self.forget_closed();
        let place = self.waiting.iter().position(|waiting| waiting.address == address);
        if self.waiting.iter().map(|waiting| waiting.requests.len()).sum::<usize>() >= self.most_waiting {
            let of_address = place.map_or(0, |place| self.waiting[place].requests.len());
            let longest = self.waiting.iter_mut().max_by_key(|waiting| waiting.requests.len())?;
            if of_address + 1 >= longest.requests.len() {
                return None;
            }
            longest.requests.pop_back();
        }
        let (request, waits) = oneshot::channel();
        match place {
            Some(place) => self.waiting[place].requests.push_back(request),
            None => self.waiting.push(WaitingAddress { address, requests: VecDeque::from([request]) }),
        }
        Some(waits)
    }

    /// Takes the slot of this address, whose turn is then after the others', and gives it to the next request, if one waits.
    fn pass_on(&mut self, address: IpAddr) -> Option<(IpAddr, oneshot::Sender<Slot>)> {
        self.working.retain(|working| *working != address);
        self.forget_closed();
        self.waiting.sort_by_key(|waiting| waiting.address == address);
        let next = self.waiting.iter_mut().find(|waiting| !self.working.contains(&waiting.address))?;
        let (address, request) = (next.address, next.requests.pop_front()?);
        self.working.push(address);
        Some((address, request))
    }

    /// Forgets the requests that do not wait any more.
    fn forget_closed(&mut self) {
        self.waiting.iter_mut().for_each(|waiting| waiting.requests.retain(|request| !request.is_closed()));
        self.waiting.retain(|waiting| !waiting.requests.is_empty());
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let next = self.queue.lock().pass_on(self.address);
        if let Some((address, request)) = next {
            // A request that has just been given up hands the slot back, and so passes it on.
            drop(request.send(Self { queue: self.queue.clone(), address }));
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
    use std::pin::Pin;

    use futures_util::FutureExt;

    use super::*;

    const FLOOD: u8 = 1;
    const OTHER: u8 = 2;
    const THIRD: u8 = 3;

    /// A request that has asked for a slot.
    type Request<'a> = Pin<Box<dyn Future<Output = Option<Slot>> + 'a>>;

    fn asks(queue: &FairQueue, client: u8) -> Request<'_> {
        Box::pin(queue.slot(Ipv4Addr::new(192, 0, 2, client).into()))
    }

    /// Expects that the request waits.
    #[track_caller]
    fn waits(queue: &FairQueue, client: u8) -> Request<'_> {
        let mut request = asks(queue, client);
        assert!(request.as_mut().now_or_never().is_none(), "it does not wait");
        request
    }

    /// Expects that the request has a slot.
    #[track_caller]
    fn works(request: Request<'_>) -> Slot {
        request.now_or_never().expect("it waits").expect("it was sent away")
    }

    #[track_caller]
    fn is_sent_away(request: Request<'_>) {
        assert!(request.now_or_never().is_some_and(|slot| slot.is_none()));
    }

    #[test]
    fn a_full_queue_has_a_place_for_another_address_and_its_turn_is_next() {
        let queue = FairQueue::new(1, 4);
        let first = works(asks(&queue, FLOOD));
        let mut flood: VecDeque<_> = (0..4).map(|_| waits(&queue, FLOOD)).collect();
        is_sent_away(asks(&queue, FLOOD));
        let other = waits(&queue, OTHER);
        is_sent_away(flood.pop_back().unwrap());
        drop(first);
        let other = works(other);
        let (third, again) = (waits(&queue, THIRD), waits(&queue, OTHER));
        is_sent_away(flood.pop_back().unwrap());
        drop(other);
        drop(works(flood.pop_front().unwrap()));
        drop(works(third));
        drop(works(again));
        drop(works(flood.pop_front().unwrap()));
    }

    #[test]
    fn addresses_that_have_one_request_each_do_not_push_each_other_out() {
        let queue = FairQueue::new(1, 2);
        let slot = works(asks(&queue, FLOOD));
        let (other, third) = (waits(&queue, OTHER), waits(&queue, THIRD));
        is_sent_away(asks(&queue, FLOOD));
        drop(slot);
        drop(works(other));
        drop(works(third));
    }

    #[test]
    fn an_address_has_one_slot_and_leaves_the_others_free() {
        let queue = FairQueue::new(2, 4);
        let first = works(asks(&queue, FLOOD));
        let (second, mut third) = (waits(&queue, FLOOD), waits(&queue, FLOOD));
        let other = works(asks(&queue, OTHER));
        let last = waits(&queue, THIRD);
        drop(first);
        let last = works(last);
        drop(other);
        let second = works(second);
        drop(last);
        assert!(third.as_mut().now_or_never().is_none(), "its address has a slot");
        drop(second);
        drop(works(third));
    }

    #[test]
    fn a_request_that_was_given_up_holds_up_nobody() {
        let queue = FairQueue::new(1, 4);
        let first = works(asks(&queue, FLOOD));
        let (gone, served_and_gone) = (waits(&queue, FLOOD), waits(&queue, FLOOD));
        let last = waits(&queue, OTHER);
        drop(gone);
        drop(first);
        // It has the slot, and does not know yet.
        drop(served_and_gone);
        drop(works(last));
        assert!(queue.lock().working.is_empty() && queue.lock().waiting.is_empty());
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
