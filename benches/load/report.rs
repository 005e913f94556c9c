//! The numbers, as a table for people and as JSON for programs.

use std::fmt;

use serde_json::{Value, json};

use crate::drive::Measured;
use crate::server::Resident;

/// One scenario beside the ceiling.
pub struct Row {
    name: &'static str,
    ceiling: Speed,
    gatepost: Speed,
    /// The median of the rounds' ratios, each to the ceiling right before and after it.
    ratio: f64,
    errors: usize,
    first_error: Option<String>,
}

struct Speed {
    per_second: f64,
    /// Microseconds.
    p50: u32,
    /// Microseconds.
    p99: u32,
}

/// The server's memory.
pub struct Memory {
    /// A second after its start.
    pub idle: Option<Resident>,
    /// After all scenarios.
    pub after_load: Option<Resident>,
}

/// All that was measured.
pub struct Report {
    /// The scenarios.
    pub rows: Vec<Row>,
    /// From the start of the process to its first answer, in milliseconds.
    pub starts: Vec<f64>,
    /// The server's memory.
    pub memory: Memory,
    /// Tokens in the table.
    pub tokens: usize,
    /// How large the database was before the load.
    pub database_bytes: u64,
    /// Connections that asked at once.
    pub connections: usize,
}

impl Row {
    /// `ceiling` has one round more than `gatepost`: they were driven in turns.
    pub fn new(name: &'static str, ceiling: Vec<Measured>, gatepost: Vec<Measured>) -> Self {
        let around = ceiling.windows(2).map(|pair| (pair[0].per_second() + pair[1].per_second()) / 2.0);
        let ratios = gatepost.iter().zip(around).map(|(ours, above)| ours.per_second() / above).collect();
        let all = || ceiling.iter().chain(&gatepost);
        Self {
            name,
            ratio: median(ratios),
            errors: all().map(|round| round.errors).sum(),
            first_error: all().find_map(|round| round.first_error.clone()),
            ceiling: Speed::of(ceiling),
            gatepost: Speed::of(gatepost),
        }
    }
}

impl Speed {
    fn of(rounds: Vec<Measured>) -> Self {
        let per_second = median(rounds.iter().map(Measured::per_second).collect());
        let mut latencies: Vec<u32> = rounds.into_iter().flat_map(|round| round.latencies).collect();
        latencies.sort_unstable();
        let at = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).copied().unwrap_or_default();
        Self { per_second, p50: at(0.50), p99: at(0.99) }
    }

    fn json(&self) -> Value {
        json!({ "requests_per_second": self.per_second.round(), "p50_microseconds": self.p50, "p99_microseconds": self.p99 })
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        length if length % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

impl Report {
    /// Wrong answers in all.
    pub fn errors(&self) -> usize {
        self.rows.iter().map(|row| row.errors).sum()
    }

    /// The same for programs.
    pub fn json(&self) -> String {
        let memory = |resident: Option<Resident>| {
            resident.map(|resident| json!({ "resident_bytes": resident.all, "own_bytes": resident.own }))
        };
        let scenario = |row: &Row| {
            json!({
                "name": row.name, "ceiling": row.ceiling.json(), "gatepost": row.gatepost.json(),
                "ratio_to_ceiling": (row.ratio * 1_000.0).round() / 1_000.0, "errors": row.errors,
            })
        };
        let report = json!({
            "tokens": self.tokens,
            "database_bytes": self.database_bytes,
            "connections": self.connections,
            "cores": std::thread::available_parallelism().map_or(0, usize::from),
            "scenarios": self.rows.iter().map(scenario).collect::<Vec<_>>(),
            "start_milliseconds": median(self.starts.clone()).round(),
            "memory": { "idle": memory(self.memory.idle), "after_load": memory(self.memory.after_load) },
        });
        format!("{report:#}\n")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let megabytes = self.database_bytes / 1_000_000;
        writeln!(
            formatter,
            "\n{} tokens ({megabytes} MB), {} connections, {cores} cores for servers and client\n",
            self.tokens, self.connections
        )?;
        writeln!(formatter, "{:<20} {:>10} {:>10} {:>10} {:>10}", "", "answers/s", "p50 µs", "p99 µs", "ratio")?;
        for row in &self.rows {
            let Speed { per_second, p50, p99 } = &row.ceiling;
            writeln!(formatter, "{:<20} {per_second:>10.0} {p50:>10} {p99:>10} {:>10}", "hello (ceiling)", "1")?;
            let Speed { per_second, p50, p99 } = &row.gatepost;
            writeln!(formatter, "{:<20} {per_second:>10.0} {p50:>10} {p99:>10} {:>10.2}", row.name, row.ratio)?;
            if let Some(error) = &row.first_error {
                writeln!(formatter, "  {} wrong answers, first: {error}", row.errors)?;
            }
        }
        writeln!(
            formatter,
            "\nstart to first answer  {:.0} ms (median of {})",
            median(self.starts.clone()),
            self.starts.len()
        )?;
        for (name, resident) in [("idle", self.memory.idle), ("after the load", self.memory.after_load)] {
            if let Some(Resident { all, own }) = resident {
                let (all, own) = (all as f64 / 1e6, own as f64 / 1e6);
                writeln!(formatter, "memory {name:<15} {all:.1} MB ({own:.1} MB its own, the rest mapped files)")?;
            }
        }
        Ok(())
    }
}
