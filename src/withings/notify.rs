//! Notifications: which are wanted, the subscriptions to them, and what Withings posts when there is news
//! (<https://developer.withings.com/developer-guide/v3/data-api/notifications/notification-overview/>). A notification
//! carries no value: it says what to ask for.

use std::collections::BTreeSet;

use serde::Deserialize;
use url::form_urlencoded;

use super::appli::Appli;
use super::calls::told_by;
use super::request::Request;
use super::wire::{self, AnswerPage};
use crate::catalogue::Measurement;
use crate::reading::in_bed::BedEvent;

/// The longest name of a device that is kept, in bytes; Withings' have 40.
const LONGEST_DEVICE: usize = 64;

/// How far the time of an event may be ahead of its arrival before it is not believed, seconds. An event in the future would
/// hide all events until then.
const AHEAD_SECONDS: i64 = 5 * 60;

/// The kinds of notification that tell of these measurements, and of the end of a login.
pub fn wanted(measurements: impl Iterator<Item = Measurement>) -> BTreeSet<Appli> {
    measurements.flat_map(told_by).chain([Appli::Account]).collect()
}

impl Request {
    /// Asks for the subscriptions that the application has for the person, those of other programs too.
    #[must_use]
    pub fn subscriptions() -> Self {
        Self::notify("list", Vec::new())
    }

    /// Asks for a subscription: Withings first sends HEAD to the callback URL, which must answer 200.
    #[must_use]
    pub fn subscribe(callback: &str, appli: Appli) -> Self {
        let appli = appli.number().to_string();
        Self::notify("subscribe", vec![("callbackurl", callback.to_owned()), ("appli", appli)])
    }

    /// Asks for the end of a subscription.
    #[must_use]
    pub fn unsubscribe(subscription: &Subscription) -> Self {
        let appli = subscription.appli.to_string();
        Self::notify("revoke", vec![("callbackurl", subscription.callback.clone()), ("appli", appli)])
    }
}

/// An answer of `/notify`. Only that to the action `list` has rows.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SubscriptionList {
    #[serde(deserialize_with = "wire::list")]
    profiles: Vec<Listed>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Listed {
    #[serde(deserialize_with = "wire::int")]
    appli: Option<i64>,
    #[serde(deserialize_with = "wire::text")]
    callbackurl: Option<String>,
}

/// A subscription: Withings calls a URL when events of a kind happen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subscription {
    /// The URL that is called.
    pub callback: String,
    /// The number of the kind of event.
    pub appli: i64,
}

/// The statuses that say that a subscription that is to be ended is not there: no such subscription, nothing to delete, no such
/// callback.
pub const NOT_THERE: [i64; 3] = [286, 294, 343];

impl AnswerPage for SubscriptionList {
    type Row = Subscription;

    fn into_rows(self) -> (Vec<Subscription>, Option<i64>) {
        let subscription = |listed: Listed| Some(Subscription { callback: listed.callbackurl?, appli: listed.appli? });
        (self.profiles.into_iter().filter_map(subscription).collect(), None)
    }
}

/// A notification that Withings has posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Withings' id of the person.
    pub user_id: String,
    /// The number of the kind of event.
    pub appli: i64,
    /// When it happened, Unix seconds, where that is said to the second.
    pub at: Option<i64>,
    /// The device that has seen it.
    pub device: Option<Box<str>>,
}

impl Notification {
    /// Reads the form that Withings posts; `None` if it does not tell the person and the kind. Of a field that stands there
    /// twice the first counts; unknown fields, of which Withings' own examples have some, are ignored.
    #[must_use]
    pub fn parse(form: &[u8]) -> Option<Self> {
        let field = |name: &str| form_urlencoded::parse(form).find(|(field, _)| field == name).map(|(_, value)| value);
        let number = |name: &str| field(name).and_then(|text| text.trim().parse::<i64>().ok());
        // `date` of activity is a day and no moment: it does not parse as a number.
        let at = number("startdate").or_else(|| number("date")).filter(|at| *at > 0);
        let device = field("deviceid").filter(|id| (1..=LONGEST_DEVICE).contains(&id.len()));
        Some(Self {
            user_id: u64::try_from(number("userid")?).ok()?.to_string(),
            appli: number("appli")?,
            at,
            device: device.map(|id| id.as_ref().into()),
        })
    }

