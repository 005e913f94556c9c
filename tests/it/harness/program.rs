//! The built program: commands that end, and servers that are processes of their own, on either database.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::database::TestDatabase;

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder in which the program keeps everything, its database, and the settings of a test.
pub struct Home {
    database: TestDatabase,
    settings: Vec<(String, String)>,
}

impl Home {
    /// An empty folder and an empty database.
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// The same with settings by their keys: `lifetimes.code`, say.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let mut home = Self { database: TestDatabase::make(), settings: Vec::new() };
        let (url, secret_file) = (home.database.url().to_owned(), home.database.secret_file().to_owned());
        for (key, value) in [("database_url", url.as_str()), ("secret_file", &secret_file)] {
            home.set(key, value);
        }
        // No new connection comes while a test stops a server.
        let usual =
            [("listen", "127.0.0.1:0"), ("ops_listen", "127.0.0.1:0"), ("password.bcrypt_cost", "10"), ("drain", "0")];
        for (key, value) in usual.iter().chain(settings) {
            home.set(key, value);
        }
        home
    }

    /// Sets one more setting, or another value of one.
    pub fn set(&mut self, key: &str, value: &str) {
        self.unset(key);
        self.settings.push((variable(key), value.to_owned()));
    }

    /// Takes a setting back.
    pub fn unset(&mut self, key: &str) {
        self.settings.retain(|(name, _)| *name != variable(key));
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        Path::new(self.database.secret_file()).parent().expect("because a file is in a folder")
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// The password in the address of the database; nothing on SQLite.
    pub fn database_password(&self) -> Option<String> {
        self.database.password()
    }

    /// The SQLite file; nothing on PostgreSQL.
    pub fn sqlite_file(&self) -> Option<&Path> {
        self.database.sqlite_file()
    }

    /// The names of everything in the folder.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path()).expect("because the folder is ours");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("because it was listed").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// The program, with this folder as its world.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
        command.args(arguments).current_dir(self.path()).env_clear().env("TMPDIR", self.path());
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self.command(arguments).spawn().expect("because it was built with the tests");
        let mut stdin = child.stdin.take().expect("because it is piped");
        // A command that fails early does not read what it is sent.
        drop(stdin.write_all(input.as_bytes()));
        drop(stdin);
        child.wait_with_output().expect("because it was started here")
    }

    /// Runs a command that must work, and answers what it prints.
    pub fn ask(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("because our output is UTF-8")
    }

    /// Runs a command that must fail with 1, and answers what it complains of.
    pub fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, "");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
        said
    }

    /// Starts a server and waits until it is ready.
    pub fn serve(&self) -> Process {
        self.start(&["serve"])
    }

    /// Starts a program that goes on running, and waits until it is ready.
    pub fn start(&self, arguments: &[&str]) -> Process {
        let mut child = self.command(arguments).spawn().expect("because it was built with the tests");
        let mut stdout = BufReader::new(child.stdout.take().expect("because it is piped"));
        let stderr = child.stderr.take();
        let mut process = Process { child, said: Vec::new(), stdout: None, stderr };
        loop {
            let mut line = String::new();
            if stdout.read_line(&mut line).expect("because our output is UTF-8") == 0 {
                panic!("{arguments:?} did not start: {}\n{}", process.said.join("\n"), process.rest());
            }
            let line = line.trim_end().to_owned();
            let is_ready = line.starts_with("ready ") || line.starts_with("{\"ready\"");
            process.said.push(line);
            if is_ready {
                process.stdout = Some(stdout);
                return process;
            }
        }
    }
}

fn variable(key: &str) -> String {
    format!("GATEPOST_{}", key.replace('.', "_").to_uppercase())
}

/// A running process, killed when it is dropped.
pub struct Process {
    child: Child,
    /// The lines of its output until it was ready.
    pub said: Vec<String>,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: Option<ChildStderr>,
}

impl Process {
    /// What it announced under a name: `listening on`, say.
    pub fn announced(&self, name: &str) -> &str {
        let found = self.said.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("no line '{name} …' in {:#?}", self.said))
    }

    /// An address of the server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.announced("listening on"))
    }

    /// An address of health and readiness.
    pub fn ops_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.announced("ops listening on"))
    }

    /// Its number.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("because it runs, and is ours");
    }

    /// Stops it, and waits until it has ended without an error.
    pub fn stop(mut self) {
        self.signal(Signal::TERM);
        self.end_well();
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("because it is a child of ours").is_none()
    }

    /// Waits until it has ended without an error; a failure shows all that it printed.
    pub fn end_well(&mut self) {
        let began = Instant::now();
        while self.is_running() && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        let status = self.child.try_wait().expect("because it is a child of ours");
        if status.and_then(|status| status.code()) != Some(0) {
            let end = status.map_or_else(|| "it did not end".to_owned(), |status| status.to_string());
            panic!("{end}; it printed:\n{}\n{}", self.said.join("\n"), self.rest());
        }
    }

    /// Ends it, if it still runs; what it printed that was not read before.
    fn rest(&mut self) -> String {
        drop(self.child.kill());
        let mut rest = Vec::new();
        if let Some(stdout) = &mut self.stdout {
            drop(stdout.read_to_end(&mut rest));
        }
        if let Some(stderr) = &mut self.stderr {
            drop(stderr.read_to_end(&mut rest));
        }
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// From now on nobody reads what it says: both pipes break.
    pub fn deafen(&mut self) {
        drop(self.stdout.take());
        drop(self.stderr.take());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A status, and one header of the answer; nothing when no server answered.
pub fn get(url: &str, header: &str) -> Option<(u16, String)> {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    let agent = ureq::Agent::new_with_config(config.timeout_global(Some(PATIENCE)).build());
    let answer = agent.get(url).call().ok()?;
    let value = answer.headers().get(header).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Some((answer.status().as_u16(), value.to_owned()))
}

/// Waits until something holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "it did not come to this: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
