//! What steps are called: the task alone where all are of one package.

use std::collections::BTreeSet;

use vt_base::StepId;

/// What the steps of a run are called.
#[derive(Default)]
pub(crate) struct Names {
    steps: Vec<StepId>,
    with_package: bool,
}

impl Names {
    /// The names for the steps of a plan.
    pub(crate) fn of(steps: &[StepId]) -> Self {
        let packages: BTreeSet<&str> = steps.iter().map(|step| step.package.as_str()).collect();
        Self {
            steps: steps.to_vec(),
            with_package: packages.len() > 1,
        }
    }

    /// The name of a step in a sentence.
    pub(crate) fn short(&self, step: &StepId) -> String {
        if self.with_package {
            full(step)
        } else {
            step.task.clone()
        }
    }

    /// The place of a step's task in the plan, which gives it its colour.
    pub(crate) fn number(&self, step: &StepId) -> usize {
        let mut tasks: Vec<(&str, &str)> = Vec::new();
        for known in &self.steps {
            let task = (known.package.as_str(), known.task.as_str());
            if !tasks.contains(&task) {
                tasks.push(task);
            }
        }
        let wanted = (step.package.as_str(), step.task.as_str());
        tasks.iter().position(|task| *task == wanted).unwrap_or(0)
    }

    /// How many steps there are.
    pub(crate) const fn count(&self) -> usize {
        self.steps.len()
    }
}

/// The name of a step's task with its package.
pub(crate) fn full(step: &StepId) -> String {
    format!("{}#{}", step.package, step.task)
}
