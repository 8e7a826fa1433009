//! What happened in a case, as Markdown that a person reads when the case fails.

use std::fmt::Write;

use crate::call::Outcome;
use crate::story::Step;
use crate::summary::{Reason, StepSummary};

/// Grows with the steps of a case.
pub(crate) struct Transcript(String);

impl Transcript {
    pub(crate) fn new(title: &str, case: &str) -> Self {
        Self(format!("# {title}: {case}\n"))
    }

    pub(crate) fn step(&mut self, step: &Step, outcome: &Outcome) {
        self.line("");
        self.line(&format!("## `{}`", step.run));
        self.line("");
        for (name, value) in &step.env {
            self.line(&format!("- with `{name}={value}`"));
        }
        self.line(&format!("- exit code {}", outcome.exit_code));
        for found in outcome.summary.iter().flat_map(|summary| &summary.steps) {
            self.line(&describe(found));
        }
        self.block("stdout", &outcome.out());
        self.block("stderr", &outcome.err());
    }

    pub(crate) fn differences(&mut self, differences: &[String]) {
        self.line("");
        self.line("**Not as expected:**");
        self.line("");
        for difference in differences {
            self.line(&format!("- {difference}"));
        }
    }

    pub(crate) fn text(self) -> String {
        self.0
    }

    fn block(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.line(&format!("\n{name}\n\n```text\n{}\n```", text.trim_end()));
        }
    }

    fn line(&mut self, text: &str) {
        writeln!(self.0, "{text}").expect("a string takes everything");
    }
}

fn describe(step: &StepSummary) -> String {
    let stored = if step.stored { ", stored" } else { "" };
    let restored = step
        .restored
        .map(|count| format!(", {count} restored"))
        .unwrap_or_default();
    let reasons = |name: &str, reasons: &[Reason]| {
        let texts: Vec<String> = reasons.iter().map(|reason| format!("`{reason}`")).collect();
        if texts.is_empty() {
            String::new()
        } else {
            format!("; {name}: {}", texts.join(", "))
        }
    };
    format!(
        "- `{}` {:?}{stored}{restored}{}{}",
        step.id,
        step.status,
        reasons("why", &step.why),
        reasons("not stored", &step.not_stored)
    )
}
