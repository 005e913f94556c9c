//! The client: keep-alive connections that send prepared requests and check every answer. Its loop allocates nothing,
//! so that it takes as little as it can of the machine that it shares with the servers.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream as BlockingStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use actix_web::rt::net::TcpStream;
use actix_web::rt::time::{sleep, timeout};
use actix_web::rt::{System, spawn};

use crate::chain::Chain;

/// A whole HTTP/1.1 request.
pub type Request = Vec<u8>;

/// Threads that drive.
const THREADS: usize = 2;
/// The longest answer that is understood, with its head.
const LONGEST_ANSWER: usize = 32 * 1_024;
/// Answers per round for which room is made before the round.
const EXPECTED_ANSWERS: usize = 640_000;
/// Wrong answers after which a connection gives up.
const PATIENCE: usize = 20;
/// After this an answer counts as lost.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What is sent.
#[derive(Clone)]
pub enum Source {
    /// Prepared requests in turn, each connection beginning elsewhere in the list.
    Prepared(Arc<Vec<Request>>),
    /// A refresh token for each connection, replaced by the one that it brings.
    Chains(Arc<Vec<Chain>>),
}

/// One round of the client.
#[derive(Clone)]
pub struct Load {
    /// Where the server listens.
    pub address: SocketAddr,
    /// What is sent.
    pub source: Source,
    /// Connections that are kept open.
    pub connections: usize,
    /// For how long.
    pub duration: Duration,
    /// Whether 429 and 503 are counted as refusals, and the next request waits for this long; else they are errors.
    pub pause_after_refusal: Option<Duration>,
}

/// What came of one round.
#[derive(Default)]
pub struct Measured {
    /// How long each right answer took, in microseconds.
    pub latencies: Vec<u32>,
    /// How long each refusal took, in microseconds.
    pub refusals: Vec<u32>,
    /// Answers that were wrong, or did not come.
    pub errors: usize,
    /// What the first wrong answer said.
    pub first_error: Option<String>,
    /// How long the round took.
    pub seconds: f64,
}

impl Measured {
    /// Right answers in a second.
    pub fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.seconds
    }

    /// The latency that this share of the right answers did not exceed, in microseconds.
    pub fn percentile(&self, share: f64) -> u32 {
        percentile(self.latencies.clone(), share)
    }

    fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.refusals.extend(other.refusals);
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
    }
}

/// The value that this share of the values does not exceed.
pub fn percentile(mut values: Vec<u32>, share: f64) -> u32 {
    values.sort_unstable();
    values.get((values.len() as f64 * share) as usize).copied().unwrap_or_default()
}

/// Runs one round.
pub fn drive(load: &Load) -> Measured {
    let began = Instant::now();
    let end = began + load.duration;
    let drivers: Vec<_> = (0..THREADS)
        .map(|thread| {
            let load = load.clone();
            thread::spawn(move || {
                let own = (thread..load.connections).step_by(THREADS);
                System::new().block_on(async move {
                    let tasks: Vec<_> = own.map(|number| spawn(Connection::new(&load, number, end).run())).collect();
                    let mut measured = Measured::default();
                    for task in tasks {
                        measured.add(task.await.expect("because the client does not panic"));
                    }
                    measured
                })
            })
        })
        .collect();
    let mut all = Measured::default();
    for driver in drivers {
        all.add(driver.join().expect("because the client does not panic"));
    }
    all.seconds = began.elapsed().as_secs_f64();
    all
}

/// One of the connections, and what it has seen.
struct Connection {
    address: SocketAddr,
    source: Source,
    pause: Option<Duration>,
    number: usize,
    /// The request that comes next.
    next: usize,
    end: Instant,
    answer: Vec<u8>,
    measured: Measured,
}

impl Connection {
    fn new(load: &Load, number: usize, end: Instant) -> Self {
        let latencies = Vec::with_capacity(EXPECTED_ANSWERS / load.connections);
        let next = match &load.source {
            Source::Prepared(requests) => number * requests.len() / load.connections,
            Source::Chains(_) => 0,
        };
        Self {
            address: load.address,
            source: load.source.clone(),
            pause: load.pause_after_refusal,
            number,
            next,
            end,
            answer: vec![0; LONGEST_ANSWER],
            measured: Measured { latencies, ..Measured::default() },
        }
    }

    async fn run(mut self) -> Measured {
        while self.measured.errors < PATIENCE && Instant::now() < self.end {
            let longest = self.end.saturating_duration_since(Instant::now()) + LONGEST_WAIT;
            let outcome = timeout(longest, self.keep_asking()).await;
            if let Err(error) = outcome.unwrap_or_else(|_late| Err(Error::from(ErrorKind::TimedOut))) {
                self.measured.errors += 1;
                self.measured.first_error.get_or_insert_with(|| error.to_string());
            }
        }
        self.measured
    }

