//! Power cuts: the program is killed at random moments of its rotations, again and again, and keeps its logins.
//!
//! 100 kills; `WITHINGS_TEST_KILLS=500` for more. `WITHINGS_TEST_SEED` repeats a run as far as the machine allows.

use std::collections::BTreeSet;
use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::num::NonZeroU32;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::sync::broadcast::Receiver;
use tokio::time::{sleep, timeout};
use withings_exporter::sim::{Fault, Limits, Request, Rotation};

use crate::program::spawn;
use crate::rotation::{heard, is_authorized};
use crate::world::World;

/// The profiles of one household, whose exporter is killed [`KILLS_PER_HOUSE`] times.
const PROFILES: [&str; 3] = ["Alice", "Bob", "Carol"];

const KILLS_PER_HOUSE: usize = 5;

/// How many exporters run at a time: they wait for their turns most of the time.
const LANES: usize = 6;

/// A start that works takes a fraction of this.
const PATIENCE: Duration = Duration::from_secs(30);

/// The counts of what became of the logins.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    kills: usize,
    rotations: usize,
    /// Kills after Withings made a pair and before it was on disk.
    unsaved: usize,
    /// Kills after a pair was on disk and before its first use was noted.
    unused: usize,
    logins: usize,
    lost: usize,
}

/// The running program; dropping it is the power cut, so that a test that fails leaves none behind.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A household, its cloud and the disk of its exporter.
struct House {
    world: World,
    config: TempDir,
    random: Rng,
    /// Profiles of which Withings made a pair that never reached the disk.
    unsaved: BTreeSet<&'static str>,
    tally: Tally,
}

impl House {
    /// A household with all profiles logged in and the exporter stopped.
    async fn new(rotation: Rotation, seed: u64) -> Self {
        let mut world = World::in_real_time(&PROFILES).await;
        world.cloud.limits(Limits::OFF);
        world.cloud.rotation(rotation);
        world.config.requests_per_minute = NonZeroU32::new(60_000).unwrap();
        world.start_exporter().await;
        for profile in PROFILES {
            timeout(PATIENCE, world.connect_in_real_time(profile)).await.unwrap();
        }
        world.stop_exporter().await;
        let config = TempDir::new().unwrap();
        let block = format!(
            "withings:\n  client_id: the-app\n  client_secret: secret-of-the-app\n  profiles: [{}]\n  \
             requests_per_minute: 120\n  refresh_interval: 15s\n  api_url: {url}\n  account_url: {url}\n",
            PROFILES.join(", "),
            url = world.config.api_url
        );
        File::create(config.path().join("withings.yaml")).unwrap().write_all(block.as_bytes()).unwrap();
        let tally = Tally { logins: PROFILES.len(), ..Tally::default() };
        Self { world, config, random: Rng::with_seed(seed), unsaved: BTreeSet::new(), tally }
    }

    /// Starts the program and kills it around one of its first rotations.
    async fn kill(&mut self) {
        let on_the_wire = Duration::from_millis(self.random.u64(0..30));
        self.world.cloud.heal();
        self.world.cloud.fault(Fault::delay(on_the_wire).on("requesttoken").times(u32::MAX));
        let mut calls = self.world.cloud.listen();
        lapse_tokens(&self.world);
        let program = self.start();
        // Where logins are lost, there may be fewer.
        let rotations = rotations(&mut calls, self.random.usize(1..=PROFILES.len()));
        drop(timeout(Duration::from_secs(4), rotations).await);
        sleep(Duration::from_micros(self.random.u64(0..60_000))).await;
        drop(program);
        self.tally.kills += 1;
        self.note_what_is_on_disk();
    }

    fn start(&self) -> Program {
        let mut program = Command::new(env!("CARGO_BIN_EXE_withings-exporter"));
        program.arg("--config.file").arg(self.config.path().join("withings.yaml"));
        program.arg("--storage.path").arg(self.world.disk.path());
        program.args(["--web.listen-address", "127.0.0.1:0"]);
        Program(spawn(program.env_clear().stdout(Stdio::null()).stderr(Stdio::null())).unwrap())
    }

