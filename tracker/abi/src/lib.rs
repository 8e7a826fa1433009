//! The vocabulary of accesses that every tier of the tracker shares.
