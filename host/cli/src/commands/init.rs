//! `vt init`: writes configuration to start with, and never over a file.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;

use anstream::println;
use vt_base::{AbsPath, RelPath};
use vt_config::{Project, StartingFile};

use crate::args::Args;
use crate::error::Error;
use crate::settings;

/// The files that say what is to be done already.
const TAKEN: [&str; 2] = ["vite-task.json", "vite-task.jsonc"];

/// Runs the command.
pub(crate) fn init(args: &Args) -> Result<i32, Error> {
    let world = settings::world(args)?;
    let mut blocks = BTreeMap::new();
    let project = settings::project_with(&world, &mut |directory: &RelPath, block: &str| {
        blocks.insert(directory.clone(), block.to_owned());
    })?;
    let files = vt_config::starting_files(&project, &blocks).map_err(Error::Config)?;
    for file in &files {
        let directory = project
            .root
            .join_rel(&file.path.parent().unwrap_or_default());
        let taken = TAKEN.map(|name| directory.join(name));
        if let Some(taken) = taken.iter().find(|taken| taken.as_path().exists()) {
            let text = format!("`{taken}` is there already, and is left as it is");
            return Err(Error::Usage(text));
        }
    }
    let mut written = Vec::new();
    let outcome = write(&project, &files, &mut written);
    // What does not load would be worse than nothing.
    let outcome = outcome.and_then(|()| settings::project(&world).map(drop));
    if let Err(error) = outcome {
        for path in written {
            let _ = std::fs::remove_file(path.as_path());
        }
        return Err(error);
    }
    for file in &files {
        println!("{} is written", file.path);
    }
    Ok(0)
}

fn write(
    project: &Project,
    files: &[StartingFile],
    written: &mut Vec<AbsPath>,
) -> Result<(), Error> {
    for file in files {
        let path = project.root.join_rel(&file.path);
        let failed = |error| Error::Write(path.as_path().to_owned(), error);
        let opened = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path.as_path());
        let mut opened = opened.map_err(failed)?;
        written.push(path.clone());
        opened.write_all(file.text.as_bytes()).map_err(failed)?;
    }
    Ok(())
}
