//! Unmodified tools from npm, one by one, on packages with a committed lockfile: cached at once by plain scripts, with
//! no inputs, outputs or variables declared.

mod bundlers;
mod checkers;
mod ci_jobs;
mod native;
mod node;
mod own_results;
mod packagers;
mod playwright;
mod six_steps;
mod table;
mod tagged;
mod typescript;
mod vite;
mod vite_env;
mod vitest;
