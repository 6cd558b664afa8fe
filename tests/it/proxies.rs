//! The way to Withings through a proxy that the environment names, and what is said where it leads nowhere.

use std::net::SocketAddr;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::certificates::{acceptor, certificates, make, unwrap_tls};
use crate::installation::{Ended, Installation, free_address};

/// Where the program looks for Withings: a name that the proxy alone knows.
const NAME: &str = "withings.test";

/// The user and the password of the proxy, as a URL has them and as a header does.
const USER: (&str, &str) = ("user:pa55word", "Proxy-Authorization: Basic dXNlcjpwYTU1d29yZA==");

/// What a proxy is.
#[derive(Clone, Copy)]
enum Kind {
    /// One of HTTP, for who knows the password.
    Http,
    /// One of HTTP that lets nobody through.
    Closed,
    /// One of SOCKS 5.
    Socks,
}

/// A proxy that has Withings behind it.
struct Proxy {
    address: SocketAddr,
    certificates: TempDir,
    _runtime: Runtime,
}

impl Proxy {
    fn start(kind: Kind, cloud: SocketAddr) -> Self {
        let certificates = certificates();
        make(certificates.path(), "withings", &format!("subjectAltName=DNS:{NAME}"), Some("ca"));
        let (runtime, acceptor) = (Runtime::new().unwrap(), acceptor(certificates.path(), "withings"));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(lead(kind, stream, acceptor.clone(), cloud));
            }
        });
        Self { address, certificates, _runtime: runtime }
    }
}

/// Leads a client to Withings, if it may go there.
async fn lead(kind: Kind, mut client: TcpStream, acceptor: TlsAcceptor, cloud: SocketAddr) {
    let is_let_through = match kind {
        Kind::Http => tunnel(&mut client, true).await,
        Kind::Closed => tunnel(&mut client, false).await,
        Kind::Socks => socks(&mut client).await,
    };
    if is_let_through {
        unwrap_tls(client, acceptor, cloud).await;
    }
}

async fn tunnel(client: &mut TcpStream, is_open: bool) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with(&format!("CONNECT {NAME}:443 HTTP/1.1\r\n")), "{head}");
    let is_known = head.to_lowercase().contains(&USER.1.to_lowercase());
    let answer = match (is_open, is_known) {
        (false, _) => "403 Forbidden",
        (true, false) => "407 Proxy Authentication Required",
        (true, true) => "200 OK",
    };
    client.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).await.unwrap();
    is_open && is_known
}

async fn socks(client: &mut TcpStream) -> bool {
    let [version, methods] = [client.read_u8().await.unwrap(), client.read_u8().await.unwrap()];
    client.read_exact(&mut vec![0; methods.into()]).await.unwrap();
    client.write_all(&[version, 0]).await.unwrap();
    // Version 5, connect to, by name.
    let mut request = [0; 4];
    client.read_exact(&mut request).await.unwrap();
    assert_eq!(request, [5, 1, 0, 3]);
    let mut name = vec![0; client.read_u8().await.unwrap().into()];
    client.read_exact(&mut name).await.unwrap();
    assert_eq!((name, client.read_u16().await.unwrap()), (NAME.as_bytes().to_vec(), 443));
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
    true
}

/// Logs somebody in from a terminal, with this in the environment.
fn log_in(installation: &Installation, variables: &[(&str, &str)]) -> Ended {
    let mut program = installation.start_in(&["authorize", "Mum"], variables);
    let consent = program.line(|line| line.contains("authorize2?")).trim().to_owned();
    program.type_line(&installation.agree(&consent, "Alice"));
    program.end()
}

fn installation() -> Installation {
    let installation = Installation::new(&["Mum"], "http://nas.local:10064");
    installation.move_api(&format!("https://{NAME}"));
    installation
}

/// Expects that a login goes through a proxy of this kind, if `proxy` makes the variables of its address; and that the password
/// is nowhere said, whatever happens.
fn check(kind: Kind, proxy: impl Fn(SocketAddr) -> Vec<(&'static str, String)>, says: Option<&[&str]>) {
    let installation = installation();
    let running = Proxy::start(kind, installation.cloud_address());
    let mut variables = proxy(running.address);
    variables.push(("SSL_CERT_FILE", running.certificates.path().join("ca.crt").to_str().unwrap().to_owned()));
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let ended = log_in(&installation, &variables);
    assert!(!format!("{ended:?}").contains("pa55word"), "{ended:?}");
    match says {
        None => assert!(ended.code == Some(0) && ended.output.contains("Mum is connected."), "{ended:?}"),
        Some(says) => {
            assert_eq!(ended.code, Some(1), "{ended:?}");
            for text in says {
                assert!(ended.errors.contains(text), "{text} is missing in {ended:?}");
            }
        }
    }
}

fn with_password(address: SocketAddr) -> String {
    format!("http://{}@{address}", USER.0)
}

const BLOCKED: [&str; 2] = ["no connection: the proxy that the environment names does not lead there", "NO_PROXY"];

#[test]
fn a_proxy_of_http_leads_to_withings() {
    check(Kind::Http, |address| vec![("HTTPS_PROXY", with_password(address))], None);
    check(Kind::Http, |address| vec![("ALL_PROXY", with_password(address))], None);
}

#[test]
fn a_proxy_of_socks_leads_to_withings() {
    check(Kind::Socks, |address| vec![("HTTPS_PROXY", format!("socks5h://{address}"))], None);
}

#[test]
fn what_the_environment_excepts_goes_without_a_proxy() {
    let proxy = |address| vec![("HTTPS_PROXY", with_password(address)), ("NO_PROXY", NAME.to_owned())];
    check(Kind::Http, proxy, Some(&["no connection: the name of the server is not found", "name server"]));
}

#[test]
fn a_proxy_that_refuses_is_named_as_the_cause() {
    check(Kind::Closed, |address| vec![("HTTPS_PROXY", with_password(address))], Some(&BLOCKED));
    let unknown = |address| vec![("HTTPS_PROXY", format!("http://{address}"))];
    check(Kind::Http, unknown, Some(&[BLOCKED[0], "proxy authorization required"]));
}

#[test]
fn a_proxy_that_is_not_there_is_named_as_the_cause() {
    for scheme in ["http", "socks5h"] {
        let proxy = |_| vec![("HTTPS_PROXY", format!("{scheme}://{}@{}", USER.0, free_address()))];
        check(Kind::Http, proxy, Some(&BLOCKED));
    }
}
