//! Runs stories: a fixture folder, steps, an expected outcome.
//!
//! A black box looks at black boxes: the harness knows the `vt` and `vtt` binaries, the file `--summary-json` writes and
//! the disk, and links nothing of what it tests. Suites write most tests as a `story.toml` beside its fixture files and
//! list the folder with [`stories!`]; what a story cannot say uses [`Sandbox`] directly.

#![forbid(unsafe_code)]

mod binaries;
mod call;
mod check;
mod error;
mod node_modules;
mod pattern;
mod processes;
mod run;
mod sandbox;
mod story;
mod summary;
mod terminal;
mod transcript;
mod tree;
mod without_rule;
mod words;

pub use binaries::Binaries;
pub use call::{Call, Outcome, Running, Watched};
pub use error::HarnessError;
pub use node_modules::install;
pub use run::{run_story, run_story_with};
pub use sandbox::{Sandbox, copy_tree};
pub use story::{Case, Expect, Step, StepExpect, Story};
pub use summary::{PathSet, Reason, Status, StepSummary, Summary};
pub use terminal::Terminal;
pub use tree::{Content, Snapshot};

/// Makes one test of each story folder of a suite, and one more that fails when a folder is not listed.
///
/// ```text
/// vt_harness::stories! { "cache": inputs, outputs }
/// ```
#[macro_export]
macro_rules! stories {
    ($suite:literal: $($story:ident),+ $(,)?) => {
        $(
            #[test]
            fn $story() {
                $crate::run_story($suite, stringify!($story));
            }
        )+

        #[test]
        fn every_story_folder_is_listed() {
            $crate::assert_listed($suite, &[$(stringify!($story)),+]);
        }
    };
}

pub use run::assert_listed;
