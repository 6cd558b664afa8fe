//! What Withings' redirect to the callback brings, straight from the browser or pasted by hand.

use url::form_urlencoded;

/// The query of a redirect: `code` and `state` of a consent, or `error`. No `Debug`: these are secrets.
#[derive(Default)]
pub struct Callback {
    /// The code to exchange, never empty.
    pub code: Option<String>,
    /// The state that the login began with, never empty.
    pub state: Option<String>,
    /// Why there is no consent, such as `access_denied`.
    pub error: Option<String>,
}

impl Callback {
    /// Reads a query, without its question mark.
    #[must_use]
    pub fn from_query(query: &str) -> Self {
        Self { code: parameter(query, "code"), state: parameter(query, "state"), error: parameter(query, "error") }
    }

    /// Reads what a person pasted: the redirected address, whatever its host, or only the code, which then belongs to
    /// the `remembered` state.
    #[must_use]
    pub fn from_pasted(pasted: &str, remembered: Option<String>) -> Self {
        let pasted = pasted.trim();
        let (address, _fragment) = pasted.split_once('#').unwrap_or((pasted, ""));
        match address.split_once('?') {
            Some((_, query)) => Self::from_query(query),
            None if address.contains(['=', '/']) => Self::from_query(address),
            None => Self { code: Some(address.to_owned()).filter(is_filled), state: remembered, error: None },
        }
    }
}

/// The decoded value of a query's or a form's parameter, the first of that name; `None` if it is absent or empty.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    let (_, value) = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name)?;
    Some(value.into_owned()).filter(is_filled)
}

#[expect(clippy::ptr_arg, reason = "the shape that Option::filter wants")]
fn is_filled(text: &String) -> bool {
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pasted: &str, code: Option<&str>, state: Option<&str>) {
        let callback = Callback::from_pasted(pasted, Some("remembered".to_owned()));
        assert_eq!((callback.code.as_deref(), callback.state.as_deref()), (code, state), "{pasted}");
    }

    #[test]
    fn an_address_may_have_any_host_or_none() {
        for before in
            ["http://localhost:10064/callback?", "192.168.0.2:10064/callback?", "https://edited/x/y?", "?", ""]
        {
            check(&format!("  {before}code=c%2B1&state=s#top\n"), Some("c+1"), Some("s"));
        }
    }

    #[test]
    fn only_a_bare_code_belongs_to_the_remembered_state() {
        check("  0123abcd ", Some("0123abcd"), Some("remembered"));
        check("http://localhost/callback?code=c", Some("c"), None);
        check("http://localhost/callback", None, None);
        check(" ", None, Some("remembered"));
    }

    #[test]
    fn a_refusal_can_be_pasted_too() {
        let callback = Callback::from_pasted("http://localhost/callback?error=access_denied&state=s", None);
        assert_eq!(callback.error.as_deref(), Some("access_denied"));
    }
}
