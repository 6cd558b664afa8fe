//! `authorize` and `forget` at a terminal.

use std::net::SocketAddr;
use std::process::Command;

use crate::certificates::certificates;
use crate::config::write;
use crate::installation::{CLIENT_SECRET, Ended, Installation, Program, free_address};
use crate::program::fed;

/// A base URL that no browser of this host opens, so that the address must be pasted.
const ELSEWHERE: &str = "http://nas.local:10064";

/// Starts `authorize` and gives the address of the consent page that it prints.
fn authorize(installation: &Installation, profile: &str) -> (Program, String) {
    let mut program = installation.start(&["authorize", profile]);
    let consent = program.line(|line| line.contains("authorize2?")).trim().to_owned();
    (program, consent)
}

/// Logs the person in as `profile` by pasting.
fn log_in(installation: &Installation, profile: &str, person: &str) {
    let (mut program, consent) = authorize(installation, profile);
    program.type_line(&installation.agree(&consent, person));
    check_connected(&program.end(), profile);
}

#[track_caller]
fn check_connected(ended: &Ended, profile: &str) {
    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""), "{ended:?}");
    for text in [&format!("{profile} is connected."), "Last weigh-in: 20", "Devices: "] {
        assert!(ended.output.contains(text), "{text} is missing in\n{}", ended.output);
    }
}

#[track_caller]
fn check_failed(ended: &Ended, says: &[&str]) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for text in says {
        assert!(ended.errors.contains(text), "{text} is missing in\n{}", ended.errors);
    }
}

/// Runs `forget` and expects success and this output.
#[track_caller]
fn check_forgotten(installation: &Installation, profile: &str, person: &str, says: &[&str]) {
    let ended = installation.start(&["forget", profile]).end();
    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""), "{ended:?}");
    for text in says {
        assert!(ended.output.contains(text), "{text} is missing in\n{}", ended.output);
    }
    assert!(!installation.names(profile) && !installation.knows(person), "{:?}", installation.stored());
}

/// An installation whose exporter is to serve at the address that the browser is sent back to.
fn served(profiles: &[&str]) -> (Installation, SocketAddr) {
    let address = free_address();
    (Installation::new(profiles, &format!("http://localhost:{}", address.port())), address)
}

#[test]
fn the_whole_address_can_be_pasted_whatever_its_host() {
    let installation = Installation::new(&["Mum"], ELSEWHERE);
    let (mut program, consent) = authorize(&installation, "Mum");
    program.line(|line| line.contains("must have this redirect URI: http://nas.local:10064/callback"));
    let callback = installation.agree(&consent, "Alice");
    program.type_line(&format!("  https://edited.example{callback}  "));
    check_connected(&program.end(), "Mum");
    assert!(installation.knows("Alice"));
}

#[test]
fn the_code_alone_is_enough() {
    let installation = Installation::new(&["Mum"], ELSEWHERE);
    let (mut program, consent) = authorize(&installation, "Mum");
    let callback = installation.agree(&consent, "Alice");
    program.type_line(callback.split("code=").nth(1).unwrap().split('&').next().unwrap());
    check_connected(&program.end(), "Mum");
}

#[test]
fn what_is_no_address_with_a_code_can_be_followed_by_one() {
    let installation = Installation::new(&["Mum"], ELSEWHERE);
    let (mut program, consent) = authorize(&installation, "Mum");
    for nonsense in ["http://nas.local:10064/", "what shall I paste?", ""] {
        program.type_line(nonsense);
    }
    for _ in 0..2 {
        program.line(|line| line.contains("no address with a code"));
    }
    program.type_line(&installation.agree(&consent, "Alice"));
    check_connected(&program.end(), "Mum");
}

#[test]
fn a_browser_on_this_host_needs_no_pasting() {
    let (installation, address) = served(&["Mum"]);
    let (mut program, consent) = authorize(&installation, "Mum");
    program.line(|line| line.contains("paste its address here"));
    for target in ["/metrics", "/", "/-/healthy", "/-/ready"] {
        let answer = installation.request(address, "GET", target, "");
        assert_eq!(answer.status, 404, "{target} is the exporter's, which does not run");
    }
    let callback = installation.agree(&consent, "Alice");
    let page = installation.request(address, "GET", &callback, "");
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("Mum is connected"), "{}", page.body);
    check_connected(&program.end(), "Mum");
}

