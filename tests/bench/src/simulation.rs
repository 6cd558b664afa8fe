//! The simulated cloud on a thread of its own, whose CPU time can be told from the exporter's.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::unistd::{Pid, gettid};
use tokio::net::TcpListener;
use tokio::runtime;
use url::{Url, form_urlencoded};
use withings_exporter::clock::Clock;
use withings_exporter::sim::{self, Account, App, Cloud, Limits};

use crate::client::Client;
use crate::proc;

pub(crate) const CLIENT_ID: &str = "bench";
pub(crate) const CLIENT_SECRET: &str = "bench";
pub(crate) const BASE_URL: &str = "http://localhost:10064";

/// A cloud that answers; it ends with the program.
pub(crate) struct Simulation {
    pub(crate) cloud: Cloud,
    pub(crate) address: SocketAddr,
    thread: Pid,
}

impl Simulation {
    /// The three people with so many years of history, and no limits.
    pub(crate) fn start(years: u16) -> Result<Self> {
        let cloud = Cloud::with_history(7, years, Clock::system());
        cloud.limits(Limits::OFF);
        cloud.register(App {
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.to_owned(),
            redirect_uris: vec![format!("{BASE_URL}/callback")],
        });
        let (tell, told) = mpsc::channel();
        let served = cloud.clone();
        thread::spawn(move || -> Result<()> {
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
                tell.send((listener.local_addr()?, gettid()))?;
                sim::serve(listener, served, std::future::pending()).await;
                Ok(())
            })
        });
        let (address, thread) = told.recv()?;
        Ok(Self { cloud, address, thread })
    }

    pub(crate) fn url(&self) -> Result<Url> {
        Ok(Url::parse(&format!("http://{}", self.address))?)
    }

    pub(crate) fn account(&self, name: &str) -> Result<Account> {
        self.cloud.account(name).with_context(|| format!("{name} has no account"))
    }

    pub(crate) fn cpu(&self) -> Result<Duration> {
        proc::cpu_of_thread(self.thread)
    }

    /// Logs the account of that name in as the profile of that name, as a browser does.
    pub(crate) fn log_in(&self, exporter: SocketAddr, name: &str) -> Result<()> {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("profile", name).finish();
        let (mut consent, cookie) = redirect(exporter, &format!("/authorize?{query}"))?;
        let cookie = format!("Cookie: {}\r\n", cookie.context("the exporter sets no cookie")?);
        consent.query_pairs_mut().append_pair("selecteduser", &self.account(name)?.userid().to_string());
        let (back, _) = redirect(self.address, &target(&consent))?;
        let status = Client::connect(exporter)?.get(&target(&back), &cookie)?.status;
        ensure!(status == 200, "the login of {name} ended with status {status}");
        Ok(())
    }
}

/// Where a page leads to, and the cookie that it sets.
fn redirect(address: SocketAddr, target: &str) -> Result<(Url, Option<String>)> {
    let answer = Client::connect(address)?.get(target, "")?;
    let location = answer.location.with_context(|| format!("{target} does not lead on: status {}", answer.status))?;
    Ok((Url::parse(&location)?, answer.cookie))
}

fn target(url: &Url) -> String {
    format!("{}?{}", url.path(), url.query().unwrap_or_default())
}
