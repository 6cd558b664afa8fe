//! The cookies: one that tells browsers that have seen the landing page, and one with the logins that a browser has begun.

use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::COOKIE;
use secrecy::ExposeSecret;

use super::callback::parameter;
use crate::storage::{STATE_LIFETIME, Storage};
use crate::withings::oauth::random_token;

/// The cookie of browsers that have seen the landing page.
const VISITOR: &str = "withings_visitor";

/// The cookie with the states of the logins that a browser has begun, the latest first.
const STATES: &str = "withings_state";

/// How many logins a browser remembers: some tabs.
const MOST: usize = 8;

/// What stands between two states; none has it in itself.
const SEPARATOR: char = '.';

/// The secret that tells browsers that have seen the landing page. Cheap to clone.
#[derive(Clone)]
pub struct VisitorCookie(Arc<str>);

impl VisitorCookie {
    /// That of the installation: a browser may have seen the page of another replica.
    pub async fn of(storage: &Storage) -> Self {
        // Without storage the page works too, and its cookie is of this process.
        let secret = storage.installation_secret("visitor", random_token).await;
        secret.map_or_else(|_| Self::new(), |secret| Self(secret.expose_secret().into()))
    }

    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        Self(random_token().into())
    }

    /// The header that sets it. A browser does not send it along when another site leads here, in whatever way.
    pub(super) fn header(&self, is_encrypted: bool) -> String {
        format!("{VISITOR}={}; HttpOnly; SameSite=Strict{}", self.0, secure(is_encrypted))
    }

    /// Whether a request comes from a browser that has it.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        values(headers, VISITOR).any(|value| value == *self.0)
    }
}

impl Default for VisitorCookie {
    fn default() -> Self {
        Self::new()
    }
}

/// The header with which a browser remembers this state beside those that it remembers already. It sends them along when
/// Withings leads it back here.
pub(super) fn remember(state: &str, headers: &HeaderMap, is_encrypted: bool) -> String {
    let others = remembered(headers).filter(|other| other != state).take(MOST - 1);
    let states: Vec<_> = std::iter::once(state.to_owned()).chain(others).collect();
    let states = states.join(&SEPARATOR.to_string());
    format!("{STATES}={states}; Max-Age={}; HttpOnly; SameSite=Lax{}", STATE_LIFETIME.as_secs(), secure(is_encrypted))
}

/// The states that a browser remembers, the latest first. Anybody may have set the cookie: what is no token is left out, so that
/// it gets into no header of ours.
pub(super) fn remembered(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let states = values(headers, STATES).flat_map(|states| {
        let states: Vec<_> = states.split(SEPARATOR).map(str::to_owned).collect();
        states
    });
    states.filter(|state| is_token(state))
}

/// Whether it has the characters of a random token, and no others.
fn is_token(state: &str) -> bool {
    !state.is_empty() && state.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn values(headers: &HeaderMap, name: &str) -> impl Iterator<Item = String> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok());
    cookies.flat_map(|cookies| cookies.split(';')).filter_map(move |cookie| parameter(cookie.trim(), name))
}

/// A browser that reaches the exporter over TLS does not send the cookie without it.
fn secure(is_encrypted: bool) -> &'static str {
    if is_encrypted { "; Secure" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(cookies: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, cookies.parse().unwrap())])
    }

    #[test]
    fn a_browser_remembers_the_logins_of_its_latest_tabs() {
        let mut headers = HeaderMap::new();
        for number in 0..10 {
            let cookie = remember(&format!("s-{number}"), &headers, false);
            headers = sent(&format!("other=1; {}", cookie.split(';').next().unwrap()));
        }
        let expected: Vec<_> = (2..10).rev().map(|number| format!("s-{number}")).collect();
        assert_eq!(remembered(&headers).collect::<Vec<_>>(), expected);
        for odd in ["withings_state=; other", "withings_state=%0D%0A", "withings_state=%3B", "withings_state=+"] {
            assert_eq!(remembered(&sent(odd)).next(), None, "{odd}");
        }
    }

    #[test]
    fn a_visitor_is_known_by_the_secret_alone() {
        let visitor = VisitorCookie::new();
        let headers = sent(visitor.header(false).split(';').next().unwrap());
        assert!(visitor.is_in(&headers) && !VisitorCookie::new().is_in(&headers));
        assert!(!visitor.is_in(&HeaderMap::new()) && !visitor.is_in(&sent("withings_visitor=1")));
    }

    #[test]
    fn cookies_stay_with_this_site_and_with_tls() {
        let begins = |header: String, end: &str| assert!(header.ends_with(end), "{header}");
        begins(VisitorCookie::new().header(false), "; HttpOnly; SameSite=Strict");
        begins(VisitorCookie::new().header(true), "; HttpOnly; SameSite=Strict; Secure");
        begins(remember("s", &HeaderMap::new(), false), "s; Max-Age=600; HttpOnly; SameSite=Lax");
        begins(remember("s", &HeaderMap::new(), true), "s; Max-Age=600; HttpOnly; SameSite=Lax; Secure");
    }
}
