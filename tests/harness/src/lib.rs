//! Runs stories: a fixture folder, steps, an expected outcome.
