//! The program: arguments to exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    huntbook::main()
}
