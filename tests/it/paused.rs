//! Tests whose clock is paused: `#[tokio::test(crate = "crate::paused")]`.
//!
//! When nothing is left to do, tokio moves a paused clock to the next timer. What comes over the loopback is there as soon
//! as it was sent, so that nothing is under way then, but for one case: while another test starts a program, that
//! program's process has a copy of every socket, and a connection that ends here has not ended for its other side. The
//! clock would go to the time-out. Here it waits.

pub(crate) use tokio::pin;

use crate::program;

/// What the attribute takes from tokio.
pub(crate) mod runtime {
    use super::program;

    /// Makes runtimes as tokio's builder does, with a paused clock.
    pub(crate) struct Builder;

    impl Builder {
        pub(crate) fn new_current_thread() -> tokio::runtime::Builder {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.start_paused(true).on_thread_park(program::until_started);
            builder
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::{Instant, sleep};

    use crate::program::fed;
    use crate::sources::{root, walk};

    #[tokio::test(crate = "crate::paused")]
    async fn an_end_is_heard_before_time_passes_while_programs_start() {
        static DONE: AtomicBool = AtomicBool::new(false);
        let programs = thread::spawn(|| {
            while !DONE.load(Ordering::Relaxed) {
                assert!(fed(&mut Command::new("true"), b"").status.success());
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let began = Instant::now();
        for _ in 0..4_000 {
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            drop(listener.accept().await.unwrap());
            tokio::select! {
                read = client.read_u8() => assert!(read.is_err()),
                () = sleep(Duration::from_secs(30)) => {}
            }
        }
        DONE.store(true, Ordering::Relaxed);
        programs.join().unwrap();
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[test]
    fn every_paused_clock_is_such_a_one() {
        walk(&root().join("tests/it"), &mut |file| {
            let says = fs::read_to_string(file).unwrap().contains("start_paused");
            assert!(!says || file.ends_with("paused.rs"), "{}", file.display());
        });
    }
}
