//! One case of a rule plugin: asked as a step would ask, and compared.

use std::collections::BTreeMap;

use serde::Serialize;
use vt_base::{CachePolicy, Declared, Invocation, Program, RelPath, StepId};
use vt_plugin::Case;
use vt_rules::{Claim, Component, Host, PackageFacts, Question, validate};

/// What became of a case.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CaseResult {
    pub(super) name: String,
    pub(super) asked: bool,
    /// Why it is asked, or is not.
    pub(super) claim: String,
    /// What was said, in order.
    pub(super) says: Vec<String>,
    /// What was logged.
    pub(super) log: Vec<String>,
    /// Roughly, instructions; the same wherever it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fuel: Option<u64>,
    /// In bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory: Option<usize>,
    /// What is not as written; empty when all is.
    pub(super) problems: Vec<String>,
}

/// Asks the component what the case asks. An error is a mistake in the case.
pub(super) fn replay(
    host: &Host,
    component: &Component,
    case: &Case,
) -> Result<CaseResult, String> {
    let invocation = invocation(case).map_err(|error| error.to_string())?;
    let package = PackageFacts {
        name: case.package.name.clone(),
        directory: invocation.package_dir.clone(),
        dependencies: case.package.dependencies.clone(),
    };
    let needs = component.needs();
    undeclared("file", &needs.files, &case.files)?;
    undeclared("variable", &needs.env, &case.env)?;

    let claim = component.claim(&invocation, &package);
    let asked = matches!(claim, Claim::Speaks { .. });
    let mut result = CaseResult {
        name: case.name.clone(),
        asked,
        claim: why(&claim),
        says: Vec::new(),
        log: Vec::new(),
        fuel: None,
        memory: None,
        problems: Vec::new(),
    };
    if asked != case.asked {
        let is = if asked { "is asked" } else { "is not asked" };
        result.problems.push(format!("it {is}: {}", result.claim));
    }
    if !asked {
        return Ok(result);
    }
    let question = Question::new(
        &invocation,
        package,
        shown(&needs.files, &case.files),
        shown(&needs.env, &case.env),
    );
    match host.measure(component, &question) {
        Ok(measured) => {
            if let Err(error) = validate(component, &measured.answer, &invocation.package_dir) {
                result.problems.push(error.to_string());
            }
            let said = measured.answer.directives.iter().map(ToString::to_string);
            result.says = said.collect();
            result.log = measured.answer.log;
            result.fuel = Some(measured.fuel);
            result.memory = Some(measured.memory);
            if case.asked {
                result
                    .problems
                    .extend(differences(&case.says, &result.says));
            }
        }
        Err(error) => result.problems.push(error.to_string()),
    }
    Ok(result)
}

fn invocation(case: &Case) -> Result<Invocation, vt_base::PathError> {
    let package_dir = RelPath::new(&case.package.directory)?;
    let (program, args) = match (&case.shell, case.command.split_first()) {
        (None, Some((program, args))) => (Program::Direct(program.clone()), args.to_vec()),
        (text, _) => (Program::Shell(text.clone().unwrap_or_default()), Vec::new()),
    };
    Ok(Invocation {
        step: StepId {
            package: case.package.name.clone().unwrap_or_default(),
            task: "case".into(),
            index: 0,
        },
        command: String::new(),
        program,
        args,
        directory: match &case.directory {
            Some(directory) => RelPath::new(directory)?,
            None => package_dir.clone(),
        },
        package_dir,
        env_prefix: Vec::new(),
        cache: CachePolicy::Enabled,
        declared: Declared::default(),
    })
}

/// A case that gives what the plugin cannot see would prove nothing.
fn undeclared(
    what: &str,
    needs: &[String],
    given: &BTreeMap<String, String>,
) -> Result<(), String> {
    match given.keys().find(|name| !needs.contains(name)) {
        Some(name) => Err(format!(
            "gives the {what} `{name}`, which the manifest of the plugin does not name"
        )),
        None => Ok(()),
    }
}

fn shown(needs: &[String], given: &BTreeMap<String, String>) -> BTreeMap<String, Option<String>> {
    needs
        .iter()
        .map(|name| (name.clone(), given.get(name).cloned()))
        .collect()
}

/// What is missing, what is too much, or that only the order differs.
fn differences(expected: &[String], said: &[String]) -> Vec<String> {
    let mut too_much = said.to_vec();
    let mut problems = Vec::new();
    for line in expected {
        match too_much.iter().position(|other| other == line) {
            Some(at) => drop(too_much.remove(at)),
            None => problems.push(format!("does not say `{line}`")),
        }
    }
    problems.extend(too_much.iter().map(|line| format!("also says `{line}`")));
    if problems.is_empty() && expected != said {
        problems.push("says it in another order".into());
    }
    problems
}

fn why(claim: &Claim) -> String {
    match claim {
        Claim::Speaks {
            program,
            dependency,
        } => {
            let of = |what: &str, name: &Option<String>| {
                name.as_ref().map(|name| format!("{what} `{name}`"))
            };
            let reasons = [
                of("it speaks for", program),
                of("the package depends on", dependency),
            ];
            reasons.into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
        Claim::OtherTool { tool } if tool.is_empty() => {
            "the command does not say which tool it runs".into()
        }
        Claim::OtherTool { tool } => format!("it does not speak for `{tool}`"),
        Claim::NoDependency => "the package depends on nothing it speaks for".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_difference_is_named_line_by_line() {
        assert!(differences(&lines("a b"), &lines("a b")).is_empty());
        assert_eq!(
            differences(&lines("a b"), &lines("b c b")),
            ["does not say `a`", "also says `c`", "also says `b`"]
        );
        assert_eq!(
            differences(&lines("a b"), &lines("b a")),
            ["says it in another order"]
        );
    }
}
