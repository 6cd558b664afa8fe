//! What a scraper asks for: `Accept` and `Accept-Encoding` → format and encoding.

/// The format of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics text 1.0.
    OpenMetrics {
        /// How the scraper wants names escaped, said back to it.
        escaping: Escaping,
    },
    /// The Prometheus text format 0.0.4.
    Text,
}

/// How a scraper wants names escaped that are more than letters, digits, `_` and `:`. This exporter has no such name, so
/// every scheme gives the same page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escaping {
    /// Not at all.
    AllowUtf8,
    /// Other characters become `_`. The default.
    #[default]
    Underscores,
    /// Dots become `_dot_`.
    Dots,
    /// Other characters become their code.
    Values,
}

/// The content encoding of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is: no `Content-Encoding`.
    Identity,
    /// `Content-Encoding: gzip`.
    Gzip,
}

/// Chooses what to serve from all `Accept` and all `Accept-Encoding` headers of a request.
///
/// Each is a list with q-values (default 1; 0 refuses), where the most specific element that covers an offer decides.
/// OpenMetrics is served if it is preferred, by q-value or by being named where the text format is only covered by a
/// wildcard; otherwise the text format, also when nothing fits: a scrape is never refused. Any version of either is
/// answered with the one there is. gzip is served if it is accepted and identity is not preferred.
#[must_use]
pub fn negotiate<'a>(
    accept: impl Iterator<Item = &'a str>,
    accept_encoding: impl Iterator<Item = &'a str>,
) -> (Format, Encoding) {
    (format(&elements(accept)), encoding(&elements(accept_encoding)))
}

impl Format {
    /// The value of `Content-Type`.
    #[must_use]
    pub fn content_type(&self) -> String {
        match self {
            Self::OpenMetrics { escaping } => {
                format!("application/openmetrics-text; version=1.0.0; charset=utf-8; escaping={}", escaping.name())
            }
            Self::Text => "text/plain; version=0.0.4; charset=utf-8".to_owned(),
        }
    }
}

impl Escaping {
    const ALL: [Self; 4] = [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values];

    /// The word in `Accept` and `Content-Type`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

fn format(accept: &[Element<'_>]) -> Format {
    let openmetrics = best(accept, ["application/openmetrics-text", "application/*", "*/*"]);
    let text = best(accept, ["text/plain", "text/*", "*/*"]);
    match openmetrics {
        Some(found) if found.element.q > 0.0 && text.is_none_or(|text| found.rank() > text.rank()) => {
            let escaping = found.element.parameter("escaping").and_then(Escaping::by_name).unwrap_or_default();
            Format::OpenMetrics { escaping }
        }
        _ => Format::Text,
    }
}

fn encoding(accept_encoding: &[Element<'_>]) -> Encoding {
    let gzip = best(accept_encoding, ["gzip", "*"]).map_or(0.0, |it| it.element.q);
    let identity = best(accept_encoding, ["identity", "*"]).map_or(0.0, |it| it.element.q);
    if gzip > 0.0 && gzip >= identity { Encoding::Gzip } else { Encoding::Identity }
}

/// An element of an `Accept` or `Accept-Encoding` list: `value;parameter=…;q=0.5`.
#[derive(Clone, Copy)]
struct Element<'a> {
    value: &'a str,
    parameters: &'a str,
    q: f64,
}

fn elements<'a>(headers: impl Iterator<Item = &'a str>) -> Vec<Element<'a>> {
    headers.flat_map(|it| it.split(',')).map(Element::parse).collect()
}

impl<'a> Element<'a> {
    fn parse(text: &'a str) -> Self {
        let (value, parameters) = text.split_once(';').unwrap_or((text, ""));
        let element = Self { value: value.trim(), parameters, q: 1.0 };
        let q = element.parameter("q").and_then(|it| it.parse().ok());
        Self { q: q.filter(|it| (0.0..=1.0).contains(it)).unwrap_or(1.0), ..element }
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        let mut pairs = self.parameters.split(';').filter_map(|it| it.split_once('='));
        let (_, value) = pairs.find(|(it, _)| it.trim().eq_ignore_ascii_case(name))?;
        Some(value.trim().trim_matches('"'))
    }
}

/// The element that decides about an offer.
struct Found<'a> {
    element: Element<'a>,
    /// 0 for the widest name of the offer.
    specificity: usize,
}

impl Found<'_> {
    fn rank(&self) -> (f64, usize) {
        (self.element.q, self.specificity)
    }
}

/// The element with the first of these names that the list has: an offer's names, from its own to the widest wildcard.
/// Of several with that name, the one with the highest q-value.
fn best<'a, const N: usize>(list: &[Element<'a>], names: [&str; N]) -> Option<Found<'a>> {
    names.iter().zip((0..N).rev()).find_map(|(name, specificity)| {
        let same = list.iter().copied().filter(|it| it.value.eq_ignore_ascii_case(name));
        let element = same.reduce(|best, next| if next.q > best.q { next } else { best })?;
        Some(Found { element, specificity })
    })
}
