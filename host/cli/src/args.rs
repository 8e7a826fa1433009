//! What was said on the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::selection::SelectionFlags;

/// Runs the tasks of a JavaScript workspace and brings back what did not change.
#[derive(Parser, Debug)]
#[command(name = "vt", version, disable_help_subcommand = false)]
pub(crate) struct Args {
    /// Work as if started in this directory.
    #[arg(short = 'C', long = "dir", value_name = "DIR", global = true)]
    pub(crate) dir: Option<PathBuf>,
    /// When to show colours.
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// When to show colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal that can.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How the output of tasks is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Log {
    /// As it comes.
    Interleaved,
    /// Line by line, each with the name of its task.
    Labeled,
    /// All output of a task when it is over.
    Grouped,
    /// Finished lines scroll by above a block that says what runs.
    Live,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run a task and what it depends on.
    Run(Run),
    /// Say why the last run of a task was a hit, ran, or was not stored.
    Why(Why),
    /// Tell the runner of this step what a script knows better than an observer.
    #[command(subcommand)]
    Report(Report),
    /// Say which tasks there are.
    List(List),
    /// Draw what a run would run, or all tasks and what they depend on.
    Graph(Graph),
    /// Write configuration to start with, made from scripts, `turbo.json`, `nx.json` or `run` blocks.
    Init,
    /// Write the completions for a shell to standard output.
    Completions(Completions),
    /// Look at the cache, or remove things from it.
    #[command(subcommand)]
    Cache(Cache),
    /// Look at the rule plugins in use, accept them as they are, or make one.
    #[command(subcommand)]
    Plugin(Plugin),
}

#[derive(clap::Args, Debug)]
pub(crate) struct PluginNew {
    /// The folder to make; its name is the name of the plugin.
    #[arg(value_name = "FOLDER")]
    pub(crate) directory: PathBuf,
    /// The tool it speaks for [default: the name of the plugin].
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) tool: Option<String>,
}

#[derive(clap::Args, Debug)]
pub(crate) struct PluginTest {
    /// The component [default: the one that `package.json` names at `vt.plugin`].
    #[arg(value_name = "COMPONENT")]
    pub(crate) component: Option<PathBuf>,
    /// A file of cases, or a folder of such files [default: `cases`].
    #[arg(long, value_name = "PATH")]
    pub(crate) cases: Vec<PathBuf>,
    /// Write the results as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Why {
    /// The task, `task` or `package#task`; all steps of the last run if none is given.
    #[arg(value_name = "TASK")]
    pub(crate) task: Option<String>,
    /// Compare with the run of it that was so many runs before.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) against: Option<u16>,
}

/// What a script says to the runner, or asks it. Paths are taken from the current directory.
#[derive(Subcommand, Debug)]
pub(crate) enum Report {
    /// What is read at these paths, or below them, does not matter.
    IgnoreInput(ReportedPaths),
    /// What is written at these paths, or below them, is no result.
    IgnoreOutput(ReportedPaths),
    /// The result depends on these paths, whether that is seen or not.
    TrackInput(ReportedPaths),
    /// These paths are results, whether that is seen or not.
    TrackOutput(ReportedPaths),
    /// The result depends on these environment variables, set or not.
    TrackEnv {
        /// Their names.
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
    /// Print the value that an environment variable has for the runner; exit with 1 if it is unset.
    GetEnv {
        /// Its name.
        name: String,
        /// Do not make the result depend on it.
        #[arg(long)]
        untracked: bool,
    },
    /// Do not store this run.
    DisableCache {
        /// Why, for people.
        reason: String,
    },
}

#[derive(clap::Args, Debug)]
pub(crate) struct ReportedPaths {
    /// Files or directories; they need not exist.
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
}

#[derive(clap::Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) selection: SelectionFlags,
    /// Write them as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Write what to type for each, and nothing else: for the completions of shells.
    #[arg(long, hide = true, conflicts_with = "json")]
    pub(crate) names: bool,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Graph {
    #[command(flatten)]
    pub(crate) selection: SelectionFlags,
    #[command(flatten)]
    pub(crate) order: OrderFlags,
    /// How to draw it.
    #[arg(long, value_name = "FORMAT", default_value = "dot")]
    pub(crate) format: GraphFormat,
    /// The task, `task` or `package#task`; all tasks if left out.
    #[arg(value_name = "TASK")]
    pub(crate) task: Option<String>,
}

/// How to draw a graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum GraphFormat {
    /// For Graphviz.
    Dot,
    /// For Mermaid, as in Markdown.
    Mermaid,
    /// Nodes and edges.
    Json,
    /// A picture.
    Svg,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

/// What counts when tasks are put in order.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct OrderFlags {
    /// Leave `dependsOn` out of account.
    #[arg(long)]
    pub(crate) ignore_depends_on: bool,
}

