//! Clients that ask too much, or do nothing: whether the others are still served, and what memory it takes.

use std::io::{Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::drive::{Load, Measured, Source, drive, percentile};
use crate::report::Figure;
use crate::requests::{self, CONNECTIONS};
use crate::seed::Seeded;
use crate::server::Process;

/// Connections that ask for tokens when far too many do.
const FAR_TOO_MANY: [usize; 2] = [2_000, 6_000];
/// How long such a round takes, in usual rounds: its connections are opened first.
const LONG: u32 = 4;
/// Connections that do nothing.
const IDLE: usize = 10_000;
/// Connections of each kind that are slow.
const SLOW: usize = 1_000;
/// What a slow client sends of a head.
const HEAD: &str = "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\n";

/// How a slow client is slow.
#[derive(Clone, Copy, Debug)]
enum Slowness {
    /// Its head never ends.
    Head,
    /// Its body never ends.
    Body,
    /// It sends request after request, and reads no answer.
    Reading,
}

/// Client credentials over far more connections than are of use, beside the peak.
pub fn overload(gatepost: &Process, seeded: &Seeded, duration: Duration) -> Vec<Figure> {
    let source = requests::client_credentials(gatepost.address, seeded, "load");
    let round = |connections| {
        drive(&Load {
            address: gatepost.address,
            source: source.clone(),
            connections,
            duration: duration * LONG,
            pause_after_refusal: Some(Duration::from_millis(100)),
        })
    };
    let peak = [CONNECTIONS, 256].map(|connections| round(connections).per_second()).into_iter().fold(0.0, f64::max);
    FAR_TOO_MANY
        .map(|connections| {
            let measured = round(connections);
            let Measured { refusals, errors, .. } = &measured;
            Figure {
                name: format!("goodput of {connections} connections that ask for tokens"),
                value: measured.per_second() / peak,
                unit: "of the peak",
                detail: format!(
                    "peak {peak:.0}/s; {} of {} refused, p99 {:.1} ms; {errors} lost",
                    refusals.len(),
                    refusals.len() + measured.latencies.len(),
                    f64::from(percentile(refusals.clone(), 0.99)) / 1_000.0,
                ),
            }
        })
        .into()
}

/// Introspection alone, beside idle connections, and beside slow clients of each kind.
///
/// # Errors
/// When the connections cannot be opened.
pub fn idle_and_slow(gatepost: &Process, seeded: &Seeded, duration: Duration) -> Result<Vec<Figure>> {
    let load = Load {
        address: gatepost.address,
        source: requests::introspection(gatepost.address, seeded),
        connections: CONNECTIONS,
        duration,
        pause_after_refusal: None,
    };
    drive(&load);
    let (alone, before) = (drive(&load), own_memory(gatepost));
    let mut figures = Vec::new();
    let mut figure = |name: String, measured: &Measured| {
        figures.push(Figure {
            name,
            value: measured.per_second() / alone.per_second(),
            unit: "of the checks alone",
            detail: format!(
                "p99 {:.1} ms, alone {:.1} ms; memory {:+.1} MB; {} lost",
                f64::from(measured.percentile(0.99)) / 1_000.0,
                f64::from(alone.percentile(0.99)) / 1_000.0,
                (own_memory(gatepost) - before) / 1e6,
                measured.errors,
            ),
        });
    };
    let idle = open(gatepost.address, IDLE)?;
    figure(format!("checks beside {IDLE} idle connections"), &drive(&load));
    drop(idle);
    for slowness in [Slowness::Head, Slowness::Body, Slowness::Reading] {
        let measured = beside_slow(&load, slowness, seeded)?;
        figure(format!("checks beside {SLOW} slow clients ({slowness:?})").to_lowercase(), &measured);
    }
    Ok(figures)
}

fn own_memory(gatepost: &Process) -> f64 {
    gatepost.memory().map_or(0.0, |resident| resident.own as f64)
}

fn open(address: SocketAddr, count: usize) -> Result<Vec<TcpStream>> {
    (0..count).map(|_| TcpStream::connect(address)).collect()
}

fn beside_slow(load: &Load, slowness: Slowness, seeded: &Seeded) -> Result<Measured> {
    let is_over = AtomicBool::new(false);
    let streams = open(load.address, SLOW)?;
    for stream in &streams {
        stream.set_nonblocking(true)?;
    }
    let Source::Prepared(requests) = requests::introspection(load.address, seeded) else { return Ok(drive(load)) };
    thread::scope(|scope| {
        scope.spawn(|| {
            // What the server no longer takes is not sent: it may close the connection, which is its right.
            let send = |stream: &mut &TcpStream, bytes: &[u8]| drop(stream.write(bytes));
            for mut stream in &streams {
                match slowness {
                    Slowness::Head => send(&mut stream, HEAD.as_bytes()),
                    Slowness::Body => send(&mut stream, format!("{HEAD}Content-Length: 60000\r\n\r\na=").as_bytes()),
                    Slowness::Reading => {}
                }
            }
            while !is_over.load(Ordering::Relaxed) {
                for mut stream in &streams {
                    match slowness {
                        Slowness::Head | Slowness::Body => send(&mut stream, b"x"),
                        Slowness::Reading => send(&mut stream, &requests[0]),
                    }
                }
                thread::sleep(Duration::from_millis(200));
            }
        });
        let measured = drive(load);
        is_over.store(true, Ordering::Relaxed);
        Ok(measured)
    })
}
