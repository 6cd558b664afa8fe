//! The token endpoint, `requesttoken`: a code or a refresh token for a pair.

use serde_json::{Value, json};

use super::app::App;
use super::call::Params;
use super::login::{Logins, Pair};
use super::random::Random;
use super::reply::Refusal;

/// Answers `requesttoken` of both grants.
///
/// As seen, a wrong client secret is reported as an invalid code or refresh token (`vangorra/python_withings_api#83`).
pub(super) fn request_token(logins: &mut Logins, apps: &[App], params: &Params, now: i64) -> Result<Value, Refusal> {
    let client_id = params.required("client_id")?;
    let secret = params.required("client_secret")?;
    let known = apps.iter().any(|app| app.client_id == client_id && app.client_secret == secret);
    match params.required("grant_type")? {
        "authorization_code" => {
            let (code, redirect_uri) = (params.required("code")?, params.required("redirect_uri")?);
            let pair = known.then(|| logins.exchange(client_id, code, redirect_uri, now)).flatten();
            let pair = pair.ok_or_else(|| Refusal::invalid("invalid code"))?;
            Ok(body(&pair, logins.announced_seconds, pair.grant.user.to_string().into()))
        }
        "refresh_token" => {
            let refresh = params.required("refresh_token")?;
            let pair = known.then(|| logins.refresh(client_id, refresh, now)).flatten();
            let pair = pair.ok_or_else(|| Refusal::invalid("invalid refresh_token"))?;
            let user = if logins.names_user { pair.grant.user.into() } else { Value::Null };
            Ok(body(&pair, logins.announced_seconds, user))
        }
        _ => Err(Refusal::invalid("invalid grant_type")),
    }
}

/// The body of the answer. As seen, the user is text for a code and a number for a refresh token (the notes on the live
/// service in tomek-i/withings-sdk).
fn body(pair: &Pair, announced_seconds: Option<i64>, userid: Value) -> Value {
    let mut body = json!({
        "access_token": pair.access,
        "refresh_token": pair.refresh,
        "expires_in": announced_seconds.unwrap_or(pair.lifetime),
        "scope": pair.grant.scopes.join(","),
        "csrf_token": Random::new(0).named(&pair.access).hex(),
        "token_type": "Bearer",
    });
    if !userid.is_null() {
        body["userid"] = userid;
    }
    body
}
