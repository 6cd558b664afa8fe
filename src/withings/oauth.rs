//! Tokens: the consent page's address, the exchange of a code, the refresh of a pair.
//!
//! The crate `oauth2` speaks RFC 6749. Withings wraps its token answers in its envelope, with commas between scopes, and with
//! `userid` as text after a code and as a number after a refresh. [`to_rfc6749`] is the one place where the two meet.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use oauth2::basic::{BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, ErrorResponse, ExtraTokenFields, HttpRequest, HttpResponse, RedirectUrl, RefreshToken,
    RequestTokenError, Scope, StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use url::Url;

use super::client::Client;
use super::envelope::{self, DecodeError, Refusal};
use super::error::CallError;
use super::revoke::revoke;
use super::wire;
use crate::catalogue::Call;
use crate::storage::{Class, NewLogin};

/// The scopes that a login asks for.
const SCOPES: &str = "user.info,user.metrics,user.activity";

/// The scopes that a login asks for with webhooks: notifications about the bed need one more.
const SCOPES_WITH_WEBHOOKS: &str = "user.info,user.metrics,user.activity,user.sleepevents";

/// How long an access token lives where the answer does not say: 3 hours.
const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_hours(3);

/// A token that ends sooner than this is refreshed before it is used.
pub const REFRESH_AHEAD: Duration = Duration::from_mins(5);

/// An access token is believed to live at least so long, and so is used for a minute: with an answer that says less, each call
/// would refresh the token before.
const SHORTEST_LIFETIME: Duration = REFRESH_AHEAD.saturating_add(Duration::from_mins(1));

/// The application at Withings, whose tokens these are. Cheap to clone.
#[derive(Clone)]
pub struct OAuth {
    inner: OAuthClient,
    client_secret: SecretString,
    scopes: &'static str,
    client: Client,
}

/// What the application is registered as.
#[derive(Clone, Debug)]
pub struct Application {
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: SecretString,
    /// Where the consent page lives, without a path.
    pub account_url: Url,
    /// Where the token endpoint lives, without a path.
    pub api_url: Url,
    /// Where Withings sends the browser back to, exactly as registered.
    pub redirect_uri: String,
    /// Whether Withings is asked to call when it has news.
    pub webhooks: bool,
}

type OAuthClient = oauth2::Client<
    RefusedToken,
    StandardTokenResponse<UserIdField, BasicTokenType>,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

impl OAuth {
    /// The tokens of `application`, asked for through `client`.
    #[must_use]
    pub fn new(application: &Application, client: Client) -> Self {
        let at = |base: &Url, path| base.join(path).expect("a constant path joins every base URL");
        let redirect_uri = RedirectUrl::new(application.redirect_uri.clone());
        let redirect_uri = redirect_uri.expect("the configuration's base URL is a URL");
        let inner = oauth2::Client::new(ClientId::new(application.client_id.clone()))
            .set_client_secret(ClientSecret::new(application.client_secret.expose_secret().to_owned()))
            .set_auth_uri(AuthUrl::from_url(at(&application.account_url, "/oauth2_user/authorize2")))
            .set_token_uri(TokenUrl::from_url(at(&application.api_url, "/v2/oauth2")))
            .set_redirect_uri(redirect_uri)
            .set_auth_type(AuthType::RequestBody);
        let scopes = if application.webhooks { SCOPES_WITH_WEBHOOKS } else { SCOPES };
        Self { inner, client_secret: application.client_secret.clone(), scopes, client }
    }

