//! TLS, HTTP/2, passwords, headers and the rate limit, as curl meets them.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use withings_exporter::web::{Security, ServerLimits};

use super::connections::large;
use super::{Server, Setup};
use crate::certificates::{CLIENT_NAMES, certificates, make_server};
use crate::config::write;
use crate::program::{fed, until};

const TLS: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

/// The password of the user `prometheus`.
const PASSWORD: &str = "hush:hush";

/// A server with a web configuration, and the folder of its files.
struct Secured {
    server: Server,
    folder: TempDir,
}

impl Secured {
    async fn start(config: &str) -> Self {
        Self::start_with(config, Setup::default()).await
    }

    async fn start_with(config: &str, setup: Setup) -> Self {
        let folder = certificates();
        write(&folder.path().join("web.yml"), config);
        let security = Security::load(&folder.path().join("web.yml")).unwrap();
        tokio::spawn(security.clone().keep_current(std::future::pending()));
        Self { server: Setup { security, ..setup }.start().await, folder }
    }

    /// A curl with these arguments and a target.
    async fn curl(&self, arguments: &[&str], target: &str) -> Output {
        let scheme = if arguments.contains(&"--cacert") { "https" } else { "http" };
        let mut curl = Command::new("curl");
        curl.current_dir(&self.folder).args(["--silent", "--show-error"]).args(arguments);
        curl.arg(format!("{scheme}://localhost:{}{target}", self.server.address.port()));
        tokio::task::spawn_blocking(move || fed(&mut curl, b"")).await.unwrap()
    }

    async fn connect(&self) -> TlsConnection {
        self.connect_with("http/1.1").await
    }

    /// A connection that speaks `protocol`.
    async fn connect_with(&self, protocol: &str) -> TlsConnection {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.folder.path().join("ca.crt")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.into()];
        let stream = TcpStream::connect(self.server.address).await.unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        TlsConnection(connector.connect("localhost".try_into().unwrap(), stream).await.unwrap())
    }

    /// The output of curl, which must succeed.
    async fn printed(&self, arguments: &[&str], target: &str) -> String {
        let output = self.curl(arguments, target).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The status over TLS, or why there is none.
    async fn status(&self, arguments: &[&str], target: &str) -> Result<u16, String> {
        let arguments = [&CODE[..], arguments].concat();
        let output = self.curl(&arguments, target).await;
        if !output.status.success() {
            return Err(String::from_utf8(output.stderr).unwrap());
        }
        Ok(String::from_utf8(output.stdout).unwrap().parse().unwrap())
    }
}

/// A connection and its server.
struct TlsConnection(TlsStream<TcpStream>);

