//! `vt run --dry-run`: what would run, and why. Nothing is run, and nothing is written but the summary
//! that was asked for.

use std::path::Path;
use std::time::Instant;

use anstream::println;
use vt_config::Project;
use vt_run::{RunRequest, World};

use crate::error::Error;
use crate::report::summary::{self, Summary};
use crate::report::wording;

/// Shows what a run would do.
pub(crate) fn show(
    project: &Project,
    world: &World,
    request: &RunRequest,
    summary_file: Option<&Path>,
) -> Result<i32, Error> {
    let started = Instant::now();
    let forecasts = vt_run::forecast(project, world, request).map_err(Error::Run)?;
    for step in &forecasts {
        println!("{}", wording::forecast(step));
    }
    if let Some(path) = summary_file {
        let path = world.current_dir.join(path);
        let summary = Summary::of_forecast(&forecasts, started.elapsed());
        summary::write(path.as_path(), &summary)
            .map_err(|error| Error::Write(path.as_path().to_owned(), error))?;
    }
    Ok(0)
}
