//! The entry point of the program: calls [`gatepost::cli::main`].

fn main() -> std::process::ExitCode {
    gatepost::cli::main()
}