#[test]
fn a_browser_on_this_host_may_come_over_tls() {
    let (address, certificates) = (free_address(), certificates());
    let origin = format!("https://localhost:{}", address.port());
    let installation = Installation::new(&["Mum"], &origin);
    let web = certificates.path().join("web.yml");
    write(&web, "tls_server_config: {cert_file: server.crt, key_file: server.key}\n");
    let mut program = installation.start(&["authorize", "Mum", "--web.config.file", web.to_str().unwrap()]);
    let consent = program.line(|line| line.contains("authorize2?")).trim().to_owned();
    program.line(|line| line.contains("paste its address here"));
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--cacert"]).arg(certificates.path().join("ca.crt"));
    let page = fed(curl.arg(origin + &installation.agree(&consent, "Alice")), b"");
    assert!(String::from_utf8(page.stdout).unwrap().contains("Mum is connected"));
    check_connected(&program.end(), "Mum");
}

#[test]
fn a_running_exporter_that_gets_the_callback_finishes_the_login() {
    let (installation, address) = served(&["Mum"]);
    let exporter = installation.serve(address);
    let (program, consent) = authorize(&installation, "Mum");
    let page = installation.request(address, "GET", &installation.agree(&consent, "Alice"), "");
    assert_eq!(page.status, 200, "{}", page.body);
    check_connected(&program.end(), "Mum");
    installation.until_weight(address, "Mum", true);
    assert_eq!(exporter.terminate().code, Some(0));
}

#[test]
fn a_running_exporter_shows_whom_a_terminal_has_logged_in() {
    let address = free_address();
    let installation = Installation::new(&["Mum"], ELSEWHERE);
    let _exporter = installation.serve(address);
    installation.until_weight(address, "Mum", false);
    log_in(&installation, "Mum", "Alice");
    installation.until_weight(address, "Mum", true);
}

