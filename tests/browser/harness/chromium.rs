//! Starting Chromium: one chromedriver on a free port and one fresh profile per browser, all gone when it is dropped.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio, exit};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};

const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const DRIVERS: [&str; 1] = ["chromedriver"];
/// How long anything of the browser may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often chromedriver may look for a free port.
const ATTEMPTS: u32 = 5;
/// How many browsers run at once, however many tests do: each is some ten processes.
static SEATS: Semaphore = Semaphore::const_new(4);

/// A running chromedriver with the profile of its one browser.
pub struct Chromium {
    process: Child,
    port: u16,
    profile: TempDir,
    _seat: SemaphorePermit<'static>,
}

impl Chromium {
    /// Starts both programs.
    pub async fn start() -> (Self, Client) {
        let (binary, driver) = (program(&BROWSERS), program(&DRIVERS));
        let seat = SEATS.acquire().await.expect("because nobody closes it");
        // It wants one port on IPv4 and on IPv6, and gives up when only one of the two is free.
        let driver = (0..ATTEMPTS).find_map(|_| spawn(&driver));
        let (process, port, profile) = driver.expect("because chromedriver finds a free port sooner or later");
        let chromium = Self { process, port, profile, _seat: seat };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities(&binary, chromium.profile.path()))
            .connect(&format!("http://127.0.0.1:{}", chromium.port))
            .await
            .expect("because chromedriver can start the browser");
        (chromium, client)
    }

    /// Asks chromedriver to close its browser and itself; it answers when the browser is gone.
    fn shut_down(&self) -> std::io::Result<()> {
        let mut driver = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        driver.set_read_timeout(Some(PATIENCE))?;
        driver.write_all(b"GET /shutdown HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        driver.read_to_string(&mut String::new()).map(drop)
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        if self.shut_down().is_err() {
            eprintln!("chromedriver did not shut down; it is killed");
        }
        let ended = self.process.kill().and_then(|()| self.process.wait());
        ended.expect("because chromedriver is a child of ours");
    }
}

/// Starts chromedriver; nothing when the port that it chose was taken.
fn spawn(driver: &Path) -> Option<(Child, u16, TempDir)> {
    let profile = tempfile::tempdir().expect("because the system has a temporary folder");
    let mut command = Command::new(driver);
    command.arg("--port=0").env("HOME", profile.path()).env("TMPDIR", profile.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = command.spawn().expect("because the program was just found");
    let output = process.stdout.take().expect("because it is piped");
    if let Some(port) = announced_port(output) {
        return Some((process, port, profile));
    }
    process.wait().expect("because it is a child of ours");
    None
}

/// The program's path. Without it no test of this binary means anything: one line says so, past the test runner's
/// capture, and the run fails.
fn program(names: &[&str]) -> PathBuf {
    let folders: Vec<PathBuf> = env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    let candidates = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    candidates.into_iter().find(|path| path.is_file()).unwrap_or_else(|| {
        static SPEAKER: Mutex<()> = Mutex::new(());
        let _first = SPEAKER.lock();
        let line = format!(
            "the browser tests need {}, which is not in PATH; Debian: apt-get install chromium chromium-driver\n",
            names.join(" or ")
        );
        std::io::stderr().write_all(line.as_bytes()).expect("because standard error is open");
        exit(1)
    })
}

/// Reads the port that chromedriver chose, and goes on reading so that its output never blocks it.
fn announced_port(output: impl Read + Send + 'static) -> Option<u16> {
    let mut lines = BufReader::new(output).lines();
    let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let (_, rest) = line.split_once("started successfully on port ")?;
        rest.trim_end_matches('.').parse().ok()
    });
    thread::spawn(move || lines.for_each(drop));
    port
}

fn capabilities(binary: &Path, folder: &Path) -> Capabilities {
    let arguments = [
        "--headless".to_owned(),
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-quic".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--hide-scrollbars".to_owned(),
        "--lang=en-US".to_owned(),
        // No test depends on the network: every other name is unknown.
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost".to_owned(),
        format!("--user-data-dir={}", folder.join("profile").display()),
    ];
    let capabilities = json!({
        "goog:chromeOptions": { "binary": binary, "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
        "timeouts": { "pageLoad": 60_000, "script": 60_000 },
    });
    serde_json::from_value(capabilities).expect("because it is an object")
}
