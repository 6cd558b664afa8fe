//! Protection against cross-site request forgery: another site must not send our forms with a visitor's browser.

use hyper::Request;
use hyper::header::ORIGIN;

use url::Url;

use super::App;
use super::hosts::{Hosts, asked, forwarded, name};

/// The headers in which browsers say what they want a page for: the standard's, and those of older browsers.
const AHEAD: [&str; 3] = ["sec-purpose", "purpose", "x-moz"];

/// Whether the request comes from a page of this server, or from a program that is no browser.
pub(super) fn is_same_origin<B>(app: &App, request: &Request<B>) -> bool {
    is_from_here(request, &app.hosts, || app.logins.redirect_uri())
}

/// `Sec-Fetch-Site` is the browser's own verdict, but it is said only to https and loopback addresses; elsewhere
/// `Origin` is compared with the host that was asked. A program that sends neither acts for itself.
///
/// A proxy may name another host in its request than the browser has. So the origin of `own_url` counts too, which no other
/// site has, and the host that the proxy was asked for, if no other site can have its name: a page of another site cannot
/// write that header, but with a name of its own that leads to the proxy it could have the proxy write it.
fn is_from_here<B>(request: &Request<B>, hosts: &Hosts, own_url: impl Fn() -> String) -> bool {
    let said = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    let origin = match (said("sec-fetch-site"), said(ORIGIN.as_str())) {
        (Some(site), _) => return matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin,
        (None, None) => return true,
    };
    let is_at = |host: &str| host_of(origin).is_some_and(|of_page| of_page.eq_ignore_ascii_case(host));
    asked(request).is_some_and(is_at)
        || Url::parse(&own_url()).is_ok_and(|own| own.origin().ascii_serialization() == origin)
        || forwarded(request)
            .is_some_and(|host| is_at(host) && name(host).is_some_and(|name| hosts.serves(&name, own_url)))
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
        assert_eq!(is_own(&request), own, "{headers:?}");
    }

    fn is_own<B>(request: &Request<B>) -> bool {
        is_from_here(request, &Hosts::new(Vec::new()), || "http://own.example:8080/withings/callback".to_owned())
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
            assert_eq!(is_own(&request), own, "{address}");
        }
    }

    #[test]
    fn behind_a_proxy_the_own_address_and_the_host_that_the_proxy_was_asked_for_count_too() {
        let check = |origin, forwarded, own| {
            check(&[("origin", origin), ("host", "127.0.0.1:10064"), ("x-forwarded-host", forwarded)], own);
        };
        check("http://own.example:8080", "", true);
        check("http://own.example", "", false);
        check("https://own.example:8080", "", false);
        check("http://nas.local:8080", "nas.local:8080, inner.example", true);
        check("http://own.example", "own.example", true);
        check("http://nas.local:8080", "nas.local", false);
        check("http://evil.example", "nas.local", false);
        check("http://evil.example", "evil.example", false);
        check("null", "", false);
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
