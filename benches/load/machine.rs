//! Where the benchmark ran, and how its numbers came about.

use std::fs::read_to_string;
use std::io::{Error, Result};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gatepost::clock::Clock;

use crate::options::Options;

/// The README of this source tree, and what stands around the table in it.
const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
const BEGIN: &str = "<!-- the table of `cargo bench --bench load -- --readme` -->\n";
const END: &str = "<!-- end of the table -->\n";

/// Machine, command, date and profile, in sentences.
pub fn about(options: &Options) -> Vec<String> {
    let line = |file: &str, name: &str| {
        let text = read_to_string(file).unwrap_or_default();
        let line =
            text.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim_start_matches([':', '\t', ' ']));
        line.unwrap_or("unknown").to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = line("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse::<f64>().unwrap_or_default() / 1e6;
    let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let day = chrono::DateTime::from_timestamp(Clock::System.now().seconds(), 0);
    let day = day.map(|day| day.format("%Y-%m-%d").to_string()).unwrap_or_default();
    let can_count = if can_count_instructions() { "" } else { " `perf stat` cannot count instructions here." };
    vec![
        format!(
            "{cores} cores of {} for servers and client together, {memory:.0} GB, Linux {};",
            line("/proc/cpuinfo", "model name"),
            kernel.trim()
        ),
        format!("{day}, `cargo bench --bench load`, {};", built_by(options)),
        format!(
            "{} tokens in the table, {} rounds of {:.1} s.{can_count}",
            options.tokens,
            options.rounds,
            options.round.as_secs_f64()
        ),
    ]
}

fn built_by(options: &Options) -> String {
    match options.program == Path::new(env!("CARGO_BIN_EXE_gatepost")) {
        true => format!("profile {}", profile()),
        false => "a program that was built before".to_owned(),
    }
}

/// The profile that built this program: cargo names a folder after it. `cargo bench` builds `bench`, which is `release`
/// by another name and in the same folder.
fn profile() -> String {
    let program = std::env::current_exe().unwrap_or_default();
    let folder = program.parent().filter(|folder| folder.ends_with("deps")).and_then(Path::parent);
    let name = folder.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "unknown".to_owned())
}

/// Replaces the table in the README.
///
/// # Errors
/// When its place is not marked, or the file cannot be written.
pub fn write_readme(table: &str) -> Result<()> {
    let text = read_to_string(README)?;
    let unmarked = || Error::other("README.md does not say where the table is");
    let (before, rest) = text.split_once(BEGIN).ok_or_else(unmarked)?;
    let (_, after) = rest.split_once(END).ok_or_else(unmarked)?;
    std::fs::write(README, format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

/// Whether the processor counts instructions for `perf stat`: virtual machines often do not.
pub fn can_count_instructions() -> bool {
    let output = Command::new("perf").args(["stat", "-x", ",", "-e", "instructions:u", "true"]).output();
    output.is_ok_and(|output| count_in(&output.stderr).is_some())
}

/// A count of the instructions that a process runs in user mode.
pub struct Count(Child);

impl Count {
    /// Counts for so long.
    ///
    /// # Errors
    /// When perf cannot be run.
    pub fn begin(process: u32, duration: Duration) -> Result<Self> {
        let mut perf = Command::new("perf");
        perf.args(["stat", "-x", ",", "-e", "instructions:u", "-p", &process.to_string()]);
        perf.args(["--", "sleep", &duration.as_secs_f64().to_string()]);
        Ok(Self(perf.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?))
    }

    /// The number, when the time is over.
    ///
    /// # Errors
    /// When perf cannot be waited for.
    pub fn end(self) -> Result<Option<f64>> {
        Ok(count_in(&self.0.wait_with_output()?.stderr))
    }
}

/// The first field of the line that names the event; text in place of a number when it cannot be counted.
fn count_in(output: &[u8]) -> Option<f64> {
    let text = String::from_utf8_lossy(output);
    let line = text.lines().find(|line| line.contains("instructions"))?;
    line.split(',').next()?.parse().ok()
}
