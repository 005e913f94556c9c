//! The two servers, each in a process of its own, and the memory that they hold.

use std::io::{BufRead, BufReader, Error, Result};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use actix_web::{App, HttpServer, web};

use crate::seed;

/// The argument that makes this program the ceiling.
pub const CEILING: &str = "--ceiling";

/// What Gatepost believes that its address is.
pub const PUBLIC_URL: &str = "http://localhost:8080";

/// A server that runs until it is dropped.
pub struct Process {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

/// What a process holds, in bytes.
#[derive(Clone, Copy)]
pub struct Resident {
    /// All of it (`VmRSS`), pages of the database file that it has looked at included.
    pub all: u64,
    /// What is its own (`RssAnon`).
    pub own: u64,
}

impl Process {
    /// The built server on the seeded database.
    pub fn gatepost(folder: &Path) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GATEPOST_") {
                command.env_remove(name);
            }
        }
        command
            .arg("serve")
            .current_dir(folder)
            .env("GATEPOST_DATABASE_URL", format!("sqlite://{}", folder.join(seed::DATABASE).display()))
            .env("GATEPOST_SECRET_FILE", folder.join(seed::SECRET_FILE))
            .env("GATEPOST_LISTEN", "127.0.0.1:0")
            .env("GATEPOST_OPS_LISTEN", "")
            .env("GATEPOST_PUBLIC_URL", PUBLIC_URL)
            .env("GATEPOST_LOG_LEVEL", "warn");
        Self::start(command)
    }

    /// This program again, as a bare server.
    pub fn ceiling() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(CEILING);
        Self::start(command)
    }

    fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().expect("because it is piped");
        let mut lines = BufReader::new(output).lines();
        let address = loop {
            let Some(line) = lines.next().transpose()? else {
                child.wait()?;
                return Err(Error::other("the server ended before it listened"));
            };
            if let Some(address) = line.strip_prefix("listening on ") {
                break address.parse().map_err(Error::other)?;
            }
        };
        // What else it prints is read, so that it never waits for a reader.
        thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, address })
    }

    /// What it holds now; nothing where the system does not tell as Linux does.
    pub fn memory(&self) -> Option<Resident> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()? * 1_024)
        };
        Some(Resident { all: bytes("VmRSS:")?, own: bytes("RssAnon:")? })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The least that an actix server can do: no database, no rules, five bytes.
pub async fn be_the_ceiling() -> Result<()> {
    let server = HttpServer::new(|| App::new().route("/", web::get().to(async || "hello")));
    let server = server.bind(("127.0.0.1", 0))?;
    println!("listening on {}", server.addrs()[0]);
    server.run().await
}
