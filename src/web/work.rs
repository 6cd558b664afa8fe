//! Whether anything is being answered on a connection: one that has nothing to do is closed.

use std::time::Duration;

use tokio::sync::watch;

/// The requests in work on one connection.
#[derive(Clone)]
pub(super) struct Work(watch::Sender<usize>);

/// A request in work, until this is dropped.
pub(super) struct Request(watch::Sender<usize>);

impl Work {
    pub(super) fn none() -> Self {
        Self(watch::Sender::new(0))
    }

    /// One request more.
    pub(super) fn begin(&self) -> Request {
        self.0.send_modify(|requests| *requests += 1);
        Request(self.0.clone())
    }

    /// Waits until there was none for so long.
    pub(super) async fn rested(&self, time: Duration) {
        let mut requests = self.0.subscribe();
        loop {
            let changed = if *requests.borrow_and_update() > 0 {
                Ok(requests.changed().await)
            } else {
                tokio::time::timeout(time, requests.changed()).await
            };
            if changed.is_err() {
                return;
            }
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.send_modify(|requests| *requests -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rest_begins_with_the_end_of_the_last_request() {
        let (work, begun) = (Work::none(), Instant::now());
        let other = work.clone();
        tokio::spawn(async move {
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_secs(15)).await;
                let _requests = (other.begin(), other.begin());
                tokio::time::sleep(Duration::from_mins(1)).await;
            }
        });
        work.rested(Duration::from_secs(20)).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(3 * 75 + 20));
    }
}
