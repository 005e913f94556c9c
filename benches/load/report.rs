//! The numbers, as tables for people and as JSON for programs.

use std::fmt;

use serde_json::{Value, json};

use crate::drive::{Measured, percentile};

/// One kind of request beside the ceiling.
pub struct Row {
    name: &'static str,
    connections: usize,
    ceiling_per_second: f64,
    per_second: f64,
    /// Microseconds.
    p50: u32,
    /// Microseconds.
    p99: u32,
    /// The median of the rounds' ratios, each to the ceiling right before and after it.
    ratio: f64,
    cost: Cost,
    errors: usize,
    first_error: Option<String>,
}

/// What one request took of the server.
#[derive(Clone, Copy, Default)]
pub struct Cost {
    /// Processor time in microseconds, of the server's process.
    pub processor_microseconds: Option<f64>,
    /// Instructions in user mode.
    pub instructions: Option<f64>,
    /// Writes that one commit held.
    pub writes_per_commit: Option<f64>,
}

/// What is no row: a number with its unit, and how it came about.
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
    /// What belongs to it.
    pub detail: String,
}

impl Figure {
    /// A number that says everything.
    pub fn plain(name: &str, value: f64, unit: &'static str) -> Self {
        Self { name: name.to_owned(), value, unit, detail: String::new() }
    }

    /// Whole numbers where digits behind the point say nothing.
    fn amount(&self) -> String {
        match self.value {
            value if value >= 100.0 => format!("{value:.0}"),
            value if value >= 10.0 => format!("{value:.1}"),
            value => format!("{value:.2}"),
        }
    }
}

/// All that was measured.
#[derive(Default)]
pub struct Report {
    /// Where and how, in sentences.
    pub about: Vec<String>,
    /// The kinds of requests.
    pub rows: Vec<Row>,
    /// Everything else.
    pub figures: Vec<Figure>,
}

/// What the rounds of one row brought; the ceiling has one round more.
pub struct Rounds {
    /// The ceiling's rounds.
    pub ceiling: Vec<Measured>,
    /// The server's rounds.
    pub gatepost: Vec<Measured>,
}

impl Row {
    /// The medians of these rounds.
    pub fn new(name: &'static str, connections: usize, rounds: Rounds, cost: Cost) -> Self {
        let Rounds { ceiling, gatepost } = rounds;
        let around = ceiling.windows(2).map(|pair| (pair[0].per_second() + pair[1].per_second()) / 2.0);
        let ratios = gatepost.iter().zip(around).map(|(ours, above)| ours.per_second() / above).collect();
        let all = || ceiling.iter().chain(&gatepost);
        let rate = |rounds: &[Measured]| median(rounds.iter().map(Measured::per_second).collect());
        let latencies: Vec<u32> = gatepost.iter().flat_map(|round| round.latencies.iter().copied()).collect();
        Self {
            name,
            connections,
            ceiling_per_second: rate(&ceiling),
            per_second: rate(&gatepost),
            p50: percentile(latencies.clone(), 0.50),
            p99: percentile(latencies, 0.99),
            ratio: median(ratios),
            cost,
            errors: all().map(|round| round.errors).sum(),
            first_error: all().find_map(|round| round.first_error.clone()),
        }
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name, "connections": self.connections,
            "requests_per_second": self.per_second.round(), "ceiling_per_second": self.ceiling_per_second.round(),
            "p50_microseconds": self.p50, "p99_microseconds": self.p99,
            "ratio_to_ceiling": (self.ratio * 1_000.0).round() / 1_000.0,
            "processor_microseconds": self.cost.processor_microseconds, "instructions": self.cost.instructions,
            "writes_per_commit": self.cost.writes_per_commit,
            "errors": self.errors,
        })
    }
}

/// The middle one of the values, or the mean of the two in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
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
        let figure = |figure: &Figure| {
            let Figure { name, value, unit, detail } = figure;
            json!({ "name": name, "value": value, "unit": unit, "detail": detail })
        };
        let report = json!({
            "about": self.about,
            "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "figures": self.figures.iter().map(figure).collect::<Vec<_>>(),
        });
        format!("{report:#}\n")
    }

    fn lines_of_rows(&self) -> Vec<Vec<String>> {
        let milliseconds = |microseconds: u32| format!("{:.2}", f64::from(microseconds) / 1_000.0);
        let counts = self.rows.iter().any(|row| row.cost.instructions.is_some());
        let mut head = vec!["request", "answers/s", "p50 ms", "p99 ms", "ceiling/s", "of the ceiling", "processor µs"];
        let batches = self.rows.iter().any(|row| row.cost.writes_per_commit.is_some());
        head.extend(counts.then_some("instructions"));
        head.extend(batches.then_some("writes/commit"));
        let mut lines = vec![head.into_iter().map(str::to_owned).collect()];
        for row in &self.rows {
            let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.0}"));
            let mut line = vec![
                row.name.to_owned(),
                format!("{:.0}", row.per_second),
                milliseconds(row.p50),
                milliseconds(row.p99),
                format!("{:.0}", row.ceiling_per_second),
                format!("{:.3}", row.ratio),
                number(row.cost.processor_microseconds),
            ];
            line.extend(counts.then(|| number(row.cost.instructions)));
            line.extend(batches.then(|| number(row.cost.writes_per_commit)));
            lines.push(line);
        }
        lines
    }

    fn lines_of_figures(&self) -> Vec<Vec<String>> {
        let head = ["", "measured", "", ""].map(str::to_owned).to_vec();
        let line =
            |figure: &Figure| vec![figure.name.clone(), figure.amount(), figure.unit.to_owned(), figure.detail.clone()];
        [head].into_iter().chain(self.figures.iter().map(line)).collect()
    }
}

/// Writes a table of Markdown whose columns are even: the first to the left, the others too where they are no numbers.
fn write_table(formatter: &mut fmt::Formatter<'_>, lines: &[Vec<String>]) -> fmt::Result {
    let columns = lines.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default().max(3);
    let is_number = |column: usize| {
        lines.iter().skip(1).all(|line| line[column].starts_with(|c: char| c.is_ascii_digit() || c == '–'))
    };
    for (number, line) in lines.iter().enumerate() {
        for (column, cell) in line.iter().enumerate() {
            let (width, sep) = (width(column), "|");
            match is_number(column) {
                true => write!(formatter, "{sep} {cell:>width$} ")?,
                false => write!(formatter, "{sep} {cell:<width$} ")?,
            }
        }
        writeln!(formatter, "|")?;
        if number == 0 {
            for column in 0..columns {
                let dashes = "-".repeat(width(column) + 1);
                write!(formatter, "|{}{}", dashes, if is_number(column) { ':' } else { '-' })?;
            }
            writeln!(formatter, "|")?;
        }
    }
    Ok(())
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}\n", self.about.join(" "))?;
        if !self.rows.is_empty() {
            write_table(formatter, &self.lines_of_rows())?;
            writeln!(formatter)?;
        }
        if !self.figures.is_empty() {
            write_table(formatter, &self.lines_of_figures())?;
        }
        for row in &self.rows {
            if let Some(error) = &row.first_error {
                writeln!(formatter, "\n{}: {} wrong answers, the first: {error}", row.name, row.errors)?;
            }
        }
        Ok(())
    }
}
