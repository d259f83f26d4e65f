//! The `prospect` binary: parse the command line, run one command, turn its error into an exit code.

fn main() {}
