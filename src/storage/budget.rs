//! The one budget of requests that the application has at Withings, for every process together (GCRA): pure arithmetic.
//!
//! Withings counts 120 requests a minute for an application, all people together. Requests are spaced as one less than the
//! budget would be, because a code exchange may be one spacing early: so no window of 60 s ever sees more than the budget.

use std::time::Duration;

/// The furthest that any class may reserve ahead, milliseconds: as long as an exchange waits.
const FURTHEST: i64 = 20_000;

/// How large the stored budget is, bytes.
pub(super) const SIZE: usize = 32;

/// What a request is for: the further ahead its class may reserve, the sooner it has its turn among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A code exchange: the code lives 30 seconds. And what else a login needs that nobody has confirmed. Anybody can cause
    /// them, so they have a third of the requests.
    Exchange,
    /// A token refresh: other calls wait for it.
    Refresh,
    /// A page of data.
    Data,
    /// A page of a history that is read for the first time. The others go on beside it.
    FirstRead,
    /// A page for a backfill: a tenth of the requests at least, half of them at most.
    Backfill,
}

/// The answer to a request for a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The request may be made after this time, and within a second of it.
    Granted(Duration),
    /// Nothing was reserved: ask again after this time.
    Denied(Duration),
}

/// The distances between requests, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spacing {
    apart: i64,
    /// How early an exchange may be; 0 for one request a minute, which leaves no second one to spare.
    early: i64,
    /// How far one exchange is from the next.
    exchanges_apart: i64,
}

impl Spacing {
    /// The spacing of a budget of `per_minute` requests, at least 1.
    pub(super) fn of(per_minute: u32) -> Self {
        // One millisecond more than the division says, so that a window of 60 s that begins and ends with a request does not
        // hold one too many.
        let apart = (60_000 / i64::from(per_minute.max(2) - 1)) + 1;
        // Of so few that a third of a minute's requests is less than one, every second one.
        let exchanges_apart = if per_minute > 3 { 3 * apart } else { 2 * apart };
        Self { apart, early: if per_minute > 1 { apart } else { 0 }, exchanges_apart }
    }
}

/// The budget as it is known; all in Unix milliseconds but the length of the pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Budget {
    /// When the next request has its turn.
    next: i64,
    paused_until: i64,
    /// How long the pause is, milliseconds.
    pause: i64,
    /// When a backfill last had its turn.
    backfill: i64,
    /// When an exchange was last given a turn.
    exchange: Option<i64>,
}

impl Budget {
    /// The budget that is assumed where the stored one is not known: a request was just made, and one that was early.
    pub(super) fn unknown(spacing: Spacing, now: i64) -> Self {
        Self { next: now + 2 * spacing.apart, ..Self::default() }
    }

    /// Asks for a permit at `now`. `next` is when this process knows that the next request has its turn at the earliest,
    /// whatever the wall clock did meanwhile.
    pub(super) fn take(&mut self, class: Class, spacing: Spacing, now: i64, next: i64) -> Turn {
        let Spacing { apart, early, exchanges_apart } = spacing;
        if self.next > now + 2 * apart + FURTHEST {
            // No reservation reaches so far: the wall clock was set back since it was stored, and would block everything.
            self.next = now + 2 * apart;
        }
        self.next = self.next.max(next);
        if class == Class::Backfill && now < self.backfill + 2 * apart && self.backfill <= now {
            return Turn::Denied(millis(self.backfill + 2 * apart - now));
        }
        let exchange = self.exchange.filter(|at| class == Class::Exchange && *at <= now);
        if let Some(at) = exchange.filter(|at| now < at + exchanges_apart) {
            return Turn::Denied(millis(at + exchanges_apart - now));
        }
        let early = if class == Class::Exchange { early } else { 0 };
        let wait = (self.next - early - now).max(0);
        let ahead = self.ahead(class, apart, now);
        if wait > ahead {
            return Turn::Denied(millis(wait - ahead));
        }
        self.next = self.next.max(now + wait) + apart;
        match class {
            Class::Backfill => self.backfill = now + wait,
            // Not of its turn: with the wait for that, the distances would add up to less than the share.
            Class::Exchange => self.exchange = Some(now),
            Class::Refresh | Class::Data | Class::FirstRead => {}
        }
        Turn::Granted(millis(wait))
    }

