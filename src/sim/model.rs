//! The model: a call in, a reply out, and everything that it remembers in between. It knows no HTTP.

use serde_json::Value;

use crate::clock::Clock;

use super::app::{App, PageSizes};
use super::call::{Action, Call};
use super::consent::Asked;
use super::fault::{Effect, Faults};
use super::journal::Journal;
use super::limit::{Caller, Limiter};
use super::login::{Grant, Logins};
use super::noise::Noise;
use super::notify::Notifications;
use super::person::Resident;
use super::reply::{Refusal, Reply};
use super::signature::Nonces;
use super::{UserId, getactivity, getmeas, getworkouts, people, sleep, token, user};

const CONSENT_PATH: &str = "/oauth2_user/authorize2";
const API_PATHS: [&str; 7] =
    ["/v2/oauth2", "/v2/signature", "/measure", "/v2/measure", "/v2/sleep", "/v2/user", "/notify"];

pub(super) struct Model {
    pub(super) clock: Clock,
    pub(super) apps: Vec<App>,
    pub(super) residents: Vec<Resident>,
    pub(super) logins: Logins,
    nonces: Nonces,
    pub(super) limiter: Limiter,
    pub(super) faults: Faults,
    pub(super) journal: Journal,
    pub(super) notifications: Notifications,
    pub(super) pages: PageSizes,
    seed: u64,
}

impl Model {
    pub(super) fn new(seed: u64, clock: Clock, residents: Vec<Resident>) -> Self {
        Self {
            clock,
            apps: Vec::new(),
            residents,
            logins: Logins::new(Noise::new(seed).named("tokens")),
            nonces: Nonces::default(),
            limiter: Limiter::default(),
            faults: Faults::default(),
            journal: Journal::default(),
            notifications: Notifications::default(),
            pages: PageSizes::default(),
            seed,
        }
    }

    /// Answers a call and remembers it.
    pub(super) fn answer(&mut self, call: &Call) -> Reply {
        let now = self.clock.now();
        let caller = self.caller(call);
        let reply = match (call.path.as_str(), call.method.as_str()) {
            (CONSENT_PATH, "GET") => self.consent(call, now.timestamp()),
            (path, "GET" | "POST") if API_PATHS.contains(&path) => self.api(call, &caller, now.timestamp()),
            (path, _) if path == CONSENT_PATH || API_PATHS.contains(&path) => {
                Reply::infrastructure(405, "Method Not Allowed")
            }
            _ => Reply::infrastructure(404, "Not Found"),
        };
        self.journal.enter(now, call, &caller, &reply);
        reply
    }

    /// The person with this id, alive until now.
    pub(super) fn resident(&mut self, user: UserId) -> Option<&mut Resident> {
        let now = self.clock.unix();
        let resident = self.residents.iter_mut().find(|it| it.person.userid == user)?;
        resident.diary.continue_until(now);
        Some(resident)
    }

    fn consent(&mut self, call: &Call, now: i64) -> Reply {
        let asked = match Asked::read(&call.params, &self.apps) {
            Ok(asked) => asked,
            Err(mistake) => return Reply::problem(&mistake),
        };
        let user = match (call.params.get("mode"), call.params.get("selecteduser")) {
            (Some("demo"), _) => self.demo_user(now),
            (_, None) => {
                let offered = self.residents.iter().filter(|it| it.offered).map(|it| &it.person);
                return Reply::page(asked.page(&call.params, offered));
            }
            (_, Some(user)) => user.parse().unwrap_or_default(),
        };
        let Some(resident) = self.resident(user) else { return Reply::problem("invalid_user: there is no such user") };
        let scopes = asked.scopes.iter().filter(|it| resident.person.scopes.contains(it)).cloned().collect();
        let grant = Grant { client_id: asked.client_id.clone(), user, scopes };
        let code = self.logins.give_code(grant, &asked.redirect_uri, now);
        Reply::redirect(asked.accept(&code))
    }

    /// Withings' built-in demo user, who lives as soon as somebody asks.
    fn demo_user(&mut self, now: i64) -> UserId {
        if self.resident(people::DEMO_USER).is_none() {
            self.residents.push(people::demo(self.seed, now));
        }
        people::DEMO_USER
    }

