//! Ordered accesses in, the state of each path and an honest completeness out.
