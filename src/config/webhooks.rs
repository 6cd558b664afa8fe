//! `webhooks`: whether Withings may call, and why it would refuse to, before it is asked.

use url::{Host, Url};

use super::Config;
use super::block::Block;
use super::mistake::Mistake;
use super::scalar::switch;
use crate::paths::OwnPath;
use crate::private_name::is_private;

/// The path of the address that Withings calls, up to its secret part.
const WEBHOOK_PATH: &str = OwnPath::Webhook.as_str();

/// How long the secret part is, in characters.
const SECRET_LENGTH: usize = 43;

/// The longest address that Withings calls, in characters.
const LONGEST_ADDRESS: usize = 255;

const BASE_URL: &str = "base_url";
const WEBHOOKS: &str = "webhooks";

/// The same in the blocks of Home Assistant.
const USE_WEBHOOK: &str = "use_webhook";

/// Whether webhooks are asked for, with the key of this program or with that of Home Assistant, which asks for them also where
/// they cannot be: then `warnings` say so, for everything else is polled.
pub(super) fn are_wanted(block: &Block<'_>, base_url: &Url, warnings: &mut Vec<String>) -> Result<bool, Mistake> {
    if let (Some(_), Some(other)) = (block.key(WEBHOOKS), block.key(USE_WEBHOOK)) {
        let what = format!("`{WEBHOOKS}` and `{USE_WEBHOOK}` are both given");
        return Err(Mistake::at(other, what).help(format!("keep `{WEBHOOKS}`")));
    }
    if let Some(are_on) = block.read(WEBHOOKS, switch)? {
        return Ok(are_on);
    }
    let are_asked_for = block.read(USE_WEBHOOK, switch)?.unwrap_or(false);
    let why_not = match block.key(BASE_URL) {
        None => Some(format!("it needs a `{BASE_URL}`")),
        Some(_) => refusal(base_url).map(|(why, _)| format!("Withings would not call this `{BASE_URL}`: {why}")),
    };
    match why_not.filter(|_| are_asked_for) {
        None => Ok(are_asked_for),
        Some(why) => {
            warnings.push(format!("`{USE_WEBHOOK}` has no effect, for {why}; everything but `in_bed` is polled"));
            Ok(false)
        }
    }
}

/// What needs webhooks, and what they need.
pub(super) fn check(config: &Config, block: &Block<'_>) -> Result<(), Mistake> {
    if config.measured().iter().len() == 0 {
        return Err(block
            .mistake("measurements", "`in_bed` needs `webhooks: true`: only notifications tell it")
            .help("turn webhooks on, or name other measurements"));
    }
    if !config.webhooks {
        return Ok(());
    }
    if block.key(BASE_URL).is_none() {
        return Err(block.mistake(WEBHOOKS, format!("`webhooks: true` needs a `{BASE_URL}`")).help(format!(
            "Withings calls <{BASE_URL}>{WEBHOOK_PATH}…, which must be a public `https` address that leads to this exporter"
        )));
    }
    match refusal(&config.base_url) {
        None => Ok(()),
        Some((why, help)) => Err(block
            .mistake(BASE_URL, format!("Withings would not call this `{BASE_URL}`: {why}"))
            .help(help)
            .help("without `webhooks: true` any address will do: everything but `in_bed` is polled")),
    }
}

/// Why Withings would refuse to call an address that begins like this, and what helps. The address is not repeated: it
/// may come from the secrets.
fn refusal(base_url: &Url) -> Option<(&'static str, &'static str)> {
    let length = base_url.as_str().trim_end_matches('/').len() + WEBHOOK_PATH.len() + SECRET_LENGTH;
    let name = "give it a name that is known to the whole internet, and lead its port 443 to this exporter";
    match (base_url.scheme(), base_url.host(), base_url.port()) {
        ("https", Some(Host::Domain(host)), _) if is_private(host.trim_end_matches('.')) => {
            Some(("its host is not a public name", name))
        }
        ("https", Some(Host::Domain(_)), Some(port)) if port != 80 => {
            Some(("its port is neither 443 nor 80", "443 is the port of `https` and needs not be written"))
        }
        ("https", Some(Host::Domain(_)), _) if length > LONGEST_ADDRESS => {
            Some(("with `/webhook/` and the secret part it has more than 255 characters", "shorten its path"))
        }
        ("https", Some(Host::Domain(_)), _) => None,
        ("https", ..) => Some(("its host is an IP address", name)),
        _ => Some(("it is not `https`", "a reverse proxy in front of the exporter can add `https`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_withings_can_call_is_accepted() {
        let check = |base_url: &str, expected: Option<&str>| {
            let why = refusal(&Url::parse(base_url).unwrap()).map(|(why, _)| why);
            assert_eq!(why, expected, "{base_url}");
        };
        for accepted in [
            "https://health.example",
            "https://a.b.example/withings",
            "https://a.example:443",
            "https://a.example:80",
            "https://xn--e1afmkfd.example",
        ] {
            check(accepted, None);
        }
        check("http://health.example", Some("it is not `https`"));
        check("https://health.example:8443", Some("its port is neither 443 nor 80"));
        for private in [
            "https://localhost",
            "https://nas",
            "https://nas.local",
            "https://nas.fritz.box.",
            "https://a.lan",
            "https://a.corp",
            "https://a.intranet",
            "https://a.test",
            "https://withings-exporter.monitoring.svc",
        ] {
            check(private, Some("its host is not a public name"));
        }
        for address in ["https://127.0.0.1", "https://192.168.0.2", "https://8.8.8.8", "https://[::1]", "https://1"] {
            check(address, Some("its host is an IP address"));
        }
        let with_path = |length: usize| format!("https://health.example/{}", "a".repeat(length));
        check(&with_path(180), None);
        check(&with_path(181), Some("with `/webhook/` and the secret part it has more than 255 characters"));
    }
}
