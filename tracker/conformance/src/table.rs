//! What a reader is shown of the differences.

use std::fmt::Write as _;

use vt_tracker::{Change, PathHistory};

use crate::compare::Comparison;
use crate::expected::{Expected, Look, There, looks_of};

impl Comparison {
    /// The differences as a table, paths below `root` shortened.
    #[must_use]
    pub fn table(&self, root: &[u8]) -> String {
        let mut text = String::new();
        for difference in &self.differences {
            let path = difference.path.strip_prefix(root).map_or_else(
                || difference.path.escape_ascii().to_string(),
                |rest| format!("@{}", rest.escape_ascii()),
            );
            let expected = difference.expected.as_ref().map_or_else(
                || "nothing".to_owned(),
                |it| format!("{} [{}]", it.account(), it.origin),
            );
            let reported = difference
                .reported
                .as_ref()
                .map_or_else(|| "nothing".to_owned(), account);
            let fault = format!("{:?}", difference.fault);
            let _ = writeln!(
                text,
                "{path}\n    {fault}\n    expected {expected}\n    reported {reported}"
            );
        }
        for program in &self.programs {
            let _ = writeln!(text, "{program}");
        }
        text
    }
}

fn words(there: There, looks: &[Look], changes: &[Change], is_exclusive: bool) -> String {
    let mut text = format!("{there:?}:").to_lowercase();
    for look in looks {
        let _ = write!(text, " {}", format!("{look:?}").to_lowercase());
    }
    for change in changes {
        let _ = write!(text, " {}", format!("{change:?}").to_uppercase());
    }
    if is_exclusive {
        text.push_str(" exclusive");
    }
    text
}

impl Expected {
    fn account(&self) -> String {
        words(self.first, &self.looks, &self.changes, self.is_exclusive)
    }
}

fn account(history: &PathHistory) -> String {
    words(
        There::of(history.first),
        &looks_of(history),
        &history.changes,
        history.created_exclusively,
    )
}
