//! The places for connections: a limited number. When all are taken, the client that has asked nothing for the longest
//! time makes room, so that many who only connect do not keep the others out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::work::Work;

/// How long a client that was told to make room may take, and how soon is looked again where nobody could.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// All places.
pub(super) struct Places {
    free: Arc<Semaphore>,
    taken: Taken,
}

/// One place, given back when this is dropped.
pub(super) struct Place {
    /// What goes on here.
    pub(super) work: Work,
    taken: Taken,
    _permit: OwnedSemaphorePermit,
}

/// What goes on at the places that are taken.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<Vec<Work>>>);

impl Places {
    pub(super) fn new(number: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(number)), taken: Taken::default() }
    }

    /// A place, as soon as there is one. Cancel safe.
    pub(super) async fn take(&self) -> Place {
        let mut permit = std::pin::pin!(Arc::clone(&self.free).acquire_owned());
        let mut wait = Duration::ZERO;
        let permit = loop {
            match timeout(wait, &mut permit).await {
                Ok(permit) => break permit.expect("nobody closes this semaphore"),
                Err(_) => self.taken.make_room(),
            }
            wait = LOOK_AGAIN;
        };
        let place = Place { work: Work::none(), taken: self.taken.clone(), _permit: permit };
        place.taken.lock().push(place.work.clone());
        place
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.lock().retain(|it| !it.is(&self.work));
    }
}

impl Taken {
    fn make_room(&self) {
        let taken = self.lock();
        let silent = taken.iter().filter_map(|it| Some((it.silent_since()?, it)));
        if let Some((_, longest)) = silent.min_by_key(|(since, _)| *since) {
            longest.cut();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Work>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_longest_silent_makes_room_and_who_is_served_does_not() {
        let places = Places::new(3);
        let (served, silent, newest) = (places.take().await, places.take().await, places.take().await);
        let request = served.work.begin();
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(newest.work.begin());
        let (cut, next) = tokio::join!(
            async {
                silent.work.is_cut().await;
                drop(silent);
            },
            places.take()
        );
        let ((), _served) = (cut, next.work.begin());
        let waits = places.take();
        tokio::pin!(waits);
        assert!(timeout(Duration::from_millis(50), &mut waits).await.is_err(), "somebody still has the place");
        newest.work.is_cut().await;
        drop(newest);
        drop((waits.await, request));
    }
}
