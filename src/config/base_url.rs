//! `base_url`: where browsers reach the exporter, and so where Withings sends them back to.

use url::{Host, Url};

use super::mistake::Mistake;
use super::node::Node;
use super::scalar;
use crate::paths::OwnPath;

/// What to do where there is none and none can be guessed.
pub(super) const HELP: &str =
    "with --web.systemd-socket the address is known to systemd only; say where browsers reach the exporter";

/// `base_url`, without the path of the callback, which people copy from Withings' dashboard.
pub(super) fn base_url(key: &str, node: &Node) -> Result<Url, Mistake> {
    let callback = OwnPath::Callback.as_str();
    let url = scalar::url(key, node)?;
    if url.path().ends_with(callback) {
        return Err(Mistake::at(node, format!("`{key}` must not end in `{callback}`")).help(format!(
            "leave that out: it is added, so the redirect URI would end in `{callback}{callback}`, and logins at status 404"
        )));
    }
    Ok(url)
}

/// What to say of an address that Withings may not send a browser to. It is not repeated: it may come from the secrets.
pub(super) fn warning(base_url: &Url) -> Option<String> {
    matches!(base_url.host(), Some(Host::Ipv4(_) | Host::Ipv6(_))).then(|| {
        "the host in `base_url` is an IP address, and Withings takes no such redirect URI: give the machine a name, or leave \
         `base_url` out, register `http://localhost:PORT/callback` and paste the address after the login"
            .to_owned()
    })
}
