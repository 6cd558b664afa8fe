//! `tls_server_config`. Its words are those of Go's `crypto/tls`.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::section::Section;
use crate::config::mistake::Mistake;
use crate::config::nearest::nearest;
use crate::config::node::{Node, Value};
use crate::config::scalar::{shown, switch, text};
use crate::config::schema::{Key, KeyKind};

/// The keys of the section.
pub(super) const KEYS: &[Key] = &[
    ("cert", KeyKind::Text),
    ("cert_file", KeyKind::Text),
    ("key", KeyKind::Text),
    ("key_file", KeyKind::Text),
    ("client_auth_type", KeyKind::Plain),
    ("client_ca", KeyKind::Text),
    ("client_ca_file", KeyKind::Text),
    ("client_allowed_sans", KeyKind::Text),
    ("min_version", KeyKind::Plain),
    ("max_version", KeyKind::Plain),
    ("cipher_suites", KeyKind::Plain),
    ("prefer_server_cipher_suites", KeyKind::Plain),
    ("curve_preferences", KeyKind::Plain),
];

const VERSIONS: [(&str, TlsVersion); 4] = [
    ("TLS10", TlsVersion::Tls10),
    ("TLS11", TlsVersion::Tls11),
    ("TLS12", TlsVersion::Tls12),
    ("TLS13", TlsVersion::Tls13),
];

const CURVES: [(&str, Curve); 4] =
    [("CurveP256", Curve::P256), ("CurveP384", Curve::P384), ("CurveP521", Curve::P521), ("X25519", Curve::X25519)];

const POLICIES: [(&str, ClientPolicy); 6] = [
    ("NoClientCert", ClientPolicy::None),
    ("RequestClientCert", ClientPolicy::Request),
    ("RequireAnyClientCert", ClientPolicy::RequireAny),
    ("RequireClientCert", ClientPolicy::RequireAny),
    ("VerifyClientCertIfGiven", ClientPolicy::VerifyIfGiven),
    ("RequireAndVerifyClientCert", ClientPolicy::RequireAndVerify),
];

/// The cipher suites that Go knows. Which of them can be used is for the server to say.
const CIPHER_SUITES: [&str; 17] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
];

/// How connections are encrypted, and whose are accepted.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The server's certificate with what leads to its authority.
    pub certificate: Pem,
    /// The key of the certificate.
    pub key: Pem,
    /// The certificate that a client needs. Default: none.
    pub client_policy: ClientPolicy,
    /// The authorities that may have signed a client's certificate; there if, and only if, the policy verifies.
    pub client_authorities: Option<Pem>,
    /// The names (DNS, IP address, e-mail, URI) of which a client's certificate must have one, exactly.
    pub client_allowed_names: Option<Vec<String>>,
    /// The oldest version that is spoken. Default: 1.2.
    pub min_version: TlsVersion,
    /// The newest version that is spoken; not older than the oldest. Default: 1.3.
    pub max_version: TlsVersion,
    /// The cipher suites below TLS 1.3, in order; if it is empty, the safe ones.
    pub cipher_suites: Vec<&'static str>,
    /// Whether the order of `cipher_suites` decides, and not the client's. Default: yes.
    pub prefer_server_cipher_suites: bool,
    /// The groups for key exchange, in order; if it is empty, the usual ones.
    pub curves: Vec<Curve>,
}

/// Where a certificate or key, in PEM, is.
#[derive(Clone, Debug)]
pub enum Pem {
    /// In the file with this path.
    File(PathBuf),
    /// In the configuration itself.
    Inline(SecretString),
}

/// The certificate that is asked of a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientPolicy {
    /// No certificate.
    #[default]
    None,
    /// Any certificate, or none.
    Request,
    /// Any certificate.
    RequireAny,
    /// A certificate of a known authority, or none.
    VerifyIfGiven,
    /// A certificate of a known authority.
    RequireAndVerify,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "they are what they are called")]
pub enum TlsVersion {
    Tls10,
    Tls11,
    Tls12,
    Tls13,
}

/// A group for key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are what they are called")]
pub enum Curve {
    P256,
    P384,
    P521,
    X25519,
}

impl Tls {
    /// Whether names of certificates are asked for that any client can write into one of its own. Prometheus' exporters take
    /// this, and it keeps nobody out.
    #[must_use]
    pub fn takes_any_signature(&self) -> bool {
        self.client_policy == ClientPolicy::RequireAny && self.client_allowed_names.is_some()
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        [Some(&self.certificate), Some(&self.key), self.client_authorities.as_ref()].into_iter().flatten().filter_map(
            |pem| match pem {
                Pem::File(path) => Some(path),
                Pem::Inline(_) => None,
            },
        )
    }
}

impl ClientPolicy {
    /// Whether nobody comes in without a certificate.
    #[must_use]
    pub fn is_required(self) -> bool {
        matches!(self, Self::RequireAny | Self::RequireAndVerify)
    }

    fn verifies(self) -> bool {
        matches!(self, Self::VerifyIfGiven | Self::RequireAndVerify)
    }
}

