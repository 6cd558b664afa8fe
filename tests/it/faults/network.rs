//! What is wrong around the exporter, before any request reaches Withings: played by the program itself, in a namespace
//! where the test says which names there are.

use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use withings_exporter::sim::Failure;

use super::row::{Row, Trouble};
use super::served::{Served, alice, is_possible, weigh};
use crate::certificates::{acceptor, certificates, make, unwrap_tls};
use crate::config::write;
use crate::program::until;
use crate::world::World;

/// Where the program looks for Withings.
const NAME: &str = "wbsapi.test";

/// The rows that are played here.
pub(super) fn rows() -> [Row; 2] {
    [
        ("A name that is not found", "the name of the server is not found"),
        ("A certificate that is not trusted", "the certificate of the server is not accepted"),
    ]
    .map(|(action, log)| Row::failing(action, Failure::HangUp, "connect", log).by(Trouble::Network))
}

/// Withings' host, which speaks TLS.
struct Host {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Host {
    async fn start(cloud: SocketAddr, folder: &Path, certificate: &str) -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), cloud, folder, certificate)
    }

    fn start_on(listener: TcpListener, cloud: SocketAddr, folder: &Path, certificate: &str) -> Self {
        let (address, acceptor) = (listener.local_addr().unwrap(), acceptor(folder, certificate));
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(unwrap_tls(stream, acceptor.clone(), cloud));
            }
        });
        Self { address, serving }
    }

    /// The same with another certificate.
    async fn renewed(self, cloud: SocketAddr, folder: &Path, certificate: &str) -> Self {
        self.serving.abort();
        assert!(self.serving.await.unwrap_err().is_cancelled());
        Self::start_on(TcpListener::bind(self.address).await.unwrap(), cloud, folder, certificate)
    }
}

/// What the program is started with.
struct Surroundings {
    folder: TempDir,
}

impl Surroundings {
    fn new() -> Self {
        let folder = certificates();
        make(folder.path(), "withings", &format!("subjectAltName=DNS:{NAME}"), Some("ca"));
        write(&folder.path().join("nsswitch.conf"), "hosts: files\n");
        let surroundings = Self { folder };
        surroundings.know_names("");
        surroundings
    }

    /// Changes the names in the file that the program has for `/etc/hosts`.
    fn know_names(&self, names: &str) {
        write(&self.path("hosts"), names);
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self, world: &World, host: &Host) -> Served {
        let api_url = format!("https://{NAME}:{}", host.address.port());
        let mounts =
            ["hosts", "nsswitch.conf"].map(|file| format!("mount --bind '{}' /etc/{file}", self.path(file).display()));
        let variables = [("SSL_CERT_FILE", self.path("ca.crt"))];
        Served::apart(world, &api_url, &mounts.join(" && "), &variables)
    }
}

/// A row's trouble begins, is told and ends.
async fn check(
    row: &Row,
    certificate: &str,
    names: &str,
    end: impl AsyncFnOnce(&Surroundings, Host, SocketAddr) -> Host,
) {
    if !is_possible() {
        return;
    }
    let world = alice().await;
    let surroundings = Surroundings::new();
    surroundings.know_names(names);
    let host = Host::start(world.cloud_address(), surroundings.folder.path(), certificate).await;
    let program = surroundings.start(&world, &host);
    weigh(&world, 71);
    let (series, _) = row.metric.as_ref().unwrap();
    program.until_sample(series, |value| value >= 1.0).await;
    assert_eq!(program.weight().await, Some(72.0), "the last value stays");
    let said = program.said();
    let lines: Vec<_> =
        said.lines().filter(|line| line.contains("level=warn") && line.contains("call=getmeas")).collect();
    assert!(lines.len() == 1 && lines[0].contains(row.log.unwrap()), "{lines:#?}");
    let _host = end(&surroundings, host, world.cloud_address()).await;
    until("the new weight", async || (program.weight().await == Some(71.0)).then_some(())).await;
}

const KNOWN: &str = "127.0.0.1 wbsapi.test\n";

#[tokio::test]
async fn a_name_that_is_not_found_is_waited_for() {
    check(&rows()[0], "withings", "", async |surroundings, host, _| {
        surroundings.know_names(KNOWN);
        host
    })
    .await;
}

#[tokio::test]
async fn nobody_but_withings_is_talked_to() {
    check(&rows()[1], "stranger", KNOWN, async |surroundings, host, cloud| {
        host.renewed(cloud, surroundings.folder.path(), "withings").await
    })
    .await;
}