    /// How far ahead `class` may reserve.
    fn ahead(&self, class: Class, apart: i64, now: i64) -> i64 {
        match class {
            Class::Exchange => FURTHEST,
            Class::Refresh => 2000,
            // It has had no turn for eight spacings: it may pass data now, and so gets a tenth of the requests at least.
            Class::Backfill if now - self.backfill > 8 * apart => 1500,
            Class::Data | Class::FirstRead => 1000,
            Class::Backfill => 0,
        }
    }

    /// When the next request has its turn, Unix milliseconds.
    pub(super) fn next(self) -> i64 {
        self.next
    }

    /// Lets nothing pass for `length` from `now`, or longer if a longer pause is on.
    pub(super) fn pause(&mut self, length: Duration, now: i64) {
        let pause = i64::try_from(length.as_millis()).unwrap_or(i64::MAX / 2);
        if now + pause > self.paused_until || self.pause_left(now).is_none() {
            (self.paused_until, self.pause) = (now + pause, pause);
        }
    }

    /// What tells this pause from another one.
    pub(super) fn pause_id(self) -> (i64, i64) {
        (self.paused_until, self.pause)
    }

    /// How much longer nothing may pass: never longer than the pause was to last, should the clock have been set back.
    pub(super) fn pause_left(self, now: i64) -> Option<Duration> {
        let left = (self.paused_until - now).min(self.pause);
        (left > 0).then(|| millis(left))
    }

