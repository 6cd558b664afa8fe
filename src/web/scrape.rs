//! The metrics as an answer.

use std::sync::Arc;

use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, VARY};
use hyper::{HeaderMap, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::form_urlencoded;

use super::App;
use super::answer::{self, Answer};
use super::body::Body;
use crate::exposition::{Encoding, Selection, negotiate};

/// How many scrapes may run at one time, over all listeners. Clones share the places.
#[derive(Clone, Debug)]
pub struct Scrapes {
    limit: usize,
    places: Arc<Semaphore>,
}

impl Scrapes {
    /// At most `limit`; 0 for no limit.
    #[must_use]
    pub fn at_most(limit: usize) -> Self {
        let places = if limit == 0 { Semaphore::MAX_PERMITS } else { limit.min(Semaphore::MAX_PERMITS) };
        Self { limit, places: Arc::new(Semaphore::new(places)) }
    }

    fn begin(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }
}

/// The metrics in the format and encoding that the client prefers. A scrape runs until its client takes the page's end.
/// Of all metrics, or of those that the query names with `name[]`.
pub(super) async fn page(app: &App, query: &str, headers: &HeaderMap) -> Answer {
    let Some(scrape) = app.scrapes.begin() else {
        let sentence = format!("{} scrapes are running, and no more are allowed. Try again later.", app.scrapes.limit);
        return answer::text(StatusCode::SERVICE_UNAVAILABLE, &sentence);
    };
    let (format, encoding) = negotiate(values(headers, &ACCEPT), values(headers, &ACCEPT_ENCODING));
    let page = match selection(query) {
        None => app.exposition.page(format, encoding).await,
        Some(selection) => app.exposition.selected_page(format, encoding, selection).await,
    };
    let mut answer = Response::new(Body::of(page.chunks, Some(scrape)));
    answer::set(&mut answer, CONTENT_TYPE, format.content_type());
    answer::set(&mut answer, VARY, "Accept, Accept-Encoding");
    if encoding == Encoding::Gzip {
        answer::set(&mut answer, CONTENT_ENCODING, "gzip");
    }
    answer
}

/// What is selected, as Go's client library has it.
fn selection(query: &str) -> Option<Selection> {
    let names = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == "name[]");
    let mut names = names.map(|(_, name)| name.into_owned()).peekable();
    names.peek().is_some().then(|| Selection::of(names))
}

/// The readable lines of a header that may be sent several times.
fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).into_iter().filter_map(|it| it.to_str().ok())
}
