//! The applications that may use a cloud.

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
