//! Compares what the tracker reports with what others say happened.

#![forbid(unsafe_code)]

pub mod world;
