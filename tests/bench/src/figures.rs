//! What is made of many measurements.

use std::time::Duration;

/// The middle of `values`; the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) { f64::midpoint(values[middle - 1], values[middle]) } else { values[middle] }
}

/// The smallest of `values` that this part of them, above 0 and at most 1, does not exceed; 0 without values.
pub(crate) fn quantile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * part).ceil() as usize;
    values.get(place.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// In microseconds.
pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Announces a bench: what it measures, and what the figures are compared with.
pub(crate) fn announce(name: &str, measured: &str) {
    println!("\n== {name}: {measured}");
}
