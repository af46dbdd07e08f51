//! The `topple` program: parses, runs, prints an error once and returns the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    let exit = topple::cli::run(std::env::args_os());
    ExitCode::from(exit as u8)
}
