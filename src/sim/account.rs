//! One person's account: tests read and change it.

use super::UserId;
use super::activity::Activity;
use super::cloud::Cloud;
use super::events::Row;
use super::heart::HeartRecording;
use super::login::LiveTokens;
use super::measure::MeasureGroup;
use super::night::Night;
use super::person::Person;
use super::stored::Stored;
use super::user::User;
use super::workout::Workout;

/// A handle to the account of a person. Functions given to it must not call the cloud: it is locked meanwhile.
#[derive(Clone)]
pub struct Account {
    cloud: Cloud,
    userid: UserId,
}

impl Cloud {
    /// Opens an account; one with the same user id is replaced, its tokens stay.
    #[allow(clippy::must_use_candidate, reason = "the account can also be had by its name")]
    pub fn add_person(&self, person: Person) -> Account {
        let mut model = self.model();
        let userid = person.userid;
        model.users.retain(|user| user.person.userid != userid);
        model.users.push(User::new(person));
        drop(model);
        Account::new(self.clone(), userid)
    }

    /// The account of the person with this name.
    #[must_use]
    pub fn account(&self, name: &str) -> Option<Account> {
        self.accounts().into_iter().find(|account| account.person().name == name)
    }

    /// Every account, in the order of the consent page; the demo user appears after its first sign-in.
    #[must_use]
    pub fn accounts(&self) -> Vec<Account> {
        let userids: Vec<_> = self.model().users.iter().map(|user| user.person.userid).collect();
        userids.into_iter().map(|userid| Account::new(self.clone(), userid)).collect()
    }
}

#[allow(clippy::must_use_candidate, reason = "most callers change the cloud and want no answer")]
impl Account {
    pub(super) fn new(cloud: Cloud, userid: UserId) -> Self {
        Self { cloud, userid }
    }

    /// Withings' number of the user.
    pub fn userid(&self) -> UserId {
        self.userid
    }

    /// Who the person is.
    pub fn person(&self) -> Person {
        self.with(|user, _| user.person.clone())
    }

    /// Changes what the person is called, owns, aims for or grants, or where the person lives from now on; the user id stays.
    pub fn edit(&self, change: impl FnOnce(&mut Person)) {
        self.with(|user, _| {
            change(&mut user.person);
            user.person.userid = self.userid;
        });
    }

    /// The groups visible now, in no order.
    pub fn groups(&self) -> Vec<Stored<MeasureGroup>> {
        self.with(|user, now| user.history.groups(now).cloned().collect())
    }

    /// The nights visible now, in no order.
    pub fn nights(&self) -> Vec<Stored<Night>> {
        self.with(|user, now| user.history.nights(now).cloned().collect())
    }

    /// The days visible now, in no order, each as it was written last.
    pub fn activities(&self) -> Vec<Stored<Activity>> {
        self.with(|user, now| user.history.activities(now).cloned().collect())
    }

    /// The workouts visible now, in no order.
    pub fn workouts(&self) -> Vec<Stored<Workout>> {
        self.with(|user, now| user.history.workouts(now).cloned().collect())
    }

    /// The recordings of the heart visible now, in no order.
    pub fn recordings(&self) -> Vec<Stored<HeartRecording>> {
        self.with(|user, now| user.history.recordings(now).cloned().collect())
    }

    /// Stores a row, created and modified now, and answers its id.
    pub fn add(&self, row: impl Row) -> u64 {
        let now = self.cloud.clock().unix();
        self.add_at(row, now, now)
    }

    /// Stores a row with these times, Unix seconds; it is visible from `created` on. Answers its id.
    pub fn add_at<T: Row>(&self, row: T, created: i64, modified: i64) -> u64 {
        let (id, notifications, now) = self.with(|user, now| {
            let (id, zone) = (user.history.new_id(), user.person.timezone.clone());
            let notifications = row.notifications(&zone);
            T::list(&mut user.history.rows).push(Stored { id, created, modified, zone, row });
            (id, notifications, now)
        });
        // Subscribers are not told of rows that become visible later.
        for (appli, fields) in notifications.into_iter().filter(|_| created <= now) {
            self.notify(appli, &fields);
        }
        id
    }

    /// Changes the row with this id, which counts as modified now. Answers whether there is one.
    pub fn edit_row<T: Row>(&self, id: u64, change: impl FnOnce(&mut T)) -> bool {
        self.with(|user, now| {
            let visible = |stored: &&mut Stored<T>| stored.id == id && stored.created <= now;
            let Some(stored) = T::list(&mut user.history.rows).iter_mut().rfind(visible) else { return false };
            change(&mut stored.row);
            stored.modified = now;
            true
        })
    }

    /// Deletes the row with this id: no answer mentions it from now on. Answers whether there was one.
    pub fn delete<T: Row>(&self, id: u64) -> bool {
        self.with(|user, _| {
            let rows = T::list(&mut user.history.rows);
            let before = rows.len();
            rows.retain(|stored| stored.id != id);
            rows.len() < before
        })
    }

    /// The person gets into bed.
    pub fn got_in_bed(&self) {
        self.notify_of_bed(50);
    }

    /// The person gets out of bed.
    pub fn got_out_of_bed(&self) {
        self.notify_of_bed(51);
    }

    /// Notifies those who subscribed to `appli` of this person; of rows that are added they are notified anyway.
    pub fn notify(&self, appli: u32, fields: &[(&'static str, String)]) {
        self.cloud.model().tell(self.userid, appli, fields);
    }

    /// The callback URLs subscribed to the person, each with its `appli`, in the order of subscribing.
    pub fn subscriptions(&self) -> Vec<(String, u32)> {
        self.cloud.model().subscriptions(self.userid)
    }

    /// Unlinks every application, as a person can do: subscribers are notified, then subscriptions, codes and tokens are
    /// dead.
    pub fn revoke(&self) {
        self.notify(46, &[("action", "unlink".to_owned())]);
        self.cloud.model().unlink(self.userid);
    }

    /// How many of the person's tokens work now.
    pub fn live_tokens(&self) -> LiveTokens {
        let model = self.cloud.model();
        model.logins.live(self.userid, model.clock.unix())
    }

    /// The refresh token that was given last, dead or alive.
    pub fn latest_refresh_token(&self) -> Option<String> {
        self.cloud.model().logins.latest(self.userid).map(|pair| pair.refresh.clone())
    }

    fn notify_of_bed(&self, appli: u32) {
        let mats = self.person().devices;
        let mat = mats.iter().find(|device| device.kind == "Sleep Monitor").map(|mat| ("deviceid", mat.id.clone()));
        let at = ("startdate", self.cloud.clock().unix().to_string());
        self.notify(appli, &[at].into_iter().chain(mat).collect::<Vec<_>>());
    }

    fn with<T>(&self, act: impl FnOnce(&mut User, i64) -> T) -> T {
        let mut model = self.cloud.model();
        let now = model.clock.unix();
        act(model.user(self.userid).expect("an account is replaced at most, never closed"), now)
    }
}
