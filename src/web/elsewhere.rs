//! Whether a browser sees the pages at another address than the one that Withings sends it back to: then it may not be able to open
//! that, and it has other cookies there.

use hyper::Request;
use url::{Position, Url};

use super::hosts::{asked, forwarded};

/// What proxies say of themselves. Behind one of them the host of a request may be the proxy's name for this server.
const OF_PROXIES: [&str; 6] =
    ["forwarded", "via", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-server", "x-real-ip"];

/// The host and port that the browser has in its address bar, if they are not those of `redirect_uri`. Behind a proxy they are
/// those of `X-Forwarded-Host`; a proxy that does not say them is taken to be where the redirect URI leads to, and so is its port
/// where it leaves that out, as nginx's `$host` does.
///
/// Nothing but the words of a page depends on it, so that it does not matter who has written the headers.
pub(super) fn address_bar<B>(request: &Request<B>, redirect_uri: &str) -> Option<String> {
    let expected = Url::parse(redirect_uri).ok()?;
    let forwarded = forwarded(request);
    let host = match forwarded {
        Some(host) => host,
        None if OF_PROXIES.iter().any(|name| request.headers().contains_key(*name)) => return None,
        None => asked(request)?,
    };
    let shown = Url::parse(&format!("{}://{host}", expected.scheme())).ok()?;
    let is_port_unknown = forwarded.is_some() && shown.port().is_none();
    let is_port_same = is_port_unknown || shown.port_or_known_default() == expected.port_or_known_default();
    let is_same = shown.host() == expected.host() && is_port_same;
    (!is_same).then(|| shown[Position::BeforeHost..Position::AfterPort].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(redirect_uri: &str, headers: &[(&str, &str)], expected: Option<&str>) {
        let request = headers.iter().fold(Request::builder(), |request, (name, value)| request.header(*name, *value));
        let request = request.body(()).unwrap();
        assert_eq!(address_bar(&request, redirect_uri).as_deref(), expected, "{redirect_uri} {headers:?}");
    }

    #[test]
    fn the_host_that_was_asked_for_is_compared_with_the_redirect_uri() {
        let own = "http://localhost:10064/callback";
        check(own, &[("host", "localhost:10064")], None);
        check(own, &[("host", "LOCALHOST:10064")], None);
        check(own, &[("host", "nas.local:10064")], Some("nas.local:10064"));
        check(own, &[("host", "127.0.0.1:10064")], Some("127.0.0.1:10064"));
        check(own, &[("host", "localhost:8080")], Some("localhost:8080"));
        check(own, &[("host", "")], None);
        check("https://health.example/callback", &[("host", "health.example")], None);
        check("https://health.example/callback", &[("host", "health.example:443")], None);
    }

    #[test]
    fn behind_a_proxy_the_host_that_it_was_asked_for_counts() {
        let own = "https://health.example/withings/callback";
        check(own, &[("host", "127.0.0.1:10064"), ("x-forwarded-host", "health.example")], None);
        check(own, &[("host", "health.example"), ("x-forwarded-host", "nas.local")], Some("nas.local"));
        check(own, &[("host", "10.0.0.1"), ("x-forwarded-host", "health.example, inner.example")], None);
        check(own, &[("host", "127.0.0.1:10064"), ("x-forwarded-for", "192.0.2.1")], None);
        check(own, &[("host", "127.0.0.1:10064"), ("via", "1.1 proxy")], None);
        let own = "http://nas.local:8080/callback";
        check(own, &[("host", "127.0.0.1:10064"), ("x-forwarded-host", "nas.local")], None);
        check(own, &[("host", "127.0.0.1:10064"), ("x-forwarded-host", "nas.local:81")], Some("nas.local:81"));
    }
}
