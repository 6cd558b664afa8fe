//! What a scraper asks for: `Accept` and `Accept-Encoding` → format and encoding.

const OPENMETRICS: &str = "application/openmetrics-text";
const TEXT: &str = "text/plain";

/// The format of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// OpenMetrics text 1.0.
    OpenMetrics,
    /// The Prometheus text format 0.0.4.
    Text,
}

/// The content encoding of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
/// wildcard; otherwise the text format, also when nothing fits: a scrape is never refused. A version that a scraper reads
/// as well counts as the one there is; any other version counts for nothing. gzip is served if it is accepted and identity
/// is not preferred.
#[must_use]
pub fn negotiate<'a>(
    accept: impl Iterator<Item = &'a str>,
    accept_encoding: impl Iterator<Item = &'a str>,
) -> (Format, Encoding) {
    (format(&elements(accept)), encoding(&elements(accept_encoding)))
}

impl Format {
    /// The value of `Content-Type`. Names here are letters, digits and `_`, so that every escaping of names gives the same page.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

fn format(accept: &[Element<'_>]) -> Format {
    let openmetrics = of_versions(accept, OPENMETRICS, &["0.0.1", "1.0.0"]);
    let openmetrics = best(&openmetrics, [OPENMETRICS, "application/*", "*/*"]);
    let text = of_versions(accept, TEXT, &["0.0.4", "1.0.0"]);
    let text = best(&text, [TEXT, "text/*", "*/*"]);
    match openmetrics {
        Some(found) if found.element.q > 0.0 && text.is_none_or(|text| found.rank() > text.rank()) => {
            Format::OpenMetrics
        }
        _ => Format::Text,
    }
}

/// The list without what names `media_type` in other versions. None is any.
fn of_versions<'a>(accept: &[Element<'a>], media_type: &str, versions: &[&str]) -> Vec<Element<'a>> {
    let fits = |element: &Element<'_>| element.parameter("version").is_none_or(|version| versions.contains(&version));
    accept.iter().copied().filter(|element| !element.value.eq_ignore_ascii_case(media_type) || fits(element)).collect()
}

