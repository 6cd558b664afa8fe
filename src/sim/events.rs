//! What subscribers are notified of: rows that are added, and people who get into bed and out of it.

use std::collections::BTreeSet;

use super::UserId;
use super::activity::Activity;
use super::call::Call;
use super::heart::HeartRecording;
use super::history::History;
use super::intraday::IntradayValues;
use super::measure::MeasureGroup;
use super::model::Model;
use super::night::Night;
use super::notify::{BedEvent, Field};
use super::reply::{Refusal, Reply};
use super::rows::Rows;
use super::stored::Stored;
use super::workout::Workout;
use crate::zone::Zone;

/// A row of a person: a measure group, a night, a day, a workout, a recording of the heart, or what a watch measured at a time.
pub trait Row: Sized {
    /// The list of a person's rows of this kind.
    fn list(rows: &mut Rows) -> &mut Vec<Stored<Self>>;

    /// The kinds of events (`appli`) that the row is, each with the fields of its notification; days are those of `zone`.
    fn notifications(&self, zone: &Zone) -> Vec<(u32, Vec<Field>)>;
}

impl Row for MeasureGroup {
    fn list(rows: &mut Rows) -> &mut Vec<Stored<Self>> {
        &mut rows.groups
    }

    fn notifications(&self, _: &Zone) -> Vec<(u32, Vec<Field>)> {
        // As the page "Notification content" of developer.withings.com assigns them. It has 71 and 73 under 2, too, and 139 nowhere.
        let appli = |kind| match kind {
            12 => 2,
            9..=11 | 54 => 4,
            130 | 135..=138 => 54,
            119 => 58,
            147 | 148 | 151 | 204 | 205 | 248 | 249 | 251 => 63,
            _ => 1,
        };
        let applis: BTreeSet<u32> = self.measures.iter().map(|measure| appli(measure.kind)).collect();
        applis.into_iter().map(|appli| (appli, period(self.date, self.date))).collect()
    }
}

impl Row for Night {
    fn list(rows: &mut Rows) -> &mut Vec<Stored<Self>> {
        &mut rows.nights
    }

    fn notifications(&self, _: &Zone) -> Vec<(u32, Vec<Field>)> {
        vec![(44, period(self.startdate, self.enddate))]
    }
}

impl Row for Activity {
    fn list(rows: &mut Rows) -> &mut Vec<Stored<Self>> {
        &mut rows.activities
    }

    fn notifications(&self, _: &Zone) -> Vec<(u32, Vec<Field>)> {
        vec![(16, vec![("date", self.date.to_string())])]
    }
}

impl Row for Workout {
    fn list(rows: &mut Rows) -> &mut Vec<Stored<Self>> {
        &mut rows.workouts
    }

    fn notifications(&self, zone: &Zone) -> Vec<(u32, Vec<Field>)> {
        vec![(16, vec![("date", zone.date(self.startdate).to_string())])]
    }
}

impl Row for HeartRecording {
    fn list(rows: &mut Rows) -> &mut Vec<Stored<Self>> {
        &mut rows.recordings
    }

    fn notifications(&self, _: &Zone) -> Vec<(u32, Vec<Field>)> {
        let at = || period(self.timestamp, self.timestamp);
        let ecg = self.afib.map(|_| (54, at()));
        ecg.into_iter().chain(self.vhd.map(|_| (61, Vec::new()))).collect()
    }
}

impl Row for IntradayValues {
    fn list(rows: &mut Rows) -> &mut Vec<Stored<Self>> {
        &mut rows.intraday
    }

    fn notifications(&self, _: &Zone) -> Vec<(u32, Vec<Field>)> {
        let has_variability = ["rmssd", "sdnn1"].iter().any(|field| self.data.contains_key(*field));
        if has_variability { vec![(62, period(self.at, self.at))] } else { Vec::new() }
    }
}

fn period(start: i64, end: i64) -> Vec<Field> {
    vec![("startdate", start.to_string()), ("enddate", end.to_string())]
}

impl Model {
    /// Answers a call of `/notify`. The skin has asked the callback URL already whether it is there.
    pub(super) fn notify(&mut self, call: &Call, now: i64) -> Reply {
        self.notifications.drop_without_login(&self.logins, now);
        let answer = match self.grant(call, now) {
            None => Err(Refusal::invalid_token()),
            Some(grant) => self.notifications.answer(&grant, call),
        };
        answer.into()
    }

    /// The callback URLs subscribed to a user, each with its kind of event, in the order of subscribing.
    pub(super) fn subscriptions(&mut self, user: UserId) -> Vec<(String, u32)> {
        let now = self.clock.unix();
        self.notifications.drop_without_login(&self.logins, now);
        self.notifications.of_user(user)
    }

    /// Notifies those who subscribed to `appli` of this user.
    pub(super) fn tell(&mut self, user: UserId, appli: u32, fields: &[Field]) {
        let now = self.clock.unix();
        self.notifications.drop_without_login(&self.logins, now);
        self.notifications.tell(user, appli, fields, now);
    }

    /// Notifies of what has happened in the beds of generated people; answers whether there is a subscription to beds.
    pub(super) fn tell_of_beds(&mut self) -> bool {
        let now = self.clock.unix();
        let userids = self.notifications.users_with_bed_subscriptions();
        for userid in &userids {
            let event = self.user(*userid).and_then(|user| user.history.bed_event(now));
            if let Some(event) = event.filter(|event| self.notifications.is_new_in_bed(*userid, event)) {
                self.tell(*userid, event.appli, &event.fields());
            }
        }
        !userids.is_empty()
    }
}

impl History {
    /// What happened last in the bed of a generated person. The mat tells it at once, and uploads the night after its end.
    fn bed_event(&self, now: i64) -> Option<BedEvent> {
        let nights = self.rows.nights.iter().filter(|_| self.is_generated()).map(|night| &night.row);
        let events =
            nights.flat_map(|night| [(50, night.startdate, &night.device), (51, night.enddate, &night.device)]);
        let newest = events.filter(|(_, at, _)| *at <= now).max_by_key(|(_, at, _)| *at);
        newest.map(|(appli, at, mat)| BedEvent { appli, at, mat: mat.id.clone() })
    }
}
