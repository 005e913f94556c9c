//! The program; [`gatepost::cli::main`] is all of it.

fn main() -> std::process::ExitCode {
    gatepost::cli::main()
}
