//! The per-step server that turns client messages into a sealed report.
