//! One person and two profiles, whose logins end in the same moment, in two processes: one of them is refused,
//! whichever.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use withings_exporter::sim::Fault;

use crate::installation::{Installation, Program, free_address};

/// How often the race is tried: in one of ten or twenty rounds the two would miss each other.
const ROUNDS: u64 = 12;

/// How long the answer to an exchange of a code takes.
const ANSWER: Duration = Duration::from_millis(300);

/// Two logins that the same person has begun and agreed to, and that are not finished.
struct Logins {
    /// The `authorize` of Mum at a terminal, and the address to paste there.
    terminal: (Program, String),
    /// The login of Dad in a browser: the path of the callback.
    callback: String,
}

impl Logins {
    fn begin(installation: &Installation, address: SocketAddr) -> Self {
        let mut program = installation.start(&["authorize", "Mum"]);
        let consent = program.line(|line| line.contains("authorize2?")).trim().to_owned();
        let pasted = installation.agree(&consent, "Alice");
        let begun = installation.request(address, "GET", "/authorize?profile=Dad", "");
        let callback = installation.agree(begun.header("location").unwrap(), "Alice");
        Self { terminal: (program, pasted), callback }
    }

    /// Finishes both logins, so that the answers of Withings come in the same moment but for `apart`; gives whether
    /// each worked.
    fn finish(self, installation: &Installation, address: SocketAddr, apart: Duration) -> [bool; 2] {
        let (mut program, pasted) = self.terminal;
        let mut calls = installation.cloud.listen();
        installation.cloud.fault(Fault::delay(ANSWER).on("requesttoken"));
        program.type_line(&pasted);
        while calls.blocking_recv().unwrap().params.get("grant_type").is_none_or(|kind| kind != "authorization_code") {}
        #[expect(clippy::disallowed_methods, reason = "two processes have no other time in common")]
        let asked = Instant::now();
        let rest = ANSWER.saturating_sub(apart + asked.elapsed());
        installation.cloud.fault(Fault::delay(rest).on("requesttoken"));
        let page = installation.request(address, "GET", &self.callback, "");
        installation.cloud.heal();
        assert!([200, 409].contains(&page.status), "{}", page.body);
        [program.end().code == Some(0), page.status == 200]
    }
}

#[test]
fn of_two_logins_of_one_person_that_end_in_the_same_moment_one_is_refused() {
    let address = free_address();
    let installation = Installation::new(&["Mum", "Dad"], &format!("http://localhost:{}", address.port()));
    let _exporter = installation.serve(address);
    for round in 0..ROUNDS {
        let logins = Logins::begin(&installation, address);
        let worked = logins.finish(&installation, address, Duration::from_millis(round));
        let stored = ["Mum", "Dad"].map(|profile| installation.names(profile));
        assert_ne!(stored[0], stored[1], "whether each is stored, in round {round}");
        assert_eq!(worked, stored, "what was said in round {round}");
        for profile in ["Mum", "Dad"] {
            if installation.names(profile) {
                assert_eq!(installation.start(&["forget", profile]).end().code, Some(0));
            }
        }
    }
}
