//! The built server as a process of its own, for what a server inside the test's process cannot show: its
//! log, and other sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use super::database::TestDatabase;

/// A running server; it is killed when the test lets go of it.
pub struct Binary {
    /// Where it listens, as it says itself.
    pub address: String,
    child: Child,
    log: Arc<Mutex<String>>,
    _database: TestDatabase,
    settings: Vec<(String, String)>,
}

impl Binary {
    /// Starts it on a new database, with settings by their keys.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let database = TestDatabase::make();
        let common = [
            ("database_url", database.url()),
            ("secret_file", database.secret_file()),
            ("listen", "127.0.0.1:0"),
            ("ops_listen", ""),
            ("workers", "1"),
            ("password.bcrypt_cost", "10"),
        ];
        let name = |key: &str| format!("GATEPOST_{}", key.replace('.', "_").to_uppercase());
        let settings: Vec<(String, String)> =
            common.iter().chain(settings).map(|(key, value)| (name(key), (*value).to_owned())).collect();
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
        command.arg("serve").env_clear().envs(settings.clone()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("because the binary was built with the tests");
        let mut stderr = child.stderr.take().expect("because it is piped");
        let log: Arc<Mutex<String>> = Arc::default();
        let written = log.clone();
        thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(length @ 1..) = stderr.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
                written.lock().expect("because nobody panics with it").push_str(&text);
            }
        });
        let lines = BufReader::new(child.stdout.take().expect("because it is piped")).lines();
        let mut said = lines.map_while(Result::ok);
        let address = said.find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
        let address = address.expect("because it says so before it is ready");
        assert!(said.any(|line| line.starts_with("ready ")), "the server did not get ready");
        Self { address, child, log, _database: database, settings }
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        let port = self.address.rsplit(':').next().and_then(|port| port.parse().ok());
        port.expect("because an address ends with its port")
    }

    /// What it logged until now.
    pub fn log(&self) -> String {
        self.log.lock().expect("because nobody panics with it").clone()
    }

    /// Runs a command with the same settings and a line on its input.
    pub fn run(&self, arguments: &[&str], input: &str) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
        command.args(arguments).env_clear().envs(self.settings.clone()).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().expect("because the binary was built with the tests");
        let mut stdin = child.stdin.take().expect("because it is piped");
        stdin.write_all(input.as_bytes()).expect("because the command reads it");
        drop(stdin);
        assert!(child.wait().expect("because it was started").success(), "{arguments:?} failed");
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
