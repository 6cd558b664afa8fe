//! Series → batches of a size that every server takes.

use std::vec::IntoIter;

use super::time_series::TimeSeries;

/// The most samples of a batch. Prometheus itself sends up to 2,000 at a time; receivers take much more.
const MOST_SAMPLES: usize = 5_000;

/// About the most bytes of a batch before it is compressed.
const MOST_BYTES: usize = 1 << 20;

/// What value, time and tags of a sample take at most, bytes.
const SAMPLE_BYTES: usize = 24;

/// What is sent at once.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Batch {
    /// The series, each with the samples of this batch.
    pub(super) series: Vec<TimeSeries>,
    /// How many samples they have together.
    pub(super) samples: usize,
}

/// The batches of a history. Holds one series and one batch.
pub(super) struct Batches<I> {
    series: I,
    /// The series that the next batch begins with.
    open: Option<OpenSeries>,
    /// How many samples are still to be passed over.
    skip: u64,
}

/// A series that is partly sent.
struct OpenSeries {
    /// Without samples.
    head: TimeSeries,
    rest: IntoIter<(i64, f64)>,
}

impl<E, I: Iterator<Item = Result<TimeSeries, E>>> Batches<I> {
    /// The batches of what follows the first `skip` samples of `series`.
    pub(super) fn after(skip: u64, series: I) -> Self {
        Self { series, open: None, skip }
    }

    /// The next batch; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Batch>, E> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while let Some(mut open) = self.open()? {
            let labels = open.label_bytes();
            let room = (MOST_SAMPLES - batch.samples).min(MOST_BYTES.saturating_sub(bytes + labels) / SAMPLE_BYTES);
            // A series whose labels are longer than a whole batch goes alone.
            let room = if batch.series.is_empty() { room.max(1) } else { room };
            let samples: Vec<_> = open.rest.by_ref().take(room).collect();
            if samples.is_empty() {
                self.open = Some(open);
                break;
            }
            bytes += labels + samples.len() * SAMPLE_BYTES;
            batch.samples += samples.len();
            batch.series.push(TimeSeries { labels: open.head.labels.clone(), samples });
            self.open = Some(open);
        }
        Ok((!batch.series.is_empty()).then_some(batch))
    }

    /// Takes the series that has the next sample to send; `None` at the end.
    fn open(&mut self) -> Result<Option<OpenSeries>, E> {
        loop {
            if let Some(open) = self.open.take().filter(|open| open.rest.len() > 0) {
                return Ok(Some(open));
            }
            let Some(mut head) = self.series.next().transpose()? else { return Ok(None) };
            let mut rest = std::mem::take(&mut head.samples).into_iter();
            let passed = usize::try_from(self.skip).unwrap_or(usize::MAX).min(rest.len());
            rest.by_ref().take(passed).for_each(drop);
            self.skip -= passed as u64;
            self.open = Some(OpenSeries { head, rest });
        }
    }
}

impl OpenSeries {
    /// What its labels take, about.
    fn label_bytes(&self) -> usize {
        self.head.labels.iter().map(|(name, value)| name.len() + value.len() + 8).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, samples: i64) -> TimeSeries {
        let labels = vec![("__name__".to_owned(), name.to_owned())];
        TimeSeries { labels, samples: (0..samples).map(|at| (at, 1.0)).collect() }
    }

    /// The batches of these series, each as the names and first and last times of what it has.
    fn cut(skip: u64, all: Vec<TimeSeries>) -> Vec<Vec<(String, i64, i64)>> {
        let mut batches = Batches::after(skip, all.into_iter().map(Ok::<_, ()>));
        let mut cut = Vec::new();
        while let Some(batch) = batches.next().unwrap() {
            assert_eq!(batch.samples, batch.series.iter().map(|series| series.samples.len()).sum::<usize>());
            let ends = |series: &TimeSeries| {
                (series.labels[0].1.clone(), series.samples[0].0, series.samples.last().unwrap().0)
            };
            cut.push(batch.series.iter().map(ends).collect());
        }
        cut
    }

    fn part(name: &str, first: i64, last: i64) -> (String, i64, i64) {
        (name.to_owned(), first, last)
    }

    #[test]
    fn batches_are_full_and_keep_the_order() {
        assert_eq!(
            cut(0, vec![series("a", 3), series("none", 0), series("b", 2)]),
            [[part("a", 0, 2), part("b", 0, 1)]]
        );
        let long = cut(0, vec![series("a", 9_000), series("b", 1_500)]);
        assert_eq!(
            long,
            [
                vec![part("a", 0, 4_999)],
                vec![part("a", 5_000, 8_999), part("b", 0, 999)],
                vec![part("b", 1_000, 1_499)]
            ]
        );
        assert!(cut(0, vec![]).is_empty());
    }

    #[test]
    fn what_was_confirmed_is_passed_over_also_within_a_series() {
        let all = || vec![series("a", 3), series("b", 2)];
        assert_eq!(cut(2, all()), [[part("a", 2, 2), part("b", 0, 1)]]);
        assert_eq!(cut(3, all()), [[part("b", 0, 1)]]);
        assert!(cut(5, all()).is_empty());
        assert!(cut(u64::MAX, all()).is_empty());
    }

    #[test]
    fn long_labels_make_small_batches() {
        let long = |length: usize, samples| {
            let mut series = series("a", samples);
            series.labels.push(("note".to_owned(), "x".repeat(length)));
            series
        };
        let room_for_two = MOST_BYTES - 2 * SAMPLE_BYTES - 100;
        assert_eq!(cut(0, vec![long(room_for_two, 8)]).concat().len(), 2);
        let alone = vec![long(MOST_BYTES, 2), series("b", 1)];
        assert_eq!(cut(0, alone), [[part("a", 0, 0)], [part("a", 1, 1)], [part("b", 0, 0)]]);
    }

    #[test]
    fn a_history_that_cannot_be_read_is_no_end() {
        let mut batches = Batches::after(0, [Ok(series("a", 3)), Err("broken")].into_iter());
        assert_eq!(batches.next(), Err("broken"));
    }
}
