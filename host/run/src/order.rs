//! Which steps of a plan wait, may start, and run.

use std::collections::BTreeSet;

use vt_plan::PlannedStep;

/// The state of each step of a plan, by its position there.
pub(crate) struct Order {
    /// The steps that wait for each.
    dependents: Vec<Vec<usize>>,
    /// How many of those that each waits for have not succeeded.
    unmet: Vec<usize>,
    /// All that were neither started nor skipped.
    waiting: BTreeSet<usize>,
    /// Those of them that wait for nothing any more.
    ready: BTreeSet<usize>,
    /// Those of them that wait for what did not succeed.
    hopeless: BTreeSet<usize>,
    running: Vec<usize>,
}

/// How a step is over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// What waits for it may go on.
    Succeeded,
    /// What waits for it waits in vain.
    NotSucceeded,
}

impl Order {
    pub(crate) fn new(steps: &[PlannedStep]) -> Self {
        let after = steps.iter().map(|step| step.after.as_slice());
        Self::of(&after.collect::<Vec<_>>())
    }

    fn of(after: &[&[usize]]) -> Self {
        let mut dependents = vec![Vec::new(); after.len()];
        for (index, after) in after.iter().enumerate() {
            for before in *after {
                dependents[*before].push(index);
            }
        }
        let unmet: Vec<usize> = after.iter().map(|after| after.len()).collect();
        let all = 0..after.len();
        Self {
            dependents,
            ready: all.clone().filter(|index| unmet[*index] == 0).collect(),
            unmet,
            waiting: all.collect(),
            hopeless: BTreeSet::new(),
            running: Vec::new(),
        }
    }

    pub(crate) const fn waiting(&self) -> &BTreeSet<usize> {
        &self.waiting
    }

    pub(crate) const fn ready(&self) -> &BTreeSet<usize> {
        &self.ready
    }

    /// The positions of the steps that run, the one started first in front.
    pub(crate) fn running(&self) -> &[usize] {
        &self.running
    }

    /// The first that waits in vain. What waits for it stands behind it.
    pub(crate) fn first_in_vain(&self) -> Option<usize> {
        self.hopeless.first().copied()
    }

    /// Whether nothing is left to be done.
    pub(crate) fn is_through(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty()
    }

    pub(crate) fn start(&mut self, index: usize) {
        self.leave(index);
        self.running.push(index);
    }

    pub(crate) fn skip(&mut self, index: usize) {
        self.leave(index);
        self.end(index, End::NotSucceeded);
    }

    pub(crate) fn end(&mut self, index: usize, end: End) {
        self.running.retain(|running| *running != index);
        for dependent in &self.dependents[index] {
            if !self.waiting.contains(dependent) {
                continue;
            }
            match end {
                End::NotSucceeded => {
                    self.hopeless.insert(*dependent);
                }
                End::Succeeded => {
                    self.unmet[*dependent] -= 1;
                    if self.unmet[*dependent] == 0 {
                        self.ready.insert(*dependent);
                    }
                }
            }
        }
    }

    fn leave(&mut self, index: usize) {
        self.waiting.remove(&index);
        self.ready.remove(&index);
        self.hopeless.remove(&index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(set: &BTreeSet<usize>) -> Vec<usize> {
        set.iter().copied().collect()
    }

    #[test]
    fn a_step_is_ready_when_all_before_it_succeeded() {
        let mut order = Order::of(&[&[], &[], &[0, 1], &[2, 2]]);
        assert_eq!(list(order.ready()), [0, 1]);
        order.start(0);
        order.start(1);
        assert_eq!(order.running(), [0, 1]);
        order.end(1, End::Succeeded);
        assert!(order.ready().is_empty());
        order.end(0, End::Succeeded);
        assert_eq!(list(order.ready()), [2]);
        order.start(2);
        order.end(2, End::Succeeded);
        assert_eq!(list(order.ready()), [3]);
        order.start(3);
        assert!(!order.is_through());
        order.end(3, End::Succeeded);
        assert!(order.is_through());
    }

    #[test]
    fn what_waits_for_a_failure_waits_in_vain_and_so_does_what_waits_for_that() {
        let mut order = Order::of(&[&[], &[], &[0, 1], &[2], &[1]]);
        order.start(0);
        order.start(1);
        order.end(0, End::NotSucceeded);
        let mut skipped = Vec::new();
        while let Some(index) = order.first_in_vain() {
            order.skip(index);
            skipped.push(index);
        }
        assert_eq!(skipped, [2, 3]);
        order.end(1, End::Succeeded);
        assert_eq!(list(order.ready()), [4]);
        assert_eq!(list(order.waiting()), [4]);
    }
}
