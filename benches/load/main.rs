//! How fast Gatepost answers, beside the fastest that this machine's HTTP allows.
//!
//! `cargo bench --bench load` starts the release server on a database with a million tokens and, as the ceiling, a bare
//! actix server that says hello. It drives the two in turns with the same client, so that what slows the machine slows
//! both, and prints requests per second, latencies, the ratio to the ceiling, and the processor time of a request. The
//! numbers of another machine differ; the ratios differ little. Nothing here is a test of speed: it fails only when an
//! answer is wrong. After `--`:
//!
//! - `--quick` takes fewer tokens and less time; `--rows introspection,metadata` measures only what begins so,
//!   `--seconds 2`, `--rounds 3` and `--tokens 100000` say how thoroughly, `--program FILE` names another server,
//!   `--setting PASSWORD_CONCURRENCY=1` sets one of its settings.
//! - `--readme` writes the table into the README.
//! - `sign-in-timing` asks instead whether time tells who has an account.

mod bad_input;
mod browser;
mod chain;
mod drive;
mod floor;
mod machine;
mod options;
mod people;
mod postgres;
mod proofs;
mod report;
mod requests;
mod seed;
mod server;
mod sign_in_timing;

use std::io::Result;
use std::path::Path;
use std::time::{Duration, Instant};

use actix_web::rt::System;

use drive::{Load, drive};
use options::Options;
use report::{Cost, Figure, Report, Rounds, Row, median};
use requests::{CONNECTIONS, Ceiling, Scenario};
use seed::{Installation, Seeded};
use server::{Process, Resident};
use sign_in_timing::SIGN_IN_TIMING;

/// More answers than this in a second would run out of requests that work once.
const MOST_PER_SECOND: f64 = 20_000.0;
/// Servers started to know how long a start takes.
const STARTS: usize = 5;
/// How long bcrypt, whole sign-ins and single commits are measured, in rounds.
const LONG: u32 = 5;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if has(server::CEILING) {
        return System::new().block_on(server::be_the_ceiling());
    }
    let options = Options::parse(&arguments)?;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).or_else(|_| tempfile::tempdir())?;
    if has(SIGN_IN_TIMING) {
        return sign_in_timing::run(folder.path(), options.attempts);
    }
    let report = System::new().block_on(run(&options, folder.path()))?;
    println!("{report}");
    if options.is_full {
        let json = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("load.json");
        std::fs::write(&json, report.json())?;
        println!("the same as JSON: {}", json.display());
    }
    if options.into_readme {
        machine::write_readme(&report.to_string())?;
    }
    match report.errors() {
        0 => Ok(()),
        count => Err(std::io::Error::other(format!("{count} answers were wrong"))),
    }
}

async fn run(options: &Options, folder: &Path) -> Result<Report> {
    let mut report = Report { about: machine::about(options), ..Report::default() };
    let installation = Installation::sqlite(folder);
    let seeded = seeded(options, &installation, options.tokens).await?;
    measure_floor(options, folder, &mut report)?;
    measure_starts(options, &installation, &mut report)?;
    let gatepost = Process::gatepost(options, &installation)?;
    drive::ask_once(gatepost.address, &requests::metadata(gatepost.address))?;
    std::thread::sleep(Duration::from_secs(1));
    let idle = gatepost.memory();
    measure_scenarios(options, &gatepost, &seeded, &mut report)?;
    measure_people(options, &gatepost, &seeded, &mut report)?;
    if options.wants("overload") {
        progress("overload");
        report.figures.extend(bad_input::overload(&gatepost, &seeded, options.round));
    }
    if options.wants("idle and slow clients") {
        progress("idle and slow clients");
        report.figures.extend(bad_input::idle_and_slow(&gatepost, &seeded, options.round)?);
    }
    if options.wants("memory") {
        report.figures.extend(memory("memory, idle", idle));
        report.figures.extend(memory("memory after all of the above", gatepost.memory()));
        drop(gatepost);
        report.figures.extend(measure_expiring(options, folder).await?);
    }
    if options.wants("PostgreSQL") {
        measure_postgres(options, folder, &mut report).await?;
    }
    Ok(report)
}

fn progress(what: &str) {
    eprintln!("{what} …");
}

