//! A PostgreSQL of its own in a temporary folder, durable as it is by itself, and what `pgbench` makes of it.

use std::io::{Error, Result};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Who owns the files; PostgreSQL does not run as root.
const OWNER: &str = "postgres";
/// The row that pgbench inserts.
const TABLE: &str = "CREATE TABLE row (id bigserial PRIMARY KEY, digest bytea NOT NULL, created_at bigint NOT NULL)";
const INSERT: &str = "INSERT INTO row (digest, created_at) VALUES (decode(repeat('00', 32), 'hex'), 1);\n";

/// A running cluster, removed when it is dropped.
pub struct Cluster {
    programs: PathBuf,
    home: tempfile::TempDir,
    port: u16,
}

impl Cluster {
    /// Starts a cluster; nothing where PostgreSQL is not installed.
    ///
    /// # Errors
    /// When it is, and does not start.
    pub fn start() -> Result<Option<Self>> {
        let Some(programs) = programs() else { return Ok(None) };
        let home = tempfile::Builder::new().prefix("gatepost-load.").tempdir_in("/tmp")?;
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755))?;
        let data = home.path().join("data");
        std::fs::create_dir(&data)?;
        if is_root() {
            let (user, group) = (id_of(OWNER, "-u")?, id_of(OWNER, "-g")?);
            chown(&data, Some(user), Some(group))?;
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let cluster = Self { programs, home, port };
        let data = data.display();
        cluster
            .run("initdb", &format!("--pgdata={data} --username=postgres --auth=trust --encoding=UTF8 --locale=C"))?;
        let server =
            format!("-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories= -c max_connections=200");
        let mut start = cluster.command("pg_ctl");
        start.args(["start", "-w", "-s", "-D"]).arg(cluster.data()).args(["-o", &server]);
        ended(start.args(["-l", &cluster.data().join("log").to_string_lossy()]))?;
        Ok(Some(cluster))
    }

    /// How it is reached.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Single inserts in a second, each committed durably, over so many connections.
    ///
    /// # Errors
    /// When pgbench fails.
    pub fn inserts_per_second(&self, connections: usize, duration: Duration) -> Result<f64> {
        let script = self.home.path().join("insert.sql");
        std::fs::write(&script, INSERT)?;
        let url = self.url();
        ended(self.command("psql").args([&url, "-q", "-c", TABLE]))?;
        let seconds = duration.as_secs().max(2);
        let mut pgbench = self.command("pgbench");
        pgbench.args(["-n", "-M", "prepared", "-j", "2", "-c", &connections.to_string(), "-T", &seconds.to_string()]);
        let output = pgbench.arg("-f").arg(&script).arg(&url).stderr(Stdio::null()).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        rate.ok_or_else(|| Error::other(format!("pgbench printed no rate: {text}")))
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// A program of PostgreSQL, as the user that it may run as.
    fn command(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", OWNER, "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    fn run(&self, name: &str, arguments: &str) -> Result<()> {
        ended(self.command(name).args(arguments.split(' ')))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        stop.args(["stop", "-s", "-m", "immediate", "-D"]).arg(self.data());
        if let Err(error) = ended(&mut stop) {
            eprintln!("PostgreSQL could not be stopped: {error}");
        }
    }
}

fn ended(command: &mut Command) -> Result<()> {
    // Its server keeps what it inherits: a pipe would never end.
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(Error::other(format!("{command:?}: {status}"))) }
}

/// The folder of `initdb`, `pg_ctl` and `pgbench`: Debian and Fedora keep them out of `PATH`; the newest version wins.
fn programs() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = ["/usr/lib/postgresql", "/usr"]
        .iter()
        .filter_map(|parent| std::fs::read_dir(parent).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|folder| has_all(folder))
        .collect();
    folders.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.pop().or_else(|| std::env::split_paths(&path).find(|folder| has_all(folder)))
}

fn has_all(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "psql", "pgbench"].iter().all(|name| folder.join(name).is_file())
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

fn id_of(user: &str, which: &str) -> Result<u32> {
    let output = Command::new("id").args([which, user]).output()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().map_err(Error::other)
}
