//! Where samples are sent.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// The path of VictoriaMetrics' import, behind any prefix, which versions before this one sent to.
const IMPORT_PATH: &str = "/api/v1/import/prometheus";

/// The path of Prometheus' and VictoriaMetrics' receiver of remote write, behind any prefix.
const WRITE_PATH: &str = "/api/v1/write";

/// The paths of other receivers, behind any prefix: Mimir, Grafana Cloud, Thanos.
const OTHER_PATHS: [&str; 3] = ["/api/v1/push", "/api/prom/push", "/api/v1/receive"];

/// A server that takes samples. It shows itself without credentials, query and fragment, which may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
}

/// The address does not say where and how to send. It is shown without credentials.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TargetError {
    /// No URL.
    #[error("the address to send to is no URL ({0}); write it as {EXAMPLES}")]
    NoUrl(#[from] url::ParseError),
    /// Another scheme than `http` and `https`.
    #[error("the address to send to must begin with http:// or https://; write it as {EXAMPLES}")]
    Scheme,
    /// The path of VictoriaMetrics' import.
    #[error("{given}: history is sent by remote write, which VictoriaMetrics takes at {instead}")]
    Import {
        /// The address.
        given: ShownAddress,
        /// The address to write instead.
        instead: ShownAddress,
    },
    /// A path that is no receiver's.
    #[error("{0}: nothing takes remote write at this path; write it as {EXAMPLES}")]
    Unclear(ShownAddress),
}

/// An address without credentials, query and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownAddress(Url);

const EXAMPLES: &str = "http://localhost:9090/api/v1/write for Prometheus, or \
                        http://localhost:8428/api/v1/write for VictoriaMetrics";

/// A value of a query that has fewer bytes is no secret, and may be in any text.
const SHORTEST_SECRET: usize = 4;

/// Why credentials can be set.
const HAS_HOST: &str = "an address with http or https has a host";

impl Target {
    /// What to do once everything is sent; a whole sentence, or none.
    #[must_use]
    pub fn afterwards(&self) -> Option<String> {
        let reset = self.beside(WRITE_PATH, "/internal/resetRollupResultCache")?;
        Some(format!(
            "VictoriaMetrics leaves out what is older than its -retentionPeriod (a month unless it is set), and may show \
             older results from its cache until `curl -fsS {reset}`."
        ))
    }

    /// The address with its credentials.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// What tells it from other targets: the address without its password, which may change. May be secret.
    pub(super) fn place(&self) -> Url {
        let mut url = self.url.clone();
        url.set_password(None).expect(HAS_HOST);
        url
    }

    /// Whether `text` may have the address's secrets in it: the password, the user name where there is no password, for then
    /// that is a token, or the query, which some servers repeat in each error, or one of its values.
    pub(super) fn may_be_told_by(&self, text: &str) -> bool {
        let secret = self.url.password().unwrap_or(self.url.username());
        // Encoded as the address is: so the plain password is found, and the encoded one.
        let mut encoded = self.url.clone();
        encoded.set_password(Some(text)).expect(HAS_HOST);
        let is_there = encoded.password().is_some_and(|text| text.contains(secret)) || text.contains("Basic ");
        !secret.is_empty() && is_there
            || self.url.query().is_some_and(|query| !query.is_empty() && text.contains(query))
            || self.url.query_pairs().any(|(_, value)| value.len() >= SHORTEST_SECRET && text.contains(&*value))
    }

    /// The address with another path behind the same prefix, as it may be shown.
    fn beside(&self, path: &str, other: &str) -> Option<ShownAddress> {
        let ShownAddress(mut url) = ShownAddress::new(&self.url);
        url.set_path(&format!("{}{other}", url.path().strip_suffix(path)?));
        Some(ShownAddress(url))
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let url = Url::parse(text)?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(TargetError::Scheme);
        }
        let target = Self { url };
        if let Some(instead) = target.beside(IMPORT_PATH, WRITE_PATH) {
            return Err(TargetError::Import { given: ShownAddress::new(&target.url), instead });
        }
        let is_receiver = [WRITE_PATH].iter().chain(&OTHER_PATHS).any(|path| target.url.path().ends_with(path));
        if is_receiver { Ok(target) } else { Err(TargetError::Unclear(ShownAddress::new(&target.url))) }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ShownAddress::new(&self.url).fmt(f)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl ShownAddress {
    fn new(url: &Url) -> Self {
        let mut url = url.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.set_username("").and_then(|()| url.set_password(None)).expect(HAS_HOST);
        Self(url)
    }
}

impl fmt::Display for ShownAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "https://ann:s%C3%A9cret@metrics.example/vm/api/v1/write?authKey=hidden";

    #[test]
    fn receivers_are_known_by_their_paths() {
        for url in [
            "http://localhost:9090/api/v1/write",
            "http://vm/insert/0/prometheus/api/v1/write?extra_label=a=b",
            "https://mimir.example/api/v1/push",
        ] {
            assert!(url.parse::<Target>().is_ok(), "{url}");
        }
    }

    #[test]
    fn another_address_is_answered_with_how_to_write_it() {
        let check = |url: &str, expected: &str| {
            assert_eq!(url.parse::<Target>().unwrap_err().to_string(), expected.replace("EXAMPLES", EXAMPLES));
        };
        check(
            "http://ann:secret@localhost:8428/?k=hidden",
            "http://localhost:8428/: nothing takes remote write at this path; write it as EXAMPLES",
        );
        check(
            "http://ann:secret@localhost:8428/vm/api/v1/import/prometheus?k=hidden",
            "http://localhost:8428/vm/api/v1/import/prometheus: history is sent by remote write, which VictoriaMetrics \
             takes at http://localhost:8428/vm/api/v1/write",
        );
        check(
            "http://localhost:9090/api/v1/write/",
            "http://localhost:9090/api/v1/write/: nothing takes remote write at this path; write it as EXAMPLES",
        );
        check(
            "localhost:9090/api/v1/write",
            "the address to send to must begin with http:// or https://; write it as EXAMPLES",
        );
        check("9090", "the address to send to is no URL (relative URL without a base); write it as EXAMPLES");
    }

    #[test]
    fn a_target_is_shown_without_its_secrets() {
        let target: Target = SECRET.parse().unwrap();
        assert_eq!(target.to_string(), "https://metrics.example/vm/api/v1/write");
        assert_eq!(format!("{target:?}"), target.to_string());
        let afterwards = target.afterwards().unwrap();
        assert!(
            afterwards.ends_with("`curl -fsS https://metrics.example/vm/internal/resetRollupResultCache`."),
            "{afterwards}"
        );
    }

    #[test]
    fn an_answer_that_repeats_a_secret_of_the_address_is_noticed() {
        let check = |url: &str, text: &str, expected| {
            assert_eq!(url.parse::<Target>().unwrap().may_be_told_by(text), expected, "{text}");
        };
        check(SECRET, "you are ann with sécret", true);
        check(SECRET, "you asked ann:s%C3%A9cret@metrics", true);
        check(SECRET, "authorization: Basic YW5uOnPDqWNyZXQ=", true);
        check(SECRET, "ann may not write", false);
        check(SECRET, "requestURI: /vm/api/v1/write?authKey=hidden; cannot parse", true);
        let with_two = "https://metrics.example/api/v1/write?extra_label=a=b&authKey=s%C3%A9cret";
        check(with_two, "sécret is not known", true);
        check(with_two, "extra_label a=b is not known", false);
        check("http://token@localhost/api/v1/push", "the token is wrong", true);
        check("http://localhost/api/v1/push", "Basic authentication is needed", false);
    }
}
