//! Which tasks run, and in which order: flags, filters, tasks that run tasks.

vt_harness::stories! { "planning": filters, nested }
