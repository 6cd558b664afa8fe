//! What a web configuration means, and that nothing shows its secrets. The messages are in `tests/web-config`.

use std::path::Path;

use secrecy::ExposeSecret;

use super::{ClientPolicy, Curve, Pem, TlsVersion, WebConfig};

const HASH: &str = "$2y$10$Oj02h0KlGl0rF.qd/.5rWujZAZYaKOxFxprlvgMTMhKvPrC5apzZG";

/// Keys with nothing but secrets.
const SECRETS: &str = "\
tls_server_config:
  cert_file: server.crt
  key: |
    -----BEGIN PRIVATE KEY-----
    kqzvwxjyfghb
    -----END PRIVATE KEY-----
basic_auth_users:
  prometheus: $2y$10$kqzvwxjyfghbkqzvwxjyfghbkqzvwxjyfghbkqzvwxjyfghb.kqzv
";

fn parse(text: &str) -> Result<WebConfig, String> {
    WebConfig::parse(text, Path::new("/etc/exporter/web.yml")).map_err(|mistake| mistake.to_string())
}

#[test]
fn an_empty_file_is_plain_http_for_everybody() {
    for text in ["", "# nothing\n", "tls_server_config:\nbasic_auth_users: {}\nrate_limit: {interval: 0}\n", "{}"] {
        let config = parse(text).unwrap();
        assert!(config.tls.is_none() && config.users.is_empty() && config.rate_limit.is_none(), "{text}");
        assert!(config.http2 && config.headers.is_empty(), "{text}");
    }
}

#[test]
fn tls_has_the_defaults_of_other_exporters_and_paths_start_beside_the_file() {
    let tls = parse("tls_server_config: {cert_file: a.crt, key_file: /b.key}").unwrap().tls.unwrap();
    let path = |pem: &Pem| match pem {
        Pem::File(path) => path.to_str().unwrap().to_owned(),
        Pem::Inline(_) => panic!("not a file"),
    };
    assert_eq!((path(&tls.certificate), path(&tls.key)), ("/etc/exporter/a.crt".into(), "/b.key".into()));
    assert_eq!((tls.min_version, tls.max_version), (TlsVersion::Tls12, TlsVersion::Tls13));
    assert_eq!((tls.client_policy, tls.client_authorities.is_some()), (ClientPolicy::None, false));
    assert!(tls.cipher_suites.is_empty() && tls.curves.is_empty() && tls.client_allowed_names.is_none());
}

#[test]
fn everything_can_be_said() {
    let text = format!(
        "tls_server_config:\n  cert: |\n    CERT\n  key: KEY\n  client_auth_type: RequireAndVerifyClientCert\n  \
         client_ca_file: ca.crt\n  client_allowed_sans: [prometheus]\n  min_version: TLS10\n  max_version: TLS12\n  \
         cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n  prefer_server_cipher_suites: yes\n  \
         curve_preferences: [X25519, CurveP256]\nhttp_server_config:\n  http2: off\n  headers:\n    \
         X-Frame-Options: deny\n    X-XSS-Protection: 0\n    Content-Security-Policy: ''\n\
         basic_auth_users: {{Zoë: {HASH}}}\nrate_limit: {{interval: 1.5s, burst: 20}}\n"
    );
    let config = parse(&text).unwrap();
    let tls = config.tls.unwrap();
    assert!(matches!(&tls.key, Pem::Inline(key) if key.expose_secret() == "KEY"));
    assert_eq!((tls.client_policy, tls.max_version), (ClientPolicy::RequireAndVerify, TlsVersion::Tls12));
    assert_eq!(tls.client_allowed_names.unwrap(), ["prometheus"]);
    assert_eq!(tls.cipher_suites, ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]);
    assert_eq!(tls.curves, [Curve::X25519, Curve::P256]);
    assert!(!config.http2);
    assert_eq!(config.headers, [("X-Frame-Options", "deny".to_owned()), ("X-XSS-Protection", "0".to_owned())]);
    assert_eq!((config.users[0].name.as_str(), config.users[0].hash.expose_secret()), ("Zoë", HASH));
    let limit = config.rate_limit.unwrap();
    assert_eq!((limit.interval.as_millis(), limit.burst), (1500, 20));
}

/// Damages the file at every place, by a typo or by an early end, and reads what is said about it.
#[test]
fn no_message_shows_a_secret_however_the_file_is_damaged() {
    let typos = ["", " ", "\n", "\t", ":", ": ", "-", "- ", "\"", "'", "{", "[", ",", "#", " #", "&", "*", "!", "%"];
    for at in 0..SECRETS.len() {
        let (before, after) = SECRETS.split_at(at);
        check_hidden(before);
        for typo in typos {
            check_hidden(&format!("{before}{typo}{after}"));
            check_hidden(&format!("{before}{typo}{}", &after[1..]));
        }
    }
    assert!(!format!("{:?}", parse(SECRETS).unwrap()).contains("kqzv"));
}

#[track_caller]
fn check_hidden(text: &str) {
    let Err(message) = parse(text) else { return };
    assert!(!message.contains("kqzv") && !message.contains("fghb"), "{text}\nis answered with\n{message}");
}

#[test]
fn a_name_that_stands_twice_is_shown_in_one_line_or_not_at_all() {
    let twice = |name: &str| parse(&format!("basic_auth_users: {{{name}: x, {name}: x}}")).unwrap_err();
    assert!(twice("Zoë").starts_with("`Zoë` stands twice\n"), "{}", twice("Zoë"));
    for odd in ["\"a\\tb\"", "\"\\e[31m\"", "kqzvwxjyfghbkqzvwxjyfghbkqzvwxjyfghb"] {
        assert!(twice(odd).starts_with("this key stands twice\n"), "{}", twice(odd));
    }
}

#[test]
fn a_hash_that_took_a_keys_place_is_not_shown() {
    let message = parse("$2y$10$kqzvwxjyfghb:\n  a: b\n").unwrap_err();
    assert!(message.starts_with("this key is not known in this file\n"), "{message}");
    assert!(!message.contains("kqzv"), "{message}");
}
