//! A tiny deterministic tool that stories use for their steps.

fn main() {}