    /// Asks until the time is over, or an answer is wrong.
    #[expect(clippy::await_holding_lock, reason = "a chain is one asker's: nobody waits for its lock")]
    async fn keep_asking(&mut self) -> Result<()> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let mut began = Instant::now();
        while began < self.end {
            let outcome = match &self.source {
                Source::Prepared(requests) => {
                    let request = &requests[self.next % requests.len()];
                    self.next += 1;
                    send(&stream, request).await?;
                    receive(&stream, &mut self.answer).await?
                }
                Source::Chains(chains) => {
                    let mut chain = chains[self.number].lock();
                    send(&stream, chain.request()).await?;
                    let outcome = receive(&stream, &mut self.answer).await?;
                    if let Outcome::Right(length) = outcome {
                        chain.advance(&self.answer[..length])?;
                    }
                    outcome
                }
            };
            let now = Instant::now();
            let took = u32::try_from((now - began).as_micros()).unwrap_or(u32::MAX);
            match (outcome, self.pause) {
                (Outcome::Right(_), _) => self.measured.latencies.push(took),
                (Outcome::Refused(_), Some(pause)) => {
                    self.measured.refusals.push(took);
                    sleep(pause.min(self.end.saturating_duration_since(now))).await;
                }
                (Outcome::Refused(length), None) => return Err(wrong(&self.answer[..length])),
            }
            began = Instant::now();
        }
        Ok(())
    }
}

async fn send(stream: &TcpStream, mut request: &[u8]) -> Result<()> {
    while !request.is_empty() {
        match stream.try_write(request) {
            Ok(count) => request = &request[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => stream.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn receive(stream: &TcpStream, answer: &mut [u8]) -> Result<Outcome> {
    let mut length = 0;
    loop {
        stream.readable().await?;
        match stream.try_read(&mut answer[length..]) {
            Ok(0) => return Err(Error::other("the server closed the connection or its answer is too long")),
            Ok(count) => length += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        if let Some(outcome) = judge(&answer[..length])? {
            return Ok(outcome);
        }
    }
}

/// An answer that has come to its end, and how long it is.
enum Outcome {
    Right(usize),
    /// 429 or 503: the server has too much to do.
    Refused(usize),
}

/// Judges an answer once it is whole. Anything but a 200 whose length is given is an error, except that a device
/// that waits gets a 400 (RFC 8628 §3.5).
fn judge(answer: &[u8]) -> Result<Option<Outcome>> {
    let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    const NAME: &[u8] = b"content-length:";
    let mut lines = answer[..head].split(|byte| *byte == b'\n');
    let line = lines.find(|line| line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME));
    let length = line.and_then(|line| std::str::from_utf8(&line[NAME.len()..]).ok()?.trim().parse::<usize>().ok());
    if answer.len() < head + 4 + length.ok_or_else(|| wrong(answer))? {
        return Ok(None);
    }
    let begins = |word: &[u8]| answer.starts_with(word);
    let says = |word: &[u8]| answer[head..].windows(word.len()).any(|part| part == word);
    if begins(b"HTTP/1.1 200 ") || (begins(b"HTTP/1.1 400 ") && (says(b"authorization_pending") || says(b"slow_down")))
    {
        return Ok(Some(Outcome::Right(answer.len())));
    }
    if begins(b"HTTP/1.1 503 ") || begins(b"HTTP/1.1 429 ") {
        return Ok(Some(Outcome::Refused(answer.len())));
    }
    Err(wrong(answer))
}

fn wrong(answer: &[u8]) -> Error {
    Error::other(String::from_utf8_lossy(answer).into_owned())
}

/// One request over a connection of its own.
pub fn ask_once(address: SocketAddr, request: &[u8]) -> Result<Vec<u8>> {
    let mut stream = BlockingStream::connect(address)?;
    stream.set_read_timeout(Some(LONGEST_WAIT))?;
    stream.write_all(request)?;
    let (mut answer, mut length) = (vec![0; LONGEST_ANSWER], 0);
    loop {
        match judge(&answer[..length])? {
            Some(Outcome::Right(length)) => {
                answer.truncate(length);
                return Ok(answer);
            }
            Some(Outcome::Refused(length)) => return Err(wrong(&answer[..length])),
            None => match stream.read(&mut answer[length..])? {
                0 => return Err(Error::other("the server closed the connection or its answer is too long")),
                count => length += count,
            },
        }
    }
}