    /// Where Withings sends the browser back to, exactly as registered.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        self.inner.redirect_uri().map(|uri| uri.as_str()).expect("it is set where the client is made")
    }

    /// The address of the consent page and the random state that comes back from it. `demo` asks for Withings' demo user.
    #[must_use]
    pub fn authorize_url(&self, demo: bool) -> (Url, String) {
        let scopes = Scope::new(self.scopes.to_owned());
        let mut request = self.inner.authorize_url(|| CsrfToken::new(random_token())).add_scope(scopes);
        if demo {
            request = request.add_extra_param("mode", "demo");
        }
        let (url, state) = request.url();
        (url, state.into_secret())
    }

    /// Exchanges the code that the consent page gave. It lives 30 seconds and works once. The caller has waited for its turn.
    pub async fn exchange(&self, code: &str) -> Result<NewLogin, CallError> {
        let code = AuthorizationCode::new(code.to_owned());
        let request = self.inner.exchange_code(code).add_extra_param("action", "requesttoken");
        let asked = Instant::now();
        new_login(request.request_async(&self.transport()).await, None, self.time_at(asked))
    }

    /// Exchanges a refresh token for a new pair of the person `user_id`, whom the answer need not name. The old refresh token
    /// lives until the new access token is first used, or 8 hours: store the pair before. The caller has waited for its turn.
    pub async fn refresh(&self, refresh_token: &SecretString, user_id: &str) -> Result<NewLogin, CallError> {
        let token = RefreshToken::new(refresh_token.expose_secret().to_owned());
        let request = self.inner.exchange_refresh_token(&token).add_extra_param("action", "requesttoken");
        let asked = Instant::now();
        new_login(request.request_async(&self.transport()).await, Some(user_id), self.time_at(asked))
    }

    /// Revokes everything that the person `user_id` has granted to the application, with requests of this class, if it
    /// `is_wanted` still when these have their turn.
    pub async fn revoke(
        &self,
        class: Class,
        user_id: &str,
        is_wanted: impl Future<Output = bool>,
    ) -> Result<(), CallError> {
        revoke(&self.client, class, self.inner.client_id(), &self.client_secret, user_id, is_wanted).await
    }

    /// The time of a moment by Withings' clock, Unix seconds. It is asked after the answer, which has told the time.
    fn time_at(&self, moment: Instant) -> i64 {
        self.client.clock().now() - i64::try_from(moment.elapsed().as_secs()).unwrap_or(i64::MAX / 2)
    }

    fn transport(&self) -> Transport {
        Transport { client: self.client.clone() }
    }
}

/// A text that nobody can guess: 256 random bits, safe in a URL.
#[must_use]
pub fn random_token() -> String {
    CsrfToken::new_random_len(32).into_secret()
}

/// The HTTP client that the crate `oauth2` is given: this program's own, with its limits.
struct Transport {
    client: Client,
}

impl<'c> AsyncHttpClient<'c> for Transport {
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, CallError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl Transport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, CallError> {
        let form = String::from_utf8(request.into_body()).expect("the crate encodes forms, which are ASCII");
        let answer = self.client.token(form).await?;
        let (status, body) = match to_rfc6749(&answer) {
            Ok(Ok(body)) => (200, body),
            Ok(Err(refusal)) => {
                self.client.note(Call::Requesttoken, CallError::Refused(refusal.clone())).await;
                (400, serde_json::json!(RefusedToken::from(refusal)))
            }
            Err(error) => return Err(self.client.note(Call::Requesttoken, error).await),
        };
        let response = oauth2::http::Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .body(body.to_string().into_bytes());
        Ok(response.expect("a constant status and header are valid"))
    }
}

/// The login of a token answer, which is of the person `known` if it names nobody.
fn new_login(answer: TokenAnswer, known: Option<&str>, asked_at: i64) -> Result<NewLogin, CallError> {
    let pair = answer.map_err(|error| match error {
        RequestTokenError::ServerResponse(refused) => CallError::Refused(refused.into()),
        RequestTokenError::Request(error) => error,
        // The text of these errors holds the answer, which holds tokens.
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => incomplete("body"),
    })?;
    let refresh_token = pair.refresh_token().ok_or_else(|| incomplete("body.refresh_token"))?;
    let user_id = pair.extra_fields().userid.as_deref().or(known).ok_or_else(|| incomplete("body.userid"))?;
    let lifetime = pair.expires_in().unwrap_or(ACCESS_TOKEN_LIFETIME).max(SHORTEST_LIFETIME);
    Ok(NewLogin {
        user_id: user_id.to_owned(),
        access_token: pair.access_token().secret().clone().into(),
        expires_at: asked_at.saturating_add_unsigned(lifetime.as_secs()),
        refresh_token: refresh_token.secret().clone().into(),
        scopes: pair.scopes().into_iter().flatten().map(|scope| scope.to_string()).collect(),
    })
}

type TokenAnswer =
    Result<StandardTokenResponse<UserIdField, BasicTokenType>, RequestTokenError<CallError, RefusedToken>>;

/// The one field of a token answer that RFC 6749 does not know.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct UserIdField {
    userid: Option<String>,
}

impl ExtraTokenFields for UserIdField {}

/// A refusal in the shape of RFC 6749, section 5.2, with Withings' status and wait.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct RefusedToken {
    error: String,
    error_description: Option<String>,
    status: i64,
    wait_seconds: Option<u64>,
}

impl ErrorResponse for RefusedToken {}

impl fmt::Display for RefusedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)
    }
}

