//! Runs the tasks of a JavaScript workspace and brings back what did not change.

fn main() {}
