//! The command line: subcommands and their options.

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::{
    commands::{
        bench_steps, bench_train, compare, config, demo, doctor, envs, eval, export, heatmap, label, report,
        rollout, train,
    },
    failure::Outcome,
};

/// A simulator and laboratory for reinforcement learning where reward is scarce
#[derive(Parser, Debug)]
#[command(name = "prospect", version, max_term_width = 100)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// List the tasks with their spaces, facts, floors and ceilings
    Envs(envs::EnvsArgs),
    /// Train: one run in its folder, started or resumed
    Train(train::TrainArgs),
    /// Play held-out episodes with a run's newest checkpoint
    Eval(eval::EvalArgs),
    /// Write a run's policy as safetensors with a PyTorch module that runs it
    Export(export::ExportArgs),
    /// Step an env with given or random actions and store everything as .npz
    Rollout(rollout::RolloutArgs),
    /// Label a stored rollout with each reward module's channel
    Label(label::LabelArgs),
    /// Run a suite of envs, variants and seeds, and report on it
    Compare(compare::CompareArgs),
    /// Write the report of a suite's or a run's folder
    Report(report::ReportArgs),
    /// Draw a field over the fixed levels of a run's probes
    Heatmap(heatmap::HeatmapArgs),
    /// Compare curiosity bonuses on two tasks and write the report: the main job in minutes
    Demo(demo::DemoArgs),
    /// Print a run file with every default and its meaning
    Config(config::ConfigArgs),
    /// Look at this installation
    Doctor(doctor::DoctorArgs),
    /// Measure speed: of stepping, of training
    Bench(BenchArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Options of `prospect bench`.
#[derive(Args, Debug)]
pub struct BenchArgs {
    /// What to measure
    #[command(subcommand)]
    pub what: Bench,
}

/// What can be measured.
#[derive(Subcommand, Debug)]
pub enum Bench {
    /// Steps of an env under random actions
    Steps(bench_steps::BenchStepsArgs),
    /// Training end to end, with the share of each hop
    Train(bench_train::BenchTrainArgs),
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// What the command returns.
    pub fn run(self) -> Outcome {
        match self.command {
            Command::Envs(args) => envs::run(&args),
            Command::Rollout(args) => rollout::run(&args),
            Command::Bench(BenchArgs {
                what: Bench::Train(args),
            }) => bench_train::run(&args),
            Command::Train(args) => train::run(&args),
            Command::Eval(args) => eval::run(&args),
            Command::Export(args) => export::run(&args),
            Command::Demo(args) => demo::run(&args),
            Command::Label(args) => label::run(&args),
            Command::Compare(args) => compare::run(&args),
            Command::Report(args) => report::run(&args),
            Command::Heatmap(args) => heatmap::run(&args),
            Command::Config(args) => config::run(&args),
            Command::Doctor(args) => doctor::run(&args),
            Command::Bench(BenchArgs {
                what: Bench::Steps(args),
            }) => bench_steps::run(&args),
            Command::Completions { shell } => {
                clap_complete::generate(shell, &mut Self::command(), "prospect", &mut std::io::stdout());
                Ok(())
            }
        }
    }
}
