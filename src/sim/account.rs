//! One person's account, for tests to change and to look into.

use super::UserId;
use super::activity::Activity;
use super::cloud::Cloud;
use super::login::LiveTokens;
use super::measure::MeasureGroup;
use super::news::News;
use super::night::Night;
use super::person::{Person, Resident};
use super::rows::Rows;
use super::stored::Stored;
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
        model.residents.retain(|it| it.person.userid != userid);
        model.residents.push(Resident::new(person));
        drop(model);
        Account::new(self.clone(), userid)
    }

    /// The account of the person with this name.
    #[must_use]
    pub fn account(&self, name: &str) -> Option<Account> {
        self.accounts().into_iter().find(|it| it.person().name == name)
    }

    /// Every account, in the order of the consent page; the demo user appears after its first sign-in.
    #[must_use]
    pub fn accounts(&self) -> Vec<Account> {
        let users: Vec<_> = self.model().residents.iter().map(|it| it.person.userid).collect();
        users.into_iter().map(|it| Account::new(self.clone(), it)).collect()
    }
}

/// Where a person's rows of one kind are.
type RowsOf<T> = fn(&mut Rows) -> &mut Vec<Stored<T>>;

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
        self.with(|it, _| it.person.clone())
    }

    /// Changes what the person is called, owns, aims for or grants; the user id stays.
    pub fn edit(&self, change: impl FnOnce(&mut Person)) {
        self.with(|it, _| {
            change(&mut it.person);
            it.person.userid = self.userid;
        });
    }

    /// The groups visible now, in no order.
    pub fn groups(&self) -> Vec<Stored<MeasureGroup>> {
        self.with(|it, now| it.diary.groups(now).cloned().collect())
    }

    /// The nights visible now, in no order.
    pub fn nights(&self) -> Vec<Stored<Night>> {
        self.with(|it, now| it.diary.nights(now).cloned().collect())
    }

    /// The days visible now, in no order, each as it was written last.
    pub fn activities(&self) -> Vec<Stored<Activity>> {
        self.with(|it, now| it.diary.activities(now).cloned().collect())
    }

    /// The workouts visible now, in no order.
    pub fn workouts(&self) -> Vec<Stored<Workout>> {
        self.with(|it, now| it.diary.workouts(now).cloned().collect())
    }

    /// Stores a group, created and modified now, and answers its `grpid`.
    pub fn add_group(&self, group: MeasureGroup) -> u64 {
        let now = self.cloud.clock().unix();
        self.add_group_at(group, now, now)
    }

    /// Stores a group with these times, Unix seconds; it is visible from `created` on. Answers its `grpid`.
    pub fn add_group_at(&self, group: MeasureGroup, created: i64, modified: i64) -> u64 {
        self.add(|it| &mut it.groups, group, created, modified)
    }

    /// Changes a group, which is modified now. Whether there is one.
    pub fn edit_group(&self, grpid: u64, change: impl FnOnce(&mut MeasureGroup)) -> bool {
        self.change(|it| &mut it.groups, grpid, change)
    }

    /// Deletes a group, of which the service says nothing. Whether there was one.
    pub fn delete_group(&self, grpid: u64) -> bool {
        self.delete(|it| &mut it.groups, grpid)
    }

    /// Stores a night with its segments, created and modified now, and answers its `id`.
    pub fn add_night(&self, night: Night) -> u64 {
        let now = self.cloud.clock().unix();
        self.add_night_at(night, now, now)
    }

    /// Stores a night with its segments with these times, Unix seconds; it is visible from `created` on. Answers its `id`.
    pub fn add_night_at(&self, night: Night, created: i64, modified: i64) -> u64 {
        self.add(|it| &mut it.nights, night, created, modified)
    }

    /// Changes a night, which is modified now. Whether there is one.
    pub fn edit_night(&self, id: u64, change: impl FnOnce(&mut Night)) -> bool {
        self.change(|it| &mut it.nights, id, change)
    }

    /// Deletes a night. Whether there was one.
    pub fn delete_night(&self, id: u64) -> bool {
        self.delete(|it| &mut it.nights, id)
    }

    /// Stores a day of one source, created and modified now, and answers its id.
    pub fn add_activity(&self, activity: Activity) -> u64 {
        let now = self.cloud.clock().unix();
        self.add_activity_at(activity, now, now)
    }

    /// Stores a day of one source with these times, Unix seconds; it is visible from `created` on. Answers its id.
    pub fn add_activity_at(&self, activity: Activity, created: i64, modified: i64) -> u64 {
        self.add(|it| &mut it.activities, activity, created, modified)
    }

    /// Changes a day of one source, which is modified now. Whether there is one.
    pub fn edit_activity(&self, id: u64, change: impl FnOnce(&mut Activity)) -> bool {
        self.change(|it| &mut it.activities, id, change)
    }

    /// Deletes a day of one source. Whether there was one.
    pub fn delete_activity(&self, id: u64) -> bool {
        self.delete(|it| &mut it.activities, id)
    }

    /// Stores a workout, created and modified now, and answers its `id`.
    pub fn add_workout(&self, workout: Workout) -> u64 {
        let now = self.cloud.clock().unix();
        self.add_workout_at(workout, now, now)
    }

    /// Stores a workout with these times, Unix seconds; it is visible from `created` on. Answers its `id`.
    pub fn add_workout_at(&self, workout: Workout, created: i64, modified: i64) -> u64 {
        self.add(|it| &mut it.workouts, workout, created, modified)
    }

    /// Changes a workout, which is modified now. Whether there is one.
    pub fn edit_workout(&self, id: u64, change: impl FnOnce(&mut Workout)) -> bool {
        self.change(|it| &mut it.workouts, id, change)
    }

    /// Deletes a workout. Whether there was one.
    pub fn delete_workout(&self, id: u64) -> bool {
        self.delete(|it| &mut it.workouts, id)
    }

    /// The person gets into bed.
    pub fn got_in_bed(&self) {
        self.notify_of_bed(50);
    }

    /// The person gets out of bed.
    pub fn got_out_of_bed(&self) {
        self.notify_of_bed(51);
    }

    /// Tells those who subscribed to `appli` of this person; rows that are added tell it by themselves.
    pub fn notify(&self, appli: u32, fields: &[(&'static str, String)]) {
        self.cloud.model().tell(self.userid, appli, fields);
    }

    /// The callback URLs that are called about the person, each with its `appli`, in the order of subscribing.
    pub fn subscriptions(&self) -> Vec<(String, u32)> {
        self.cloud.model().subscriptions(self.userid)
    }

    /// Cuts every application off, as the person can do: codes and tokens are dead, which is told before.
    pub fn revoke(&self) {
        self.notify(46, &[("action", "unlink".to_owned())]);
        self.cloud.model().logins.revoke(self.userid);
    }

    /// How many of the person's tokens work now.
    pub fn live_tokens(&self) -> LiveTokens {
        let model = self.cloud.model();
        model.logins.live(self.userid, model.clock.unix())
    }

    /// The refresh token that was given last, dead or alive.
    pub fn latest_refresh_token(&self) -> Option<String> {
        self.cloud.model().logins.latest(self.userid).map(|it| it.refresh.clone())
    }

    fn notify_of_bed(&self, appli: u32) {
        let mats = self.person().devices;
        let mat = mats.iter().find(|it| it.kind == "Sleep Monitor").map(|it| ("deviceid", it.id.clone()));
        let at = ("startdate", self.cloud.clock().unix().to_string());
        self.notify(appli, &[at].into_iter().chain(mat).collect::<Vec<_>>());
    }

    fn add<T: News>(&self, rows: RowsOf<T>, row: T, created: i64, modified: i64) -> u64 {
        let news = row.news();
        let (id, now) = self.with(|it, now| {
            let id = it.diary.new_id();
            rows(&mut it.diary.rows).push(Stored { id, created, modified, row });
            (id, now)
        });
        // What becomes visible later is not told.
        for (appli, fields) in news.into_iter().filter(|_| created <= now) {
            self.notify(appli, &fields);
        }
        id
    }

    fn change<T>(&self, rows: RowsOf<T>, id: u64, change: impl FnOnce(&mut T)) -> bool {
        self.with(|it, now| {
            let visible = |it: &&mut Stored<T>| it.id == id && it.created <= now;
            let Some(stored) = rows(&mut it.diary.rows).iter_mut().rfind(visible) else { return false };
            change(&mut stored.row);
            stored.modified = now;
            true
        })
    }

    fn delete<T>(&self, rows: RowsOf<T>, id: u64) -> bool {
        self.with(|it, _| {
            let rows = rows(&mut it.diary.rows);
            let before = rows.len();
            rows.retain(|it| it.id != id);
            rows.len() < before
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Resident, i64) -> T) -> T {
        let mut model = self.cloud.model();
        let now = model.clock.unix();
        act(model.resident(self.userid).expect("an account is replaced at most, never closed"), now)
    }
}
