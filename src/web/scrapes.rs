//! Scrapes: how many may wait for their pages, and which pages their clients are still taking.
//!
//! Making pages is limited, sending them is not: a client that does not take its page costs a place for a connection and, as long
//! as the page is the present one, no memory. Of pages that others have superseded only a few stay.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::activity::Activity;
use crate::exposition::PageKind;

/// How many pages that are no longer the present ones may be under way to their clients. A page lasts for a second; whoever
/// takes longer than four of them over it takes nothing.
const MOST_SUPERSEDED: usize = 4;

/// How many pages of different kinds are the present ones at most: more than are kept, so that whoever takes them at the usual
/// pace is never cut.
const MOST_PRESENT: usize = 128;

/// The scrapes, over all listeners. Clones share the count.
#[derive(Clone)]
pub struct Scrapes {
    pub(super) limit: usize,
    places: Arc<Semaphore>,
    taken: TakenPages,
}

/// The pages that clients are taking, in the order in which they were made.
#[derive(Clone, Default)]
struct TakenPages(Arc<Mutex<Vec<TakenPage>>>);

struct TakenPage {
    /// Of each kind the latest page is the present one. `None` is a page that was made for one scrape alone.
    kind: Option<PageKind>,
    /// Where its bytes begin, which tells it from the others as long as somebody takes it.
    address: usize,
    clients: Vec<Activity>,
    is_cut: bool,
}

/// The bytes of a page on their way to one client, until it has taken the last of them.
struct PageUnderWay {
    page: Bytes,
    pages: TakenPages,
    client: Activity,
}

impl Scrapes {
    /// At most `limit` that wait for their pages; 0 for no limit.
    #[must_use]
    pub fn at_most(limit: usize) -> Self {
        let places = if limit == 0 { Semaphore::MAX_PERMITS } else { limit.min(Semaphore::MAX_PERMITS) };
        Self { limit, places: Arc::new(Semaphore::new(places)), taken: TakenPages::default() }
    }

    /// The place of a scrape whose page is not there yet, until this is dropped; `None` if all are taken.
    pub(super) fn begin(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// The page for this client. Whoever still takes one that is superseded by more than four is cut.
    pub(super) fn hand_over(&self, page: Bytes, kind: Option<PageKind>, client: Activity) -> Bytes {
        self.taken.note(&page, kind, &client);
        Bytes::from_owner(PageUnderWay { page, pages: self.taken.clone(), client })
    }
}

impl TakenPages {
    fn note(&self, page: &Bytes, kind: Option<PageKind>, client: &Activity) {
        let mut pages = self.pages();
        let address = page.as_ptr().addr();
        match pages.iter_mut().find(|taken| taken.address == address) {
            Some(taken) => taken.clients.push(client.clone()),
            None => pages.push(TakenPage { kind, address, clients: vec![client.clone()], is_cut: false }),
        }
        cut_superseded(&mut pages);
    }

    fn pages(&self) -> MutexGuard<'_, Vec<TakenPage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cuts the clients of the oldest pages that are not the present ones, if these are too many.
fn cut_superseded(pages: &mut [TakenPage]) {
    let is_superseded = |place: usize| {
        let page = &pages[place];
        let later = &pages[place + 1..];
        let is_present = page.kind.is_some() && later.iter().all(|later| later.kind != page.kind);
        !page.is_cut && (!is_present || later.len() >= MOST_PRESENT)
    };
    let superseded: Vec<_> = (0..pages.len()).filter(|place| is_superseded(*place)).collect();
    for place in &superseded[..superseded.len().saturating_sub(MOST_SUPERSEDED)] {
        pages[*place].is_cut = true;
        pages[*place].clients.iter().for_each(Activity::cut);
    }
}

impl AsRef<[u8]> for PageUnderWay {
    fn as_ref(&self) -> &[u8] {
        &self.page
    }
}

impl Drop for PageUnderWay {
    fn drop(&mut self) {
        let mut pages = self.pages.pages();
        let address = self.page.as_ptr().addr();
        let Some(place) = pages.iter().position(|taken| taken.address == address) else { return };
        let clients = &mut pages[place].clients;
        if let Some(client) = clients.iter().position(|client| client.is(&self.client)) {
            clients.swap_remove(client);
        }
        if clients.is_empty() {
            pages.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::exposition::{Encoding, Format, Part};

    const PLAIN: Option<PageKind> = Some(PageKind::new(Format::Text, Encoding::Identity, Part::Whole));
    const GZIP: Option<PageKind> = Some(PageKind::new(Format::Text, Encoding::Gzip, Part::Whole));

    fn page() -> Bytes {
        vec![7; 10].into()
    }

    fn is_cut(client: &Activity) -> bool {
        client.is_cut().now_or_never().is_some()
    }

    #[test]
    fn whoever_takes_a_page_that_five_have_superseded_is_cut_and_the_present_one_costs_nothing() {
        let scrapes = Scrapes::at_most(1);
        let (slow, other) = (Activity::beginning(), Activity::beginning());
        let first = page();
        let mut held = vec![scrapes.hand_over(first.clone(), PLAIN, slow.clone())];
        let present = page();
        for _ in 0..100 {
            held.push(scrapes.hand_over(present.clone(), GZIP, other.clone()));
        }
        for _ in 0..MOST_SUPERSEDED {
            held.push(scrapes.hand_over(page(), PLAIN, other.clone()));
        }
        assert!(!is_cut(&slow), "four have superseded it");
        held.push(scrapes.hand_over(page(), PLAIN, other.clone()));
        assert!(is_cut(&slow) && !is_cut(&other));
        drop(held);
        assert!(scrapes.taken.pages().is_empty());
    }

    #[test]
    fn a_page_that_was_made_for_one_scrape_alone_is_superseded_at_once() {
        let scrapes = Scrapes::at_most(0);
        let clients: Vec<_> = (0..=MOST_SUPERSEDED).map(|_| Activity::beginning()).collect();
        let held: Vec<_> = clients.iter().map(|client| scrapes.hand_over(page(), None, client.clone())).collect();
        assert_eq!(clients.iter().map(is_cut).collect::<Vec<_>>(), [true, false, false, false, false]);
        drop(held);
    }

    #[test]
    fn shards_supersede_one_another_only_when_there_are_too_many_of_them() {
        let scrapes = Scrapes::at_most(0);
        let clients: Vec<_> = (0..=MOST_PRESENT + MOST_SUPERSEDED).map(|_| Activity::beginning()).collect();
        let shard = |place: usize| {
            let part = format!("{place}/1000").parse().unwrap();
            Some(PageKind::new(Format::Text, Encoding::Identity, part))
        };
        let hand_over = |place: usize| scrapes.hand_over(page(), shard(place), clients[place].clone());
        let mut held: Vec<_> = (0..clients.len() - 1).map(hand_over).collect();
        assert!(!clients.iter().any(is_cut));
        held.push(hand_over(clients.len() - 1));
        assert!(is_cut(&clients[0]) && !clients[1..].iter().any(is_cut));
    }
}
