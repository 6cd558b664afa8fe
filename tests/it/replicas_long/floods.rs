//! Ten thousand notifications for three replicas, most of which tell the same, while replicas are killed: all that they tell of is
//! shown within a minute, by few calls.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use url::Url;
use withings_exporter::clock::Clock;

use super::{Fleet, Replica, report, weighing};
use crate::postgres::database::Database;
use crate::webhooks::HOST;

const REPLICAS: usize = 3;

/// Each is asked about twice a minute at the most, and the subscriptions of each are looked at when a replica starts. The budget of
/// 120 requests a minute carries that.
const PEOPLE: usize = 20;

const NOTIFICATIONS: usize = 10_000;

/// How often Withings tells of the same weighing.
const TIMES: usize = 5;

/// How many notifications are under way at once.
const LANES: usize = 6;

/// The weight before the first weighing that is told of; each further one adds a gram.
const GRAMS: usize = 70_000;

/// How long after its first notification a weighing must be on every page.
const SHOWN_WITHIN: Duration = Duration::from_mins(1);

/// How long what is not shown is waited for.
const PATIENCE: Duration = Duration::from_mins(3);

/// A weighing that a replica has said to know of.
struct Told {
    person: usize,
    grams: usize,
    at: Instant,
}

#[derive(Default)]
struct Tally {
    told: usize,
    /// Notifications that a replica did not take, and that were told to another one.
    repeated: usize,
    weighings: usize,
    kills: usize,
}

struct Flood<'a> {
    fleet: &'a Fleet,
    replicas: Vec<SocketAddr>,
    /// The secret one.
    path: String,
    waiting: Mutex<Vec<Told>>,
    /// How long it took until every page had a weighing, or a later one of the same person.
    shown_after: Mutex<Vec<Duration>>,
    left: AtomicUsize,
    tally: Mutex<Tally>,
}

impl Flood<'_> {
    /// Weighs people in turn, and tells of each several times.
    async fn send(&self, lane: usize) {
        let mut grams = GRAMS;
        while self.left.load(Ordering::Relaxed) > 0 {
            grams += 1;
            for person in (lane..PEOPLE).step_by(LANES) {
                self.fleet.account(person).add(weighing(&Clock::system(), i64::try_from(grams).unwrap()));
                self.tally.lock().unwrap().weighings += 1;
                for number in 0..TIMES {
                    let at = Instant::now();
                    self.tell(person).await;
                    if number == 0 {
                        self.waiting.lock().unwrap().push(Told { person, grams, at });
                    }
                    sleep(Duration::from_millis(fastrand::u64(20..120))).await;
                }
            }
        }
    }

    /// Tells any replica of a weighing, and another one until one has taken it.
    async fn tell(&self, person: usize) {
        let form = format!("userid={}&appli=1", person + 1);
        let (path, length) = (&self.path, form.len());
        let request =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{form}");
        while ask(self.replicas[fastrand::usize(..REPLICAS)], &request).await.is_none_or(|(status, _)| status != 200) {
            self.tally.lock().unwrap().repeated += 1;
            sleep(Duration::from_millis(50)).await;
        }
        self.tally.lock().unwrap().told += 1;
        let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
    }

    /// Looks at the pages of all replicas again and again.
    async fn watch(&self) {
        loop {
            let pages = join_all(self.replicas.iter().map(async |address| weights(*address).await)).await;
            let now = Instant::now();
            let pages: Vec<_> = pages.into_iter().flatten().collect();
            let is_shown = |told: &mut Told| {
                let has =
                    |page: &BTreeMap<usize, usize>| page.get(&told.person).is_some_and(|grams| *grams >= told.grams);
                !pages.is_empty() && pages.iter().all(has)
            };
            let shown: Vec<_> = self.waiting.lock().unwrap().extract_if(.., is_shown).collect();
            self.shown_after.lock().unwrap().extend(shown.iter().map(|told| now - told.at));
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// Kills replicas and starts them again as long as there is something to tell.
    async fn kill(&self, mut replicas: Vec<Replica>) {
        while self.left.load(Ordering::Relaxed) > 0 {
            sleep(Duration::from_millis(fastrand::u64(20_000..30_000))).await;
            let replica = &mut replicas[fastrand::usize(..REPLICAS)];
            replica.kill();
            self.tally.lock().unwrap().kills += 1;
            sleep(Duration::from_secs(1)).await;
            replica.start();
        }
        // They go on to the end.
        std::future::pending::<()>().await;
    }

    async fn until_all_is_shown(&self) {
        let begun = Instant::now();
        while !self.waiting.lock().unwrap().is_empty() && begun.elapsed() < PATIENCE {
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The status and the whole answer, if it comes; a replica may be dead, or be killed meanwhile.
async fn ask(address: SocketAddr, request: &str) -> Option<(u16, String)> {
    let answered = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some((answer.get(9..12)?.parse().ok()?, answer))
    };
    timeout(Duration::from_secs(10), answered).await.ok()?
}

/// What a replica shows of each person, in grams.
async fn weights(address: SocketAddr) -> Option<BTreeMap<usize, usize>> {
    let request =
        "GET /metrics?shard=0/1&name[]=withings_weight_kg HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let (_, page) = ask(address, request).await?;
    let weight = |line: &str| {
        let (person, kilograms) = line.strip_prefix("withings_weight_kg{profile=\"Person ")?.split_once("\"} ")?;
        let grams = kilograms.parse::<f64>().ok()? * 1000.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a weight")]
        Some((person.parse::<usize>().ok()? - 1, grams.round() as usize))
    };
    Some(page.lines().filter_map(weight).collect())
}

/// An address that takes everything that Withings itself tells: the notifications of this test are its own.
async fn sink() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                // Whether it is heard is Withings' matter.
                let _ = client.read(&mut request).await;
                let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
            });
        }
    });
    address
}

