//! The names that the exporter answers to. A page of any site can have a name of its own lead to this machine (DNS rebinding),
//! and a browser then takes what is here for that site's own. Where clients need neither a password nor a certificate, only
//! names are served that nobody else can own, or that were allowed.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::header::HOST;
use hyper::http::uri::Authority;
use hyper::{Request, StatusCode, Version};
use url::Url;

use super::response::{self, Response};
use crate::private_name::is_private;
use crate::process;

/// The longest name in DNS.
const LONGEST_NAME: usize = 253;

/// A host that was allowed: a name, `.suffix` for every name below it, or `*` for any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost(String);

/// The names that are served. Cheap to clone; clones share what was said in the log.
#[derive(Clone, Debug)]
pub struct Hosts(Arc<HostsInner>);

#[derive(Debug)]
struct HostsInner {
    allowed: Vec<AllowedHost>,
    machine: String,
    is_said: AtomicBool,
}

impl Hosts {
    /// The names that nobody else can own, that of this machine, and those that are `allowed`.
    #[must_use]
    pub fn new(allowed: Vec<AllowedHost>) -> Self {
        let machine = name(&process::host_name()).unwrap_or_default();
        Self(Arc::new(HostsInner { allowed, machine, is_said: AtomicBool::new(false) }))
    }

    /// The response to a request for a name that is not served; `own_url` gives an address of this exporter that
    /// is.
    pub(super) fn refuse<B>(&self, request: &Request<B>, own_url: impl FnOnce() -> String) -> Option<Response> {
        // A program that speaks HTTP/1.0 or HTTP/2 may leave it out; a browser does not.
        let Some(asked) = name(asked(request)?).filter(|asked| asked.len() <= LONGEST_NAME) else {
            return Some(response::text(StatusCode::MISDIRECTED_REQUEST, "The header “Host” has no name in it."));
        };
        if self.serves(&asked, own_url) {
            return None;
        }
        if !self.0.is_said.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                host = asked,
                "a request for another host was refused, and further ones will be without a word; where the name is this \
                 exporter's, --web.allowed-host allows it"
            );
        }
        let sentence = format!(
            "This exporter needs no password, so it answers only to names that no other site can have. If “{asked}” is its \
             name, start it with --web.allowed-host={asked}, or give it a password with --web.config.file."
        );
        Some(response::text(StatusCode::MISDIRECTED_REQUEST, &sentence))
    }

    /// Whether a host of this [`name`] is served.
    pub(super) fn serves(&self, asked: &str, own_url: impl FnOnce() -> String) -> bool {
        is_nobody_elses(asked)
            || asked == self.0.machine
            || self.0.allowed.iter().any(|allowed| allowed.is(asked))
            || Url::parse(&own_url()).ok().and_then(|url| name(url.host_str()?)).is_some_and(|own| own == asked)
    }
}

impl AllowedHost {
    fn is(&self, asked: &str) -> bool {
        match self.0.as_str() {
            "*" => true,
            suffix if suffix.starts_with('.') => asked.ends_with(suffix),
            name => asked == name,
        }
    }
}

impl FromStr for AllowedHost {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self(text.to_owned()));
        }
        let (dot, rest) = text.strip_prefix('.').map_or(("", text), |rest| (".", rest));
        let name = name(rest).filter(|name| !name.starts_with('.') && !name.contains('*'));
        let name = name.ok_or("it must be a name as nas.example, .example for every name below it, or * for any")?;
        Ok(Self(format!("{dot}{name}")))
    }
}

/// The response to a request that does not say once for which host it is. A proxy in front could take another host for it
/// than this server does.
pub(super) fn refuse_headers<B>(request: &Request<B>) -> Option<Response> {
    let said = request.headers().get_all(HOST).iter().count();
    let is_refused = said > 1 || said == 0 && request.version() == Version::HTTP_11;
    is_refused.then(|| response::text(StatusCode::BAD_REQUEST, "A request must have one header “Host”."))
}

