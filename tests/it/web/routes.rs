//! Which path answers what, to which methods, with which headers.

use super::Setup;

async fn check(target: &str, status: u16, content_type: &str, says: &str) {
    let answer = Setup::default().start().await.get(target).await;
    assert_eq!(answer.status, status, "{target}");
    assert_eq!(answer.header("content-type"), Some(content_type), "{target}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{target}");
    assert!(answer.body.contains(says), "{target}: {}", answer.body);
}

#[tokio::test]
async fn each_path_answers_for_itself() {
    let (html, text) = ("text/html; charset=utf-8", "text/plain; charset=utf-8");
    check("/", 200, html, "<h1>Profiles</h1>").await;
    check("/?from=bookmark", 200, html, "<h1>Profiles</h1>").await;
    check("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", "").await;
    check("/style.css", 200, "text/css; charset=utf-8", "prefers-color-scheme").await;
    check("/-/healthy", 200, text, "healthy").await;
    check("/metrics/", 404, html, "nothing at this address").await;
    check("/../etc/passwd", 404, html, "nothing at this address").await;
}

#[tokio::test]
async fn from_where_nothing_is_a_link_leads_back() {
    let server = Setup::default().start().await;
    let (deep, out) = (format!("/{}", "a/".repeat(30)), "../".repeat(30));
    for (target, root) in [("/nothing", "./"), ("/metrics/", "../"), ("/a/b/c?d=/e/f", "../../"), (&deep, &out)] {
        let answer = server.get(target).await;
        assert_eq!(answer.status, 404);
        let link = format!("<a href=\"{root}\">Back to the overview</a>");
        let style = format!("<link rel=\"stylesheet\" href=\"{root}style.css\">");
        assert!(answer.body.contains(&link) && answer.body.contains(&style), "{target}: {}", answer.body);
    }
}

#[tokio::test]
async fn ready_says_what_is_awaited_until_it_is() {
    let server = Setup::default().start().await;
    let waiting = server.get("/-/ready").await;
    assert_eq!(waiting.status, 503);
    assert!(waiting.body.contains("waiting until each connected profile"), "{}", waiting.body);
    server.ready.send(true).unwrap();
    assert_eq!(server.get("/-/ready").await.status, 200);
}

#[tokio::test]
async fn head_tells_the_length_of_get_and_sends_no_body() {
    let server = Setup::default().start().await;
    for target in ["/", "/metrics", "/style.css", "/-/healthy", "/-/ready", "/nothing"] {
        let mut connection = server.connect().await;
        let head = connection.request("HEAD", target, "").await;
        let get = connection.request("GET", target, "").await;
        assert_eq!(head.status, get.status, "{target}");
        assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()), "{target}");
    }
}

#[tokio::test]
async fn other_methods_are_told_which_are_allowed() {
    let server = Setup::default().start().await;
    for (method, target, allowed) in [
        ("POST", "/", "GET, HEAD"),
        ("DELETE", "/metrics", "GET, HEAD"),
        ("POST", "/callback", "GET, HEAD"),
        ("HEAD", "/authorize", "GET, POST"),
        ("PUT", "/authorize", "GET, POST"),
        ("OPTIONS", "/-/healthy", "GET, HEAD"),
    ] {
        let answer = server.request(method, target).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {target}");
    }
}

#[tokio::test]
async fn the_metrics_may_live_elsewhere() {
    let server = Setup { telemetry_path: "/private/metrics", ..Setup::default() }.start().await;
    assert_eq!(server.get("/private/metrics").await.header("vary"), Some("Accept, Accept-Encoding"));
    assert_eq!(server.get("/metrics").await.status, 404);
    assert!(server.get("/").await.body.contains(r#"href="./private/metrics""#));
}

#[tokio::test]
async fn metrics_at_the_root_take_the_place_of_the_landing_page() {
    let server = Setup { telemetry_path: "/", ..Setup::default() }.start().await;
    let answer = server.get("/").await;
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
}

#[tokio::test]
async fn a_scraper_gets_the_format_and_the_encoding_that_it_asks_for() {
    let server = Setup::default().start().await;
    let mut connection = server.connect().await;
    let wanted = "Accept: application/openmetrics-text;version=1.0.0\r\nAccept-Encoding: gzip\r\n";
    let answer = connection.request("HEAD", "/metrics", wanted).await;
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let plain = connection.request("GET", "/metrics", "").await;
    assert_eq!(plain.header("content-encoding"), None);
}

#[tokio::test]
async fn metrics_are_selected_by_name_and_the_whole_page_stays() {
    let server = Setup::default().start().await;
    let whole = server.get("/metrics").await.body;
    let families = |page: &str| page.lines().filter(|line| line.starts_with("# TYPE ")).count();
    let build = "withings_exporter_build_info";
    let selected =
        server.get(&format!("/metrics?name[]={build}&name%5B%5D=withings_exporter_api_requests_total")).await;
    assert_eq!((families(&selected.body), selected.header("vary")), (2, Some("Accept, Accept-Encoding")));
    assert!(
        selected.body.contains("\nwithings_exporter_api_requests_total{call=\"getmeas\"} 0\n"),
        "{}",
        selected.body
    );
    let mut connection = server.connect().await;
    let wanted = "Accept: application/openmetrics-text\r\n";
    let openmetrics = connection.request("GET", &format!("/metrics?name[]={build}"), wanted).await.body;
    assert!(
        openmetrics.contains(build) && openmetrics.ends_with("# EOF\n") && families(&openmetrics) == 1,
        "{openmetrics}"
    );
    assert_eq!(server.get("/metrics?name[]=nothing").await.body, "");
    assert_eq!(server.get("/metrics?name=nothing").await.body, whole);
}
