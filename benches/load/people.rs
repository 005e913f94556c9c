//! People: how many can log in, and whether programs notice while they do.

use std::io::{Error, Result};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::browser::Browser;
use crate::drive::{Load, Measured, Source, drive};
use crate::requests::{self, CONNECTIONS};
use crate::seed::Seeded;
use crate::server::Process;

/// People who sign in at the same time.
const AT_ONCE: usize = 16;
/// How long a program waits after a refusal before it tries again, as `Retry-After` asks.
const PAUSE: Duration = Duration::from_secs(1);

/// Whole sign-ins in a second: authorization request, log-in, consent, code, token, each by a new browser. No person
/// meets an application twice, so that each is asked.
///
/// # Errors
/// When one of them is refused.
pub fn whole_sign_ins(gatepost: &Process, seeded: &Seeded, duration: Duration) -> Result<f64> {
    let (next, address) = (AtomicUsize::new(0), gatepost.address);
    let (ended, failed) = (Mutex::new(Vec::new()), Mutex::new(None));
    let began = Instant::now();
    let sign_in_on = || -> Result<()> {
        while began.elapsed() < duration {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let person = &seeded.people[number % seeded.people.len()];
            let client = &seeded.programs[number / seeded.people.len() % seeded.programs.len()];
            Browser::open(address)?.sign_in(person, client)?;
            ended.lock().expect("because nobody panics").push(began.elapsed().as_secs_f64());
        }
        Ok(())
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                if let Err(error) = sign_in_on() {
                    failed.lock().expect("because nobody panics").get_or_insert(error);
                }
            });
        }
    });
    if let Some(error) = failed.into_inner().map_err(|_poisoned| Error::other("a thread panicked"))? {
        return Err(error);
    }
    // At the end fewer and fewer are under way: only the time in which all were counts.
    let seconds = duration.as_secs_f64();
    let ended = ended.into_inner().map_err(|_poisoned| Error::other("a thread panicked"))?;
    Ok(ended.iter().filter(|end| **end <= seconds).count() as f64 / seconds)
}

/// Token checks alone, and while log-ins queue.
pub struct Isolation {
    /// The checks alone.
    pub alone: Measured,
    /// The checks beside the log-ins.
    pub beside: Measured,
    /// Log-ins beside them.
    pub log_ins: Measured,
}

/// One round of token checks alone, and one beside as many log-ins as there are connections.
pub fn isolation(gatepost: &Process, seeded: &Seeded, duration: Duration) -> Isolation {
    let address = gatepost.address;
    let load = |source: Source, duration| Load {
        address,
        source,
        connections: CONNECTIONS,
        duration,
        pause_after_refusal: None,
    };
    let checks = load(requests::introspection(address, seeded), duration);
    let alone = drive(&checks);
    // The log-ins begin before the checks and end after them.
    let around = duration + Duration::from_secs(1);
    let log_ins = Load { pause_after_refusal: Some(PAUSE), ..load(requests::log_ins(address, seeded), around) };
    thread::scope(|scope| {
        let log_ins = scope.spawn(|| drive(&log_ins));
        thread::sleep(Duration::from_millis(500));
        let beside = drive(&checks);
        Isolation { alone, beside, log_ins: log_ins.join().expect("because the client does not panic") }
    })
}
