//! THE BINARY `dogana`: config, wiring, signals, command line.

mod cli;
mod config;
mod control;
mod recovery;
mod serve;

use clap::Parser;
use std::process::ExitCode;

/// Thousands of idle sessions and short bursts: an allocator that gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::Command::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("dogana: {error:#}");
            ExitCode::FAILURE
        }
    }
}