    fn note_what_is_on_disk(&mut self) {
        let is_behind = |profile: &&str| {
            let stored = self.world.stored(profile).expect("a kill leaves the file before or the file after");
            let latest = self.world.account(profile).latest_refresh_token().unwrap();
            stored.refresh_token.expose_secret() != latest
        };
        let behind: Vec<_> = PROFILES.into_iter().filter(is_behind).collect();
        let is_unused = |profile: &&str| self.world.stored(profile).unwrap().previous_refresh_token.is_some();
        self.tally.unsaved += usize::from(behind.iter().any(|version| !self.unsaved.contains(version)));
        self.tally.unused += usize::from(PROFILES.iter().any(is_unused));
        self.unsaved.extend(behind);
    }

    /// Starts the exporter for good, and expects that every login lives but, in strict mode, those whose answer was
    /// lost.
    async fn check_logins(&mut self, rotation: Rotation) {
        self.tally.rotations = self.world.calls("requesttoken").iter().filter(|call| call.status == Some(0)).count();
        self.world.cloud.heal();
        self.world.start_exporter().await;
        for profile in PROFILES {
            let is_excused = rotation == Rotation::Strict && self.unsaved.contains(profile);
            let settled = timeout(
                PATIENCE,
                self.world.until(profile, |snapshot| snapshot.up().is_some() && snapshot.refresh_seconds.is_some()),
            );
            settled.await.unwrap();
            let is_authorized = is_authorized(&self.world, profile).await;
            assert_eq!(is_authorized, !is_excused, "{profile} after {:?}", self.tally);
            if is_authorized {
                timeout(PATIENCE, self.world.until_up(profile)).await.unwrap();
            }
            self.tally.lost += usize::from(!is_authorized);
        }
        self.world.stop_exporter().await;
        let files = fs::read_dir(self.world.disk.path().join("logins")).unwrap().count();
        assert!(files <= 3 * PROFILES.len(), "a login, a lock and at most one killed write each; there are {files}");
    }
}

impl Tally {
    fn add(self, other: Self) -> Self {
        Self {
            kills: self.kills + other.kills,
            rotations: self.rotations + other.rotations,
            unsaved: self.unsaved + other.unsaved,
            unused: self.unused + other.unused,
            logins: self.logins + other.logins,
            lost: self.lost + other.lost,
        }
    }
}

/// Makes the access tokens on disk end now.
fn lapse_tokens(world: &World) {
    for profile in PROFILES {
        world.edit_login(profile, |login| login["expires_at"] = world.clock.unix().into());
    }
}

/// Waits for so many refreshes.
async fn rotations(calls: &mut Receiver<Request>, count: usize) {
    for _ in 0..count {
        heard(calls, "requesttoken").await;
    }
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

/// Half of all kills, in this mode of the cloud.
async fn check_kills(rotation: Rotation) {
    let kills = usize::try_from(number("WITHINGS_TEST_KILLS").unwrap_or(100)).unwrap() / 2;
    let seed = number("WITHINGS_TEST_SEED").unwrap_or_else(|| fastrand::u64(..));
    let houses = kills.div_ceil(KILLS_PER_HOUSE);
    let lane = async |lane: usize| {
        let mut tally = Tally::default();
        for number in (lane..houses).step_by(LANES) {
            let mut house = House::new(rotation, seed.wrapping_add(number as u64)).await;
            for _ in 0..KILLS_PER_HOUSE {
                house.kill().await;
            }
            house.check_logins(rotation).await;
            tally = tally.add(house.tally);
        }
        tally
    };
    let tally = join_all((0..LANES).map(lane)).await.into_iter().fold(Tally::default(), Tally::add);
    let Tally { kills, rotations, unsaved, unused, logins, lost } = tally;
    #[expect(clippy::explicit_write, reason = "the harness swallows what a test that passes prints with a macro")]
    writeln!(
        std::io::stderr(),
        "{rotation:?} rotation: {lost} of {logins} logins lost by {kills} kills during {rotations} rotations, {unsaved} \
         of them before and {unused} after a pair was on disk; seed {seed}"
    )
    .unwrap();
    assert!(rotations >= kills, "the kills did not hit rotations");
    assert!(unsaved >= kills / 20, "too few kills between the answer and the disk");
    assert!(unused >= kills / 20, "too few kills between the disk and the first use");
}

#[tokio::test]
#[ignore = "long: tests/run --long"]
async fn no_kill_costs_a_login() {
    check_kills(Rotation::Grace).await;
}

#[tokio::test]
#[ignore = "long: tests/run --long"]
async fn where_a_token_works_once_only_an_answer_lost_on_the_wire_costs_a_login() {
    check_kills(Rotation::Strict).await;
}