    /// The event of the bed that a notification of this kind tells of; `None` for other kinds. It happened when the
    /// notification says, else `now`, Unix seconds by Withings' clock.
    #[must_use]
    pub fn bed_event(&self, appli: Appli, now: i64) -> Option<BedEvent> {
        let event = |in_bed| BedEvent { in_bed, at: self.at.unwrap_or(now), mat: self.device.clone() };
        match appli {
            Appli::InBed => Some(event(true)),
            Appli::OutOfBed => Some(event(false)),
            _ => None,
        }
    }
}

/// Whether the time of an event is too far ahead of `now` to be believed; Unix seconds by Withings' clock.
#[must_use]
pub fn is_future(event: &BedEvent, now: i64) -> bool {
    event.at > now.saturating_add(AHEAD_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(form: &str) -> Option<(String, i64, Option<i64>, Option<String>)> {
        let notification = Notification::parse(form.as_bytes())?;
        Some((notification.user_id, notification.appli, notification.at, notification.device.map(String::from)))
    }

    #[test]
    fn a_notification_says_whom_and_what_it_is_about() {
        let check = |form: &str, appli, at, device: Option<&str>| {
            assert_eq!(parsed(form), Some(("1001".to_owned(), appli, at, device.map(str::to_owned))), "{form}");
        };
        check("userid=1001&startdate=1530576000&enddate=1530698753&appli=1&foo=bar", 1, Some(1_530_576_000), None);
        check("appli=16&date=2026-11-22&userid=1001", 16, None, None);
        check("userid=1001&appli=50&date=1530576000&deviceid=ab%2Bc", 50, Some(1_530_576_000), Some("ab+c"));
        check("userid=+1001+&appli=51&startdate=&deviceid=", 51, None, None);
        check("userid=1001&userid=7&appli=46&action=unlink", 46, None, None);
        check(&format!("userid=1001&appli=50&deviceid={}", "a".repeat(65)), 50, None, None);
        check("userid=1001&appli=50&startdate=-5", 50, None, None);
    }

    #[test]
    fn a_body_without_person_or_kind_is_none() {
        let bodies = ["", "userid=1001", "appli=1", "userid=x&appli=1", "userid=-1&appli=1", "userid=1&appli=1e9"];
        for body in
            bodies.map(str::as_bytes).into_iter().chain([&b"{\"userid\":1,\"appli\":1}"[..], b"\xff\x00%zz&&==="])
        {
            assert_eq!(Notification::parse(body), None, "{body:?}");
        }
    }

    #[test]
    fn only_what_is_measured_is_subscribed_to() {
        let check = |keys: &[&str], expected: &[Appli]| {
            let measurements = keys.iter().map(|key| Measurement::by_key(key).unwrap());
            let wanted = wanted(measurements);
            assert_eq!(wanted.into_iter().collect::<Vec<_>>(), expected, "{keys:?}");
        };
        check(&["weight_kg"], &[Appli::Weight, Appli::Account]);
        check(&["goal_steps", "device_info"], &[Appli::Account]);
        check(&["in_bed"], &[Appli::InBed, Appli::OutOfBed, Appli::Account]);
        check(&["spo2_pct", "sleep_score"], &[Appli::Pressure, Appli::Sleep, Appli::Account]);
        check(&["workout_distance_meters", "urine_ph"], &[Appli::Activity, Appli::Account, Appli::Urine]);
        assert_eq!(wanted(Measurement::all()), Appli::ALL.into());
    }

    #[test]
    fn a_list_of_subscriptions_may_have_anything_in_it() {
        let body =
            r#"{"profiles":[{"appli":1,"callbackurl":"https:\/\/a.example","comment":null,"expires":null},7,{}]}"#;
        let rows = serde_json::from_str::<SubscriptionList>(body).unwrap().into_rows().0;
        assert_eq!(rows, [Subscription { callback: "https://a.example".to_owned(), appli: 1 }]);
    }
}
