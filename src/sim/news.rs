//! What there is to tell: rows that were added, and people who get into bed and out of it.

use std::collections::BTreeSet;

use chrono::DateTime;

use super::UserId;
use super::activity::Activity;
use super::call::Call;
use super::measure::MeasureGroup;
use super::model::Model;
use super::night::Night;
use super::notify::{BedEvent, Field};
use super::person::Diary;
use super::reply::{Refusal, Reply};
use super::workout::Workout;

/// A row that is news.
pub(super) trait News {
    /// The kinds of events that it is, each with its fields.
    fn news(&self) -> Vec<(u32, Vec<Field>)>;
}

impl News for MeasureGroup {
    fn news(&self) -> Vec<(u32, Vec<Field>)> {
        let of_kind = |kind| match kind {
            12 => 2,
            9..=11 | 54 => 4,
            130 | 135..=138 => 54,
            119 => 58,
            147 | 148 | 151 | 204 | 205 | 248 | 249 | 251 => 63,
            _ => 1,
        };
        let applis: BTreeSet<u32> = self.measures.iter().map(|it| of_kind(it.kind)).collect();
        applis.into_iter().map(|appli| (appli, period(self.date, self.date))).collect()
    }
}

impl News for Night {
    fn news(&self) -> Vec<(u32, Vec<Field>)> {
        vec![(44, period(self.startdate, self.enddate))]
    }
}

impl News for Activity {
    fn news(&self) -> Vec<(u32, Vec<Field>)> {
        vec![(16, vec![("date", self.date.to_string())])]
    }
}

impl News for Workout {
    fn news(&self) -> Vec<(u32, Vec<Field>)> {
        let day = DateTime::from_timestamp(self.startdate, 0).unwrap_or_default().date_naive();
        vec![(16, vec![("date", day.to_string())])]
    }
}

fn period(start: i64, end: i64) -> Vec<Field> {
    vec![("startdate", start.to_string()), ("enddate", end.to_string())]
}

impl Model {
    /// Answers a call of `/notify`. The skin has asked the callback URL already whether it is there.
    pub(super) fn notify(&mut self, call: &Call, now: i64) -> Reply {
        self.notifications.forget_the_dead(&self.logins, now);
        let grant = call.access_token().and_then(|it| self.logins.authenticate(it, now));
        let answer = match grant {
            None => Err(Refusal::invalid_token()),
            Some(grant) => self.notifications.answer(&grant, call),
        };
        answer.into()
    }

    /// The URLs that are called about a user, each with its kind of event, in the order of subscribing.
    pub(super) fn subscriptions(&mut self, user: UserId) -> Vec<(String, u32)> {
        let now = self.clock.unix();
        self.notifications.forget_the_dead(&self.logins, now);
        self.notifications.of_user(user)
    }

    /// Tells everybody who wants to hear such news of a person. Unknown fields come with it, as documented.
    pub(super) fn tell(&mut self, user: UserId, appli: u32, fields: &[Field]) {
        let now = self.clock.unix();
        self.notifications.forget_the_dead(&self.logins, now);
        self.notifications.tell(user, appli, fields, now);
    }

    /// Tells what has happened in the beds of people who go on living by themselves. Whether anybody listens.
    pub(super) fn tell_of_beds(&mut self) -> bool {
        let now = self.clock.unix();
        let users = self.notifications.listened_beds();
        for user in &users {
            let event = self.resident(*user).and_then(|it| it.diary.bed_event(now));
            if let Some(event) = event.filter(|it| self.notifications.is_new_in_bed(*user, it)) {
                self.tell(*user, event.appli, &event.fields());
            }
        }
        !users.is_empty()
    }
}

impl Diary {
    /// What happened last in the bed of a person who lives by themselves: the mat tells it long before it uploads the night.
    fn bed_event(&self, now: i64) -> Option<BedEvent> {
        let nights = self.rows.nights.iter().filter(|_| self.goes_on()).map(|it| &it.row);
        let events = nights.flat_map(|it| [(50, it.startdate, &it.device), (51, it.enddate, &it.device)]);
        let newest = events.filter(|(_, at, _)| *at <= now).max_by_key(|(_, at, _)| *at);
        newest.map(|(appli, at, mat)| BedEvent { appli, at, mat: mat.id.clone() })
    }
}