/// The section; `None` if it is empty, which is no TLS.
pub(super) fn read(name: &str, node: &Node, folder: &Path) -> Result<Option<Tls>, Mistake> {
    let section = Section::of(node.clone(), name, KEYS)?;
    if section.entries().next().is_none() {
        return Ok(None);
    }
    let pem = |key| pem(&section, key, folder);
    let missing =
        |key: &str| Mistake::at(node, format!("`{key}_file` is missing")).help("TLS needs certificate and key");
    let (min_version, max_version) = versions(&section)?;
    let tls = Tls {
        certificate: pem("cert")?.ok_or_else(|| missing("cert"))?,
        key: pem("key")?.ok_or_else(|| missing("key"))?,
        client_policy: section.read("client_auth_type", |key, node| one_of(key, node, &POLICIES))?.unwrap_or_default(),
        client_authorities: pem("client_ca")?,
        client_allowed_names: section.read("client_allowed_sans", |key, node| items(key, node, text_of))?,
        min_version,
        max_version,
        cipher_suites: section.read("cipher_suites", |key, node| items(key, node, cipher_suite))?.unwrap_or_default(),
        prefer_server_cipher_suites: section.read("prefer_server_cipher_suites", switch)?.unwrap_or(true),
        curves: section
            .read("curve_preferences", |key, node| items(key, node, |key, node| one_of(key, node, &CURVES)))?
            .unwrap_or_default(),
    };
    check_clients(&section, node, &tls)?;
    Ok(Some(tls))
}

/// Refuses what would look like a check of clients and be none.
fn check_clients(section: &Section, node: &Node, tls: &Tls) -> Result<(), Mistake> {
    let given = |key| section.key(key);
    let authorities = given("client_ca_file").or_else(|| given("client_ca"));
    match (authorities, given("client_allowed_sans")) {
        (Some(key), _) if !tls.client_policy.verifies() => {
            Err(Mistake::at(key, "the clients' authority is given, and nobody is checked against it")
                .help("`client_auth_type: RequireAndVerifyClientCert` lets only its clients in"))
        }
        (None, _) if tls.client_policy.verifies() => {
            Err(Mistake::at(given("client_auth_type").unwrap_or(node), "`client_ca_file` is missing")
                .help("it has the authority of the clients' certificates; those of the system are not taken"))
        }
        (_, Some(key)) if !tls.client_policy.is_required() => {
            Err(Mistake::at(key, "`client_allowed_sans` is given, and clients need no certificate")
                .help("`client_auth_type` must be RequireAndVerifyClientCert or RequireAnyClientCert for that"))
        }
        _ => Ok(()),
    }
}

/// A certificate or key: in the file that `<key>_file` names, or under `key` itself.
fn pem(section: &Section, key: &str, folder: &Path) -> Result<Option<Pem>, Mistake> {
    let file = format!("{key}_file");
    if let (Some(_), Some(second)) = (section.key(key), section.key(&file)) {
        return Err(Mistake::at(second, format!("`{key}` and `{file}` are both given")).help("keep one of them"));
    }
    match section.read(&file, |key, node| Ok(Pem::File(folder.join(text(key, node)?))))? {
        None => section.read(key, |key, node| Ok(Pem::Inline(text(key, node)?.into()))),
        found => Ok(found),
    }
}

fn versions(section: &Section) -> Result<(TlsVersion, TlsVersion), Mistake> {
    let version = |key| section.read(key, |key, node| Ok((one_of(key, node, &VERSIONS)?, node.clone())));
    let min = version("min_version")?;
    let max = version("max_version")?;
    let min_version = min.map_or(TlsVersion::Tls12, |(version, _)| version);
    let Some((max_version, node)) = max else { return Ok((min_version, TlsVersion::Tls13)) };
    if max_version < TlsVersion::Tls12 {
        return Err(Mistake::at(&node, "versions before TLS 1.2 are not spoken").help("allowed are TLS12 and TLS13"));
    }
    if max_version < min_version {
        return Err(Mistake::at(&node, "`max_version` is older than `min_version`"));
    }
    Ok((min_version, max_version))
}

fn cipher_suite(key: &str, node: &Node) -> Result<&'static str, Mistake> {
    one_of(key, node, &CIPHER_SUITES.map(|name| (name, name)))
}

fn text_of(key: &str, node: &Node) -> Result<String, Mistake> {
    text(key, node).map(str::to_owned)
}

fn items<T>(key: &str, node: &Node, item: impl Fn(&str, &Node) -> Result<T, Mistake>) -> Result<Vec<T>, Mistake> {
    let Value::List(nodes) = &node.value else {
        return Err(Mistake::at(node, format!("`{key}` takes a list, and this is {}", node.value.kind())));
    };
    nodes.iter().map(|node| item(key, node)).collect()
}

fn one_of<T: Copy>(key: &str, node: &Node, allowed: &[(&'static str, T)]) -> Result<T, Mistake> {
    let said = node.text().unwrap_or_default();
    let names = || allowed.iter().map(|(name, _)| *name);
    let found = allowed.iter().find(|(name, _)| *name == said).map(|(_, meant)| *meant);
    found.ok_or_else(|| {
        Mistake::at(node, format!("`{key}` cannot be {}", shown(node)))
            .did_you_mean(nearest(said, names()))
            .help(format!("allowed are {}", listed(&names().collect::<Vec<_>>())))
    })
}

/// The names for a message; of many the first ones.
fn listed(names: &[&str]) -> String {
    match names {
        [first, second, third, .., last] if names.len() > 8 => {
            format!("{first}, {second}, {third} and so on to {last}")
        }
        _ => names.join(", "),
    }
}
