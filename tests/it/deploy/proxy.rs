//! The examples of a reverse proxy, tried with nginx.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::{approved, text};
use crate::certificates::certificates;
use crate::config::{exporter, write};
use crate::installation::free_address;
use crate::program::{Program, fed, until};

/// An exporter without a login, and nginx in front of it.
struct Behind {
    folder: TempDir,
    address: SocketAddr,
    _programs: [Program; 2],
}

impl Behind {
    /// Starts both, nginx as the example says and the exporter with the address that it names.
    async fn start(example: &str, base_url: &str) -> Self {
        let example = text(example);
        assert!(example.contains(&format!("base_url is {base_url}.")));
        let folder = certificates();
        let [inside, outside] = [free_address(), free_address()];
        let config =
            format!("withings: {{client_id: id, client_secret: secret, profiles: Alice, base_url: {base_url}}}\n");
        write(&folder.path().join("withings.yaml"), &config);
        let mut program = exporter(folder.path());
        program.args(["--web.listen-address", &inside.to_string()]);
        let program = Program::start(&mut program, &folder.path().join("exporter.log"));
        write(&folder.path().join("nginx.conf"), &nginx(&example, folder.path(), inside, outside));
        let nginx =
            Program::start(nginx_in(folder.path()).args(["-g", "daemon off;"]), &folder.path().join("nginx.log"));
        let behind = Self { folder, address: outside, _programs: [program, nginx] };
        let host = base_url.trim_start_matches("https://").split('/').next().unwrap();
        until("the exporter behind nginx", async || {
            (fed(&mut behind.curl(&["--fail", &format!("{base_url}/-/ready")], host), b"").status.success())
                .then_some(())
        })
        .await;
        behind
    }

    /// A request to nginx for a host name that leads nowhere.
    fn curl(&self, arguments: &[&str], host: &str) -> Command {
        let mut curl = Command::new("curl");
        curl.current_dir(self.folder.path()).args(["--silent", "--insecure", "--max-time", "10", "--connect-to"]);
        curl.arg(format!("{host}:443:{}", self.address)).args(arguments);
        curl
    }
}

pub(super) fn nginx_in(folder: &Path) -> Command {
    let mut nginx = Command::new("nginx");
    // Debian has it where only root looks.
    let path = std::env::var("PATH").unwrap_or_default();
    nginx.env("PATH", format!("{path}:/usr/sbin")).arg("-p").arg(folder).args(["-e", "error.log", "-c", "nginx.conf"]);
    nginx
}

/// A whole configuration around an example, with the addresses and files of this test.
fn nginx(example: &str, folder: &Path, inside: SocketAddr, outside: SocketAddr) -> String {
    let example = example
        .replace("listen 443", &format!("listen {outside}"))
        .replace("127.0.0.1:10064", &inside.to_string())
        .replace("/etc/nginx/", &format!("{}/", folder.display()));
    around(&example, folder)
}

/// A whole configuration around a part of one, which keeps its files in this folder.
pub(super) fn around(part: &str, folder: &Path) -> String {
    let own_folders: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {}/{kind};\n", folder.display()))
        .concat();
    format!("pid nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{own_folders}{part}}}\n")
}

async fn check(example: &str, base_url: &str) {
    let behind = Behind::start(example, base_url).await;
    let host = base_url.trim_start_matches("https://").split('/').next().unwrap();
    let ask = |arguments: &[&str]| approved(&mut behind.curl(arguments, host));
    let overview = ask(&["--fail", &format!("{base_url}/")]);
    // Where a browser goes from here: relative, so that it stays behind the prefix.
    let begin = "authorize?profile=Alice";
    assert!(overview.contains(&format!("\"{begin}")) && overview.contains("\"./style.css"), "{overview}");
    assert!(!overview.contains("You are at"), "{overview}");
    ask(&["--fail", &format!("{base_url}/style.css")]);
    let consent = ask(&["--write-out", "%{redirect_url}", "--output", "page", &format!("{base_url}/{begin}")]);
    let back: String = url::form_urlencoded::byte_serialize(format!("{base_url}/callback").as_bytes()).collect();
    assert!(consent.starts_with("https://account.withings.com/") && consent.contains(&back), "{consent}");
    let ended =
        ask(&["--write-out", "%{http_code}", "--output", "page", &format!("{base_url}/callback?state=unknown")]);
    assert_eq!(ended, "400", "the exporter's own answer to a login that nobody began");
}

#[tokio::test]
async fn a_login_begins_and_ends_behind_a_name() {
    check("examples/nginx.conf", "https://withings.example").await;
}

#[tokio::test]
async fn a_login_begins_and_ends_behind_a_prefix() {
    check("examples/nginx-prefix.conf", "https://home.example/withings").await;
}
