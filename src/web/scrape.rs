//! The metrics as a response.

use hyper::body::Incoming;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, VARY};
use hyper::{HeaderMap, Request, StatusCode};
use url::form_urlencoded;

use super::ExporterPages;
use super::activity::Activity;
use super::response::{self, Response};
use crate::exposition::{Encoding, FamilySelection, InvalidPart, PageKind, Part, negotiate};

/// The metrics in the format and encoding that the client prefers: all, or those that the query selects.
pub(super) async fn page(exporter: &ExporterPages, request: Request<Incoming>) -> Response {
    let (families, part) = match selection(request.uri().query().unwrap_or_default()) {
        Ok(selected) => selected,
        Err(error) => return response::text(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let Some(place) = exporter.scrapes.begin() else {
        let limit = exporter.scrapes.limit;
        let sentence = format!("{limit} scrapes wait for their pages, and no more are allowed. Try again later.");
        return response::text(StatusCode::SERVICE_UNAVAILABLE, &sentence);
    };
    let headers = request.headers();
    let (format, encoding) = negotiate(values(headers, &ACCEPT), values(headers, &ACCEPT_ENCODING));
    let kind = PageKind::new(format, encoding, part);
    let (page, kind) = match families {
        None => (exporter.exposition.page(kind, place).await, Some(kind)),
        Some(families) => (exporter.exposition.page_of(kind, families, place).await, None),
    };
    let client = request.extensions().get::<Activity>().expect("the server puts it into each request");
    let mut response = Response::new(exporter.scrapes.hand_over(page, kind, client.clone()).into());
    response::set(&mut response, CONTENT_TYPE, format.content_type());
    response::set(&mut response, VARY, "Accept, Accept-Encoding");
    if encoding == Encoding::Gzip {
        response::set(&mut response, CONTENT_ENCODING, "gzip");
    }
    response
}

/// What is selected: families by `name[]`, as Go's client library has it (`None` for all), and a part by `shard`.
fn selection(query: &str) -> Result<(Option<FamilySelection>, Part), InvalidPart> {
    let values = |wanted| form_urlencoded::parse(query.as_bytes()).filter(move |(key, _)| key == wanted);
    let mut names = values("name[]").map(|(_, name)| name.into_owned()).peekable();
    let families = names.peek().is_some().then(|| FamilySelection::of(names));
    let mut parts = values("shard").map(|(_, part)| part.parse());
    let part = parts.next().transpose()?;
    if parts.next().is_some() {
        return Err(InvalidPart);
    }
    Ok((families, part.unwrap_or(Part::Whole)))
}

/// The readable lines of a header that may be sent several times.
fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok())
}
