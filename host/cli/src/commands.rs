//! One file for each command.

pub(crate) mod keep;
pub(crate) mod run;
