//! Who passes when, and that no minute has too many.

use super::*;

/// The milliseconds after the start at which `calls`, asked for all at once, are let pass, with their names.
async fn order(pace: &Pace, calls: Vec<(&'static str, Class)>) -> Vec<(u128, &'static str)> {
    let start = Instant::now();
    let (done, mut passed) = mpsc::unbounded_channel();
    for (name, class) in calls {
        let (pace, done) = (pace.clone(), done.clone());
        tokio::spawn(async move {
            pace.permit(class).await;
            done.send((start.elapsed().as_millis(), name)).unwrap();
        });
    }
    drop(done);
    let mut all = Vec::new();
    while let Some(it) = passed.recv().await {
        all.push(it);
    }
    all
}

fn data(profile: &str) -> Class {
    Class::Data(profile.into())
}

#[tokio::test(start_paused = true)]
async fn no_window_of_a_minute_has_more_calls_than_allowed() {
    let pace = Pace::new(100);
    let passed = order(&pace, (0..500).map(|_| ("x", data("Alice"))).collect()).await;
    let times: Vec<_> = passed.into_iter().map(|(at, _)| at).collect();
    for (first, at) in times.iter().enumerate() {
        let window = times[first..].iter().filter(|it| **it <= at + 60_000).count();
        assert!(window <= 100, "{window} calls in the minute from {at} ms");
    }
    assert!(times[0] >= 600, "a restart must not grant a call at once");
    assert!(times[499] <= 502 * 608, "the budget is not used: {} ms", times[499]);
}

#[tokio::test(start_paused = true)]
async fn exchanges_go_first_then_refreshes_then_profiles_take_turns() {
    let pace = Pace::new(60);
    let calls = vec![
        ("alice 1", data("Alice")),
        ("alice 2", data("Alice")),
        ("alice 3", data("Alice")),
        ("bob 1", data("Bob")),
        ("refresh", Class::Refresh),
        ("exchange", Class::Exchange),
    ];
    let names: Vec<_> = order(&pace, calls).await.into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["exchange", "refresh", "alice 1", "bob 1", "alice 2", "alice 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_stops_everything_and_a_shorter_one_does_not_end_it() {
    let pace = Pace::new(60);
    pace.pause(Duration::from_secs(68));
    pace.pause(Duration::from_secs(10));
    assert_eq!(pace.paused_for(), Some(Duration::from_secs(68)));
    let passed = order(&pace, vec![("call", Class::Exchange)]).await;
    assert!(passed[0].0 >= 68_000, "{passed:?}");
    assert_eq!(pace.paused_for(), None);
}

/// What happens to the program in a random life: calls, starts and budgets, each with its milliseconds.
#[derive(Default)]
struct Life {
    calls: Vec<u128>,
    /// Each holds until the next one.
    budgets: Vec<(u128, u32)>,
}

impl Life {
    /// A life of forty restarts and reloads, with somebody of each class who asks without end or now and then.
    async fn live(random: &mut fastrand::Rng, budgets: &[u32]) -> Self {
        let (start, mut life) = (Instant::now(), Self::default());
        let mut pace = Pace::new(budgets[0]);
        for _ in 0..40 {
            let budget = random.choice(budgets).copied().unwrap();
            life.budgets.push((start.elapsed().as_millis(), budget));
            if random.bool() {
                pace = Pace::new(budget);
            } else {
                pace.set_rate(budget);
            }
            // So that the new budget is in force when it is noted.
            tokio::task::yield_now().await;
            let until = Instant::now() + Duration::from_millis(random.u64(..120_000));
            let classes = [data("Alice"), data("Bob"), Class::First("Carol".into()), Class::Refresh, Class::Exchange];
            let asking = classes.map(|it| calls_until(until, pace.clone(), it, random.fork()));
            let calls = futures_util::future::join_all(asking).await.concat();
            life.calls.extend(calls.into_iter().map(|it| (it - start).as_millis()));
        }
        life.calls.sort_unstable();
        life
    }

    /// The highest budget of the minute that begins at `at`.
    fn budget(&self, at: u128) -> usize {
        let before = self.budgets.iter().rposition(|(since, _)| *since <= at).unwrap();
        let of_minute = self.budgets[before..].iter().take_while(|(since, _)| *since <= at + 60_000);
        of_minute.map(|(_, budget)| *budget as usize).max().unwrap()
    }

    fn check(&self, seed: u64) {
        for (first, at) in self.calls.iter().enumerate() {
            let minute = self.calls[first..].iter().take_while(|it| **it <= at + 60_000).count();
            let budget = self.budget(*at);
            assert!(minute <= budget, "{minute} calls of {budget} in the minute from {at} ms, seed {seed}");
        }
    }
}

/// When calls of one class are let pass that are asked for one after the other, with pauses.
async fn calls_until(until: Instant, pace: Pace, class: Class, mut random: fastrand::Rng) -> Vec<Instant> {
    let mut passed = Vec::new();
    let longest_pause = random.choice([1, 1000, 60_000]).unwrap();
    while tokio::time::timeout_at(until, pace.permit(class.clone())).await.is_ok() {
        passed.push(Instant::now());
        tokio::time::sleep(Duration::from_millis(random.u64(..longest_pause))).await;
    }
    passed
}

#[tokio::test(start_paused = true)]
async fn neither_exchanges_nor_reloads_nor_restarts_make_room_for_more_calls() {
    let mut calls = 0;
    for seed in 0..50 {
        let mut random = fastrand::Rng::with_seed(seed);
        let budgets: Vec<_> = (0..3).map(|_| random.choice([1, 2, 3, 4, 7, 60, 100, 120]).unwrap()).collect();
        let life = Life::live(&mut random, &budgets).await;
        life.check(seed);
        calls += life.calls.len();
    }
    assert!(calls > 20_000, "{calls} calls");
}

/// How long an exchange waits that is asked for after so many seconds, while other calls wait all the time.
async fn exchange_waits(budget: u32, after: Duration) -> Duration {
    let pace = Pace::new(budget);
    for profile in ["Alice", "Bob"] {
        tokio::spawn(calls_until(Instant::now() + 2 * after, pace.clone(), data(profile), fastrand::Rng::with_seed(1)));
    }
    tokio::time::sleep(after).await;
    let asked = Instant::now();
    pace.permit(Class::Exchange).await;
    asked.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_code_is_exchanged_at_once_whatever_else_is_asked_for() {
    for budget in [2, 3, 10, 100] {
        for seconds in [120, 133, 150, 179, 181] {
            let waited = exchange_waits(budget, Duration::from_secs(seconds)).await;
            assert!(waited <= Duration::from_millis(2), "{budget} a minute, after {seconds} s: {waited:?}");
        }
    }
    let after_a_start = exchange_waits(100, Duration::from_millis(1)).await;
    assert!(after_a_start < Duration::from_secs(1), "{after_a_start:?}");
    assert!(exchange_waits(4, Duration::from_millis(1)).await < Duration::from_secs(21), "a code lives 30 s");
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_is_given_up_lets_nobody_else_pass_early() {
    let pace = Pace::new(2);
    order(&pace, vec![("regular", data("Alice"))]).await;
    let given_up = async {
        drop(tokio::time::timeout(Duration::ZERO, pace.permit(Class::Exchange)).await);
    };
    let (passed, ()) = tokio::join!(order(&pace, vec![("next", data("Alice"))]), given_up);
    assert_eq!(passed, [(60_001, "next")]);
}

#[tokio::test(start_paused = true)]
async fn a_first_refresh_has_every_second_turn() {
    let pace = Pace::new(60);
    let mut calls: Vec<_> = ["a", "b", "c", "d"].map(|it| (it, data(it))).to_vec();
    calls.extend(["new 1", "new 2", "new 3"].map(|it| (it, Class::First("new".into()))));
    let names: Vec<_> = order(&pace, calls).await.into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["new 1", "a", "new 2", "b", "new 3", "c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn a_lower_rate_holds_from_its_first_call_on() {
    let pace = Pace::new(100);
    order(&pace, vec![("before", data("Alice"))]).await;
    pace.set_rate(7);
    let passed = order(&pace, vec![("slow", data("Alice")), ("slow", data("Alice"))]).await;
    assert_eq!(passed, [(10_001, "slow"), (20_002, "slow")]);
    pace.set_rate(61);
    let passed = order(&pace, vec![("fast", data("Alice"))]).await;
    assert_eq!(passed, [(1001, "fast")]);
}

#[tokio::test(start_paused = true)]
async fn a_changed_rate_counts_from_the_next_call_on() {
    let pace = Pace::new(61);
    order(&pace, vec![("before", data("Alice"))]).await;
    pace.set_rate(31);
    let passed = order(&pace, vec![("slow", data("Alice")), ("slow", data("Alice"))]).await;
    assert_eq!(passed, [(2001, "slow"), (4002, "slow")]);
    let hurried = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        pace.set_rate(61);
    };
    let (passed, ()) = tokio::join!(order(&pace, vec![("fast", data("Alice"))]), hurried);
    assert_eq!(passed, [(1001, "fast")], "who waits already is let pass sooner");
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_costs_no_turn() {
    let pace = Pace::new(61);
    let given_up = tokio::time::timeout(Duration::from_millis(1), pace.permit(data("Alice"))).await;
    assert!(given_up.is_err());
    let passed = order(&pace, vec![("call", data("Bob"))]).await;
    assert!(passed[0].0 <= 2003, "{passed:?}");
}
