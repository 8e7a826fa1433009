//! Reads the workspace around a directory and plans a task of all its packages, for measuring:
//! what it costs is told by who starts it (`tests/bench/planning.py`).

#![expect(clippy::print_stdout, reason = "what it finds is its result")]

use vt_base::AbsPath;
use vt_plan::{Request, Scope, TaskTarget, plan};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let directory = args.next().ok_or("usage: planning DIRECTORY [TASK]")?;
    let project = vt_config::load(&AbsPath::new(directory)?, &[])?;
    let tasks: usize = project.packages.iter().map(|one| one.tasks.len()).sum();
    println!("{} packages, {tasks} tasks", project.packages.len());
    if let Some(task) = args.next() {
        let request = Request::new(TaskTarget::parse(&task), Scope::Recursive);
        println!("{} steps", plan(&project, &request)?.steps.len());
    }
    Ok(())
}
