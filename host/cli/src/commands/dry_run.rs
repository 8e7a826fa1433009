//! `vt run --dry-run`: what would run, and why. Nothing is run and nothing is written.

use anstream::println;
use vt_config::Project;
use vt_run::{RunRequest, World};

use crate::error::Error;
use crate::report::wording;

/// Shows what a run would do.
pub(crate) fn show(project: &Project, world: &World, request: &RunRequest) -> Result<i32, Error> {
    for step in vt_run::forecast(project, world, request).map_err(Error::Run)? {
        println!("{}", wording::forecast(&step));
    }
    Ok(0)
}
