//! The exporter's own paths, in one list: for the routes, the links of the pages, the address that Withings sends people
//! back to, the health check, and the flag for the path of the metrics, which must be another one.

/// Where the service manager's and the operator's paths are, those of later versions too.
const MANAGEMENT: &str = "/-/";

/// A path that the exporter answers beside that of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnPath {
    /// The landing page.
    Landing,
    /// The style sheet of the pages.
    Style,
    /// Where a login begins, and where a pasted address or a confirmation is sent to.
    Authorize,
    /// Where Withings sends the browser after a login.
    Callback,
    /// Whether the process runs.
    Healthy,
    /// Whether every connected profile was restored or tried once.
    Ready,
    /// Where the configuration is read again.
    Reload,
    /// Where Withings posts notifications: the path up to its secret part.
    Webhook,
}

impl OwnPath {
    const ALL: [Self; 8] = [
        Self::Landing,
        Self::Style,
        Self::Authorize,
        Self::Callback,
        Self::Healthy,
        Self::Ready,
        Self::Reload,
        Self::Webhook,
    ];

    /// The path, from its first slash.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Landing => "/",
            Self::Style => "/style.css",
            Self::Authorize => "/authorize",
            Self::Callback => "/callback",
            Self::Healthy => "/-/healthy",
            Self::Ready => "/-/ready",
            Self::Reload => "/-/reload",
            Self::Webhook => "/webhook/",
        }
    }

    /// The path as a page links to it: without the first slash, for a proxy may add a prefix.
    #[must_use]
    pub fn relative(self) -> &'static str {
        &self.as_str()[1..]
    }

    /// The one that `path` is; of the webhook's path, any secret part counts.
    #[must_use]
    pub fn at(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|own| match own {
            Self::Webhook => path.starts_with(own.as_str()),
            _ => path == own.as_str(),
        })
    }

    /// Whether `path` is one of them, or reserved for one of a later version.
    #[must_use]
    pub fn is_taken(path: &str) -> bool {
        Self::at(path).is_some() || path.starts_with(MANAGEMENT)
    }

    /// Whether clients need no password here, are not counted by the rate limit, and may call the host what they like: probes, Withings, and browsers that it
    /// sends back. The callback takes nothing without the `state` that a login began with, the address that Withings
    /// posts to is a secret itself, and the style sheet is that of the callback's page.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Callback | Self::Style | Self::Healthy | Self::Ready | Self::Webhook)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_of_them_or_reserved_or_free() {
        for own in OwnPath::ALL {
            assert_eq!(OwnPath::at(own.as_str()), Some(own));
        }
        assert_eq!(OwnPath::at("/webhook/a-secret"), Some(OwnPath::Webhook));
        assert_eq!((OwnPath::at("/-/quit"), OwnPath::is_taken("/-/quit")), (None, true));
        for free in ["/metrics", "/callback/", "/webhook", "/-", ""] {
            assert!(!OwnPath::is_taken(free), "{free}");
        }
    }
}
