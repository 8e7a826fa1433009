//! Random programs over small trees, and what a pure model says of them.
//!
//! A [`Program`] is a tree and a sequence of operations. [`Machine`] carries it out on a file
//! system in memory and predicts two things: what the program prints, and which history the
//! tracker should report of each path. The first keeps the model honest: it is what the kernel
//! itself did. Everything follows from one seed.
//!
//! Written from what the words of the tracker mean, not from how the supervisor works.

mod chronicle;
mod compare;
mod files;
mod generate;
mod interpreter;
mod known;
mod machine;
mod maker;
mod op;
mod program;
mod random;
mod shrink;
mod walk;

pub use chronicle::{Change, Chronicle, History, Look, Start, What};
pub use compare::differences;
pub use files::{Content, Files, Id, ROOT};
pub use generate::{Dialect, generate};
pub use interpreter::{Interpreter, Interpreters, Kind};
pub use known::Known;
pub use machine::Machine;
pub use op::{Base, Flags, Name, Onto, Op, SLOTS};
pub use program::{Program, Seedling};
pub use random::{Random, setting};
pub use shrink::shrink;
