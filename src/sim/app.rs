//! Settings of a cloud: the applications that may use it, and the sizes of its pages.

/// An application as registered with the cloud.
#[derive(Clone, PartialEq, Eq)]
pub struct App {
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: String,
    /// The registered callback URLs; the path or the query of one may be continued.
    pub redirect_uris: Vec<String>,
}

/// How many rows a page of each call has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSizes {
    /// Groups in a page of `getmeas`. Default 2500: an answer of the fixtures has 2,062 groups, and no more pages.
    pub getmeas: usize,
    /// Nights in a page of `getsummary`. Default 300.
    pub getsummary: usize,
    /// Days in a page of `getactivity`. Default 200.
    pub getactivity: usize,
    /// Workouts in a page of `getworkouts`. Default 200.
    pub getworkouts: usize,
    /// Recordings in a page of `heart list`. Default 200.
    pub heart_list: usize,
}

impl Default for PageSizes {
    fn default() -> Self {
        Self { getmeas: 2500, getsummary: 300, getactivity: 200, getworkouts: 200, heart_list: 200 }
    }
}
