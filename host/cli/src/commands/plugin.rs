//! `vt plugin`: the rule plugins of a workspace: which there are, what each may do, and which of
//! them were accepted as they are.

use std::path::Path;

use anstream::println;
use vt_config::Project;
use vt_run::{Accept, Pinned, World};

use crate::args::{Args, Plugin};
use crate::commands::{plugin_new, plugin_test};
use crate::error::Error;
use crate::report::wording::plugin as wording;
use crate::settings;

/// Runs the command.
pub(crate) fn plugin(args: &Args, plugin: &Plugin) -> Result<i32, Error> {
    match plugin {
        Plugin::New(new) => return plugin_new::new(args, new),
        Plugin::Test(test) => return plugin_test::test(args, test),
        Plugin::List => {
            let (_, project) = here(args)?;
            for loaded in vt_run::look_at_plugins(&project).map_err(Error::Plugin)? {
                println!("{}", wording::in_a_line(&loaded));
            }
        }
        Plugin::Inspect { name } => inspect(args, name)?,
        Plugin::Precompile { file } => precompile(args, file)?,
        Plugin::Add { names } => pin(args, names, Accept::New)?,
        Plugin::Update {
            names,
            new_publisher: false,
        } => pin(args, names, Accept::Changed)?,
        Plugin::Update {
            names,
            new_publisher: true,
        } => pin(args, names, Accept::NewPublisher)?,
    }
    Ok(0)
}

fn here(args: &Args) -> Result<(World, Project), Error> {
    let world = settings::world(args)?;
    let project = settings::project(&world)?;
    Ok((world, project))
}

fn inspect(args: &Args, name: &str) -> Result<(), Error> {
    let (world, project) = here(args)?;
    let all = vt_run::look_at_plugins(&project).map_err(Error::Plugin)?;
    let Some(loaded) = all.iter().find(|loaded| loaded.name == name) else {
        let known: Vec<&str> = all.iter().map(|loaded| loaded.name.as_str()).collect();
        return Err(Error::Usage(wording::not_in_use(name, &known)));
    };
    let grants = vt_run::grants(&project, &world.plugins, loaded).map_err(Error::Plugin)?;
    let facts = wording::Facts {
        loaded,
        grants: &grants,
        fuel: vt_run::last_fuel(&project, &world, loaded),
        offline: &vt_run::offline(&project, &world.plugins).map_err(Error::Plugin)?,
    };
    for line in wording::in_full(&facts) {
        println!("{line}");
    }
    Ok(())
}

fn precompile(args: &Args, file: &Path) -> Result<(), Error> {
    let code = vt_run::precompile_built_ins().map_err(Error::Usage)?;
    let file = settings::current_dir(args)?.as_path().join(file);
    std::fs::write(&file, &code)
        .map_err(|error| Error::Usage(format!("cannot write `{}`: {error}", file.display())))?;
    println!("{}", wording::precompiled(&file, code.len()));
    Ok(())
}

fn pin(args: &Args, names: &[String], accept: Accept) -> Result<(), Error> {
    let (world, project) = here(args)?;
    let done = vt_run::pin_plugins(&project, &world.plugins, names, accept);
    show(&done.map_err(Error::Plugin)?);
    Ok(())
}

fn show(done: &[Pinned]) {
    if done.is_empty() {
        println!("{}", wording::nothing_to_pin());
    }
    for Pinned { before, after } in done {
        println!("{}", wording::pinned(before.as_ref(), after));
    }
}
