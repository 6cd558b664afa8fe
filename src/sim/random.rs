//! Random numbers that repeat: a pure function of a seed and of names and numbers, the same on every machine.

/// A seeded source of random numbers. The same draw gives the same number; another number needs another source, from
/// [`Random::fork`] or [`Random::named`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// The source of a seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// Another source, which belongs to `number`.
    pub(super) fn fork(self, number: u64) -> Self {
        Self(mix(self.0 ^ mix(number)))
    }

    /// Another source, which belongs to `name`.
    pub(super) fn named(self, name: &str) -> Self {
        name.bytes().fold(self, |random, byte| random.fork(u64::from(byte)))
    }

    /// A whole number of the full range.
    pub(super) fn number(self) -> u64 {
        self.0
    }

    /// A number from 0 (included) to 1 (excluded).
    pub(super) fn unit(self) -> f64 {
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number from `low` (included) to `high` (excluded).
    pub(super) fn between(self, low: f64, high: f64) -> f64 {
        low + self.unit() * (high - low)
    }

    /// A number near `mean`, seldom further away than `spread`: the sum of three uniform numbers, bell-shaped enough.
    pub(super) fn around(self, mean: f64, spread: f64) -> f64 {
        let throw = |shift: u32| ((self.0 >> shift) & 0x1F_FFFF) as f64 / f64::from(0x10_0000) - 1.0;
        mean + spread * (throw(0) + throw(21) + throw(42)) / 1.5
    }

    /// Whether something that happens this often, from 0 (never) to 1 (always), does.
    pub(super) fn happens(self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Forty hexadecimal digits, as tokens and device ids have.
    pub(super) fn hex(self) -> String {
        let [a, b, c] = [0, 1, 2].map(|part| self.fork(part).number());
        format!("{a:016x}{b:016x}{:08x}", c >> 32)
    }
}

/// The finalizer of `SplitMix64`: every bit of the input moves every bit of the output.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_repeat_on_every_machine() {
        let random = Random::new(1).fork(2).named("weight");
        assert_eq!(random.hex(), "1014f44f3b55b4857d31a3a6e46cb73267e073b4");
        assert_ne!(random.number(), Random::new(1).fork(3).named("weight").number());
    }

    #[test]
    fn numbers_stay_where_they_are_wanted() {
        let draws: Vec<_> = (0..10_000).map(|number| Random::new(7).fork(number)).collect();
        assert!(draws.iter().all(|draw| (2.0..3.0).contains(&draw.between(2.0, 3.0))));
        assert!(draws.iter().all(|draw| (draw.around(50.0, 10.0) - 50.0).abs() <= 20.0));
        let mean = draws.iter().map(|draw| draw.around(50.0, 10.0)).sum::<f64>() / draws.len() as f64;
        assert!((mean - 50.0).abs() < 0.5, "{mean}");
        let often = draws.iter().filter(|draw| draw.happens(0.25)).count();
        assert!((2300..2700).contains(&often), "{often}");
    }
}
