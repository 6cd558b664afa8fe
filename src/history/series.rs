//! A series with its samples, as a server is given it.

/// One series, or a stretch of it where it is long: who reads series gets the stretches of one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// The metric's name.
    pub name: String,
    /// Its labels but the name, ascending by their names, which are unique; no value is empty.
    pub labels: Vec<(String, String)>,
    /// Its samples, ascending in time, at most one for each second.
    pub samples: Vec<Sample>,
}

/// A value at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When, Unix seconds.
    pub at: i64,
    /// What, finite.
    pub value: f64,
}
