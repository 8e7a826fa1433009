//! The life of a task, from plan to recorded entry.
