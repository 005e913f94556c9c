//! What the command line asks of the benchmark.

use std::io::{Error, Result};
use std::path::PathBuf;
use std::time::Duration;

/// What is measured, and how thoroughly.
#[derive(Clone)]
pub struct Options {
    /// Words that the names of the wanted rows begin with; empty is all.
    wanted: Vec<String>,
    /// How long one round takes.
    pub round: Duration,
    /// Rounds of each row.
    pub rounds: usize,
    /// Tokens in the table before the load.
    pub tokens: usize,
    /// Tokens that are issued and expire, to see what memory stays.
    pub expiring: usize,
    /// Attempts of each kind of sign-in that fails.
    pub attempts: usize,
    /// The server that is measured.
    pub program: PathBuf,
    /// Settings of the measured server that are not as they are by themselves, by their names in the environment.
    pub settings: Vec<(String, String)>,
    /// Whether the table in the README is replaced.
    pub into_readme: bool,
    /// Whether everything is measured, and not only some rows.
    pub is_full: bool,
}

impl Options {
    /// Reads the arguments after `--`.
    ///
    /// # Errors
    /// For an argument that is unknown or lacks its value.
    pub fn parse(arguments: &[String]) -> Result<Self> {
        // Cargo passes --bench when it runs benchmarks; without it this is `cargo test`, which only checks that it works.
        let is_quick = arguments.iter().any(|one| one == "--quick") || !arguments.iter().any(|one| one == "--bench");
        let mut options = if is_quick { Self::quick() } else { Self::full() };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| Error::other(format!("{argument} needs a value")));
            match argument.as_str() {
                "--rows" => options.wanted = value()?.split(',').map(str::to_owned).collect(),
                "--seconds" => options.round = Duration::from_secs_f64(value()?.parse().map_err(Error::other)?),
                "--rounds" => options.rounds = value()?.parse().map_err(Error::other)?,
                "--tokens" => options.tokens = value()?.parse().map_err(Error::other)?,
                "--program" => options.program = std::path::absolute(value()?)?,
                "--setting" => {
                    let pair = value()?.split_once('=').ok_or_else(|| Error::other("--setting NAME=VALUE"))?;
                    options.settings.push((format!("GATEPOST_{}", pair.0), pair.1.to_owned()));
                }
                "--readme" => options.into_readme = true,
                "--quick" | "--bench" | "--test" | crate::SIGN_IN_TIMING => {}
                unknown => return Err(Error::other(format!("unknown argument {unknown}"))),
            }
        }
        options.is_full &= options.wanted.is_empty();
        Ok(options)
    }

    fn full() -> Self {
        Self {
            wanted: Vec::new(),
            round: Duration::from_secs(2),
            rounds: 3,
            tokens: 1_000_000,
            expiring: 1_000_000,
            attempts: 1_000,
            program: PathBuf::from(env!("CARGO_BIN_EXE_gatepost")),
            settings: Vec::new(),
            into_readme: false,
            is_full: true,
        }
    }

    fn quick() -> Self {
        let round = Duration::from_millis(300);
        Self { round, tokens: 50_000, expiring: 50_000, attempts: 300, is_full: false, ..Self::full() }
    }

    /// Whether a row of this name is measured.
    pub fn wants(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.wanted.is_empty() || self.wanted.iter().any(|word| name.starts_with(&word.to_lowercase()))
    }
}
