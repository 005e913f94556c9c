//! Parse the command line, start the log, run one command.

use clap::Parser;
use gatepost::cli::{self, Arguments};

/// Exit 0 when it worked, 1 when it failed; clap itself exits 2 for wrong use.
fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    if let Err(error) = actix_web::rt::System::new().block_on(cli::run(arguments)) {
        cli::output::complain(&error);
        return std::process::ExitCode::FAILURE;
    }
    std::process::ExitCode::SUCCESS
}
