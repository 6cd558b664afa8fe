//! History: what Withings has of a period, as the series that live scrapes would have made of it.

mod series;

pub use series::{Sample, Series};