fn encoding(accept_encoding: &[Element<'_>]) -> Encoding {
    let gzip = best(accept_encoding, ["gzip", "x-gzip", "*"]).map_or(0.0, |found| found.element.q);
    let identity = best(accept_encoding, ["identity", "*"]).map_or(0.0, |found| found.element.q);
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
    headers.flat_map(|header| split(header, ',')).map(Element::parse).collect()
}

/// The parts of a list between separators that are not quoted.
fn split(list: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    list.split(move |letter: char| {
        let is_end = letter == separator && !quoted;
        quoted ^= letter == '"' && !escaped;
        escaped = letter == '\\' && quoted && !escaped;
        is_end
    })
}

impl<'a> Element<'a> {
    fn parse(text: &'a str) -> Self {
        let (value, parameters) = text.split_once(';').unwrap_or((text, ""));
        let element = Self { value: value.trim(), parameters, q: 1.0 };
        let q = element.parameter("q").and_then(|q| q.parse().ok());
        Self { q: q.filter(|q| (0.0..=1.0).contains(q)).unwrap_or(1.0), ..element }
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        let mut pairs = split(self.parameters, ';').filter_map(|parameter| parameter.split_once('='));
        let (_, value) = pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
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
        let same = list.iter().copied().filter(|element| element.value.eq_ignore_ascii_case(name));
        let element = same.reduce(|best, next| if next.q > best.q { next } else { best })?;
        Some(Found { element, specificity })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_format(accept: &[&str], expected: Format) {
        let (format, _) = negotiate(accept.iter().copied(), [].into_iter());
        assert_eq!(format, expected, "{accept:?}");
    }

    fn check_encoding(accept_encoding: &[&str], expected: Encoding) {
        let (_, encoding) = negotiate([].into_iter(), accept_encoding.iter().copied());
        assert_eq!(encoding, expected, "{accept_encoding:?}");
    }

    /// What scrapers send, word for word, and what they get.
    const SCRAPERS: [(&str, &str, Format); 16] = [
        (
            "Prometheus 2.40",
            "application/openmetrics-text;version=1.0.0;q=0.75,application/openmetrics-text;q=0.6,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            Format::OpenMetrics,
        ),
        (
            "Prometheus 2.42 to 2.48",
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            Format::OpenMetrics,
        ),
        (
            "Prometheus 2.50 to 2.55",
            "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            Format::OpenMetrics,
        ),
        (
            "Prometheus 2.50 to 2.55 with native histograms",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
             application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            Format::OpenMetrics,
        ),
        (
            "Prometheus 3.0",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;escaping=allow-utf-8;q=0.5,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
             text/plain;version=0.0.4;escaping=allow-utf-8;q=0.3,*/*;q=0.2",
            Format::OpenMetrics,
        ),
        (
            "Prometheus 3.14",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            Format::OpenMetrics,
        ),
        (
            "Prometheus 3.14 with native histograms",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,\
             application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            Format::OpenMetrics,
        ),
        (
            "Prometheus 3 that prefers the text format",
            "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.5,\
             */*;q=0.2",
            Format::Text,
        ),
        ("VictoriaMetrics and vmagent", "text/plain;version=0.0.4;q=1,*/*;q=0.1", Format::Text),
        (
            "Telegraf",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,\
             text/plain;version=0.0.4;q=0.3",
            Format::Text,
        ),
        ("Vector", "text/plain", Format::Text),
        ("curl, wget, Python", "*/*", Format::Text),
        (
            "Chrome",
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,\
             application/signed-exchange;v=b3;q=0.7",
            Format::Text,
        ),
        ("Firefox and Safari", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format::Text),
        ("older Firefox", "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8", Format::Text),
        ("a browser's script", "application/json, text/plain, */*", Format::Text),
    ];

    #[test]
    fn scrapers_get_the_best_that_they_ask_for() {
        for (scraper, accept, expected) in SCRAPERS {
            let (format, _) = negotiate([accept].into_iter(), ["gzip"].into_iter());
            assert_eq!(format, expected, "{scraper}");
            // The same list in several headers means the same.
            let (format, _) = negotiate(accept.split(','), ["gzip"].into_iter());
            assert_eq!(format, expected, "{scraper}");
        }
    }

    #[test]
    fn other_versions_are_not_what_there_is() {
        let two = "application/openmetrics-text;version=2.0.0";
        check_format(&[&format!("{two}, text/plain;version=0.0.4;q=0.5")], Format::Text);
        check_format(
            &[&format!("{two}, application/openmetrics-text;version=1.0.0;q=0.5, text/plain;q=0.1")],
            Format::OpenMetrics,
        );
        check_format(&["text/plain;version=3.0.0, application/openmetrics-text;q=0.5"], Format::OpenMetrics);
        check_format(&[two], Format::Text);
    }

    #[test]
    fn quoted_separators_separate_nothing() {
        let odd = r#"application/openmetrics-text;note="a\",text/plain;q=\"";q=0.9;escaping="dots", text/plain;q=0.8"#;
        check_format(&[odd], Format::OpenMetrics);
        check_format(&[r#"text/plain;note="never closed, application/openmetrics-text"#], Format::Text);
    }

    #[test]
    fn the_most_specific_element_decides() {
        for (accept, expected) in [
            ("application/openmetrics-text", Format::OpenMetrics),
            ("application/openmetrics-text;version=0.0.1", Format::OpenMetrics),
            ("text/plain;version=1.0.0", Format::Text),
            ("application/openmetrics-text;q=0.2, text/plain;q=0.9", Format::Text),
            ("application/openmetrics-text, */*", Format::OpenMetrics),
            ("application/openmetrics-text;q=0, */*", Format::Text),
            ("text/plain;q=0, */*;q=0.1", Format::OpenMetrics),
            ("application/*", Format::OpenMetrics),
            ("text/*;q=0.5, application/openmetrics-text;q=0.4", Format::Text),
            ("APPLICATION/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.9 , text/plain ; q=0.8", Format::OpenMetrics),
        ] {
            check_format(&[accept], expected);
        }
        check_format(&["text/plain;q=0.3", "application/openmetrics-text;q=0.6"], Format::OpenMetrics);
    }

    #[test]
    fn a_scrape_is_never_refused() {
        for accept in ["image/png", "text/plain;q=0", "*/*;q=0", "application/openmetrics-text;q=0", ",;,=;", ""] {
            check_format(&[accept], Format::Text);
        }
        check_format(&[], Format::Text);
        check_format(&["application/openmetrics-text;q=NaN, text/plain;q=0.5"], Format::OpenMetrics);
    }

    #[test]
    fn gzip_is_used_when_it_is_accepted() {
        for gzip in [
            "gzip",
            "GZIP",
            "deflate, gzip;q=1.0, *;q=0.5",
            "br, gzip",
            "*",
            "gzip;q=0.5",
            "gzip, identity",
            "x-gzip",
            "identity;q=0, *",
            "identity;q=0, gzip;q=0.1",
        ] {
            check_encoding(&[gzip], Encoding::Gzip);
        }
        check_encoding(&["br", "gzip"], Encoding::Gzip);
        for identity in [
            "",
            "identity",
            "gzip;q=0",
            "gzip;q=0, *",
            "*;q=0",
            "br, zstd",
            "*;q=0.5, identity",
            "gzip;q=0.000",
            "identity;q=0",
            "gzip;q=0.4, identity;q=0.5",
        ] {
            check_encoding(&[identity], Encoding::Identity);
        }
        check_encoding(&[], Encoding::Identity);
    }
}
