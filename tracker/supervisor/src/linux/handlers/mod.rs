//! What each family of calls is about to do to which paths.

pub(crate) mod attributes;
pub(crate) mod create;
pub(crate) mod escape;
pub(crate) mod execute;
pub(crate) mod look;
pub(crate) mod open;
pub(crate) mod remove;
pub(crate) mod rename;
pub(crate) mod sockets;
