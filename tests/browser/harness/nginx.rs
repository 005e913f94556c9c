//! nginx, configured by the snippet of `docs/forward-auth.md` and nothing else: what is documented is what is tested.

use std::env;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use actix_web::web::block;
use tempfile::TempDir;
use ureq::Agent;
use ureq::http::Request;

use super::gatepost::Gatepost;
use super::site::Site;

const DOCUMENT: &str = include_str!("../../../docs/forward-auth.md");
/// How often a free port may be taken by somebody else before nginx gets to it.
const ATTEMPTS: u32 = 5;
/// How long nginx may take to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked at meanwhile.
const GLANCE: Duration = Duration::from_millis(40);

/// A running nginx, ended when it is dropped.
pub struct Nginx {
    process: Child,
    port: u16,
    folder: TempDir,
}

/// What a program got.
#[derive(Debug)]
pub struct Fetched {
    /// The status.
    pub status: u16,
    /// The header `WWW-Authenticate`, empty when there is none.
    pub challenge: String,
}

impl Nginx {
    /// Starts nginx before an API.
    pub fn before(server: &Gatepost, api: &Site) -> Self {
        let started = (0..ATTEMPTS).find_map(|_| start(server, api));
        started.expect("because a free port stays free long enough sooner or later")
    }

    /// An address of the API, as the world reaches it.
    pub fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What nginx wrote about the requests so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("access.log")).expect("because nginx answered a request")
    }

    /// Sends a request as a program would.
    pub async fn fetch(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Fetched {
        let mut request = Request::builder().method(method).uri(self.at(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("because the test wrote the address and the headers");
        let agent: Agent = Agent::config_builder().http_status_as_error(false).build().new_agent();
        // Off this thread: the API behind nginx may live on it.
        let answer = block(move || agent.run(request)).await.expect("because nothing cancels it");
        let answer = answer.expect("because nginx listens");
        let challenge = answer.headers().get("www-authenticate").and_then(|value| value.to_str().ok());
        Fetched { status: answer.status().as_u16(), challenge: challenge.unwrap_or_default().to_owned() }
    }

    /// The same, with a token in the header.
    pub async fn fetch_with(&self, method: &str, path: &str, token: &str) -> u16 {
        self.fetch(method, path, &[("Authorization", &format!("Bearer {token}"))]).await.status
    }

    /// Waits until a token opens this path no more.
    pub async fn until_refused(&self, path: &str, token: &str) {
        let began = Instant::now();
        while self.fetch_with("GET", path, token).await != 401 {
            assert!(began.elapsed() < PATIENCE, "the token still opens {path}");
            actix_web::rt::time::sleep(GLANCE).await;
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let ended = self.process.kill().and_then(|()| self.process.wait());
        ended.expect("because nginx is a child of ours");
    }
}

/// Starts nginx on a port that is free at this moment; nothing when somebody else took it meanwhile.
fn start(server: &Gatepost, api: &Site) -> Option<Nginx> {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let port = free.expect("because a port is free").port();
    let folder = tempfile::tempdir().expect("because the system has a temporary folder");
    let configuration = folder.path().join("nginx.conf");
    fs::write(&configuration, whole(folder.path(), &snippet(server, api, (folder.path(), port))))
        .expect("because the folder is ours");
    let mut command = Command::new(program());
    command.arg("-p").arg(folder.path()).arg("-e").arg(folder.path().join("error.log")).arg("-c").arg(&configuration);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let process = command.spawn().expect("because the program was just found");
    let mut nginx = Nginx { process, port, folder };
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(status) = nginx.process.try_wait().expect("because it is a child of ours") {
            let log = fs::read_to_string(nginx.folder.path().join("error.log")).unwrap_or_default();
            assert!(log.contains("Address already in use"), "nginx ended with {status}:\n{log}");
            return None;
        }
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some(nginx);
        }
        sleep(GLANCE);
    }
    panic!("nginx did not listen within {PATIENCE:?}");
}

/// The document's block, with the addresses and the log of this test.
fn snippet(server: &Gatepost, api: &Site, (folder, port): (&Path, u16)) -> String {
    let block = DOCUMENT.split("```nginx\n").nth(1).and_then(|rest| rest.split("```").next());
    let mut text = block.expect("because the document has a block for nginx").to_owned();
    let gatepost = server.at("").trim_start_matches("http://").to_owned();
    let log = folder.join("access.log").display().to_string();
    for (documented, here) in [
        ("127.0.0.1:8080", gatepost.as_str()),
        ("127.0.0.1:9000", api.at("127.0.0.1", "").trim_start_matches("http://")),
        ("listen 80;", &format!("listen 127.0.0.1:{port};")),
        ("/var/log/nginx/maps.log", &log),
    ] {
        assert_eq!(text.matches(documented).count(), 1, "{documented} in the document's block for nginx");
        text = text.replace(documented, here);
    }
    text
}

/// A configuration around the snippet that leaves everything in the folder.
fn whole(folder: &Path, snippet: &str) -> String {
    let own = |name: &str| folder.join(name).display().to_string();
    let scratch: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {};\n", own(name)))
        .concat();
    format!(
        "daemon off;\nmaster_process off;\npid {};\nevents {{ worker_connections 64; }}\nhttp {{\n{scratch}{snippet}}}\n",
        own("pid")
    )
}

/// nginx's path; Debian keeps it where only root looks.
fn program() -> PathBuf {
    let folders: Vec<PathBuf> = env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    let folders = folders.into_iter().chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join("nginx")).find(|path| path.is_file());
    found.expect("nginx is not installed; Debian: apt-get install nginx-light")
}
