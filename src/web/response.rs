//! The kinds of responses and their headers.

use askama::Template;
use hyper::StatusCode;
use hyper::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
};

use super::body::ResponseBody;
use crate::visible::escaped;

/// The response to a request.
pub(super) type Response = hyper::Response<ResponseBody>;

/// What a page may do: show itself with our style sheet, and send its form back to us.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// How much of a page's address a browser passes on.
#[derive(Clone, Copy)]
pub(super) enum Referrer {
    /// Nothing: the address may contain a code.
    Never,
    /// The origin alone. A page with a form needs it, since a browser that may not say where a form was says `null`.
    Origin,
    /// All of it, to ourselves, for a page with a form whose address has no code and whose links lead elsewhere too.
    OwnPages,
}

/// A sentence for people and programs; the line's end is added.
pub(super) fn text(status: StatusCode, sentence: &str) -> Response {
    with_type(status, "text/plain; charset=utf-8", format!("{}\n", escaped(sentence)))
}

/// A page, never kept by a cache.
pub(super) fn page(status: StatusCode, template: &impl Template, referrer: Referrer) -> Response {
    let html = template.render().expect("writing to a String does not fail");
    // The markup has none of these characters, so this is about names alone.
    let html = escaped(&html).into_owned();
    let referrer = match referrer {
        Referrer::Never => "no-referrer",
        Referrer::Origin => "origin",
        Referrer::OwnPages => "same-origin",
    };
    let mut response = with_type(status, "text/html; charset=utf-8", html);
    for (name, value) in [(CACHE_CONTROL, "no-store"), (CONTENT_SECURITY_POLICY, POLICY), (REFERRER_POLICY, referrer)] {
        set(&mut response, name, value);
    }
    response
}

/// The style sheet of the pages. Small enough to be sent anew each time, so that it always fits the page.
pub(super) fn style() -> Response {
    let css = include_str!("templates/style.css");
    let mut response = with_type(StatusCode::OK, "text/css; charset=utf-8", css.to_owned());
    set(&mut response, CACHE_CONTROL, "no-cache");
    response
}

/// The same response for HEAD: with the length of the body and without it.
pub(super) fn without_body(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    head.headers.insert(CONTENT_LENGTH, body.len().into());
    Response::from_parts(head, ResponseBody::from(String::new()))
}

/// Sets a header whose value is known beforehand.
pub(super) fn set(response: &mut Response, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

/// Sets a header to an address, which a [`url::Url`] percent-encodes, or to a cookie of ours, which has only tokens in it.
pub(super) fn set_text(response: &mut Response, name: HeaderName, text: &str) {
    let value =
        HeaderValue::from_str(text).expect("an address or a cookie of ours is ASCII without control characters");
    response.headers_mut().insert(name, value);
}

fn with_type(status: StatusCode, content_type: &'static str, text: String) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    set(&mut response, CONTENT_TYPE, content_type);
    response
}
