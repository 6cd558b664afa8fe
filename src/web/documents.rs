//! Where the documents are: at the repository, if the package says which that is, else in it.

/// The address of the repository, as Cargo.toml has it; empty if it has none.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// A document for people, by its path in the repository.
pub(super) struct Document(&'static str);

/// How the dashboard is imported to Grafana.
pub(super) const DASHBOARDS: Document = Document("docs/dashboards.md");

/// How passwords are set.
pub(super) const PASSWORDS: Document = Document("docs/tls.md");

/// What is asked of Prometheus.
pub(super) const PROMETHEUS: Document = Document("README.md#prometheus-and-alerts");

/// What everything else begins with.
pub(super) const README: Document = Document("README.md");

impl Document {
    /// The address; `None` if the package names no repository.
    pub(super) fn link(&self) -> Option<String> {
        self.link_at(REPOSITORY)
    }

    fn link_at(&self, repository: &str) -> Option<String> {
        (!repository.is_empty()).then(|| format!("{}/blob/HEAD/{}", repository.trim_end_matches('/'), self.0))
    }

    /// The path in the repository, without a place in the document.
    pub(super) fn path(&self) -> &'static str {
        self.0.split('#').next().unwrap_or(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_at_the_repository_if_there_is_one() {
        assert_eq!(PROMETHEUS.link_at(""), None);
        assert_eq!(PROMETHEUS.path(), "README.md");
        let link = PROMETHEUS.link_at("https://git.example/us/exporter/").unwrap();
        assert_eq!(link, "https://git.example/us/exporter/blob/HEAD/README.md#prometheus-and-alerts");
    }
}
