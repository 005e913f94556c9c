//! The client: keep-alive connections that send prepared requests and check every answer. Its loop allocates nothing,
//! so that it takes as little as it can of the machine that it shares with the servers.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream as BlockingStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use actix_web::rt::net::TcpStream;
use actix_web::rt::time::timeout;
use actix_web::rt::{System, spawn};

/// A whole HTTP/1.1 request.
pub type Request = Vec<u8>;

/// Threads that drive.
const THREADS: usize = 2;
/// The longest answer that is understood, with its head.
const LONGEST_ANSWER: usize = 16 * 1_024;
/// Answers per connection and round for which room is made before the round.
const EXPECTED_ANSWERS: usize = 20_000;
/// Wrong answers after which a connection gives up.
const PATIENCE: usize = 20;
/// After this an answer counts as lost.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What came of one round.
#[derive(Default)]
pub struct Measured {
    /// How long each right answer took, in microseconds.
    pub latencies: Vec<u32>,
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

    fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
    }
}

/// Sends `requests` over `connections`, each connection beginning elsewhere in the list, for as long as `duration`.
pub fn drive(address: SocketAddr, requests: &Arc<Vec<Request>>, connections: usize, duration: Duration) -> Measured {
    let began = Instant::now();
    let end = began + duration;
    let drivers: Vec<_> = (0..THREADS)
        .map(|thread| {
            let requests = Arc::clone(requests);
            thread::spawn(move || {
                let own = (thread..connections).step_by(THREADS);
                System::new().block_on(async move {
                    let first = |number| number * requests.len() / connections;
                    let start = |number| Connection::new(address, Arc::clone(&requests), first(number), end).run();
                    let tasks: Vec<_> = own.map(|number| spawn(start(number))).collect();
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
    requests: Arc<Vec<Request>>,
    /// The request that comes next.
    next: usize,
    end: Instant,
    answer: Vec<u8>,
    measured: Measured,
}

impl Connection {
    fn new(address: SocketAddr, requests: Arc<Vec<Request>>, next: usize, end: Instant) -> Self {
        let measured = Measured { latencies: Vec::with_capacity(EXPECTED_ANSWERS), ..Measured::default() };
        Self { address, requests, next, end, answer: vec![0; LONGEST_ANSWER], measured }
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
    async fn keep_asking(&mut self) -> Result<()> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let mut began = Instant::now();
        while began < self.end {
            let request = &self.requests[self.next % self.requests.len()];
            self.next += 1;
            send(&stream, request).await?;
            receive(&stream, &mut self.answer).await?;
            let now = Instant::now();
            self.measured.latencies.push(u32::try_from((now - began).as_micros()).unwrap_or(u32::MAX));
            began = now;
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

async fn receive(stream: &TcpStream, answer: &mut [u8]) -> Result<()> {
    let mut length = 0;
    loop {
        stream.readable().await?;
        match stream.try_read(&mut answer[length..]) {
            Ok(0) => return Err(Error::other("the server closed the connection or its answer is too long")),
            Ok(count) => length += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        if is_whole(&answer[..length])? {
            return Ok(());
        }
    }
}

/// Whether the answer has come to its end. Anything but a 200 whose length is said is an error, except that a
/// device which waits is told so by a 400 (RFC 8628 §3.5).
fn is_whole(answer: &[u8]) -> Result<bool> {
    let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(false) };
    let wrong = || Error::other(String::from_utf8_lossy(answer).into_owned());
    const NAME: &[u8] = b"content-length:";
    let mut lines = answer[..head].split(|byte| *byte == b'\n');
    let line = lines.find(|line| line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME));
    let length = line.and_then(|line| std::str::from_utf8(&line[NAME.len()..]).ok()?.trim().parse::<usize>().ok());
    if answer.len() < head + 4 + length.ok_or_else(wrong)? {
        return Ok(false);
    }
    let says = |word: &[u8]| answer[head..].windows(word.len()).any(|part| part == word);
    let is_right = answer.starts_with(b"HTTP/1.1 200 ")
        || (answer.starts_with(b"HTTP/1.1 400 ") && (says(b"authorization_pending") || says(b"slow_down")));
    if is_right { Ok(true) } else { Err(wrong()) }
}

/// One request over a connection of its own.
pub fn ask_once(address: SocketAddr, request: &[u8]) -> Result<Vec<u8>> {
    let mut stream = BlockingStream::connect(address)?;
    stream.set_read_timeout(Some(LONGEST_WAIT))?;
    stream.write_all(request)?;
    let (mut answer, mut length) = (vec![0; LONGEST_ANSWER], 0);
    while !is_whole(&answer[..length])? {
        match stream.read(&mut answer[length..])? {
            0 => return Err(Error::other("the server closed the connection or its answer is too long")),
            count => length += count,
        }
    }
    answer.truncate(length);
    Ok(answer)
}
