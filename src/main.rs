//! The `curlift` program: runs the command line and returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    curlift::cli::main()
}
