//! `/notify`: the subscriptions, and the notifications that are to be delivered.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::sync::Notify;
use url::{Host, Url};

use super::UserId;
use super::call::{Call, Params};
use super::login::{Grant, Logins};
use super::reply::Refusal;

/// The longest callback URL, in characters.
const LONGEST_URL: usize = 255;

/// A demo runs for weeks: so many deliveries are kept, the oldest go.
const KEPT: usize = 10_000;

/// How long before each try to deliver a notification, in seconds: five rounds of two, as the page "Keep user data up
/// to date" of developer.withings.com has them; the middle stands for its random parts.
const PAUSES: [i64; 10] = [0, 0, 10, 0, 390, 0, 4260, 0, 15_390, 0];

/// Which callback URLs are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Callbacks {
    /// As documented (default): https, a public name, port 443 or 80.
    #[default]
    Public,
    /// Also `http` at `localhost` or an IP address, for a demo.
    Local,
}

/// One try to deliver a notification.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// When, by the cloud's clock.
    pub time: DateTime<Utc>,
    /// Whose data the notification is about.
    pub user: UserId,
    /// The kind of event, in Withings' numbers.
    pub appli: u32,
    /// The callback URL.
    pub url: String,
    /// The number of the try, from 1.
    pub attempt: usize,
    /// The HTTP status of the answer; `None` if none came in time.
    pub http: Option<u16>,
}