impl From<Refusal> for RefusedToken {
    fn from(refusal: Refusal) -> Self {
        let error = match refusal.status {
            503 => "invalid_grant",
            601 => "temporarily_unavailable",
            _ => "server_error",
        };
        Self {
            error: error.to_owned(),
            error_description: refusal.text.into_text(),
            status: refusal.status,
            wait_seconds: refusal.wait.map(|wait| wait.as_secs()),
        }
    }
}

impl From<RefusedToken> for Refusal {
    fn from(refused: RefusedToken) -> Self {
        Self {
            status: refused.status,
            text: envelope::ErrorText::new(refused.error_description),
            wait: refused.wait_seconds.map(Duration::from_secs),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenBody {
    #[serde(deserialize_with = "wire::text")]
    userid: Option<String>,
    #[serde(deserialize_with = "wire::text")]
    access_token: Option<String>,
    #[serde(deserialize_with = "wire::text")]
    refresh_token: Option<String>,
    #[serde(deserialize_with = "wire::int")]
    expires_in: Option<i64>,
    #[serde(deserialize_with = "wire::text")]
    scope: Option<String>,
}

/// Withings' token answer as RFC 6749 has it (section 5.1): the body without the envelope, scopes with spaces, `userid` as
/// text; or the refusal.
pub fn to_rfc6749(answer: &[u8]) -> Result<Result<serde_json::Value, Refusal>, CallError> {
    let body = match envelope::open(answer)? {
        Ok(body) => body,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let body: TokenBody = envelope::parse(body.as_bytes()).map_err(CallError::Body)?;
    let Some(access_token) = body.access_token else { return Err(incomplete("body.access_token")) };
    let mut token = serde_json::json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "scope": body.scope.unwrap_or_default().replace(',', " "),
        "userid": body.userid,
    });
    if let Some(refresh_token) = body.refresh_token {
        token["refresh_token"] = refresh_token.into();
    }
    if let Some(seconds) = body.expires_in.and_then(|seconds| u64::try_from(seconds).ok()) {
        token["expires_in"] = seconds.into();
    }
    Ok(Ok(token))
}

fn incomplete(path: &str) -> CallError {
    CallError::Body(DecodeError::missing("token", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::withings::envelope::Remedy;

    fn token(body: &str) -> serde_json::Value {
        to_rfc6749(format!(r#"{{"status":0,"body":{body}}}"#).as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn a_token_answer_becomes_one_of_rfc_6749() {
        let expected = serde_json::json!({"access_token": "a", "refresh_token": "r", "token_type": "Bearer",
            "expires_in": 10800, "scope": "user.info user.metrics", "userid": "363"});
        for userid in ["363", "\"363\""] {
            let body = format!(
                r#"{{"userid":{userid},"access_token":"a","refresh_token":"r","expires_in":10800,
                    "scope":"user.info,user.metrics","csrf_token":"c","token_type":"Bearer"}}"#
            );
            assert_eq!(token(&body), expected);
        }
    }

    #[test]
    fn a_refusal_keeps_status_words_and_wait_on_its_way_through_the_crate() {
        let answers = [
            (
                r#"{"status":503,"body":{},"error":"Invalid Params: invalid refresh_token"}"#,
                "invalid_grant",
                Remedy::FullRead,
            ),
            (
                r#"{"status":601,"body":{"wait_seconds":68},"error":"Too Many Requests"}"#,
                "temporarily_unavailable",
                Remedy::PauseAll(Duration::from_secs(68)),
            ),
            (r#"{"status":2555,"body":{}}"#, "server_error", Remedy::Retry),
        ];
        for (answer, error, remedy) in answers {
            let refusal = to_rfc6749(answer.as_bytes()).unwrap().unwrap_err();
            let rfc = RefusedToken::from(refusal.clone());
            assert_eq!(rfc.error, error);
            assert_eq!(Refusal::from(rfc), refusal);
            assert_eq!(refusal.remedy(), remedy);
        }
    }

    #[test]
    fn an_answer_without_a_token_is_an_error_that_does_not_repeat_it() {
        for body in ["{}", "null", r#"{"refresh_token":"secret"}"#, r#"{"access_token":["secret"],"userid":1}"#] {
            let error = to_rfc6749(format!(r#"{{"status":0,"body":{body}}}"#).as_bytes()).unwrap_err();
            assert!(!format!("{error:?} {error}").contains("secret"), "{error:?}");
        }
        assert!(matches!(to_rfc6749(b"<html>"), Err(CallError::Envelope(_))));
    }
}
