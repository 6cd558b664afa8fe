//! Six replicas are killed and frozen at the worst places of their rotations, and no login is lost.
//!
//! 200 blows in each mode of the cloud; `WITHINGS_TEST_BLOWS=500` for more. `WITHINGS_TEST_SEED` repeats the choices.

use std::collections::BTreeMap;
use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use rustix::process::Signal;
use tokio::time::{Instant, sleep};
use withings_exporter::sim::Rotation;

use super::way::{Held, Hold};
use super::{Fleet, NO_BUDGET, Replica, report};
use crate::postgres::database::Database;

const REPLICAS: usize = 6;

/// Many, for who is struck rests until a lease or a claim has run out.
const PEOPLE: u64 = 120;

/// How long a replica is watched for a rotation.
const PATIENCE: Duration = Duration::from_secs(8);

/// After the last blow a claim of a dead replica lasts 15 s more, and a lease twice as long.
const HEALED_WITHIN: Duration = Duration::from_mins(4);

/// Lets a replica that is named in the table wait in its transaction.
const TRAPS: &str = "create table trap (replica text, place text); \
     create function fall() returns trigger language plpgsql as $$ begin \
       if exists (select from trap where replica = current_setting('application_name') and place = tg_argv[0]) then \
         perform pg_sleep(0.7); \
       end if; return new; end $$; \
     create trigger leased before update on login for each row \
       when (new.holder is not null and new.holder is distinct from old.holder) execute function fall('leased'); \
     create trigger stored before update on login for each row \
       when (new.version > old.version) execute function fall('stored'); \
     create constraint trigger committed after update on login deferrable initially deferred for each row \
       when (new.version > old.version) execute function fall('committed')";

/// Where a replica is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// It takes the lease.
    Leased,
    /// It has asked for a pair, and the cloud has not heard it.
    Asked,
    /// The cloud has made the pair and not answered.
    Made,
    /// The cloud has answered a moment ago.
    Answered,
    /// It stores the pair.
    Stored,
    /// It commits that.
    Committed,
}

const PLACES: [Place; 6] = [Place::Leased, Place::Asked, Place::Made, Place::Answered, Place::Stored, Place::Committed];

#[derive(Clone, Copy)]
enum Blow {
    Kill,
    Freeze(Duration),
}

/// What was done.
#[derive(Default, Debug)]
struct Tally {
    kills: usize,
    freezes: usize,
    /// Freezes that outlast the lease.
    long_freezes: usize,
    /// Calls that the cloud heard when nobody waited for the answer any more.
    late_calls: usize,
    places: BTreeMap<Place, usize>,
    /// How often a replica did not come to the place in time.
    missed: usize,
}

struct Chaos {
    fleet: Fleet,
    database: Database,
    left: AtomicUsize,
    tally: Mutex<Tally>,
}

impl Chaos {
    async fn new(rotation: Rotation, blows: usize) -> Self {
        let database = Database::empty();
        let fleet = Fleet::new(&database.url(), PEOPLE).await;
        fleet.cloud.cloud.rotation(rotation);
        database.psql(NO_BUDGET);
        database.psql(TRAPS);
        Self { fleet, database, left: AtomicUsize::new(blows), tally: Mutex::default() }
    }

    /// Strikes this replica until enough was struck.
    async fn strike(&self, replica: &mut Replica, mut random: Rng) {
        while self.left.load(Ordering::Relaxed) > 0 {
            replica.until_ready().await;
            let place = PLACES[random.usize(..PLACES.len())];
            let blow = blow(&mut random);
            let is_struck = match place {
                Place::Asked => self.strike_on_the_way(replica, Hold::Asked, blow, &mut random).await,
                Place::Made => self.strike_on_the_way(replica, Hold::Answered, blow, &mut random).await,
                Place::Answered => strike_afterwards(replica, blow, &mut random).await,
                Place::Leased => self.strike_in_database(replica, "leased", blow).await,
                Place::Stored => self.strike_in_database(replica, "stored", blow).await,
                Place::Committed => self.strike_in_database(replica, "committed", blow).await,
            };
            if is_struck {
                self.note(place, blow);
                rise(replica, blow, &mut random).await;
            } else {
                self.tally.lock().unwrap().missed += 1;
            }
        }
    }

    async fn strike_on_the_way(&self, replica: &mut Replica, place: Hold, blow: Blow, random: &mut Rng) -> bool {
        let Some(held) = replica.way.hold(place, PATIENCE).await else { return false };
        hit(replica, blow);
        match random.u32(..10) {
            // It is lost.
            0..3 => drop(held),
            // It arrives when the replica, were it awake, would not wait any more.
            3..7 => {
                self.tally.lock().unwrap().late_calls += usize::from(place == Hold::Asked);
                let late = Duration::from_millis(random.u64(8500..12_000));
                tokio::spawn(go_on_after(held, late));
            }
            _ => drop(held.send(())),
        }
        true
    }

