//! Whether time tells who has an account: an unknown name, a wrong password and a disabled person in turns, by the
//! door of programs and by the page, and the medians beside the noise.
//!
//! The noise is what two halves of the same kind differ by, the largest of the three. The work per password is small on
//! purpose: beside the usual one a difference would not show.

use std::collections::BTreeMap;
use std::io::{Error, Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use actix_web::rt::System;
use gatepost::cli::start;
use gatepost::clock::Clock;
use gatepost::config;
use gatepost::domain::user::Role;
use gatepost::identity::new_user::{self, Credentials};
use gatepost::outcome::transact;
use gatepost::store::users;
use gatepost::web::app::App;
use gatepost::web::server;
use url::Url;

/// The argument that asks for this.
pub const SIGN_IN_TIMING: &str = "sign-in-timing";

/// The work per password: less than an operator can set.
const BCRYPT_COST: u32 = 5;
const PASSWORD: &str = "correct horse battery";
/// Tries of each kind that are not measured.
const WARM_UP: usize = 50;
const LONGEST_ANSWER: usize = 32 * 1_024;

/// What is told apart by nobody: the kind, the name (all of one length) and the password.
const KINDS: [(&str, &str, &str); 3] = [
    ("unknown name", "nobody", PASSWORD),
    ("wrong password", "active", "correct horse batter!"),
    ("disabled person", "closed", PASSWORD),
];

/// Measures `count` tries of each kind, and prints what came out.
pub fn run(folder: &Path, count: usize) -> Result<()> {
    let address = serve(folder)?;
    println!("{count} tries each, in turns; microseconds; bcrypt cost {BCRYPT_COST}\n");
    for (door, request) in
        [("POST /v3/account/login", program as RateLimitKeys), ("POST /login", page as RateLimitKeys)]
    {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let requests = KINDS.map(|(_, name, password)| request(address, name, password));
        let mut took: [Vec<f64>; 3] = Default::default();
        for round in 0..WARM_UP + count {
            // Each kind is first, second and third as often: what comes before must not count for one of them.
            for turn in 0..KINDS.len() {
                let kind = (round + turn) % KINDS.len();
                let began = Instant::now();
                ask(&mut stream, &requests[kind])?;
                if round >= WARM_UP {
                    took[kind].push(began.elapsed().as_secs_f64() * 1_000_000.0);
                }
            }
        }
        report(door, &took);
    }
    Ok(())
}

type RateLimitKeys = fn(SocketAddr, &str, &str) -> Vec<u8>;

fn program(address: SocketAddr, username: &str, password: &str) -> Vec<u8> {
    let body = format!("{{\"username\":\"{username}\",\"password\":\"{password}\"}}");
    post(address, "/v3/account/login", "application/json", &body)
}

fn page(address: SocketAddr, username: &str, password: &str) -> Vec<u8> {
    let form = [("username", username), ("password", password)];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    post(address, "/login", "application/x-www-form-urlencoded", &body)
}

fn post(address: SocketAddr, path: &str, content_type: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: {content_type}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// One request and its whole answer, which has to be a refusal.
fn ask(stream: &mut TcpStream, request: &[u8]) -> Result<()> {
    stream.write_all(request)?;
    let (mut answer, mut length) = (vec![0; LONGEST_ANSWER], 0);
    loop {
        match stream.read(&mut answer[length..])? {
            0 => return Err(Error::other("the server closed the connection or its answer is too long")),
            count => length += count,
        }
        let text = String::from_utf8_lossy(&answer[..length]);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        if !head.starts_with("HTTP/1.1 400 ") {
            return Err(Error::other(format!("not the refusal that was expected: {text}")));
        }
        let mut lengths = head.lines().filter_map(|line| line.split_once(": "));
        let said = lengths.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        if said.and_then(|(_, said)| said.parse::<usize>().ok()).is_some_and(|said| body.len() >= said) {
            return Ok(());
        }
    }
}

fn report(door: &str, took: &[Vec<f64>; 3]) {
    println!("{door}");
    let (mut medians, mut noise) = (BTreeMap::new(), 0.0_f64);
    for ((kind, ..), times) in KINDS.iter().zip(took) {
        let middle = median(times.iter().copied());
        let deviation = median(times.iter().map(|time| (time - middle).abs()));
        let half = |first: usize| median(times.iter().skip(first).step_by(2).copied());
        let halves = (half(0) - half(1)).abs();
        println!("  {kind:<16} median {middle:>9.1}   deviation {deviation:>8.1}   halves differ by {halves:>7.1}");
        medians.insert(*kind, middle);
        noise = noise.max(halves);
    }
    let (least, most) =
        medians.values().fold((f64::MAX, f64::MIN), |(least, most), middle| (least.min(*middle), most.max(*middle)));
    println!("  the medians differ by {:.1}; the noise is {noise:.1}\n", most - least);
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Starts the server in a thread of this program, with an active and a disabled person, and without limits.
fn serve(folder: &Path) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let settings = [
        ("GATEPOST_DATABASE_URL", format!("sqlite://{}", folder.join("timing.db").display())),
        ("GATEPOST_SECRET_FILE", folder.join("timing.secret").display().to_string()),
        ("GATEPOST_RATE_LIMITS_ENABLED", "false".to_owned()),
        ("GATEPOST_WORKERS", "1".to_owned()),
    ];
    let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value));
    let mut config = config::load(None, settings).map_err(Error::other)?;
    (config.bcrypt_cost, config.hashing_threads) = (BCRYPT_COST, 1);
    let public_url = Url::parse(&format!("http://{address}")).map_err(Error::other)?;
    let (started, running) = mpsc::channel();
    thread::spawn(move || {
        System::new().block_on(async move {
            let app = start::app(config, Clock::System, &public_url).await.expect("because the folder is ours");
            for (_, username, _) in &KINDS[1..] {
                furnish(&app, username).await;
            }
            let running = server::public(&app, listener).expect("because the socket is ours");
            started.send(()).expect("because the other thread waits for it");
            running.server.await.expect("because nothing stops it but the end of the program");
        });
    });
    running.recv().map_err(Error::other)?;
    Ok(address)
}

async fn furnish(app: &App, username: &str) {
    let email = format!("{username}@people.example");
    let written = Credentials { username, email: &email, password: Some(PASSWORD) };
    let person = new_user::check(written).expect("because the names are right");
    let hash = person.hash(&app.hasher).await.expect("because nobody else waits");
    let (now, is_disabled) = (app.now(), username == KINDS[2].1);
    let made = transact(&app.store, move |tx| {
        let user = new_user::create(tx, now, (&person, hash.as_deref()), (Role::Author, true, None))?;
        Ok(users::set_disabled(tx, user.id, is_disabled.then_some(now))?)
    });
    made.await.expect("because the names are free");
}
