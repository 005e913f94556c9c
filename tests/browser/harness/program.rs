//! The built program: commands that end, and servers that run until the test is over.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder of its own, in which the program keeps everything, and the settings that a test wants.
pub struct Home {
    folder: TempDir,
    settings: Vec<(String, String)>,
}

/// A running server, killed and cleared away when it is dropped.
pub struct Running {
    process: Child,
    said: Vec<String>,
    home: Home,
}

impl Home {
    /// An empty folder.
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// The same with settings by their keys: `second_factor.required`, say.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("because the system has a temporary folder");
        let name = |key: &str| format!("GATEPOST_{}", key.replace('.', "_").to_uppercase());
        let settings = settings.iter().map(|(key, value)| (name(key), (*value).to_owned())).collect();
        let home = Self { folder, settings };
        fs::create_dir(home.emails()).expect("because the folder is ours");
        home
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folder that letters are sent to.
    pub fn emails(&self) -> PathBuf {
        self.path().join("letters")
    }

    /// The program with the folder as its world, and settings from nowhere else.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
        command.args(arguments).current_dir(self.path()).env_clear().env("TMPDIR", self.path());
        let settings = [("LISTEN", "127.0.0.1:0"), ("OPS_LISTEN", ""), ("PASSWORD_BCRYPT_COST", "10")];
        command.envs(settings.map(|(name, value)| (format!("GATEPOST_{name}"), value)));
        command.env("GATEPOST_MAIL_URL", format!("file://{}", self.emails().display()));
        command.envs(self.settings.clone());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }

    /// Runs a command to its end and reads the JSON that it prints.
    pub fn run(&self, arguments: &[&str], input: &str) -> Value {
        let said = self.ask(arguments, input);
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {said}"))
    }

    /// Runs a command to its end and answers what it prints. The first one makes the database.
    pub fn ask(&self, arguments: &[&str], input: &str) -> String {
        if !self.path().join("gatepost.db").exists() && arguments != ["migrate"] {
            self.ask(&["migrate"], "");
        }
        let mut process =
            self.command(arguments).stderr(Stdio::piped()).spawn().expect("because cargo built the program");
        let mut stdin = process.stdin.take().expect("because it is piped");
        stdin.write_all(input.as_bytes()).expect("because the command reads its input");
        drop(stdin);
        let output = process.wait_with_output().expect("because it is a child of ours");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Starts a server and waits until it is ready.
    pub fn serve(self, arguments: &[&str]) -> Running {
        let log = File::create(self.path().join("log")).expect("because the folder is ours");
        let process = self.command(arguments).stderr(log).spawn().expect("because cargo built the program");
        let mut running = Running { process, said: Vec::new(), home: self };
        let output = running.process.stdout.take().expect("because it is piped");
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let is_ready = line.starts_with("ready ");
            running.said.push(line);
            if is_ready {
                return running;
            }
        }
        let log = fs::read_to_string(running.home.path().join("log")).unwrap_or_default();
        panic!("{arguments:?} did not start; it said {:#?} and logged\n{log}", running.said);
    }
}

impl Running {
    /// What the server announced under a name: `ready URL`, say.
    pub fn announced(&self, name: &str) -> String {
        let found = self.said.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("no line '{name} …' in {:#?}", self.said)).to_owned()
    }

    /// The folder that it runs in.
    pub fn home(&self) -> &Home {
        &self.home
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let ended = self.process.kill().and_then(|()| self.process.wait());
        ended.expect("because the server is a child of ours");
    }
}
