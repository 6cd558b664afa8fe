//! Tests whose clock is paused: `#[tokio::test(crate = "crate::paused")]`.
//!
//! When nothing is left to do, tokio moves a paused clock to the next timer. What is sent over the loopback has arrived by
//! then, but for one case: while another test starts a program, that program's process has a copy of every socket, and a
//! connection that ends here does not end for its other side. The clock would go on to the time-out. Here it waits.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
pub(crate) use tokio::pin;
use tokio::time::{Instant, timeout};

use crate::program::fed;
use crate::sources::{root, walk};

/// What the attribute takes from tokio.
pub(crate) mod runtime {
    use crate::program::until_started;

    /// Makes runtimes as tokio's builder does, with a paused clock.
    pub(crate) struct Builder;

    impl Builder {
        pub(crate) fn new_current_thread() -> tokio::runtime::Builder {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.start_paused(true).on_thread_park(until_started);
            builder
        }
    }
}

#[tokio::test(crate = "crate::paused")]
async fn an_end_is_heard_at_once_while_programs_start() {
    let programs = thread::spawn(|| (0..200).for_each(|_| drop(fed(&mut Command::new("true"), b""))));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let began = Instant::now();
    while !programs.is_finished() {
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        drop(listener.accept().await.unwrap());
        drop(timeout(Duration::from_secs(30), client.read_u8()).await);
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[test]
fn every_paused_clock_is_such_a_one() {
    walk(&root().join("tests/it"), &mut |file| {
        let says = fs::read_to_string(file).unwrap().contains("start_paused");
        assert!(!says || file.ends_with("paused.rs"), "{}", file.display());
    });
}
