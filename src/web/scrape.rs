//! The metrics as a response.

use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, VARY};
use hyper::{HeaderMap, StatusCode};
use url::form_urlencoded;

use super::App;
use super::body::ResponseBody;
use super::response::{self, Response};
use crate::exposition::{Encoding, FamilySelection, negotiate};

/// The metrics in the format and encoding that the client prefers. A scrape runs until its client takes the page's end,
/// but counts for 2 s at most.
/// Of all metrics, or of those that the query names with `name[]`.
pub(super) async fn page(app: &App, query: &str, headers: &HeaderMap) -> Response {
    let Some(scrape) = app.scrapes.begin() else {
        let sentence = format!("{} scrapes are running, and no more are allowed. Try again later.", app.scrapes.limit);
        return response::text(StatusCode::SERVICE_UNAVAILABLE, &sentence);
    };
    let (format, encoding) = negotiate(values(headers, &ACCEPT), values(headers, &ACCEPT_ENCODING));
    let page = match selection(query) {
        None => app.exposition.page(format, encoding).await,
        Some(selection) => app.exposition.selected_page(format, encoding, selection).await,
    };
    let mut response = Response::new(ResponseBody::of(page, Some(scrape)));
    response::set(&mut response, CONTENT_TYPE, format.content_type());
    response::set(&mut response, VARY, "Accept, Accept-Encoding");
    if encoding == Encoding::Gzip {
        response::set(&mut response, CONTENT_ENCODING, "gzip");
    }
    response
}

/// What is selected, as Go's client library has it.
fn selection(query: &str) -> Option<FamilySelection> {
    let names = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == "name[]");
    let mut names = names.map(|(_, name)| name.into_owned()).peekable();
    names.peek().is_some().then(|| FamilySelection::of(names))
}

/// The readable lines of a header that may be sent several times.
fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok())
}
