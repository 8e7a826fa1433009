//! `vt`, the command: the only voice of the runner. Arguments, environment, terminal and exit
//! codes are known here and nowhere below.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod env_names;
mod error;
mod report;
mod run_blocks;
mod selection;
mod settings;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Command};

fn main() -> ExitCode {
    vt_store::silence_guarded_panics();
    #[cfg(debug_assertions)]
    settings::prepare_to_die();
    let args = Args::parse();
    let outcome = match &args.command {
        Command::Run(run) => commands::run::run(&args, run),
        Command::Why(why) => commands::why::why(&args, why),
        Command::Report(report) => commands::report::report(&args, report),
        Command::List(list) => commands::list::list(&args, list),
        Command::Graph(graph) => commands::graph::graph(&args, graph),
        Command::Init => commands::init::init(&args),
        Command::Completions(completions) => commands::completions::completions(completions),
        Command::Cache(cache) => commands::cache::run(&args, cache),
        Command::Plugin(plugin) => commands::plugin::plugin(&args, plugin),
    };
    match outcome {
        Ok(code) => exit(code),
        Err(error) => {
            error.show();
            exit(error.exit_code())
        }
    }
}

/// Exit codes of processes are eight bits wide.
fn exit(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code & 0xff).unwrap_or(1))
}