    /// The third number is the length of the pause in its lower half, and in the upper one how long before `next` the latest
    /// exchange was given its turn, 0 if that was long ago: versions that know no share of exchanges have a 0 there.
    pub(super) fn to_bytes(self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        let before_next = self.exchange.and_then(|at| u32::try_from(self.next - at).ok()).unwrap_or(0);
        let pause = u32::try_from(self.pause.max(0)).unwrap_or(u32::MAX);
        let halves = i64::from(before_next) << 32 | i64::from(pause);
        for (place, number) in bytes.chunks_exact_mut(8).zip([self.next, self.paused_until, halves, self.backfill]) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// The budget of these bytes; `None` if they are not of one.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != SIZE {
            return None;
        }
        let mut numbers = bytes.chunks_exact(8).filter_map(|chunk| Some(i64::from_le_bytes(chunk.try_into().ok()?)));
        let (next, paused_until, halves, backfill) =
            (numbers.next()?, numbers.next()?, numbers.next()?, numbers.next()?);
        let before_next = Some(halves >> 32).filter(|before| *before > 0);
        let pause = halves & i64::from(u32::MAX);
        Some(Self { next, paused_until, pause, backfill, exchange: before_next.map(|before| next - before) })
    }
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    /// Whoever asks, at random and as fast as allowed: the times of the requests of ten minutes.
    fn requests(per_minute: u32, classes: &[Class], seed: u64) -> Vec<(i64, Class)> {
        let (mut budget, spacing, mut random) =
            (Budget::default(), Spacing::of(per_minute), fastrand::Rng::with_seed(seed));
        let (mut now, mut made) = (1_000_000, Vec::new());
        while now < 1_000_000 + 10 * MINUTE {
            let class = random.choice(classes).copied().unwrap();
            match budget.take(class, spacing, now, 0) {
                Turn::Granted(wait) => made.push((now + i64::try_from(wait.as_millis()).unwrap(), class)),
                Turn::Denied(_) => now += random.i64(1..200),
            }
        }
        made.sort_by_key(|(at, _)| *at);
        made
    }

    fn busiest_minute(times: &[i64]) -> usize {
        let of = |first: usize| times[first..].iter().take_while(|at| **at < times[first] + MINUTE).count();
        (0..times.len()).map(of).max().unwrap_or_default()
    }

    #[test]
    fn no_minute_has_more_requests_than_the_budget() {
        let all = [Class::Exchange, Class::Refresh, Class::Data, Class::FirstRead, Class::Backfill];
        for per_minute in [1, 2, 3, 20, 100, 120] {
            for seed in 0..20 {
                let times: Vec<_> = requests(per_minute, &all, seed).into_iter().map(|(at, _)| at).collect();
                assert!(busiest_minute(&times) <= per_minute as usize, "{per_minute} a minute, seed {seed}");
            }
        }
    }

    #[test]
    fn data_uses_all_but_one_request_of_each_minute() {
        for per_minute in [1, 2, 3, 20, 100] {
            let made = requests(per_minute, &[Class::Data], 1).len();
            let wanted = 10 * per_minute.max(2) as usize - 10;
            assert!((wanted..=wanted + 2).contains(&made), "{made} in ten minutes at {per_minute} a minute");
        }
    }

    #[test]
    fn a_backfill_has_a_tenth_beside_others_and_half_alone() {
        let share = |classes: &[Class]| {
            let made = requests(60, classes, 1);
            made.iter().filter(|(_, class)| *class == Class::Backfill).count()
        };
        assert!((250..=300).contains(&share(&[Class::Backfill])));
        let beside = share(&[Class::Data, Class::Data, Class::Data, Class::Data, Class::Data, Class::Backfill]);
        assert!((55..=300).contains(&beside), "{beside}");
    }

    #[test]
    fn exchanges_have_a_third_however_many_there_are_and_data_has_the_rest() {
        for (per_minute, third) in [(1, 5), (2, 5), (3, 10), (6, 16), (20, 63), (100, 330), (120, 397)] {
            let (mut budget, spacing) = (Budget::default(), Spacing::of(per_minute));
            let (mut exchanges, mut data) = (0, 0);
            for now in (MINUTE..11 * MINUTE).step_by(10) {
                let mut asks = |class| usize::from(matches!(budget.take(class, spacing, now, 0), Turn::Granted(_)));
                exchanges += asks(Class::Exchange);
                data += asks(Class::Data);
            }
            assert!(exchanges.abs_diff(third) <= 1 + third / 50, "{exchanges} exchanges at {per_minute}");
            let rest = 10 * (per_minute.max(2) as usize - 1) - third;
            assert!(data + 1 >= rest, "{data} of {rest} at {per_minute}");
        }
    }

    #[test]
    fn an_exchange_passes_the_others() {
        let (mut budget, spacing) = (Budget::default(), Spacing::of(2));
        assert_eq!(budget.take(Class::Data, spacing, MINUTE, 0), Turn::Granted(Duration::ZERO));
        assert!(matches!(budget.take(Class::Data, spacing, MINUTE, 0), Turn::Denied(_)));
        assert_eq!(budget.take(Class::Exchange, spacing, MINUTE, 0), Turn::Granted(Duration::ZERO));
        assert!(matches!(budget.take(Class::Exchange, spacing, MINUTE, 0), Turn::Denied(_)), "the code would be dead");
    }

    #[test]
    fn a_clock_set_back_costs_two_spacings_and_no_more() {
        let (mut budget, spacing) = (Budget::default(), Spacing::of(60));
        budget.take(Class::Data, spacing, 100 * MINUTE, 0);
        let Turn::Denied(wait) = budget.take(Class::Data, spacing, MINUTE, 0) else { panic!("it was granted") };
        assert!(wait <= Duration::from_secs(3), "{wait:?}");
    }

    #[test]
    fn a_clock_set_forward_does_not_let_this_process_pass_sooner() {
        let (mut budget, spacing) = (Budget::default(), Spacing::of(60));
        budget.take(Class::Data, spacing, MINUTE, 0);
        let later = 100 * MINUTE;
        assert_eq!(budget.take(Class::Data, spacing, later, later + 900), Turn::Granted(Duration::from_millis(900)));
    }

    #[test]
    fn a_pause_lasts_no_longer_than_it_should_whatever_the_clock_does() {
        let mut budget = Budget::default();
        budget.pause(Duration::from_secs(30), 100 * MINUTE);
        assert_eq!(budget.pause_left(100 * MINUTE + 10_000), Some(Duration::from_secs(20)));
        assert_eq!(budget.pause_left(100 * MINUTE + 30_000), None);
        assert_eq!(budget.pause_left(MINUTE), Some(Duration::from_secs(30)), "the clock was set back");
        budget.pause(Duration::from_secs(5), 100 * MINUTE);
        assert_eq!(budget.pause_left(100 * MINUTE), Some(Duration::from_secs(30)), "the longer one counts");
    }

    #[test]
    fn what_is_stored_is_read_back() {
        let budget = Budget { next: 5000, paused_until: -2, pause: 3, backfill: 4, exchange: Some(4999) };
        for exchange in [budget.exchange, Some(-5), None] {
            let budget = Budget { exchange, ..budget };
            assert_eq!(Budget::from_bytes(&budget.to_bytes()), Some(budget));
        }
        let long = Budget { pause: i64::MAX, exchange: Some(5000), ..budget };
        let read = Budget { pause: u32::MAX.into(), exchange: None, ..budget };
        assert_eq!(Budget::from_bytes(&long.to_bytes()), Some(read));
        assert_eq!(Budget::from_bytes(&[0; 31]), None);
    }
}