#[test]
fn what_had_better_be_configured_otherwise_is_said_and_no_news() {
    let installation = Installation::new(&["Mum"], "http://192.168.1.2:10064");
    let (mut program, consent) = authorize(&installation, "Mum");
    program.type_line(&installation.agree(&consent, "Alice"));
    let said = [program.end().errors, installation.start(&["forget", "Mum"]).end().errors];
    for said in said {
        assert!(said.contains("level=warn msg=\"the host in `base_url` is an IP address"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let ended = installation.start(&["forget", "Mum", "--log.level", "error"]).end();
    assert!(ended.errors.starts_with("error: nothing is stored"), "{ended:?}");
}

#[test]
fn an_unknown_profile_is_answered_with_the_known_ones() {
    let installation = Installation::new(&["Mum", "Dad"], ELSEWHERE);
    let ended = installation.start(&["authorize", "Granny"]).end();
    check_failed(&ended, &["no profile \"Granny\"", "\"Mum\", \"Dad\""]);
}

#[test]
fn the_person_of_another_profile_is_refused_by_both_names() {
    let installation = Installation::new(&["Mum", "Dad"], ELSEWHERE);
    log_in(&installation, "Mum", "Alice");
    let (mut program, consent) = authorize(&installation, "Dad");
    program.type_line(&installation.agree(&consent, "Alice"));
    check_failed(&program.end(), &["account of Mum, not of Dad", "private window"]);
}

#[test]
fn another_person_replaces_the_former_one_only_after_a_yes() {
    let installation = Installation::new(&["Mum"], ELSEWHERE);
    log_in(&installation, "Mum", "Alice");
    for answer in ["", "n", "Alice"] {
        let (mut program, consent) = authorize(&installation, "Mum");
        program.type_line(&installation.agree(&consent, "Bob"));
        program.type_line(answer);
        let ended = program.end();
        assert!(ended.output.contains("another person than Mum has had"), "{ended:?}");
        check_failed(&ended, &["nothing was changed"]);
        assert!(!installation.knows("Bob"));
    }
    let (mut program, consent) = authorize(&installation, "Mum");
    program.type_line(&installation.agree(&consent, "Bob"));
    program.type_line("y");
    check_connected(&program.end(), "Mum");
    assert!(installation.knows("Bob") && !installation.knows("Alice"), "{:?}", installation.stored());
}

#[test]
fn withings_refusals_become_advice() {
    let installation = Installation::new(&["Mum"], ELSEWHERE);
    let (mut program, consent) = authorize(&installation, "Mum");
    let state = installation.agree(&consent, "Alice").split("state=").nth(1).unwrap().to_owned();
    program.type_line(&format!("http://nas.local:10064/callback?error=access_denied&state={state}"));
    check_failed(&program.end(), &["was not allowed to read the measurements", "allow the access"]);

    let (mut program, _) = authorize(&installation, "Mum");
    program.type_line("0123456789abcdef");
    check_failed(&program.end(), &["A code lives 30 seconds", "start again"]);

    installation.configure(&["Mum"], "mistyped");
    let (mut program, consent) = authorize(&installation, "Mum");
    program.type_line(&installation.agree(&consent, "Alice"));
    let ended = program.end();
    check_failed(&ended, &["client_secret"]);
    assert!(!ended.errors.contains("mistyped"), "{ended:?}");
}

#[test]
fn forget_revokes_and_deletes_also_what_a_running_exporter_shows() {
    let (installation, address) = served(&["Mum", "Dad"]);
    let exporter = installation.serve(address);
    for (profile, person) in [("Mum", "Alice"), ("Dad", "Bob")] {
        let (program, consent) = authorize(&installation, profile);
        installation.request(address, "GET", &installation.agree(&consent, person), "");
        check_connected(&program.end(), profile);
        installation.until_weight(address, profile, true);
    }
    let says = ["was revoked at Withings", "Everything stored about Mum was deleted", "can log in again"];
    check_forgotten(&installation, "Mum", "Alice", &says);
    let live = installation.account("Alice").live_tokens();
    assert_eq!((live.access, live.refresh), (0, 0));
    installation.until_weight(address, "Mum", false);
    let files = installation.stored().len();
    assert_eq!(exporter.terminate().code, Some(0));
    assert!(
        !installation.knows("Alice") && !installation.names("Mum"),
        "the exporter brought it back: {:?}",
        installation.stored()
    );
    assert_eq!(installation.stored().len(), files);
    assert_eq!(installation.files_of("Mum"), Vec::<String>::new());
    assert!(installation.knows("Bob"));
}

#[test]
fn forget_works_while_withings_is_unreachable_and_says_what_is_left() {
    let mut installation = Installation::new(&["Mum"], ELSEWHERE);
    log_in(&installation, "Mum", "Alice");
    installation.stop_cloud();
    let says =
        ["could not be revoked at Withings: no answer from Withings", "removes this application in the Withings app"];
    check_forgotten(&installation, "Mum", "Alice", &says);
}

#[test]
fn forget_works_with_a_dead_login_and_a_changed_secret() {
    let installation = Installation::new(&["Mum", "Dad"], ELSEWHERE);
    log_in(&installation, "Mum", "Alice");
    installation.account("Alice").revoke();
    check_forgotten(&installation, "Mum", "Alice", &["Everything stored about Mum was deleted"]);
    log_in(&installation, "Dad", "Bob");
    installation.configure(&["Mum", "Dad"], "changed");
    check_forgotten(&installation, "Dad", "Bob", &["could not be revoked at Withings"]);
}

#[test]
fn forget_knows_profiles_that_left_the_configuration_and_nobody_else() {
    let installation = Installation::new(&["Mum", "Dad"], ELSEWHERE);
    log_in(&installation, "Mum", "Alice");
    log_in(&installation, "Dad", "Bob");
    installation.configure(&["Mum"], CLIENT_SECRET);
    let files = installation.stored().len();
    check_failed(
        &installation.start(&["forget", "Granny"]).end(),
        &["nothing is stored", "\"Granny\"", "\"Dad\", \"Mum\""],
    );
    assert_eq!(installation.stored().len(), files);
    assert_eq!(installation.files_of("Granny"), Vec::<String>::new());
    check_forgotten(&installation, "Dad", "Bob", &["was revoked at Withings"]);
    check_failed(&installation.start(&["forget", "Dad"]).end(), &["have a login here: \"Mum\""]);
}
