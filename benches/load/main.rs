//! How fast Gatepost answers, beside the fastest that this machine's HTTP allows.
//!
//! `cargo bench --bench load` starts the release server on a database with a million tokens and, as the ceiling, a bare
//! actix server that says hello. It drives the two in turns with the same client, so that what slows the machine slows
//! both, and prints requests per second, latencies and the ratio to the ceiling. The numbers of another machine differ;
//! the ratios differ little. `-- --quick` takes a tenth of the tokens and of the time. Nothing here is a test of speed:
//! it fails only when an answer is wrong. `-- sign-in-timing` asks instead whether time tells who has an account.

mod drive;
mod proofs;
mod report;
mod requests;
mod seed;
mod server;
mod sign_in_timing;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::rt::System;

use drive::{Measured, Request, drive};
use report::{Memory, Report, Row};
use requests::Requests;
use server::Process;
use sign_in_timing::SIGN_IN_TIMING;

/// Connections that are kept open to each server, by two client threads.
const CONNECTIONS: usize = 32;
/// More answers than this in a second would run out of requests that work once.
const MOST_PER_SECOND: f64 = 20_000.0;
/// Servers started to know how long a start takes.
const STARTS: usize = 5;

/// How much is done.
#[derive(Clone, Copy)]
struct Size {
    tokens: usize,
    rounds: usize,
    round: Duration,
    /// Tries of each kind of sign-in that fails.
    tries: usize,
}

const FULL: Size = Size { tokens: 1_000_000, rounds: 5, round: Duration::from_millis(2_000), tries: 1_000 };
const QUICK: Size = Size { tokens: 100_000, rounds: 3, round: Duration::from_millis(300), tries: 300 };

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if has(server::CEILING) {
        return System::new().block_on(server::be_the_ceiling());
    }
    // Cargo says --bench when it runs benchmarks; without it this is `cargo test`, which only wants to see it work.
    let size = if has("--quick") || !has("--bench") { QUICK } else { FULL };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    if has(SIGN_IN_TIMING) {
        return sign_in_timing::run(folder.path(), size.tries);
    }
    let report = System::new().block_on(run(size, folder.path()))?;
    println!("{report}");
    let json = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("load.json");
    std::fs::write(&json, report.json())?;
    println!("the same as JSON: {}", json.display());
    match report.errors() {
        0 => Ok(()),
        count => Err(std::io::Error::other(format!("{count} answers were wrong"))),
    }
}

async fn run(size: Size, folder: &Path) -> std::io::Result<Report> {
    let began = Instant::now();
    eprintln!("seeding {} tokens …", size.tokens);
    let seeded = seed::seed(folder, size.tokens).await;
    let database_bytes = std::fs::metadata(folder.join(seed::DATABASE))?.len();
    eprintln!("seeded in {:.0} s, {} MB", began.elapsed().as_secs_f64(), database_bytes / 1_000_000);

    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let began = Instant::now();
        let gatepost = Process::gatepost(folder)?;
        drive::ask_once(gatepost.address, &requests::metadata(gatepost.address))?;
        starts.push(began.elapsed().as_secs_f64() * 1_000.0);
    }

    let ceiling = Process::ceiling()?;
    let gatepost = Process::gatepost(folder)?;
    drive::ask_once(gatepost.address, &requests::metadata(gatepost.address))?;
    std::thread::sleep(Duration::from_secs(1));
    let idle = gatepost.memory();

    let hello = Arc::new(vec![requests::hello(ceiling.address)]);
    let mut rows = Vec::new();
    let fresh = (size.round.as_secs_f64() * MOST_PER_SECOND) as usize;
    for (name, requests) in requests::scenarios(gatepost.address, &seeded, fresh) {
        eprintln!("{name} …");
        rows.push(compare(size, name, (ceiling.address, &hello), (gatepost.address, &requests)));
    }
    let memory = Memory { idle, after_load: gatepost.memory() };
    Ok(Report { rows, starts, memory, tokens: size.tokens, database_bytes, connections: CONNECTIONS })
}

type Ceiling<'a> = (SocketAddr, &'a Arc<Vec<Request>>);
type Target<'a> = (SocketAddr, &'a Requests<'a>);

/// Drives the two in turns: ceiling, Gatepost, ceiling, … ceiling, so that each of Gatepost's rounds is compared with
/// the ceiling right before and right after it.
fn compare(size: Size, name: &'static str, ceiling: Ceiling<'_>, (address, requests): Target<'_>) -> Row {
    let round = |(address, requests): Ceiling<'_>| drive(address, requests, CONNECTIONS, size.round);
    round((address, &requests())); // caches fill, statements are prepared
    let mut above: Vec<Measured> = vec![round(ceiling)];
    let mut ours = Vec::new();
    for _ in 0..size.rounds {
        ours.push(round((address, &requests())));
        above.push(round(ceiling));
    }
    Row::new(name, above, ours)
}