/// The host that a request is for, as it says it; empty where that is no text. HTTP/2 has it in the address.
pub(super) fn asked<B>(request: &Request<B>) -> Option<&str> {
    let said = || request.headers().get(HOST).map(|host| host.to_str().unwrap_or_default());
    request.uri().authority().map(Authority::as_str).or_else(said)
}

/// The host and port that a proxy was asked for, as it says them. Each proxy in a row adds its own: the first is the browser's.
pub(super) fn forwarded<B>(request: &Request<B>) -> Option<&str> {
    let said = request.headers().get("x-forwarded-host")?.to_str().ok()?;
    said.split(',').next().map(str::trim)
}

/// The name or the IP address in what was said of a host: without port, in small letters and without the final dot.
pub(super) fn name(host: &str) -> Option<String> {
    let authority: Authority = host.parse().ok()?;
    // Of an address in brackets it leaves out what follows, and of a user what is before.
    let rest = host.strip_prefix(authority.host())?;
    let name = authority.host().to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    Some(name.to_owned()).filter(|name| !name.is_empty() && (rest.is_empty() || rest.starts_with(':')))
}

/// Whether no other site can have it: an IP address, or a name that nobody can own.
fn is_nobody_elses(asked: &str) -> bool {
    match asked.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(in_brackets) => in_brackets.parse::<Ipv6Addr>().is_ok(),
        None => asked.parse::<IpAddr>().is_ok() || is_private(asked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serves(allowed: &[&str], host: &str) -> bool {
        let hosts = Hosts::new(allowed.iter().map(|host| host.parse().unwrap()).collect());
        let request = Request::builder().header(HOST, host).body(()).unwrap();
        hosts.refuse(&request, || "https://own.example/withings/callback".to_owned()).is_none()
    }

    #[test]
    fn names_that_nobody_else_can_own_are_served() {
        for host in [
            "127.0.0.1:10064",
            "192.168.1.2",
            "[::1]:10064",
            "[fe80::1]",
            "localhost:10064",
            "exporter:10064",
            "NAS.Local",
            "nas.local.:10064",
            "a.localhost",
            "a.internal",
            "a.intranet",
            "a.corp",
            "a.home",
            "a.home.arpa",
            "a.lan",
            "a.localdomain",
            "a.fritz.box",
            "a.test",
            "withings-exporter.monitoring.svc:10064",
            "withings-exporter.monitoring.svc.cluster.local",
            "own.example:443",
            "OWN.example.",
        ] {
            assert!(serves(&[], host), "{host}");
        }
        let machine = process::host_name();
        assert!(serves(&[], &machine) && serves(&[], &format!("{machine}:10064")), "{machine}");
    }

    #[test]
    fn names_that_somebody_can_own_are_not() {
        for host in [
            "evil.example",
            "evil.example:10064",
            "local.example",
            "evillocal.example",
            "127.0.0.1.evil.example",
            "127.1",
            "own.example.evil.example",
            "sub.own.example",
            "",
            "localhost@evil.example",
            "[::1].evil.example",
            "[evil]",
            "a b",
        ] {
            assert!(!serves(&[], host), "{host}");
        }
    }

    #[test]
    fn what_is_allowed_is_a_name_or_all_names_below_one_or_any() {
        let check =
            |allowed: &str, host: &str, expected| assert_eq!(serves(&[allowed], host), expected, "{allowed} {host}");
        check("Nas.Example.", "nas.example:10064", true);
        check("nas.example:10064", "NAS.example", true);
        check("nas.example", "sub.nas.example", false);
        check(".example", "nas.example", true);
        check(".nas.example", "nas.example", false);
        check(".nas.example", "evilnas.example", false);
        check("*", "evil.example", true);
        for wrong in ["", ".", "*.example", "http://nas.example", "nas example", "nas.example/", "..example"] {
            assert!(wrong.parse::<AllowedHost>().is_err(), "{wrong}");
        }
    }
}
