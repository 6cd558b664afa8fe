//! Certificates, made when a test needs them: no key lies in the repository.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::program::fed;

/// The alternative names of the certificate `client`, of every kind.
pub(crate) const CLIENT_NAMES: [&str; 5] = [
    "DNS:prometheus.example",
    "IP:192.0.2.1",
    "IP:2001:db8::1",
    "email:ops@example.org",
    "URI:spiffe://example/prometheus",
];

/// A folder with an authority (`ca`), and certificates that it has signed: `server` for this host, `client` with
/// [`CLIENT_NAMES`]. Beside them `stranger`, which signed itself. Each is a `.crt` with a `.key`.
pub(crate) fn certificates() -> TempDir {
    let folder = TempDir::new().unwrap();
    make(folder.path(), "ca", "basicConstraints=critical,CA:TRUE", None);
    make_server(folder.path(), "server");
    make(folder.path(), "client", &format!("subjectAltName={}", CLIENT_NAMES.join(",")), Some("ca"));
    make(folder.path(), "stranger", "subjectAltName=DNS:stranger.example", None);
    folder
}

/// Makes another certificate for this host, signed by the authority.
pub(crate) fn make_server(folder: &Path, name: &str) {
    make(folder, name, "subjectAltName=DNS:localhost,IP:127.0.0.1", Some("ca"));
}

/// Makes a certificate with this extension, signed by the authority of this name or by itself.
pub(crate) fn make(folder: &Path, name: &str, extension: &str, authority: Option<&str>) {
    let mut openssl = Command::new("openssl");
    openssl.current_dir(folder).args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ]);
    openssl.args(["-days", "2", "-subj", &format!("/CN={name}"), "-addext", extension]);
    openssl.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.crt")]);
    match authority {
        Some(authority) => {
            openssl.args(["-CA", &format!("{authority}.crt"), "-CAkey", &format!("{authority}.key")]).args(NO_AUTHORITY)
        }
        None => &mut openssl,
    };
    let output = fed(&mut openssl, b"");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

const NO_AUTHORITY: [&str; 2] = ["-addext", "basicConstraints=critical,CA:FALSE"];

/// The server's side of TLS with a certificate of this folder.
pub(crate) fn acceptor(folder: &Path, certificate: &str) -> TlsAcceptor {
    let file = |extension: &str| folder.join(format!("{certificate}.{extension}"));
    let chain = vec![CertificateDer::from_pem_file(file("crt")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(file("key")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Takes TLS off and passes the rest on to `server`. Who does not trust the certificate goes away.
pub(crate) async fn unwrap_tls(stream: TcpStream, acceptor: TlsAcceptor, server: SocketAddr) {
    let Ok(mut client) = acceptor.accept(stream).await else { return };
    let mut server = TcpStream::connect(server).await.unwrap();
    drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
}