/// What is done with the cache.
#[derive(Subcommand, Debug)]
pub(crate) enum Cache {
    /// Say where it is and what each task takes up.
    Info,
    /// Remove what is stored of some tasks, or of all.
    Clean {
        /// The tasks, `task` or `package#task`; none stands for all.
        #[arg(value_name = "TASK")]
        tasks: Vec<String>,
    },
    /// Remove what is too old or too much, and what nothing names any more.
    Gc,
    /// Check every blob and every entry; exit with 1 if something is damaged.
    Verify,
}

/// What is done with rule plugins.
#[derive(Subcommand, Debug)]
pub(crate) enum Plugin {
    /// Start a rule plugin, as a crate that builds and tests as it is written.
    New(PluginNew),
    /// Replay the cases of a rule plugin through its component; exit with 1 if one fails.
    Test(PluginTest),
    /// Say which are in use.
    List,
    /// Say all about one: who it is, what it asks for, and what it is granted.
    Inspect {
        /// The plugin, as `plugins` of the configuration names it.
        #[arg(value_name = "PLUGIN")]
        name: String,
    },
    /// Compile those that travel with vt, for a build that is to carry their code.
    #[command(hide = true)]
    Precompile {
        /// The file to write.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Pin plugins of the configuration in `vt-plugins.lock`.
    Add {
        /// The plugins, as `plugins` names them; none stands for all.
        #[arg(value_name = "PLUGIN")]
        names: Vec<String>,
    },
    /// Accept plugins that have changed.
    Update {
        /// The plugins, as `plugins` names them; none stands for all.
        #[arg(value_name = "PLUGIN")]
        names: Vec<String>,
        /// Accept also that another publisher signed one, or nobody.
        #[arg(long)]
        new_publisher: bool,
    },
}

#[derive(clap::Args, Debug)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) selection: SelectionFlags,
    #[command(flatten)]
    pub(crate) order: OrderFlags,
    /// Cache scripts of `package.json` as well.
    #[arg(long, conflicts_with = "no_cache")]
    pub(crate) cache: bool,
    /// Run everything as if typed; look up and store nothing.
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Run and store anew what could be brought back.
    #[arg(long)]
    pub(crate) force: bool,
    /// Start all tasks at once, whatever they depend on; without a limit, unless one is given.
    #[arg(long)]
    pub(crate) parallel: bool,
    /// Go on after a failure with all that does not depend on it.
    #[arg(long = "continue")]
    pub(crate) go_on: bool,
    /// How the output of tasks is shown [default: `live` on a terminal, else `interleaved`].
    #[arg(long, value_name = "MODE")]
    pub(crate) log: Option<Log>,
    /// Say everything about every step at the end.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Say everything about the last run, and run nothing.
    #[arg(long, exclusive = true)]
    pub(crate) last_details: bool,
    /// Say what would run and why, and run nothing.
    #[arg(long, conflicts_with = "force")]
    pub(crate) dry_run: bool,
    /// Run again what a change concerns, until it is interrupted.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) watch: bool,
    /// Write when each step ran to this file, for a viewer of traces.
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub(crate) profile: Option<PathBuf>,
    /// How many steps may run at once [default: 4].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) concurrency_limit: Option<u16>,
    /// Write a summary of the run to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) summary_json: Option<PathBuf>,
    /// The task, `task` or `package#task`, and arguments for it.
    #[arg(
        value_name = "TASK",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) task: Vec<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn task(line: &[&str]) -> Run {
        let args = Args::try_parse_from([&["vt", "run"], line].concat()).unwrap();
        let Command::Run(run) = args.command else {
            panic!("another command");
        };
        run
    }

    #[test]
    fn the_grammar_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn everything_after_the_task_belongs_to_the_task() {
        let run = task(&["-r", "build", "--force", "-r", "--help"]);
        assert!(run.selection.recursive && !run.force);
        assert_eq!(run.task, ["build", "--force", "-r", "--help"]);
    }

    #[test]
    fn cache_and_no_cache_exclude_each_other() {
        assert!(Args::try_parse_from(["vt", "run", "--cache", "--no-cache", "x"]).is_err());
    }
}
