//! Runs a command and reports every path its process tree touched.
