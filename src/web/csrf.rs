//! Protection against cross-site request forgery: another site must not send our forms with a visitor's browser.

use hyper::Request;
use hyper::header::ORIGIN;

use super::hosts::asked;

/// The headers in which browsers say what they want a page for: the standard's, and those of older browsers.
const AHEAD: [&str; 3] = ["sec-purpose", "purpose", "x-moz"];

/// Whether the request comes from a page of this server, or from a program that is no browser.
///
/// `Sec-Fetch-Site` is the browser's own verdict, but it is said only to https and loopback addresses; elsewhere
/// `Origin` is compared with the host that was asked. A program that sends neither acts for itself.
pub(super) fn is_same_origin<B>(request: &Request<B>) -> bool {
    let said = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    match (said("sec-fetch-site"), said(ORIGIN.as_str())) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => host_of(origin).zip(asked(request)).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b)),
        (None, None) => true,
    }
}

/// Whether the request comes from a page of this server or from a program, or is the navigation of a person who follows a
/// link of another site. What another site loads for itself, as a picture, in a frame or with a script, is none of these, where
/// the browser says it.
pub(super) fn is_own_or_navigation<B>(request: &Request<B>) -> bool {
    let said = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    let is = |name, wanted| said(name).is_none_or(|said| said == wanted);
    let is_of_another_site = said("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none"));
    !is_of_another_site || is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document")
}

/// Whether a browser asks ahead of its person, to have the page in case that it is wanted.
pub(super) fn is_ahead<B>(request: &Request<B>) -> bool {
    let says = |name: &str| request.headers().get_all(name).iter().filter_map(|said| said.to_str().ok());
    AHEAD.into_iter().flat_map(says).any(|said| said.to_ascii_lowercase().contains("prefetch"))
}

/// Host and port of an origin; `None` for `null`, which a browser says when it hides where a form was.
fn host_of(origin: &str) -> Option<&str> {
    origin.split_once("://").map(|(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&'static str, &str)], own: bool) {
        let mut request = Request::new(());
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        assert_eq!(is_same_origin(&request), own, "{headers:?}");
    }

    #[test]
    fn the_browsers_verdict_counts_first() {
        check(&[("sec-fetch-site", "same-origin"), ("origin", "null"), ("host", "localhost")], true);
        check(&[("sec-fetch-site", "none")], true);
        check(&[("sec-fetch-site", "same-site")], false);
        check(&[("sec-fetch-site", "cross-site"), ("origin", "http://a"), ("host", "a")], false);
    }

    #[test]
    fn without_it_the_origin_must_be_the_host() {
        check(&[("origin", "http://nas.local:10064"), ("host", "NAS.local:10064")], true);
        check(&[("origin", "http://nas.local:80"), ("host", "nas.local:10064")], false);
        check(&[("origin", "https://evil.example"), ("host", "nas.local")], false);
        check(&[("origin", "null"), ("host", "nas.local")], false);
        check(&[("origin", "null")], false);
    }

    #[test]
    fn the_host_may_be_in_the_address() {
        for (address, own) in [("https://nas.local:10064/authorize", true), ("https://nas.local/authorize", false)] {
            let request = Request::post(address).header(ORIGIN, "https://nas.local:10064").body(()).unwrap();
            assert_eq!(is_same_origin(&request), own, "{address}");
        }
    }

    #[test]
    fn another_site_may_lead_a_person_here_and_load_nothing() {
        let check = |site, mode, dest, expected| {
            let request = Request::get("/authorize").header("sec-fetch-site", site);
            let request = request.header("sec-fetch-mode", mode).header("sec-fetch-dest", dest).body(()).unwrap();
            assert_eq!(is_own_or_navigation(&request), expected, "{site} {mode} {dest}");
        };
        check("cross-site", "navigate", "document", true);
        check("same-site", "navigate", "document", true);
        check("cross-site", "no-cors", "image", false);
        check("same-site", "no-cors", "image", false);
        check("cross-site", "navigate", "iframe", false);
        check("cross-site", "cors", "empty", false);
        check("none", "navigate", "document", true);
        check("same-origin", "cors", "empty", true);
        assert!(is_own_or_navigation(&Request::new(())));
    }

    #[test]
    fn a_program_sends_neither() {
        check(&[("host", "nas.local")], true);
    }
}
