//! What steps are called: the task alone where all are of one package.

use std::collections::HashMap;

use vt_base::StepId;

/// What the steps of a run are called.
#[derive(Default)]
pub(crate) struct Names {
    count: usize,
    /// By package and task, in the order of the plan.
    numbers: HashMap<String, HashMap<String, usize>>,
    with_package: bool,
}

impl Names {
    /// The names for the steps of a plan.
    pub(crate) fn of(steps: &[StepId]) -> Self {
        let mut numbers: HashMap<String, HashMap<String, usize>> = HashMap::new();
        let mut next = 0;
        for step in steps {
            let tasks = numbers.entry(step.package.clone()).or_default();
            tasks.entry(step.task.clone()).or_insert_with(|| {
                next += 1;
                next - 1
            });
        }
        Self {
            count: steps.len(),
            with_package: numbers.len() > 1,
            numbers,
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
        let tasks = self.numbers.get(&step.package);
        tasks
            .and_then(|tasks| tasks.get(&step.task))
            .copied()
            .unwrap_or(0)
    }

    /// How many steps there are.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }
}

/// The name of a step's task with its package.
pub(crate) fn full(step: &StepId) -> String {
    format!("{}#{}", step.package, step.task)
}
