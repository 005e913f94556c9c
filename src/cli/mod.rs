//! The command line: one file per command.

pub mod api;
pub mod backup;
pub mod client;
pub mod client_keys;
mod client_secret;
pub mod config;
pub mod demo;
pub mod keys;
pub mod log;
pub mod migrate;
pub mod output;
pub mod resource;
pub mod security_log;
pub mod serve;
pub mod start;
pub mod stopping;
pub mod token;
pub mod user;
pub mod user_deletion;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Gatepost: an OAuth 2.0 authorization server with a login-redirect flow.
#[derive(Parser)]
#[command(name = "gatepost", version, about, arg_required_else_help = false)]
pub struct Arguments {
    /// The settings file; without it gatepost.toml, if there is one.
    #[arg(long, global = true, env = "GATEPOST_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON: one value, or from a server one in each line.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do; `serve` when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The subcommands of `gatepost`.
#[derive(Subcommand)]
pub enum Command {
    /// Run the server. On an empty database it prints a link that makes the first administrator.
    Serve,
    /// Run everything on a temporary database: sample people, a sample app, a sample API.
    Demo(demo::Demo),
    /// Make, list and look after people.
    #[command(subcommand)]
    User(user::User),
    /// Register, list and look after applications (OAuth clients).
    #[command(subcommand)]
    Client(client::Client),
    /// Register, list and look after protected APIs (resource servers).
    #[command(subcommand)]
    Api(api::Api),
    /// List and replace the keys that sign tokens.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Tell of the platform's resources, and of who may what on them.
    #[command(subcommand)]
    Resource(resource::Resource),
    /// Show or end a token that somebody holds; it is read from standard input.
    #[command(subcommand)]
    Token(token::Token),
    /// Read the security log, or find entries that were changed or taken out of its middle.
    #[command(subcommand)]
    Log(security_log::Log),
    /// Check the settings, or show them.
    #[command(subcommand)]
    Config(config::Config),
    /// Apply the database migrations that are missing; make the database where there is none.
    Migrate,
    /// Copy the database into a file while servers go on running. The base key is not in it.
    Backup(backup::Backup),
    /// Put a backup where the database was; never over one.
    Restore(backup::Restore),
}

/// The reason that a command failed; the message is for the operator who ran it.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The server, its base key or its database could not be used.
    #[error(transparent)]
    Start(#[from] start::StartError),
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The command was refused; the text says why.
    #[error("{0}")]
    Refused(String),
    /// Standard output cannot be written, or its reader has closed it.
    #[error("standard output cannot be written: {0}")]
    Output(std::io::Error),
    /// The operating system returned an error.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

impl From<crate::outcome::Error<Vec<crate::domain::registration::FieldProblem>>> for CommandError {
    fn from(error: crate::outcome::Error<Vec<crate::domain::registration::FieldProblem>>) -> Self {
        match error {
            crate::outcome::Error::Failed(error) => Self::Store(error),
            crate::outcome::Error::Refused(problems) => {
                let lines: Vec<String> =
                    problems.into_iter().map(|problem| format!("{}: {}", problem.field, problem.message)).collect();
                Self::Refused(lines.join("\n"))
            }
        }
    }
}

/// The program: parses the command line, starts the log, runs one command. The exit code is 0 on success and 1 on
/// failure; clap exits with 2 for a usage error.
///
/// This function is in the library and not async, so that its code is compiled once, with the library: async code is
/// compiled in the crate that runs it.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(error) = actix_web::rt::System::new().block_on(run(arguments)) {
        output::complain(&error);
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Runs the command of the parsed arguments.
///
/// # Errors
/// When the settings cannot be read, or when the command fails.
async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let settings = || start::settings(arguments.config.as_deref());
    let json = arguments.json;
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => {
            let settings = settings()?;
            log::start(settings.log_level);
            serve::run(settings, json).await
        }
        Command::Demo(demo) => demo::run(demo, json).await,
        Command::User(user) => user::run(user, settings()?, json).await,
        Command::Client(client) => client::run(client, settings()?, json).await,
        Command::Api(api) => api::run(api, settings()?, json).await,
        Command::Keys(keys) => keys::run(keys, settings()?, json).await,
        Command::Resource(resource) => resource::run(resource, settings()?, json).await,
        Command::Token(token) => token::run(token, settings()?, json).await,
        Command::Log(log) => security_log::run(log, settings()?, json).await,
        Command::Config(config) => config::run(&config, settings()?, json),
        Command::Migrate => migrate::run(settings()?, json).await,
        Command::Backup(backup) => backup::backup(&backup, &settings()?, json),
        Command::Restore(restore) => backup::restore(&restore, &settings()?, json),
    }
}