    /// Limits come before tokens: a twin of a refused call is still a twin.
    fn api(&mut self, call: &Call, caller: &Caller, now: i64) -> Reply {
        if let Err(refusal) = self.limiter.admit(caller, call, now) {
            return Err(refusal).into();
        }
        match self.faults.strike(call, caller) {
            Some(Effect::Fail(failure)) => failure.reply(call),
            Some(Effect::Travel(travel)) => Reply { travel, ..self.admitted(call, now) },
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
            ("/v2/oauth2", Some("revoke")) => return self.nonces.revoke(logins, apps, params, now).into(),
            ("/v2/signature", Some("getnonce")) => return self.nonces.getnonce(apps, params, now).into(),
            _ => {}
        }
        match self.permitted(call, now) {
            Ok((action, user)) => self.data(action, user, call, now),
            Err(refusal) => Err(refusal).into(),
        }
    }

    /// The data call and whose data, if its token is alive and opens it.
    fn permitted(&mut self, call: &Call, now: i64) -> Result<(Action, UserId), Refusal> {
        let action = Action::of(&call.path, call.action()).ok_or_else(Refusal::unknown_action)?;
        let grant = call.access_token().and_then(|it| self.logins.authenticate(it, now));
        let grant = grant.ok_or_else(Refusal::invalid_token)?;
        if action.scopes().iter().any(|&it| grant.scopes.iter().any(|scope| scope == it)) {
            Ok((action, grant.user))
        } else {
            Err(Refusal::insufficient_scope())
        }
    }

    fn data(&mut self, action: Action, user: UserId, call: &Call, now: i64) -> Reply {
        let pages = self.pages;
        let Some(resident) = self.resident(user) else { return Err(Refusal::invalid_token()).into() };
        let params = &call.params;
        if let Some(envelope) = resident.recording.as_ref().and_then(|it| it.answer(action, params)) {
            return Reply::envelope(envelope);
        }
        let answer: Result<Value, Refusal> = match action {
            Action::Getmeas => getmeas::getmeas(resident, params, pages.getmeas, now),
            Action::Getactivity => getactivity::getactivity(resident, params, pages.getactivity, now),
            Action::Getworkouts => getworkouts::getworkouts(resident, params, pages.getworkouts, now),
            Action::Getsummary => sleep::getsummary(resident, params, pages.getsummary, now),
            Action::SleepGet => sleep::get(resident, params, now),
            Action::Getdevice => Ok(user::getdevice(resident, now)),
            Action::Getgoals => Ok(user::getgoals(resident)),
        };
        answer.into()
    }

    /// Who calls: the owner of whatever secret the call carries.
    fn caller(&self, call: &Call) -> Caller {
        let secret = ["code", "refresh_token"].into_iter().find_map(|it| call.params.get(it));
        let owner = call.access_token().or(secret).and_then(|it| self.logins.owner(it));
        let client_id = call.params.get("client_id").or(owner.map(|it| it.client_id.as_str()));
        Caller { client_id: client_id.map(str::to_owned), user: owner.map(|it| it.user) }
    }
}

impl Action {
    fn of(path: &str, action: Option<&str>) -> Option<Self> {
        match (path, action?) {
            ("/measure", "getmeas") => Some(Self::Getmeas),
            ("/v2/measure", "getactivity") => Some(Self::Getactivity),
            ("/v2/measure", "getworkouts") => Some(Self::Getworkouts),
            ("/v2/sleep", "get") => Some(Self::SleepGet),
            ("/v2/sleep", "getsummary") => Some(Self::Getsummary),
            ("/v2/user", "getdevice") => Some(Self::Getdevice),
            ("/v2/user", "getgoals") => Some(Self::Getgoals),
            _ => None,
        }
    }

    /// The scopes of which one is enough.
    fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Getmeas => &["user.metrics"],
            Self::Getactivity | Self::Getworkouts | Self::SleepGet | Self::Getsummary => &["user.activity"],
            Self::Getdevice => &["user.info"],
            Self::Getgoals => &["user.metrics", "user.info"],
        }
    }
}
