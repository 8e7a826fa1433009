//! One file for each command.

pub(crate) mod cache;
mod choice;
pub(crate) mod completions;
pub(crate) mod dry_run;
pub(crate) mod graph;
pub(crate) mod init;
pub(crate) mod last_details;
pub(crate) mod list;
pub(crate) mod plugin;
pub(crate) mod plugin_new;
pub(crate) mod plugin_test;
pub(crate) mod report;
pub(crate) mod run;
mod select;
pub(crate) mod watch;
pub(crate) mod why;
