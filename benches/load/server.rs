//! The two servers, each in a process of its own, and what they take of the machine.

use std::io::{BufRead, BufReader, Error, Result};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use actix_web::web::Bytes;
use actix_web::{App, HttpServer, web};

use crate::drive::ask_once;
use crate::options::Options;
use crate::seed::{Installation, SECRET_FILE};

/// The argument that makes this program the ceiling.
pub const CEILING: &str = "--ceiling";

/// The issuer of the measured server.
pub const PUBLIC_URL: &str = "http://localhost:8080";

/// Linux counts the processor time of a process in hundredths of a second (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// A server that runs until it is dropped.
pub struct Process {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it answers health and metrics.
    operations: Option<SocketAddr>,
}

/// What a process holds, in bytes.
#[derive(Clone, Copy)]
pub struct Resident {
    /// All of it (`VmRSS`), pages of the database file that it has looked at included.
    pub all: u64,
    /// What is its own (`RssAnon`).
    pub own: u64,
}

/// Writes, and the commits that they shared, since a server's start.
#[derive(Clone, Copy)]
pub struct Batches {
    writes: f64,
    commits: f64,
}

impl Batches {
    /// How many writes one commit held between these two moments; nothing when there was no commit.
    pub fn mean_since(self, before: Self) -> Option<f64> {
        let commits = self.commits - before.commits;
        (commits > 0.0).then(|| (self.writes - before.writes) / commits)
    }
}

/// A command of the measured program on this database, without the settings of whoever runs the benchmark.
fn command(program: &Path, installation: &Installation, name: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GATEPOST_") {
            command.env_remove(name);
        }
    }
    command
        .arg(name)
        .current_dir(&installation.folder)
        .env("GATEPOST_DATABASE_URL", &installation.url)
        .env("GATEPOST_SECRET_FILE", installation.folder.join(SECRET_FILE));
    command
}

/// Brings the database, which this program's own migrations made, up to the measured program.
///
/// # Errors
/// When it cannot be run, or refuses.
pub fn migrate(program: &Path, installation: &Installation) -> Result<()> {
    let status = command(program, installation, "migrate").stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(Error::other("the database could not be migrated")) }
}

impl Process {
    /// The built server on this database.
    ///
    /// # Errors
    /// When it does not start.
    pub fn gatepost(options: &Options, installation: &Installation) -> Result<Self> {
        let mut command = command(&options.program, installation, "serve");
        command
            .env("GATEPOST_LISTEN", "127.0.0.1:0")
            .env("GATEPOST_OPS_LISTEN", "127.0.0.1:0")
            .env("GATEPOST_PUBLIC_URL", PUBLIC_URL)
            .env("GATEPOST_LOG_LEVEL", "error")
            .envs(options.settings.iter().cloned());
        Self::start(command, "ready ")
    }

    /// This program again, as a bare server.
    ///
    /// # Errors
    /// When it does not start.
    pub fn ceiling() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(CEILING);
        Self::start(command, "listening on ")
    }

    /// Starts it, and reads what it prints up to the line that begins with `last`.
    fn start(mut command: Command, last: &str) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().expect("because it is piped");
        let mut lines = BufReader::new(output).lines();
        let (mut address, mut operations) = (None, None);
        loop {
            let Some(line) = lines.next().transpose()? else {
                child.wait()?;
                return Err(Error::other("the server ended before it listened"));
            };
            if let Some(text) = line.strip_prefix("listening on ") {
                address = Some(text.parse().map_err(Error::other)?);
            }
            if let Some(text) = line.strip_prefix("ops listening on ") {
                operations = Some(text.parse().map_err(Error::other)?);
            }
            if line.starts_with(last) {
                break;
            }
        }
        // What else it prints is read, so that it never waits for a reader.
        thread::spawn(move || lines.for_each(drop));
        let address = address.ok_or_else(|| Error::other("the server did not print where it listens"))?;
        Ok(Self { child, address, operations })
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it holds now; nothing where the system does not say it as Linux does.
    pub fn memory(&self) -> Option<Resident> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()? * 1_024)
        };
        Some(Resident { all: bytes("VmRSS:")?, own: bytes("RssAnon:")? })
    }

    /// The server's count of its batches of writes; nothing where its metrics do not have it.
    pub fn batches(&self) -> Option<Batches> {
        let address = self.operations?;
        let answer = ask_once(address, format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).ok()?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let number = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        let (writes, commits) =
            (number("gatepost_write_batch_size_sum ")?, number("gatepost_write_batch_size_count ")?);
        Some(Batches { writes, commits })
    }

    /// Seconds of processor time that it has used, of users and of the system; nothing where this is not Linux.
    pub fn processor_seconds(&self) -> Option<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // The name, in parentheses, may hold anything; `utime` and `stime` are fields 14 and 15 (proc(5)).
        let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<f64>().ok();
        Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The least that an actix server can do: no database, no rules, five bytes, and for a POST the body read.
///
/// # Errors
/// When it cannot listen.
pub async fn be_the_ceiling() -> Result<()> {
    let post = async |body: Bytes| if body.is_empty() { "empty" } else { "hello" };
    let route = move || App::new().route("/", web::get().to(async || "hello")).route("/", web::post().to(post));
    let server = HttpServer::new(route).bind(("127.0.0.1", 0))?;
    println!("listening on {}", server.addrs()[0]);
    server.run().await
}
