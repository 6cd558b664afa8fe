//! The model: a call in, a reply out, and all state in between. It opens no connection.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::clock::Clock;

use super::app::App;
use super::call::{Action, Call};
use super::consent::ConsentRequest;
use super::fault::{Effect, Failure, Faults};
use super::journal::Journal;
use super::limit::{Caller, Limiter};
use super::login::{Grant, Logins};
use super::notify::Notifications;
use super::reply::{Refusal, Reply};
use super::signature::Nonces;
use super::user::User;
use super::{
    UserId, getactivity, getdevice, getintradayactivity, getmeas, getworkouts, heart_list, people, sleep, token,
};

const CONSENT_PATH: &str = "/oauth2_user/authorize2";
const API_PATHS: [&str; 8] =
    ["/v2/oauth2", "/v2/signature", "/measure", "/v2/measure", "/v2/sleep", "/v2/heart", "/v2/user", "/notify"];

pub(super) struct Model {
    pub(super) clock: Clock,
    pub(super) apps: Vec<App>,
    pub(super) users: Vec<User>,
    pub(super) logins: Logins,
    nonces: Nonces,
    pub(super) limiter: Limiter,
    pub(super) faults: Faults,
    pub(super) journal: Journal,
    pub(super) notifications: Notifications,
    /// How many rows a page of every call has; `None`: as many as the service gives.
    pub(super) page_size: Option<usize>,
    seed: u64,
}

impl Model {
    pub(super) fn new(seed: u64, clock: Clock, users: Vec<User>) -> Self {
        Self {
            clock,
            apps: Vec::new(),
            users,
            logins: Logins::new(seed.to_string()),
            nonces: Nonces::default(),
            limiter: Limiter::default(),
            faults: Faults::default(),
            journal: Journal::default(),
            notifications: Notifications::default(),
            page_size: None,
            seed,
        }
    }

    /// Answers a call and remembers it.
    pub(super) fn answer(&mut self, call: &Call) -> Reply {
        let now = self.clock.now();
        let caller = self.caller(call);
        let reply = match (call.path.as_str(), call.method.as_str()) {
            (CONSENT_PATH, "GET") => self.consent(call, now.timestamp()),
            (path, "GET" | "POST") if API_PATHS.contains(&path) => self.api(call, &caller, now),
            (path, _) if path == CONSENT_PATH || API_PATHS.contains(&path) => {
                Reply::infrastructure(405, "Method Not Allowed")
            }
            _ => Reply::infrastructure(404, "Not Found"),
        };
        self.journal.enter(now, call, &caller, &reply);
        reply
    }

    /// The user with this id, with everything that happened until now.
    pub(super) fn user(&mut self, userid: UserId) -> Option<&mut User> {
        let now = self.clock.unix();
        let user = self.users.iter_mut().find(|user| user.person.userid == userid)?;
        user.history.generate_until(now);
        Some(user)
    }

    fn consent(&mut self, call: &Call, now: i64) -> Reply {
        let request = match ConsentRequest::read(&call.params, &self.apps) {
            Ok(request) => request,
            Err(mistake) => return Reply::problem(&mistake),
        };
        let userid = match (call.params.get("mode"), call.params.get("selecteduser")) {
            (Some("demo"), _) => self.demo_user(now),
            (_, None) => {
                let offered = self.users.iter().filter(|user| user.offered).map(|user| &user.person);
                return Reply::page(request.page(&call.params, offered));
            }
            (_, Some(userid)) => userid.parse().unwrap_or_default(),
        };
        let Some(user) = self.user(userid) else { return Reply::problem("invalid_user: there is no such user") };
        let scopes = request.scopes.iter().filter(|scope| user.person.scopes.contains(scope)).cloned().collect();
        let grant = Grant { client_id: request.client_id.clone(), user: userid, scopes };
        let code = self.logins.give_code(grant, &request.redirect_uri, now);
        Reply::redirect(request.accept(&code))
    }

    /// Withings' built-in demo user, generated when the first application asks for it.
    fn demo_user(&mut self, now: i64) -> UserId {
        if self.user(people::DEMO_USER).is_none() {
            self.users.push(people::demo(self.seed, now));
        }
        people::DEMO_USER
    }

    /// Answers a call of the API. Limits come before tokens: a repetition of a refused call is still a repetition. Whether the
    /// service has used up a token by then is not known.
    fn api(&mut self, call: &Call, caller: &Caller, now: DateTime<Utc>) -> Reply {
        if let Err(refusal) = self.limiter.admit(caller, call, now.timestamp_millis()) {
            return Err(refusal).into();
        }
        let now = now.timestamp();
        match self.faults.strike(call, caller) {
            Some(Effect::Fail(failure, http)) => {
                let reply = match failure {
                    // Who judges the scopes of a token has used it.
                    Failure::InsufficientScope if self.grant(call, now).is_none() => {
                        Err(Refusal::invalid_token()).into()
                    }
                    _ => failure.reply(call),
                };
                Reply { http: http.unwrap_or(reply.http), ..reply }
            }
            Some(Effect::Transfer(transfer)) => Reply { transfer, ..self.admitted(call, now) },
            None => self.admitted(call, now),
        }
    }

