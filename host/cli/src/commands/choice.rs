//! Which tasks fit what was typed, the best one first. Knows nothing about terminals.

use std::collections::BTreeMap;

use vt_base::RelPath;
use vt_config::Project;

/// A task that can be chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Choice {
    /// What to type for it: without the package if that is the current one.
    pub(crate) name: String,
    /// What it runs.
    pub(crate) command: String,
    /// `package#task`.
    full: String,
    is_here: bool,
}

/// Every task: those of the current package first, then package by package.
pub(crate) fn choices(project: &Project, here: &RelPath) -> Vec<Choice> {
    let current = project.package_at(here);
    let packages = project.packages.iter().enumerate();
    let mut choices: Vec<Choice> = packages
        .flat_map(|(index, package)| {
            package.tasks.iter().map(move |(task, config)| {
                let full = format!("{}#{task}", package.id);
                Choice {
                    name: if index == current {
                        task.clone()
                    } else {
                        full.clone()
                    },
                    command: config.command.join(" && "),
                    full,
                    is_here: index == current,
                }
            })
        })
        .collect();
    choices.sort_by_key(|choice| !choice.is_here);
    choices
}

/// The tasks that fit a query, the best one first. Who types a `#` asks for packages, so the
/// current one is no better than others then.
pub(crate) fn fitting<'c>(choices: &'c [Choice], query: &str) -> Vec<&'c Choice> {
    let with_package = query.contains('#');
    let mut found: Vec<((bool, u32, bool), &Choice)> = choices
        .iter()
        .filter_map(|choice| {
            let text = if with_package {
                &choice.full
            } else {
                &choice.name
            };
            let (is_guess, cost) = match cost(text, query) {
                Some(cost) => (false, cost),
                None => (true, guess(choice, query)?),
            };
            let is_far = !with_package && !choice.is_here;
            Some(((is_guess || is_far, cost, is_guess), choice))
        })
        .collect();
    // Equals stay in their order.
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, choice)| choice).collect()
}

/// How badly a text fits a query whose letters it holds in this order; none if it does not. Of the
/// ways to find the letters the best one counts.
fn cost(text: &str, query: &str) -> Option<u32> {
    let lower = |text: &str| text.to_lowercase().chars().collect::<Vec<char>>();
    let (text, query) = (lower(text), lower(query));
    if query.is_empty() {
        return Some(0);
    }
    // What it costs to have found the letters so far, by where the last one of them ends.
    let mut ways = BTreeMap::from([(0, 0)]);
    for letter in query {
        let mut longer: BTreeMap<usize, u32> = BTreeMap::new();
        for (end, cost) in ways {
            let places = (end..text.len()).filter(|place| text[*place] == letter);
            for place in places {
                let cost = cost + cost_of_gap(&text, end, place);
                let known = longer.entry(place + 1).or_insert(cost);
                *known = cost.min(*known);
            }
        }
        ways = longer;
    }
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX / 16);
    ways.into_values().min().map(|cost| cost * 8 + length)
}

/// A letter right behind the last one, or at the start of a word, is what was meant.
fn cost_of_gap(text: &[char], end: usize, place: usize) -> u32 {
    let starts_word = place > 0 && !text[place - 1].is_alphanumeric();
    match place - end {
        0 => 0,
        _ if starts_word => 1,
        gap => 2 + u32::try_from(gap).unwrap_or(u32::MAX / 16),
    }
}

/// How far a task is from a query with a slip in it; none if that can't be what was meant.
fn guess(choice: &Choice, query: &str) -> Option<u32> {
    const SLIPS: usize = 2;
    let task = choice.full.rsplit('#').next().unwrap_or_default();
    let slips = [task, &choice.full].map(|text| strsim::osa_distance(text, query));
    let fewest = slips.into_iter().min().unwrap_or(usize::MAX);
    let is_near = fewest <= SLIPS && query.chars().count() > SLIPS;
    is_near.then(|| u32::try_from(fewest).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(package: &str, task: &str, here: &str) -> Choice {
        let full = format!("{package}#{task}");
        Choice {
            name: if package == here {
                task.into()
            } else {
                full.clone()
            },
            command: String::new(),
            is_here: package == here,
            full,
        }
    }

    fn names(query: &str) -> Vec<String> {
        let all = [
            choice("app", "build", "app"),
            choice("app", "build-docs", "app"),
            choice("app", "test", "app"),
            choice("lib", "build", "app"),
            choice("lib", "bench", "app"),
        ];
        let found = fitting(&all, query);
        found.iter().map(|choice| choice.name.clone()).collect()
    }

    #[test]
    fn nothing_typed_fits_everything_in_order() {
        let all = ["build", "build-docs", "test", "lib#build", "lib#bench"];
        assert_eq!(names(""), all);
    }

    #[test]
    fn letters_in_order_fit_and_the_current_package_is_better() {
        assert_eq!(names("bui"), ["build", "build-docs", "lib#build"]);
        assert_eq!(names("bd"), ["build-docs", "build", "lib#build"]);
        assert_eq!(names("zzz"), [""; 0]);
    }

    #[test]
    fn who_types_the_sign_between_package_and_task_asks_for_packages() {
        assert_eq!(names("l#b"), ["lib#build", "lib#bench"]);
        assert_eq!(names("#build"), ["build", "lib#build", "build-docs"]);
    }

    #[test]
    fn a_slip_is_forgiven() {
        assert_eq!(names("biuld"), ["build", "lib#build"]);
        assert_eq!(names("tset"), ["test"]);
    }
}