    /// Strikes the replica while it waits in this trigger.
    async fn strike_in_database(&self, replica: &mut Replica, place: &str, blow: Blow) -> bool {
        let name = replica.name.clone();
        self.database.psql(&format!("insert into trap values ('{name}', '{place}')"));
        let asleep = format!(
            "select count(*) from pg_stat_activity where application_name = '{name}' and wait_event = 'PgSleep' \
             and datname = current_database()"
        );
        let begun = Instant::now();
        let mut is_caught = false;
        while !is_caught && begun.elapsed() < PATIENCE {
            sleep(Duration::from_millis(100)).await;
            is_caught = self.database.psql(&asleep) != "0";
        }
        if is_caught {
            hit(replica, blow);
        }
        self.database.psql(&format!("delete from trap where replica = '{name}'"));
        is_caught
    }

    fn note(&self, place: Place, blow: Blow) {
        let mut tally = self.tally.lock().unwrap();
        *tally.places.entry(place).or_default() += 1;
        match blow {
            Blow::Kill => tally.kills += 1,
            Blow::Freeze(time) => {
                tally.freezes += 1;
                tally.long_freezes += usize::from(time.as_secs() > 30);
            }
        }
        let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
    }
}

/// Half of the blows kill. Some freezes are longer than the replica waits for an answer, some longer than its lease.
fn blow(random: &mut Rng) -> Blow {
    match random.u32(..100) {
        0..50 => Blow::Kill,
        50..85 => Blow::Freeze(Duration::from_millis(random.u64(300..4000))),
        85..93 => Blow::Freeze(Duration::from_millis(random.u64(8500..12_000))),
        _ => Blow::Freeze(Duration::from_millis(random.u64(31_000..36_000))),
    }
}

/// Strikes within milliseconds after an answer.
async fn strike_afterwards(replica: &mut Replica, blow: Blow, random: &mut Rng) -> bool {
    let Some(held) = replica.way.hold(Hold::Answered, PATIENCE).await else { return false };
    let _ = held.send(());
    sleep(Duration::from_micros(random.u64(..15_000))).await;
    hit(replica, blow);
    true
}

fn hit(replica: &mut Replica, blow: Blow) {
    match blow {
        Blow::Kill => replica.kill(),
        Blow::Freeze(_) => replica.signal(Signal::STOP),
    }
}

async fn rise(replica: &mut Replica, blow: Blow, random: &mut Rng) {
    match blow {
        Blow::Kill => {
            sleep(Duration::from_millis(random.u64(..1000))).await;
            replica.start();
        }
        Blow::Freeze(time) => {
            sleep(time).await;
            replica.signal(Signal::CONT);
        }
    }
}

async fn go_on_after(held: Held, time: Duration) {
    sleep(time).await;
    // The way may have ended meanwhile.
    let _ = held.send(());
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

async fn check(rotation: Rotation) {
    let blows = usize::try_from(number("WITHINGS_TEST_BLOWS").unwrap_or(200)).unwrap();
    let seed = number("WITHINGS_TEST_SEED").unwrap_or_else(|| fastrand::u64(..));
    let begun = Instant::now();
    let chaos = Chaos::new(rotation, blows).await;
    let mut replicas = chaos.fleet.replicas(REPLICAS);
    let lanes = replicas.iter_mut().zip(0..).map(|(replica, lane)| {
        let random = Rng::with_seed(seed.wrapping_add(lane));
        chaos.strike(replica, random)
    });
    join_all(lanes).await;
    let lost = chaos.fleet.lost_after(HEALED_WITHIN).await;
    let marked = chaos.database.psql("select coalesce(string_agg(profile, ', '), '') from login where refused");
    let (rotations, refused) = chaos.fleet.token_calls();
    let tally = chaos.tally.into_inner().unwrap();
    report(format!(
        "{rotation:?} rotation: {} of {PEOPLE} logins lost and {marked:?} marked by {} kills and {} freezes ({} longer than a \
         lease) during {rotations} rotations, {refused} refused calls for tokens, {} heard late; at {:?}, {} missed; \
         {} s, seed {seed}",
        lost.len(),
        tally.kills,
        tally.freezes,
        tally.long_freezes,
        tally.late_calls,
        tally.places,
        tally.missed,
        begun.elapsed().as_secs(),
    ));
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert_eq!(marked, "");
    assert_eq!(refused, 0);
    assert!(rotations >= blows, "too few rotations");
    assert!(PLACES.iter().all(|place| tally.places.contains_key(place)), "{:?}", tally.places);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: tests/run --long"]
async fn no_blow_costs_a_login_where_both_pairs_of_one_token_live() {
    check(Rotation::Lenient).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: tests/run --long"]
async fn no_blow_costs_a_login_where_the_latest_pair_lives() {
    check(Rotation::Grace).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: tests/run --long"]
async fn no_blow_costs_a_login_where_a_dead_token_ends_it() {
    check(Rotation::Watchful).await;
}