async fn seeded(options: &Options, installation: &Installation, tokens: usize) -> Result<Seeded> {
    let began = Instant::now();
    progress(&format!("seeding {tokens} tokens"));
    let seeded = seed::seed(installation, tokens).await;
    server::migrate(&options.program, installation)?;
    eprintln!("seeded in {:.0} s", began.elapsed().as_secs_f64());
    Ok(seeded)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What the disk and the processor can do by themselves.
fn measure_floor(options: &Options, folder: &Path, report: &mut Report) -> Result<()> {
    if options.wants("F: ") {
        progress("single durable commits");
        let rates = (0..options.rounds).map(|_| floor::durable_commits(folder, options.round));
        let rate = median(rates.collect::<Result<_>>()?);
        report.figures.push(Figure::plain("F: single durable SQLite commits", rate, "/s"));
    }
    if options.wants("size") {
        let size = std::fs::metadata(&options.program)?.len() as f64 / 1e6;
        report.figures.push(Figure::plain("size of the program", size, "MB"));
    }
    Ok(())
}

fn measure_starts(options: &Options, installation: &Installation, report: &mut Report) -> Result<()> {
    if !options.wants("start") {
        return Ok(());
    }
    progress("start");
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let began = Instant::now();
        let gatepost = Process::gatepost(options, installation)?;
        drive::ask_once(gatepost.address, &requests::metadata(gatepost.address))?;
        starts.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    report.figures.push(Figure::plain("start to first answer, warm", median(starts), "ms"));
    Ok(())
}

fn measure_scenarios(options: &Options, gatepost: &Process, seeded: &Seeded, report: &mut Report) -> Result<()> {
    let ceiling = Process::ceiling()?;
    let fresh = (options.round.as_secs_f64() * MOST_PER_SECOND) as usize;
    let scenarios = requests::scenarios(gatepost.address, seeded, fresh);
    for scenario in scenarios.iter().filter(|scenario| options.wants(scenario.name)) {
        progress(scenario.name);
        report.rows.push(compare(options, scenario, gatepost, &ceiling)?);
    }
    Ok(())
}

/// Drives the two in turns: ceiling, Gatepost, ceiling, … ceiling, so that each of Gatepost's rounds is compared with
/// the ceiling right before and right after it.
fn compare(options: &Options, scenario: &Scenario<'_>, gatepost: &Process, ceiling: &Process) -> Result<Row> {
    let Scenario { name, connections, .. } = *scenario;
    let load =
        |address, source| Load { address, source, connections, duration: options.round, pause_after_refusal: None };
    let above = load(ceiling.address, scenario.ceiling.source(ceiling.address));
    drive(&load(gatepost.address, (scenario.source)())); // caches fill, statements are prepared
    let mut rounds = Rounds { ceiling: vec![drive(&above)], gatepost: Vec::new() };
    let (mut microseconds, mut answers, batches) = (Some(0.0), 0, gatepost.batches());
    for _ in 0..options.rounds {
        let ours = load(gatepost.address, (scenario.source)());
        let before = gatepost.processor_seconds();
        let measured = drive(&ours);
        let spent = gatepost.processor_seconds().zip(before).map(|(after, before)| (after - before) * 1e6);
        microseconds = microseconds.zip(spent).map(|(sum, spent)| sum + spent);
        answers += measured.latencies.len();
        rounds.gatepost.push(measured);
        rounds.ceiling.push(drive(&above));
    }
    let processor_microseconds = microseconds.filter(|_| answers > 0).map(|sum| sum / answers as f64);
    let writes_per_commit = gatepost.batches().zip(batches).and_then(|(after, before)| after.mean_since(before));
    let mut cost = Cost { processor_microseconds, instructions: None, writes_per_commit };
    if machine::can_count_instructions() {
        let count = machine::Count::begin(gatepost.id(), options.round)?;
        let measured = drive(&load(gatepost.address, (scenario.source)()));
        cost.instructions = count.end()?.map(|count| count / measured.latencies.len().max(1) as f64);
    }
    Ok(Row::new(name, connections, rounds, cost))
}

fn measure_people(options: &Options, gatepost: &Process, seeded: &Seeded, report: &mut Report) -> Result<()> {
    let long = options.round * LONG;
    if options.wants("sign-in") {
        progress("whole sign-ins");
        let mut ratios = Vec::new();
        let (mut bare, mut whole) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            bare.push(floor::bcrypt_rate(cores(), long));
            whole.push(people::whole_sign_ins(gatepost, seeded, long)?);
            ratios.push(whole[whole.len() - 1] / bare[bare.len() - 1]);
        }
        let rate = median(bare);
        report.figures.push(Figure {
            detail: format!("cost {}, on all {} cores", seed::BCRYPT_COST, cores()),
            ..Figure::plain("bare bcrypt", rate, "/s")
        });
        report.figures.push(Figure {
            detail: format!("{:.2} of the bare bcrypt rate; 16 at once", median(ratios)),
            ..Figure::plain("sign-in: log in, consent, code, token", median(whole), "/s")
        });
    }
    if options.wants("isolation") {
        progress("isolation");
        let rounds: Vec<_> = (0..options.rounds).map(|_| people::isolation(gatepost, seeded, long)).collect();
        let of = |read: &dyn Fn(&people::Isolation) -> f64| median(rounds.iter().map(read).collect());
        let p99 = |measured: &drive::Measured| f64::from(measured.percentile(0.99)) / 1_000.0;
        report.figures.push(Figure {
            name: format!("isolation: p99 of token checks while {CONNECTIONS} log-ins queue"),
            value: of(&|round| p99(&round.beside) / p99(&round.alone)),
            unit: "times alone",
            detail: format!(
                "{:.2} ms, alone {:.2} ms; {:.0} checks/s, alone {:.0}; {:.1} log-ins/s beside them",
                of(&|round| p99(&round.beside)),
                of(&|round| p99(&round.alone)),
                of(&|round| round.beside.per_second()),
                of(&|round| round.alone.per_second()),
                of(&|round| round.log_ins.per_second()),
            ),
        });
    }
    Ok(())
}