impl TlsConnection {
    fn certificate(&self) -> CertificateDer<'static> {
        self.0.get_ref().1.peer_certificates().unwrap()[0].clone()
    }

    /// The whole answer to the last request.
    async fn get(&mut self, target: &str) -> String {
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        self.0.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

/// The user `prometheus`, with a hash of the lowest cost.
fn users() -> String {
    format!("basic_auth_users:\n  prometheus: {}\n", bcrypt::hash_with_salt(PASSWORD, 4, [7; 16]).unwrap())
}

const TRUST: [&str; 2] = ["--cacert", "ca.crt"];
const CODE: [&str; 6] = ["--cacert", "ca.crt", "--output", "/dev/null", "--write-out", "%{http_code}"];

#[tokio::test]
async fn the_same_page_comes_over_http_1_and_2_compressed_and_plain() {
    let secured = Secured::start_with(TLS, Setup { snapshot: large(), ..Setup::default() }).await;
    let plain = secured.printed(&[&TRUST[..], &["--http1.1"]].concat(), "/metrics").await;
    assert!(plain.contains("withings_weight_kg"));
    for version in ["--http1.1", "--http2"] {
        for encoding in [&[][..], &["--compressed"]] {
            let arguments = [&TRUST[..], &[version], encoding].concat();
            assert_eq!(secured.printed(&arguments, "/metrics").await, plain);
            let head = secured.printed(&[&arguments[..], &["--head"]].concat(), "/metrics").await;
            let size = ["--output", "/dev/null", "--write-out", "%{size_download}"];
            let size = secured.printed(&[&arguments[..], &size].concat(), "/metrics").await;
            assert!(head.to_lowercase().contains(&format!("content-length: {size}\r\n")), "{size}: {head}");
            assert_eq!(head.contains("HTTP/2 200"), version == "--http2", "{head}");
        }
    }
}

#[tokio::test]
async fn http_2_can_be_switched_off() {
    let secured = Secured::start(&format!("{TLS}http_server_config: {{http2: false}}\n")).await;
    let head = secured.printed(&[&TRUST[..], &["--http2", "--head"]].concat(), "/").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

#[tokio::test]
async fn only_what_probes_and_logins_need_is_open_without_a_password() {
    let secured = Secured::start(&(TLS.to_owned() + &users())).await;
    let right = ["--user", "prometheus:hush:hush"];
    for (target, open, status) in [
        ("/metrics", false, 200),
        ("/", false, 200),
        ("/authorize?profile=Alice", false, 404),
        ("/nothing", false, 404),
        ("/callback", true, 400),
        ("/callback?state=guessed&code=x", true, 400),
        ("/style.css", true, 200),
        ("/-/healthy", true, 200),
        ("/-/ready", true, 503),
    ] {
        assert_eq!(secured.status(&right, target).await, Ok(status), "{target}");
        let without = if open { status } else { 401 };
        assert_eq!(secured.status(&[], target).await, Ok(without), "{target}");
        let wrong = secured.status(&["--user", "prometheus:hush"], target).await;
        assert_eq!(wrong, Ok(without), "{target}");
    }
    assert_eq!(secured.status(&["--request", "POST"], "/authorize").await, Ok(401));
    let head = secured.printed(&[&TRUST[..], &["--head"]].concat(), "/metrics").await;
    assert!(head.contains("www-authenticate: Basic realm=\"withings-exporter\""), "{head}");
}

#[tokio::test]
async fn headers_are_added_and_those_of_the_pages_stay() {
    let headers = "X-Frame-Options: deny\n    Content-Security-Policy: default-src *\n";
    let secured = Secured::start(&format!("{}http_server_config:\n  headers:\n    {headers}", users())).await;
    let head = |target| secured.printed(&["--head"], target);
    for target in ["/metrics", "/-/healthy", "/nothing"] {
        let head = head(target).await;
        assert!(head.contains("x-frame-options: deny\r\n"), "{head}");
        assert!(head.contains("content-security-policy: default-src *\r\n"), "{head}");
    }
    let page = secured.printed(&["--head", "--user", "prometheus:hush:hush"], "/").await;
    assert!(page.contains("content-security-policy: default-src 'none'"), "{page}");
}

#[tokio::test]
async fn too_many_requests_are_refused_and_probes_are_not() {
    let secured = Secured::start("rate_limit: {interval: 1h, burst: 2}\n").await;
    let get = |target| secured.server.get(target);
    assert_eq!([get("/").await.status, get("/metrics").await.status], [200, 200]);
    let refused = get("/metrics").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    assert_eq!(get("/-/healthy").await.status, 200);
}

#[tokio::test]
async fn only_clients_with_an_accepted_certificate_come_in() {
    let client = ["--cert", "client.crt", "--key", "client.key"];
    let stranger = ["--cert", "stranger.crt", "--key", "stranger.key"];
    let verify = "RequireAndVerifyClientCert\n  client_ca_file: ca.crt";
    let if_given = "VerifyClientCertIfGiven\n  client_ca_file: ca.crt";
    for (policy, [nobody, known, unknown]) in [
        ("NoClientCert", [true, true, true]),
        ("RequestClientCert", [true, true, true]),
        ("RequireAnyClientCert", [false, true, true]),
        (if_given, [true, true, false]),
        (verify, [false, true, false]),
        (&format!("{verify}\n  client_allowed_sans: [prometheus.example]"), [false, true, false]),
        (&format!("{verify}\n  client_allowed_sans: [other.example]"), [false, false, false]),
        ("RequireAnyClientCert\n  client_allowed_sans: [192.0.2.1]", [false, true, false]),
    ] {
        let secured = Secured::start(&format!("{TLS}  client_auth_type: {policy}\n")).await;
        for version in ["1.2", "1.3"] {
            for (certificate, accepted) in [(&[][..], nobody), (&client, known), (&stranger, unknown)] {
                let status = secured.status(&[&["--tls-max", version], certificate].concat(), "/metrics").await;
                assert_eq!(status.is_ok(), accepted, "{policy}, TLS {version}, {certificate:?}: {status:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_name_that_somebody_else_may_have_is_answered_only_where_a_certificate_is_required() {
    let other_name = ["--cert", "client.crt", "--key", "client.key", "--header", "Host: evil.example"];
    for (policy, status) in [("VerifyClientCertIfGiven", 421), ("RequireAndVerifyClientCert", 200)] {
        let policy = format!("{TLS}  client_auth_type: {policy}\n  client_ca_file: ca.crt\n");
        let secured = Secured::start(&policy).await;
        for version in ["--http1.1", "--http2"] {
            let answered = secured.status(&[&other_name[..], &[version]].concat(), "/metrics").await;
            assert_eq!(answered, Ok(status), "{version} {policy}");
        }
    }
}

#[tokio::test]
async fn a_client_is_known_by_any_of_its_names() {
    for (_, name) in CLIENT_NAMES.iter().filter_map(|name| name.split_once(':')) {
        let policy = format!("RequireAnyClientCert\n  client_allowed_sans: ['{name}']");
        let secured = Secured::start(&format!("{TLS}  client_auth_type: {policy}\n")).await;
        let client = ["--cert", "client.crt", "--key", "client.key"];
        assert_eq!(secured.status(&client, "/metrics").await, Ok(200), "{name}");
    }
}

#[tokio::test]
async fn versions_and_cipher_suites_are_those_that_are_wanted() {
    let secured = Secured::start(&format!("{TLS}  min_version: TLS13\n")).await;
    assert!(secured.status(&["--tls-max", "1.2"], "/").await.is_err());
    assert_eq!(secured.status(&[], "/").await, Ok(200));
    let suite = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";
    let secured = Secured::start(&format!("{TLS}  max_version: TLS12\n  cipher_suites: [{suite}]\n")).await;
    assert!(secured.status(&["--tlsv1.3"], "/").await.is_err());
    assert_eq!(secured.status(&["--ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384"], "/").await, Ok(200));
    assert!(secured.status(&["--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256"], "/").await.is_err());
}

#[tokio::test]
async fn certificates_and_passwords_are_renewed_without_a_restart() {
    let secured = Secured::start(&(TLS.to_owned() + &users())).await;
    let path = |name: &str| secured.folder.path().join(name);
    let mut kept = secured.connect().await;
    make_server(secured.folder.path(), "server");
    let renewed = CertificateDer::from_pem_file(path("server.crt")).unwrap();
    until("the new certificate", async || (secured.connect().await.certificate() == renewed).then_some(())).await;
    assert_ne!(kept.certificate(), renewed);
    assert_eq!(secured.status(&["--user", "prometheus:hush:hush"], "/metrics").await, Ok(200));
    assert!(kept.get("/-/healthy").await.starts_with("HTTP/1.1 200"));
    write(&path("web.yml"), TLS);
    until("no password to be needed", async || (secured.status(&[], "/metrics").await == Ok(200)).then_some(())).await;
}

#[tokio::test]
async fn a_file_that_keeps_its_time_and_length_is_read_again() {
    let user = |name: &str| users().replace("prometheus", name);
    let secured = Secured::start(&(TLS.to_owned() + &user("former"))).await;
    let mut file = File::options().write(true).open(secured.folder.path().join("web.yml")).unwrap();
    let before = file.metadata().unwrap().modified().unwrap();
    file.write_all((TLS.to_owned() + &user("newest")).as_bytes()).unwrap();
    file.set_modified(before).unwrap();
    let status = async || secured.status(&["--user", "newest:hush:hush"], "/metrics").await;
    until("the new user", async || (status().await == Ok(200)).then_some(())).await;
}

#[tokio::test]
async fn who_does_not_go_on_is_cut_in_every_state_of_a_connection() {
    let short = Duration::from_millis(50);
    let limits = ServerLimits { handshake: short, header_timeout: short, ..ServerLimits::default() };
    let secured = Secured::start_with(TLS, Setup { limits, ..Setup::default() }).await;
    let mut silent = TcpStream::connect(secured.server.address).await.unwrap();
    assert_eq!(silent.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    for begun in ["", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0"] {
        let mut connection = secured.connect_with("h2").await;
        connection.0.write_all(begun.as_bytes()).await.unwrap();
        // It ends, with or without TLS's own words.
        drop(connection.0.read_to_end(&mut Vec::new()).await);
    }
    let mut connection = secured.connect_with("http/1.1").await;
    drop(connection.0.read_to_end(&mut Vec::new()).await);
}

#[tokio::test]
async fn a_header_of_http_2_that_is_too_large_is_refused() {
    let secured = Secured::start(TLS).await;
    let large = format!("X: {}", "x".repeat(17 * 1024));
    let status = secured.status(&["--http2", "--header", &large], "/").await;
    assert!(status.as_ref().map_or(true, |status| *status == 431), "{status:?}");
    assert_eq!(secured.status(&["--http2"], "/").await, Ok(200));
}

#[tokio::test]
async fn plain_http_is_no_way_around_tls() {
    let secured = Secured::start(TLS).await;
    let answer = secured.printed(&["--include"], "/metrics").await;
    assert!(answer.starts_with("HTTP/1.0 400") && answer.ends_with("it begins with https://\n"), "{answer}");
}

#[tokio::test(crate = "crate::paused")]
async fn the_end_waits_for_no_handshake() {
    let secured = Secured::start(TLS).await;
    let _silent = TcpStream::connect(secured.server.address).await.unwrap();
    let idle = secured.connect_with("h2").await;
    let told = Instant::now();
    secured.server.shutdown.send(()).unwrap();
    secured.server.ended.await.unwrap();
    assert_eq!(told.elapsed(), Duration::ZERO);
    drop(idle);
}