    fn admitted(&mut self, call: &Call, now: i64) -> Reply {
        if call.path == "/notify" {
            return self.notify(call, now);
        }
        let (logins, apps, params) = (&mut self.logins, &self.apps, &call.params);
        match (call.path.as_str(), call.action()) {
            ("/v2/oauth2", Some("requesttoken")) => return token::request_token(logins, apps, params, now).into(),
            ("/v2/oauth2", Some("revoke")) => {
                let user = self.nonces.revoke(apps, params, now);
                return user.map(|user| self.unlink(user)).map(|()| json!({})).into();
            }
            ("/v2/signature", Some("getnonce")) => return self.nonces.getnonce(apps, params, now).into(),
            _ => {}
        }
        match self.permitted(call, now) {
            Ok((action, userid)) => self.data(action, userid, call, now),
            Err(refusal) => Err(refusal).into(),
        }
    }

    /// Ends all logins of a user, and with them the subscriptions, as documented.
    pub(super) fn unlink(&mut self, user: UserId) {
        self.logins.revoke(user);
        self.notifications.end(user);
    }

    /// The grant of the call's token, if it is alive, which has been used then.
    pub(super) fn grant(&mut self, call: &Call, now: i64) -> Option<Grant> {
        self.logins.authenticate(call.access_token()?, now)
    }

    /// The data call and the user of its token, if the token is alive and its scopes open the call.
    fn permitted(&mut self, call: &Call, now: i64) -> Result<(Action, UserId), Refusal> {
        let action = Action::of(&call.path, call.action()).ok_or_else(Refusal::unknown_action)?;
        let grant = self.grant(call, now).ok_or_else(Refusal::invalid_token)?;
        if action.scopes().iter().any(|&accepted| grant.scopes.iter().any(|scope| scope == accepted)) {
            Ok((action, grant.user))
        } else {
            Err(Refusal::insufficient_scope())
        }
    }

    fn data(&mut self, action: Action, userid: UserId, call: &Call, now: i64) -> Reply {
        let set = self.page_size;
        let size = |usual: usize| set.unwrap_or(usual);
        let Some(user) = self.user(userid) else { return Err(Refusal::invalid_token()).into() };
        let params = &call.params;
        if let Some(envelope) = user.recording.as_ref().and_then(|recording| recording.answer(action, params)) {
            return Reply::envelope(envelope);
        }
        let answer: Result<Value, Refusal> = match action {
            Action::Getmeas => getmeas::getmeas(user, params, size(getmeas::PAGE_SIZE), now),
            Action::Getactivity => getactivity::getactivity(user, params, size(getactivity::PAGE_SIZE), now),
            Action::Getintradayactivity => getintradayactivity::getintradayactivity(user, params, now),
            Action::Getworkouts => getworkouts::getworkouts(user, params, size(getworkouts::PAGE_SIZE), now),
            Action::Getsummary => sleep::getsummary(user, params, size(sleep::PAGE_SIZE), now),
            Action::SleepGet => sleep::get(user, params, now),
            Action::Getdevice => Ok(getdevice::getdevice(user, now)),
            Action::Getgoals => Ok(json!({"goals": user.person.goals.to_json()})),
            Action::HeartList => heart_list::list(user, params, size(heart_list::PAGE_SIZE), now),
        };
        answer.into()
    }

    /// The caller: the owner of the token, code or refresh token that the call carries.
    fn caller(&self, call: &Call) -> Caller {
        let secret = ["code", "refresh_token"].into_iter().find_map(|name| call.params.get(name));
        let owner = call.access_token().or(secret).and_then(|secret| self.logins.owner(secret));
        let client_id = call.params.get("client_id").or(owner.map(|grant| grant.client_id.as_str()));
        Caller { client_id: client_id.map(str::to_owned), user: owner.map(|grant| grant.user) }
    }
}

impl Action {
    fn of(path: &str, action: Option<&str>) -> Option<Self> {
        match (path, action?) {
            ("/measure", "getmeas") => Some(Self::Getmeas),
            ("/v2/measure", "getactivity") => Some(Self::Getactivity),
            ("/v2/measure", "getintradayactivity") => Some(Self::Getintradayactivity),
            ("/v2/measure", "getworkouts") => Some(Self::Getworkouts),
            ("/v2/sleep", "get") => Some(Self::SleepGet),
            ("/v2/sleep", "getsummary") => Some(Self::Getsummary),
            ("/v2/user", "getdevice") => Some(Self::Getdevice),
            ("/v2/user", "getgoals") => Some(Self::Getgoals),
            ("/v2/heart", "list") => Some(Self::HeartList),
            _ => None,
        }
    }

    /// The scopes of which one is enough to make the call.
    fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Getmeas | Self::HeartList => &["user.metrics"],
            Self::Getactivity | Self::Getintradayactivity | Self::Getworkouts | Self::SleepGet | Self::Getsummary => {
                &["user.activity"]
            }
            Self::Getdevice => &["user.info"],
            Self::Getgoals => &["user.metrics", "user.info"],
        }
    }
}
