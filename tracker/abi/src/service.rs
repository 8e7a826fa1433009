//! Where somebody listens whom a process tree talks to.

use core::net::SocketAddr;

/// An address of this machine that streams can be connected to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ServiceAddress<'a> {
    /// A local socket by its real path.
    Path(&'a [u8]),
    /// A local socket by a name that is no path, without the zero byte that says so.
    Name(&'a [u8]),
    /// A port of an address that this machine has.
    Port(SocketAddr),
}