/// A field of a notification.
pub(super) type Field = (&'static str, String);

/// A person got into bed or out of it.
pub(super) struct BedEvent {
    pub(super) appli: u32,
    /// Unix seconds.
    pub(super) at: i64,
    pub(super) mat: String,
}

impl BedEvent {
    pub(super) fn fields(&self) -> Vec<Field> {
        vec![("startdate", self.at.to_string()), ("deviceid", self.mat.clone())]
    }
}

/// A callback URL that is subscribed to one kind of event of one user.
struct Subscription {
    client_id: String,
    user: UserId,
    appli: u32,
    url: String,
    comment: Option<String>,
}

/// A notification that is to be delivered, or tried again.
#[derive(Clone)]
pub(super) struct QueuedNotification {
    pub(super) user: UserId,
    pub(super) appli: u32,
    pub(super) url: String,
    pub(super) fields: Vec<Field>,
    attempt: usize,
    /// Unix seconds.
    due: i64,
}

/// Every subscription, and the notifications on their way.
#[derive(Default)]
pub(super) struct Notifications {
    pub(super) callbacks: Callbacks,
    /// The addresses of host names, in place of the domain name system and of a proxy that ends TLS.
    pub(super) hosts: BTreeMap<String, SocketAddr>,
    subscriptions: Vec<Subscription>,
    pending: Vec<QueuedNotification>,
    delivered: VecDeque<Delivery>,
    /// When the last event in each user's bed was that subscribers were told of, Unix seconds.
    told_bed_events: BTreeMap<UserId, i64>,
    /// Wakes the delivery after a subscription and a new notification.
    pub(super) wakeup: Arc<Notify>,
}

impl Notifications {
    /// The body of the answer to a call of `/notify`.
    pub(super) fn answer(&mut self, grant: &Grant, call: &Call) -> Result<Value, Refusal> {
        let params = &call.params;
        match call.action() {
            Some("subscribe") => self.subscribe(grant, params, call.callback_answers),
            Some("list") => self.list(grant, params),
            Some("revoke") => self.revoke(grant, params),
            _ => Err(Refusal::unknown_action()),
        }
    }

    /// The callback URLs subscribed to a user, each with its kind of event.
    pub(super) fn of_user(&self, user: UserId) -> Vec<(String, u32)> {
        let of_user = self.subscriptions.iter().filter(|subscription| subscription.user == user);
        of_user.map(|subscription| (subscription.url.clone(), subscription.appli)).collect()
    }

    fn subscribe(&mut self, grant: &Grant, params: &Params, answers: bool) -> Result<Value, Refusal> {
        let (url, appli) = (params.required("callbackurl")?.to_owned(), appli(params)?);
        let comment = params.get("comment").map(str::to_owned);
        check_scope(grant, appli)?;
        self.check_url(&url, answers)?;
        let is_same = |subscription: &&mut Subscription| {
            subscription.is_of(grant) && subscription.appli == appli && subscription.url == url
        };
        match self.subscriptions.iter_mut().find(is_same) {
            Some(subscription) => subscription.comment = comment,
            None => self.subscriptions.push(Subscription {
                client_id: grant.client_id.clone(),
                user: grant.user,
                appli,
                url,
                comment,
            }),
        }
        self.wakeup.notify_one();
        Ok(json!({}))
    }

    fn list(&self, grant: &Grant, params: &Params) -> Result<Value, Refusal> {
        let wanted = params.integer("appli")?;
        let of_appli =
            |subscription: &&Subscription| wanted.is_none_or(|wanted| wanted == i64::from(subscription.appli));
        let mine = self.subscriptions.iter().filter(|subscription| subscription.is_of(grant)).filter(of_appli);
        Ok(json!({"profiles": mine.map(Subscription::to_json).collect::<Value>()}))
    }

    fn revoke(&mut self, grant: &Grant, params: &Params) -> Result<Value, Refusal> {
        let (url, appli) = (params.required("callbackurl")?, params.integer("appli")?);
        let is_meant = |subscription: &Subscription| {
            subscription.is_of(grant)
                && subscription.url == url
                && appli.is_none_or(|appli| appli == i64::from(subscription.appli))
        };
        let before = self.subscriptions.len();
        self.subscriptions.retain(|subscription| !is_meant(subscription));
        if self.subscriptions.len() < before { Ok(json!({})) } else { Err(Refusal::no_subscription(url)) }
    }

    fn check_url(&self, url: &str, answers: bool) -> Result<(), Refusal> {
        if self.accepts(url) && answers { Ok(()) } else { Err(Refusal::wrong_callback(url)) }
    }

    /// Whether a callback URL is of an accepted kind.
    fn accepts(&self, url: &str) -> bool {
        let Ok(parsed) = Url::parse(url) else { return false };
        url.len() <= LONGEST_URL && (is_public(&parsed) || self.callbacks == Callbacks::Local && is_local(&parsed))
    }

    /// The address to connect to for a callback URL, if it is accepted.
    pub(super) fn address(&self, url: &str) -> Option<SocketAddr> {
        let parsed = Url::parse(url).ok().filter(|_| self.accepts(url))?;
        let named = parsed.host_str().and_then(|name| self.hosts.get(name)).copied();
        named.or_else(|| Some((local_ip(&parsed)?, parsed.port_or_known_default()?).into()))
    }

    /// Queues a notification for each subscription to `appli` of this user. A field that is not documented comes with
    /// it, as in the example of the documentation.
    pub(super) fn tell(&mut self, user: UserId, appli: u32, fields: &[Field], now: i64) {
        let who = [("userid", user.to_string()), ("appli", appli.to_string()), ("foo", "bar".to_owned())];
        let fields: Vec<_> = who.iter().chain(fields).cloned().collect();
        for subscription in
            self.subscriptions.iter().filter(|subscription| subscription.user == user && subscription.appli == appli)
        {
            let (url, fields) = (subscription.url.clone(), fields.clone());
            self.pending.push(QueuedNotification { user, appli, url, fields, attempt: 0, due: now });
        }
        self.wakeup.notify_one();
    }

    /// The users to whose beds there is a subscription.
    pub(super) fn users_with_bed_subscriptions(&self) -> BTreeSet<UserId> {
        self.subscriptions
            .iter()
            .filter(|subscription| matches!(subscription.appli, 50 | 51))
            .map(|subscription| subscription.user)
            .collect()
    }

    /// Whether there is a subscription to this event and it was not told yet; from now on it counts as told.
    pub(super) fn is_new_in_bed(&mut self, user: UserId, event: &BedEvent) -> bool {
        let is_subscribed = self
            .subscriptions
            .iter()
            .any(|subscription| subscription.user == user && subscription.appli == event.appli);
        let is_new = is_subscribed && self.told_bed_events.get(&user).is_none_or(|told| *told < event.at);
        if is_new {
            self.told_bed_events.insert(user, event.at);
        }
        is_new
    }

    /// Takes the notifications that are to be delivered now.
    pub(super) fn take_due(&mut self, now: i64) -> Vec<QueuedNotification> {
        self.pending.extract_if(.., |notification| notification.due <= now).collect()
    }

    /// When the next notification is to be delivered, Unix seconds.
    pub(super) fn next_due(&self) -> Option<i64> {
        self.pending.iter().map(|notification| notification.due).min()
    }

    /// Notes how a try to deliver ended at `time`; after a failure the notification is tried again, or was the last
    /// try.
    pub(super) fn note_delivery(
        &mut self,
        mut notification: QueuedNotification,
        http: Option<u16>,
        time: DateTime<Utc>,
    ) {
        notification.attempt += 1;
        if self.delivered.len() == KEPT {
            self.delivered.pop_front();
        }
        let (user, appli, url, attempt) =
            (notification.user, notification.appli, notification.url.clone(), notification.attempt);
        self.delivered.push_back(Delivery { time, user, appli, url, attempt, http });
        if http != Some(200)
            && let Some(pause) = PAUSES.get(notification.attempt)
        {
            notification.due = time.timestamp() + pause;
            self.pending.push(notification);
        }
    }

    /// The latest tries, oldest first.
    pub(super) fn delivered(&self) -> Vec<Delivery> {
        self.delivered.iter().cloned().collect()
    }

    /// Ends all subscriptions of a user.
    pub(super) fn end(&mut self, user: UserId) {
        self.subscriptions.retain(|subscription| subscription.user != user);
    }

    /// Drops the subscriptions of users whose login has expired: they end with it, as documented.
    pub(super) fn drop_without_login(&mut self, logins: &Logins, now: i64) {
        self.subscriptions.retain(|subscription| logins.live(subscription.user, now).refresh > 0);
    }
}

impl Subscription {
    fn is_of(&self, grant: &Grant) -> bool {
        self.user == grant.user && self.client_id == grant.client_id
    }

    fn to_json(&self) -> Value {
        json!({"appli": self.appli, "callbackurl": self.url, "comment": self.comment, "expires": i32::MAX})
    }
}

fn appli(params: &Params) -> Result<u32, Refusal> {
    let appli = params.integer("appli")?.and_then(|number| u32::try_from(number).ok());
    appli.ok_or_else(|| Refusal::invalid("missing appli"))
}

fn check_scope(grant: &Grant, appli: u32) -> Result<(), Refusal> {
    let scope = match appli {
        1 | 2 | 4 | 54 | 55 | 58 | 61 | 62 | 63 => "user.metrics",
        16 | 44 => "user.activity",
        46 => "user.info",
        50..=52 => "user.sleepevents",
        60 => "user.data",
        _ => return Err(Refusal::invalid("invalid appli")),
    };
    if grant.scopes.iter().any(|granted| granted == scope) { Ok(()) } else { Err(Refusal::insufficient_scope()) }
}

fn is_public(url: &Url) -> bool {
    let is_public_name =
        |name: &str| name.rsplit_once('.').is_some_and(|(_, end)| !["localhost", "local"].contains(&end));
    let host = matches!(url.host(), Some(Host::Domain(name)) if is_public_name(name));
    url.scheme() == "https" && host && matches!(url.port_or_known_default(), Some(443 | 80))
}

fn is_local(url: &Url) -> bool {
    url.scheme() == "http" && local_ip(url).is_some()
}

fn local_ip(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Domain("localhost") => Some(Ipv4Addr::LOCALHOST.into()),
        Host::Domain(_) => None,
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.into()),
    }
}