/// Waits until Withings tells of everybody's weight, and gives the path at which it would.
async fn until_subscribed(fleet: &Fleet) -> String {
    let begun = Instant::now();
    loop {
        let urls: Vec<_> =
            (0..PEOPLE).filter_map(|person| fleet.account(person).subscriptions().pop()).map(|(url, _)| url).collect();
        if urls.len() == PEOPLE {
            return Url::parse(&urls[0]).unwrap().path().to_owned();
        }
        assert!(begun.elapsed() < PATIENCE, "{} are subscribed", urls.len());
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: tests/run --long"]
async fn a_flood_loses_nothing_and_leads_to_few_calls_while_replicas_are_killed() {
    let database = Database::empty();
    let mut fleet = Fleet::new(&database.url(), PEOPLE as u64).await;
    fleet.cloud.cloud.access_token_lifetime(3 * 3600);
    fleet.cloud.cloud.host(HOST, sink().await);
    fleet.settings =
        format!("requests_per_minute: 120\n  refresh_interval: 12h\n  webhooks: true\n  base_url: https://{HOST}");
    let replicas = fleet.replicas(REPLICAS);
    let path = until_subscribed(&fleet).await;
    let before = fleet.fetches();
    let flood = Flood {
        fleet: &fleet,
        replicas: replicas.iter().map(|replica| replica.address).collect(),
        path,
        waiting: Mutex::default(),
        shown_after: Mutex::default(),
        left: AtomicUsize::new(NOTIFICATIONS),
        tally: Mutex::default(),
    };
    let begun = Instant::now();
    let sent = async {
        join_all((0..LANES).map(|lane| flood.send(lane))).await;
        let lasted = begun.elapsed();
        flood.until_all_is_shown().await;
        lasted
    };
    let lasted = tokio::select! {
        lasted = sent => lasted,
        () = flood.watch() => unreachable!("it has no end"),
        () = flood.kill(replicas) => unreachable!("it has no end"),
    };
    let fetches = fleet.fetches() - before;
    let (tally, mut shown) = (flood.tally.into_inner().unwrap(), flood.shown_after.into_inner().unwrap());
    let lost = flood.waiting.into_inner().unwrap().len();
    shown.sort_unstable();
    let late = shown.iter().filter(|after| **after > SHOWN_WITHIN).count();
    let part = |hundredths: usize| shown[(shown.len() - 1) * hundredths / 100].as_secs_f64();
    report(format!(
        "flood: {} notifications of {} weighings of {PEOPLE} people in {:.0} s, {} told again, {} kills; {fetches} calls; shown \
         by every page after {:.1} s (median), {:.1} s (99 %), {:.1} s (longest), {late} later than {} s, {lost} never",
        tally.told,
        tally.weighings,
        lasted.as_secs_f64(),
        tally.repeated,
        tally.kills,
        part(50),
        part(99),
        part(100),
        SHOWN_WITHIN.as_secs()
    ));
    assert_eq!(lost, 0);
    assert!(fetches <= tally.told / 3, "{fetches}");
    assert_eq!(late, 0);
    assert!(tally.kills > 0);
}