fn memory(name: &str, resident: Option<Resident>) -> Option<Figure> {
    let Resident { all, own } = resident?;
    let detail = format!("{:.1} MB its own, the rest mapped files", own as f64 / 1e6);
    Some(Figure { detail, ..Figure::plain(name, all as f64 / 1e6, "MB") })
}

/// Tokens that live a second, as many as the full benchmark seeds: what they leave in memory.
async fn measure_expiring(options: &Options, folder: &Path) -> Result<Option<Figure>> {
    progress("tokens that expire");
    let folder = folder.join("expiring");
    std::fs::create_dir(&folder)?;
    let installation = Installation::sqlite(&folder);
    let seeded = seeded(options, &installation, 0).await?;
    let mut short = options.clone();
    short.settings.push(("GATEPOST_LIFETIMES_ACCESS".to_owned(), "1".to_owned()));
    let gatepost = Process::gatepost(&short, &installation)?;
    let mut issued = 0;
    while issued < options.expiring {
        let measured = drive(&Load {
            address: gatepost.address,
            source: requests::client_credentials(gatepost.address, &seeded, "load"),
            connections: CONNECTIONS,
            duration: options.round,
            pause_after_refusal: None,
        });
        if measured.latencies.is_empty() {
            return Err(std::io::Error::other(measured.first_error.unwrap_or_default()));
        }
        issued += measured.latencies.len();
    }
    std::thread::sleep(Duration::from_secs(3));
    Ok(memory(&format!("memory after {issued} issued and expired tokens"), gatepost.memory()))
}

/// Two rows beside `pgbench` and the ceiling, on a cluster of its own.
async fn measure_postgres(options: &Options, folder: &Path, report: &mut Report) -> Result<()> {
    let Some(cluster) = postgres::Cluster::start()? else {
        eprintln!("PostgreSQL is left out: there is no initdb with pgbench");
        return Ok(());
    };
    let folder = folder.join("postgres");
    std::fs::create_dir(&folder)?;
    let installation = Installation { folder, url: cluster.url() };
    let seeded = seeded(options, &installation, options.tokens / 10).await?;
    let (gatepost, ceiling) = (Process::gatepost(options, &installation)?, Process::ceiling()?);
    let load = |address, source| Load {
        address,
        source,
        connections: CONNECTIONS,
        duration: options.round,
        pause_after_refusal: None,
    };
    let issue = load(gatepost.address, requests::client_credentials(gatepost.address, &seeded, "load"));
    let check = load(gatepost.address, requests::introspection(gatepost.address, &seeded));
    let above = load(ceiling.address, Ceiling::Post.source(ceiling.address));
    let read = load(gatepost.address, requests::metadata_alone(gatepost.address));
    for warm_up in [&issue, &check] {
        drive(warm_up);
    }
    progress("PostgreSQL");
    let (mut issued, mut checked, mut described) = (Vec::new(), Vec::new(), Vec::new());
    let (mut inserted, mut over_inserts, mut over_ceiling) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        inserted.push(cluster.inserts_per_second(CONNECTIONS, options.round)?);
        issued.push(drive(&issue).per_second());
        over_inserts.push(issued[issued.len() - 1] / inserted[inserted.len() - 1]);
        let ceiling = drive(&above).per_second();
        checked.push(drive(&check).per_second());
        over_ceiling.push(checked[checked.len() - 1] / ceiling);
        described.push(drive(&read).per_second());
    }
    let beside = median(inserted);
    report.figures.extend([
        Figure {
            detail: format!("{:.3} of the single inserts of `pgbench` ({beside:.0}/s)", median(over_inserts)),
            ..Figure::plain("PostgreSQL: client credentials, durable, 32 connections", median(issued), "/s")
        },
        Figure {
            detail: format!("{:.3} of the ceiling", median(over_ceiling)),
            ..Figure::plain("PostgreSQL: introspection", median(checked), "/s")
        },
        Figure::plain("PostgreSQL: metadata", median(described), "/s"),
    ]);
    Ok(())
}
